"""The baselines follow the formulas of their sources; see facts on overload control, section 3."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest

from shiftline.errors import ConfigurationError
from shiftline.governor.controller import Answer, Controller, Send
from shiftline.governor.controllers.aimd import Aimd
from shiftline.governor.controllers.gradient2 import Gradient2
from shiftline.governor.controllers.registry import CONTROLLERS, OURS, controller_named
from shiftline.governor.controllers.sre import Sre
from shiftline.governor.controllers.start import Start
from shiftline.governor.controllers.static import Static
from shiftline.governor.controllers.vegas import Vegas
from shiftline.governor.policy import GovernorPolicy

LEARNING = GovernorPolicy(learn=True, max_rate=0.0)
BASELINES = [name for name in CONTROLLERS if name != OURS]


def start(
    known_rate: float | None = None, draw: Callable[[], float] = lambda: 0.5, **settings: float
) -> Start:
    known = None if known_rate is None else {"rate": known_rate}
    return Start(policy=LEARNING, known=known, settings=settings, draw=draw)


def ask(controller: Controller, now: float, answer: Answer, seconds: float = 0.04) -> None:
    """One request with nothing else under way."""
    ticket = controller.sent(now, Send.CHECK, credentials=True)
    controller.answered(ticket, now + seconds, answer)


class TestAimd:
    """Additive increase, multiplicative decrease (RFC 5681)."""

    def test_it_doubles_until_the_first_refusal(self) -> None:
        """From the first rate of a cold start, in the time that is set."""
        controller = Aimd(start(doubling=1.0))
        for step in range(11):
            ask(controller, step / 10, Answer.PASSED)
        assert controller.rate == pytest.approx(40.0)

    def test_a_refusal_takes_a_share_and_then_it_adds(self) -> None:
        """0.85 of 20 is 17; then so many requests per second more in each second."""
        controller = Aimd(start(decrease=0.85, increase=0.5, rest=0.0))
        ask(controller, 0.1, Answer.REFUSED)
        assert controller.rate == pytest.approx(17.0)
        for step in range(2, 13):
            ask(controller, step / 10, Answer.PASSED)
        assert controller.rate == pytest.approx(17.0 + 0.5 * 1.2, abs=0.02)

    def test_one_episode_is_one_decrease(self) -> None:
        """What left before the decrease says nothing about the new rate."""
        controller = Aimd(start(decrease=0.5))
        tickets = [controller.sent(0.1, Send.CHECK, credentials=True) for _ in range(3)]
        for ticket in tickets:
            controller.answered(ticket, 0.2, Answer.REFUSED)
        assert controller.rate == pytest.approx(10.0)

    def test_it_rests_after_a_refusal(self) -> None:
        """For as long as it is set."""
        controller = Aimd(start(rest=1.0))
        ask(controller, 0.1, Answer.REFUSED)
        assert controller.permission(0.2).again_at == pytest.approx(1.14)

    def test_a_known_rate_is_where_it_begins_and_it_climbs_no_more(self) -> None:
        """What an earlier life learned spares the doubling."""
        controller = Aimd(start(known_rate=48.0, increase=1.0))
        ask(controller, 0.2, Answer.PASSED)
        assert controller.rate == pytest.approx(48.2)


class TestSre:
    """max(0, (requests - K accepts) / (requests + 1))."""

    def test_nothing_is_rejected_while_all_is_accepted(self) -> None:
        """The formula is below 0."""
        controller = Sre(start(k=1.1))
        for step in range(100):
            assert controller.permission(step / 10).send is Send.CHECK
            ask(controller, step / 10, Answer.PASSED, 0.01)
        assert controller.rejects == 0.0

    def test_refusals_raise_the_probability(self) -> None:
        """Of 20 requests, ten accepted: (20 - 1.1 x 10) / 21."""
        controller = Sre(start(k=1.1, draw=lambda: 0.0))
        for step in range(20):
            assert controller.permission(step / 10).send is Send.CHECK
            ask(controller, step / 10, Answer.PASSED if step < 10 else Answer.REFUSED, 0.01)
        assert controller.rejects == pytest.approx(9 / 21)

    def test_rejections_here_count_as_requests_and_wait(self) -> None:
        """With probability 1/2 and a draw of 0.8, log(0.2) / log(0.5): two are rejected, then one leaves."""
        controller = Sre(start(k=1.0, wanted=100.0, draw=lambda: 0.8))
        controller.permission(0.0)
        ask(controller, 0.0, Answer.REFUSED, 0.01)
        assert controller.rejects == pytest.approx(1 / 2)
        refused_here = controller.permission(1.0)
        assert refused_here.send is Send.NOTHING
        assert refused_here.again_at == pytest.approx(1.02)
        assert controller.permission(1.02).send is Send.CHECK
        assert controller.rejects == pytest.approx(4 / 5)

    def test_only_the_window_counts(self) -> None:
        """Two minutes later a refusal is forgotten."""
        controller = Sre(start(window=120.0, draw=lambda: 0.0))
        controller.permission(0.0)
        ask(controller, 0.0, Answer.REFUSED)
        assert controller.rejects > 0
        controller.permission(130.0)
        ask(controller, 130.0, Answer.PASSED)
        assert controller.rejects == 0.0


def fill(controller: Controller, now: float) -> list[int]:
    """Send all that may leave at once; the ceiling spaces requests by a tenth of a millisecond."""
    tickets: list[int] = []
    while controller.permission(now).send is Send.CHECK:
        tickets.append(controller.sent(now, Send.CHECK, credentials=True))
        now += 0.00011
    return tickets


class TestPlaces:
    """Places instead of a rate: Vegas and Gradient2."""

    @pytest.mark.parametrize("make", [Vegas, Gradient2])
    def test_no_more_are_under_way_than_there_are_places(self, make: Callable[[Start], Controller]) -> None:
        """The next leaves after an answer."""
        controller = make(start(initial=7.0))
        tickets = fill(controller, 0.0)
        assert len(tickets) == 7
        assert controller.permission(1.0).again_at is None
        controller.answered(tickets[0], 1.0, Answer.PASSED)
        assert controller.permission(1.0).send is Send.CHECK

    def test_a_refused_check_keeps_its_place_for_a_pause(self) -> None:
        """Half of the first pause with a draw of a half; half of twice as much after a second refusal."""
        controller = Gradient2(start(initial=1.0, most=1.0, pause=1.0))
        ask(controller, 0.0, Answer.REFUSED)
        assert controller.permission(0.1).again_at == pytest.approx(0.54)
        ask(controller, 1.0, Answer.REFUSED)
        assert controller.permission(1.1).again_at == pytest.approx(2.04)

    def test_vegas_adds_fast_without_a_queue_and_takes_away_with_one(self) -> None:
        """With 20 places, log10 is 1: six more without a queue, one less when the round trip doubled."""
        controller = Vegas(start(initial=20.0, scale=1.0))
        tickets = fill(controller, 0.0)
        controller.answered(tickets[-1], 0.1, Answer.PASSED)  # the shortest so far
        controller.answered(tickets[-2], 0.1001, Answer.PASSED)
        assert controller.places == pytest.approx(26.0)
        controller.answered(tickets[-3], 0.2, Answer.PASSED)
        assert controller.places == pytest.approx(25.0)

    def test_vegas_takes_one_step_away_for_a_drop(self) -> None:
        """As its library does, however quickly the refusal came."""
        controller = Vegas(start(initial=20.0))
        ask(controller, 0.0, Answer.PASSED)
        ask(controller, 1.0, Answer.REFUSED, 0.05)
        assert controller.places == pytest.approx(19.0)

    def test_gradient2_keeps_its_queue_while_round_trips_stay(self) -> None:
        """0.8 x 20 + 0.2 x (20 x 1 + 4): the gradient is at most 1."""
        controller = Gradient2(start(initial=20.0, queue=4.0, tolerance=1.5))
        tickets = fill(controller, 0.0)
        controller.answered(tickets[-1], 0.1, Answer.PASSED)
        assert controller.places == pytest.approx(20.8)

    def test_gradient2_halves_at_most(self) -> None:
        """A round trip that is many times the long one: 0.8 x 20.8 + 0.2 x (20.8 x g + 4), g at least 0.5."""
        controller = Gradient2(start(initial=20.0, queue=4.0, tolerance=1.5))
        tickets = fill(controller, 0.0)
        for ticket in tickets[-6:-1]:
            controller.answered(ticket, 0.1, Answer.PASSED)
        before = controller.places
        controller.answered(tickets[-1], 60.0, Answer.PASSED)
        assert controller.places == pytest.approx(0.8 * before + 0.2 * (0.5 * before + 4.0), rel=0.01)


class TestAll:
    """What holds for every baseline."""

    @pytest.mark.parametrize("name", BASELINES)
    def test_retry_after_is_honoured(self, name: str) -> None:
        """Nothing leaves before it."""
        controller = controller_named(name, start())
        ticket = controller.sent(0.0, Send.CHECK, credentials=True)
        controller.answered(ticket, 0.01, Answer.REFUSED, 30.0)
        permission = controller.permission(29.0)
        assert permission.send is Send.NOTHING
        assert permission.again_at == pytest.approx(30.01)

    @pytest.mark.parametrize("name", BASELINES)
    def test_a_setting_that_is_not_there_is_an_error(self, name: str) -> None:
        """The sentence lists those that are."""
        with pytest.raises(ConfigurationError, match="no setting 'speed'"):
            controller_named(name, start(speed=1.0))

    def test_a_static_rate_is_what_was_declared(self) -> None:
        """Without a declaration, the default of a trunk that may not learn."""
        assert Static(start()).rate == 5.0
        assert Static(Start(policy=GovernorPolicy(max_rate=40.0))).rate == 40.0

    @pytest.mark.parametrize("name", BASELINES)
    def test_its_knowledge_is_plain(self, name: str) -> None:
        """A rate and a count, whatever the kind."""
        knowledge: Mapping[str, object] = controller_named(name, start()).knowledge()
        assert set(knowledge) == {"rate", "in_flight"}
