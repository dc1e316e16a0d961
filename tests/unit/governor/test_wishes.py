"""What a PBX asks for, and which of it is followed."""

from __future__ import annotations

from dataclasses import replace
from itertools import count
from math import inf, nan
from typing import Protocol

import pytest
from tests.unit.governor.journeys import LEARNING, answer, changed_at, drive, proven, trunk

from shiftline.governor.controller import Answer, Send
from shiftline.governor.limiters.model import Feedback
from shiftline.governor.policy import GovernorPolicy
from shiftline.governor.simulation.journey import Reply, World
from shiftline.governor.state import Mode
from shiftline.governor.wishes import KEEPS_BELOW, LONGEST_VALIDITY, LONGEST_WAIT, Wishes, wait_for

SLOWEST = 0.5
NONSENSE = [nan, inf, -inf, -1.0, -1e300]


class Wish(Protocol):
    def __call__(self, value: float, sequence: float = 1.0) -> Feedback: ...


def rate(value: float, sequence: float = 1.0) -> Feedback:
    return Feedback(algorithm="rate", value=value, sequence=sequence)


def loss(value: float, sequence: float = 1.0) -> Feedback:
    return Feedback(algorithm="loss", value=value, sequence=sequence)


WISHES: tuple[Wish, ...] = (rate, loss)


def telling(world: World, feedback: Feedback) -> World:
    """The same trunk, that tells this in every answer."""
    return lambda now, credentials: replace(world(now, credentials), feedback=feedback)


class TestWishes:
    """Feedback becomes a rate, or nothing."""

    def test_a_rate_is_an_upper_bound(self) -> None:
        """Our clock and the PBX's differ a little: one percent below it."""
        assert Wishes().rate_for(rate(50), 20.0, 0.0) == 50 * KEEPS_BELOW

    def test_a_loss_is_a_share_of_the_rate_at_which_it_was_first_asked_for(self) -> None:
        """A third of 60, and then half of the same 60: not half of what was left."""
        wishes = Wishes()
        assert wishes.rate_for(loss(25, 1), 60.0, 0.0) == 45.0
        assert wishes.rate_for(loss(50, 2), 45.0, 0.0) == 30.0

    def test_a_loss_that_is_over_begins_anew(self) -> None:
        """Nothing is left out; the next loss is of the rate at that moment."""
        wishes = Wishes()
        wishes.rate_for(loss(50, 1), 60.0, 0.0)
        assert wishes.rate_for(loss(0, 2), 30.0, 0.0) is None
        assert wishes.rate_for(loss(50, 3), 40.0, 0.0) == 20.0

    def test_all_may_be_left_out(self) -> None:
        """A hundred percent is a wish; a hundred and one is nonsense."""
        assert Wishes().rate_for(loss(100), 60.0, 0.0) == 0.0
        assert Wishes().rate_for(loss(101), 60.0, 0.0) is None

    def test_what_is_older_than_the_last_is_out_of_date(self) -> None:
        """Answers overtake each other (RFC 7339 section 4.4)."""
        wishes = Wishes()
        wishes.rate_for(rate(50, 5), 20.0, 0.0)
        assert wishes.rate_for(rate(80, 4), 20.0, 0.0) is None

    def test_a_server_that_counts_anew_is_heard_once_the_old_wish_has_run_out(self) -> None:
        """Restarted, it begins with small numbers: out of date only while the last wish holds."""
        wishes = Wishes()
        wishes.rate_for(rate(50, 1000), 20.0, 0.0)
        assert wishes.rate_for(rate(80, 1), 20.0, 0.4) is None
        assert wishes.rate_for(rate(80, 1), 20.0, 0.5) == 80 * KEEPS_BELOW

    def test_the_same_again_is_still_asked_for(self) -> None:
        """A sequence number changes with the value, not with every answer, and may be missing."""
        wishes = Wishes()
        assert wishes.rate_for(rate(50, 0), 20.0, 0.0) == wishes.rate_for(rate(50, 0), 49.0, 0.0)
        losses = Wishes()
        assert losses.rate_for(loss(50, 0), 60.0, 0.0) == losses.rate_for(loss(50, 0), 30.0, 0.0) == 30.0

    def test_a_number_beyond_all_others_is_overruled(self) -> None:
        """Three answers in a row, each to a request that left after it was heard, cannot be older."""
        wishes = Wishes()
        mangled = replace(rate(1, 999_999_999_999), validity_seconds=60.0)
        wishes.rate_for(mangled, 20.0, 0.0, sent_at=-0.1)
        told = [wishes.rate_for(rate(40, 5), 20.0, at + 0.1, sent_at=at) for at in (-0.05, 0.1, 0.2, 0.3)]
        assert told == [None, None, None, 40 * KEEPS_BELOW]
        assert wishes.rate_for(rate(30, 6), 39.6, 0.5, sent_at=0.45) == 30 * KEEPS_BELOW

    def test_what_was_overtaken_overrules_nothing(self) -> None:
        """However many left before the newest wish was heard."""
        wishes = Wishes()
        wishes.rate_for(rate(50, 5), 20.0, 0.0, sent_at=-0.1)
        late = [wishes.rate_for(rate(80, 4), 20.0, 0.1 + step / 100, sent_at=-0.05) for step in range(20)]
        assert late == [None] * 20

    def test_stragglers_one_by_one_overrule_nothing(self) -> None:
        """A server of several workers: one of them tells the number of before now and then."""
        wishes = Wishes()
        for step in range(20):
            at = step / 10
            assert wishes.rate_for(rate(50, 5), 20.0, at, sent_at=at - 0.05) == 50 * KEEPS_BELOW
            assert wishes.rate_for(rate(80, 4), 20.0, at + 0.01, sent_at=at + 0.005) is None

    @pytest.mark.parametrize("validity", [LONGEST_VALIDITY, 4_294_967.295, 1e300])
    def test_no_wish_lasts_for_longer_than_a_minute(self, validity: float) -> None:
        """Who means it tells it again in each answer."""
        wishes = Wishes()
        wishes.rate_for(replace(rate(50), validity_seconds=validity), 20.0, 0.0)
        assert not wishes.is_over(50.0, LONGEST_VALIDITY - 0.001)
        assert wishes.is_over(50.0, LONGEST_VALIDITY)

    @pytest.mark.parametrize("validity", [nan, inf, -inf, -1.0])
    def test_a_validity_that_is_no_time_asks_for_nothing(self, validity: float) -> None:
        """Nor does it end what was asked for before."""
        wishes = Wishes()
        assert wishes.rate_for(replace(rate(50), validity_seconds=validity), 20.0, 0.0) is None
        wishes.rate_for(rate(50), 20.0, 0.0)
        assert wishes.rate_for(replace(rate(30), validity_seconds=validity), 20.0, 0.1) is None
        assert not wishes.is_over(50.0, 0.2)

    @pytest.mark.parametrize("algorithm", ["rate", "loss"])
    def test_a_validity_of_zero_ends_it(self, algorithm: str) -> None:
        """The PBX asks for nothing any more (RFC 7339 section 4.3)."""
        over = Feedback(algorithm=algorithm, value=50, validity_seconds=0.0, sequence=2.0)
        assert Wishes().rate_for(over, 20.0, 0.0) is None

    @pytest.mark.parametrize("value", NONSENSE)
    @pytest.mark.parametrize("wish", WISHES)
    def test_what_is_no_number_is_not_asked_for(self, wish: Wish, value: float) -> None:
        """Nor is what is negative or without end; what comes after it counts."""
        wishes = Wishes()
        assert wishes.rate_for(wish(value, 5), 20.0, 0.0) is None
        assert wishes.rate_for(rate(50, 4), 20.0, 0.0) == 50 * KEEPS_BELOW

    @pytest.mark.parametrize("sequence", [nan, inf, -inf])
    def test_a_sequence_without_end_does_not_deafen(self, sequence: float) -> None:
        """Later wishes would all be out of date."""
        wishes = Wishes()
        assert wishes.rate_for(rate(50, sequence), 20.0, 0.0) is None
        assert wishes.rate_for(rate(40, 1), 20.0, 0.0) == 40 * KEEPS_BELOW

    def test_an_unknown_algorithm_asks_for_nothing(self) -> None:
        """We offered two."""
        assert Wishes().rate_for(Feedback(algorithm="window", value=3, sequence=1), 20.0, 0.0) is None


class TestGovernor:
    """What a whole governor does with it."""

    @pytest.mark.parametrize("limiter", ["oc-rate:50/s", "oc-rate:15/s", "oc-rate:200/s"])
    def test_a_rate_that_is_told_is_not_searched_for(self, limiter: str) -> None:
        """From the first answer on it is used, and nothing is ever refused."""
        governor, journey = drive(trunk(limiter), until=60.0)
        wanted = float(limiter.partition(":")[2].partition("/")[0])
        assert len(journey.passed()) >= 0.97 * 60 * wanted
        assert not journey.answered(Answer.REFUSED)
        assert governor.mode is Mode.HOLDING

    def test_a_loss_is_followed(self) -> None:
        """A server that asks for less and less gets what it can bear."""
        _, journey = drive(trunk("oc-loss:50/s"), until=120.0)
        assert len(journey.passed()) >= 0.95 * 120 * 50
        assert len(journey.answered(Answer.REFUSED)) <= 0.01 * len(journey.requests)

    def test_a_wish_without_a_new_number_still_ends_the_climb(self) -> None:
        """Told 15 a second in every answer, always with the same sequence number: 15 a second leave."""
        _, journey = drive(telling(trunk("window:1000/1s"), rate(15, 7)), until=60.0)
        assert len(journey.passed()) >= 0.97 * 60 * 15
        assert all(len(journey.between(at, at + 1.0)) <= 16 for at in range(60))

    def test_a_wish_that_changes_is_followed_down_and_up(self) -> None:
        """50, then 20, then 100 a second: within a second or two each time."""
        first, second, third = (trunk(f"oc-rate:{count}/s") for count in (50, 20, 100))
        world = changed_at(30.0, first, changed_at(60.0, second, third))
        _, journey = drive(world, until=90.0)
        assert journey.passed_between(5.0, 30.0) >= 0.97 * 25 * 50
        assert len(journey.between(32.0, 60.0)) <= 28 * 20
        assert journey.passed_between(62.0, 90.0) >= 0.97 * 28 * 100

    def test_a_wish_for_more_than_was_refused_raises_nothing(self) -> None:
        """A PBX that could bear 50 behind a limit of 40 is sent 40: at most one in a hundred is refused."""
        _, journey = drive(telling(trunk("window:40/1s"), rate(50)), until=120.0)
        assert len(journey.passed()) >= 0.95 * 120 * 40
        assert len(journey.answered(Answer.REFUSED)) <= 0.01 * len(journey.requests)

    def test_without_leave_to_learn_a_wish_only_lowers(self) -> None:
        """The declared rate is a promise to the PBX's operator, whatever the PBX itself says."""
        governor = proven(GovernorPolicy(max_rate=20.0))
        answer(governor, 0.1, 0.14, Answer.PASSED, feedback=rate(10, 1))
        assert governor.rate == 10 * KEEPS_BELOW
        answer(governor, 0.3, 0.34, Answer.PASSED, feedback=rate(15, 2))
        assert governor.rate == 15 * KEEPS_BELOW
        answer(governor, 0.5, 0.54, Answer.PASSED, feedback=rate(25, 3))
        assert governor.rate == 20.0

    @pytest.mark.parametrize("policy", [LEARNING, GovernorPolicy(max_rate=20.0)])
    @pytest.mark.parametrize("wish", WISHES)
    def test_a_wish_ends_with_its_validity(self, wish: Wish, policy: GovernorPolicy) -> None:
        """Nothing asked for it any more: the rate of before (RFC 7339 section 4.3)."""
        governor = proven(policy)
        before = governor.rate
        asked = replace(wish(8), validity_seconds=5.0)
        answer(governor, 0.1, 0.14, Answer.PASSED, feedback=asked)
        bidden = governor.rate
        assert bidden < before
        governor.permission(5.0)
        assert governor.rate == bidden
        governor.permission(5.2)
        assert governor.rate == before

    @pytest.mark.parametrize("wish", WISHES)
    def test_a_validity_of_zero_gives_the_rate_back(self, wish: Wish) -> None:
        """At once; and an answer that it has overtaken is not heard."""
        governor = proven()
        before = governor.rate
        answer(governor, 0.1, 0.14, Answer.PASSED, feedback=replace(wish(8, 4), validity_seconds=60.0))
        over = Feedback(algorithm="loss", value=0, validity_seconds=0.0, sequence=6)
        answer(governor, 0.2, 0.24, Answer.PASSED, feedback=over)
        answer(governor, 0.2, 0.25, Answer.PASSED, feedback=wish(8, 5))
        assert governor.rate == before

    def test_what_was_refused_meanwhile_is_not_given_back(self) -> None:
        """The wish is over, and the rate of before is known to be too much."""
        governor, _ = drive(
            changed_at(2.0, telling(trunk("window:1000/1s"), rate(15)), trunk("window:10/1s")), until=60.0
        )
        assert governor.rate <= 11.0

    def test_a_wish_at_a_slow_rate_lasts_until_it_could_be_told_again(self) -> None:
        """One request a second, half a second of validity: the rate does not leap between two answers."""
        _, journey = drive(telling(trunk("window:1000/1s"), rate(1)), until=30.0)
        assert len(journey.between(2.0, 30.0)) <= 29

    def test_the_ceiling_is_stronger_than_a_wish(self) -> None:
        """A PBX that wants a thousand gets what its operator declared."""
        governor = proven(GovernorPolicy(learn=True, max_rate=30.0))
        answer(governor, 0.1, 0.14, Answer.PASSED, feedback=rate(1000))
        assert governor.rate == 30.0

    @pytest.mark.parametrize("wish", [rate(0), loss(100)])
    def test_a_wish_for_nothing_leaves_enough_to_be_told_of_its_end(self, wish: Feedback) -> None:
        """One request in two seconds: only an answer can tell that more may come again."""
        governor = proven()
        answer(governor, 0.1, 0.14, Answer.PASSED, feedback=wish)
        assert governor.rate == SLOWEST

    @pytest.mark.parametrize(
        "nonsense",
        [wish(value) for wish in WISHES for value in NONSENSE]
        + [wish(30, sequence) for wish in WISHES for sequence in (nan, inf, -inf)]
        + [loss(101), Feedback(algorithm="window", value=3)],
    )
    def test_nonsense_harms_nobody(self, nonsense: Feedback) -> None:
        """Told in every answer, the limit is found and held as without it."""
        plain, _ = drive(trunk("window:50/1s"), until=10.0)
        governor, journey = drive(telling(trunk("window:50/1s"), nonsense), until=10.0)
        assert governor.rate == plain.rate
        assert len(journey.passed()) >= 0.85 * 10 * 50

    @pytest.mark.parametrize("wish", [rate(0), loss(100)])
    @pytest.mark.parametrize("policy", [LEARNING, GovernorPolicy(max_rate=20.0)])
    def test_a_wish_for_nothing_stops_it_while_it_lasts(self, wish: Feedback, policy: GovernorPolicy) -> None:
        """Then one request asks, and the rate of before comes back when its answer asks for nothing."""
        governor = proven(policy)
        before = governor.rate
        answer(governor, 0.1, 0.14, Answer.PASSED, feedback=replace(wish, validity_seconds=5.0))
        assert governor.permission(0.2).again_at == pytest.approx(5.14)
        assert governor.permission(5.13).send is Send.NOTHING
        assert governor.permission(5.14).send is Send.CHECK
        answer(governor, 5.14, 5.18, Answer.PASSED)
        assert governor.permission(5.2).send is Send.NOTHING
        governor.permission(10.0)
        assert governor.rate == before

    def test_nothing_is_tried_while_a_wish_holds(self) -> None:
        """Told once for half a minute: after each half second there were tries of more, up to the limit."""
        told, number = trunk("window:1000/1s"), count()
        wish = replace(rate(15), validity_seconds=30.0)

        def world(now: float, credentials: bool) -> Reply:
            reply = told(now, credentials)
            return reply if next(number) else replace(reply, feedback=wish)

        _, journey = drive(world, until=30.0)
        assert all(len(journey.between(at, at + 1.0)) <= 16 for at in range(1, 29))

    def test_a_wish_for_nothing_holds_for_canaries(self) -> None:
        """A refusal in between changes nothing about it; a wish for more ends it at once."""
        governor = proven()
        answer(governor, 0.1, 0.14, Answer.PASSED, feedback=replace(rate(0), validity_seconds=5.0))
        answer(governor, 0.13, 0.15, Answer.REFUSED)
        assert governor.permission(1.0).again_at == pytest.approx(5.14)
        governor = proven()
        on_its_way = governor.sent(0.1, Send.CHECK, credentials=True)
        answer(governor, 0.1, 0.14, Answer.PASSED, feedback=replace(rate(0), validity_seconds=5.0))
        governor.answered(on_its_way, 0.16, Answer.PASSED, feedback=rate(10, 2))
        assert governor.permission(0.6).send is Send.CHECK

    def test_one_mangled_answer_costs_a_minute(self) -> None:
        """Nothing wanted for 49 days, with a number that no later one reaches."""
        governor = proven(GovernorPolicy(max_rate=50.0))
        mangled = Feedback(
            algorithm="rate", value=0, validity_seconds=4_294_967.295, sequence=999_999_999_999
        )
        answer(governor, 0.1, 0.14, Answer.PASSED, feedback=mangled)
        again_at = governor.permission(1.0).again_at
        assert again_at is not None
        assert again_at == pytest.approx(0.14 + LONGEST_VALIDITY)
        answer(governor, again_at, again_at + 0.04, Answer.PASSED, feedback=rate(40, 5))
        assert governor.rate == 40 * KEEPS_BELOW

    def test_a_wish_in_a_refusal_counts_once_it_is_open_again(self) -> None:
        """While canaries ask, no rate is of interest; the first check that passes tells it anew."""
        governor = proven(LEARNING)
        answer(governor, 0.1, 0.14, Answer.REFUSED, feedback=rate(10))
        assert governor.mode is Mode.LISTENING
        assert governor.rate >= 20.0

    def test_a_wish_may_be_told_now_and_then(self) -> None:
        """In every second answer is often enough."""
        told, number = telling(trunk("window:1000/1s"), rate(15, 7)), count()

        def world(now: float, credentials: bool) -> Reply:
            reply = told(now, credentials)
            return replace(reply, feedback=None) if next(number) % 2 else reply

        _, journey = drive(world, until=30.0)
        assert all(len(journey.between(at, at + 1.0)) <= 17 for at in range(1, 30))


@pytest.mark.parametrize(
    ("told", "waited"),
    [
        (None, 0.0),
        (nan, 0.0),
        (inf, 0.0),
        (-5.0, 0.0),
        (7.0, 7.0),
        (3600.0, 3600.0),
        (1e300, LONGEST_WAIT),
    ],
)
def test_no_retry_after_is_waited_for_longer_than_an_hour(told: float | None, waited: float) -> None:
    """Whoever read it: the core bounds it itself."""
    assert wait_for(told) == waited
    governor = proven()
    answer(governor, 0.1, 0.14, Answer.REFUSED, retry_after=told)
    again_at = governor.permission(0.15).again_at
    assert again_at is not None
    assert again_at <= 0.14 + max(waited, 0.15) + 0.001
