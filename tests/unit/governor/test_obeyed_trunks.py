"""What a trunk or its operator asks for is kept: Retry-After, a changed limit, a declared rate."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import pairwise
from math import ceil
from random import Random

import pytest
from tests.unit.governor.journeys import checks_refused, drive, trunk

from shiftline.errors import ConfigurationError
from shiftline.governor.controller import Answer, Send
from shiftline.governor.governor import Governor
from shiftline.governor.limiters.counters import FixedWindow
from shiftline.governor.policy import GovernorPolicy
from shiftline.governor.simulation.burst import throttled
from shiftline.governor.simulation.engine import travel
from shiftline.governor.simulation.journey import Reply, World
from shiftline.governor.state import Mode

LEARNING = GovernorPolicy(learn=True, max_rate=0)
MANY = 10**9
REFUSED = Reply(Answer.REFUSED, 0.002)
CHALLENGED = Reply(Answer.CHALLENGED)
SILENT = Reply(Answer.SILENT, 4.0)


def answer_time() -> Callable[[], float]:
    """The practice PBX's: 40 ms give or take 20."""
    return partial(Random(0).uniform, 0.02, 0.06)


def limited(limit: int, refusal: Reply = REFUSED) -> World:
    """A trunk behind a one-second window."""
    return throttled(FixedWindow(limit, 1.0, 0.3), answer_time(), refusal)


def changed_at(moment: float, before: World, after: World) -> World:
    return lambda now, credentials: (before if now < moment else after)(now, credentials)


class TestRetryAfter:
    """The trunk's own wish is honoured on any refusal, also on a 403."""

    @pytest.mark.parametrize("seconds", [5.0, 30.0, 1800.0])
    def test_nothing_leaves_before_it(self, seconds: float) -> None:
        """Not a check, not a canary; and then the canary asks at once."""
        world = limited(50, Reply(Answer.REFUSED, 0.002, retry_after=seconds))
        journey = travel(Governor(LEARNING, 0.0), world, checks=200, until=2000.0)
        first = journey.answered(Answer.REFUSED)[0]
        wanted_until = first.at + first.reply.seconds + seconds
        assert not journey.between(first.at + first.reply.seconds, wanted_until)
        assert journey.between(wanted_until, wanted_until + 0.1)[0].kind is Send.CANARY

    def test_the_longest_wish_of_those_in_flight_counts(self) -> None:
        """A refusal that arrives while we listen may still prolong the silence."""
        governor = Governor(LEARNING, 0.0)
        hasty = governor.sent(0.0, Send.CHECK, credentials=True)
        patient = governor.sent(0.0, Send.CHECK, credentials=True)
        governor.answered(hasty, 0.1, Answer.REFUSED)
        governor.answered(patient, 0.2, Answer.REFUSED, retry_after=60.0)
        assert governor.permission(0.3).again_at == pytest.approx(60.2)

    def test_it_is_honoured_with_refused_credentials(self) -> None:
        """A challenge may carry it, too."""
        governor = Governor(LEARNING, 0.0)
        ticket = governor.sent(0.0, Send.CHECK, credentials=True)
        governor.answered(ticket, 0.1, Answer.CREDENTIALS_REFUSED, retry_after=60.0)
        assert governor.permission(0.2).again_at == pytest.approx(60.1)

    def test_a_wish_from_before_the_last_pause_counts_in_this_one(self) -> None:
        """A refusal that was long on its way is old news, but its wish is not."""
        governor = Governor(LEARNING, 0.0)
        proof = governor.sent(0.0, Send.CHECK, credentials=True)
        governor.answered(proof, 0.04, Answer.PASSED)
        first, slow = (governor.sent(0.05, Send.CHECK, credentials=True) for _ in range(2))
        governor.answered(first, 0.06, Answer.REFUSED)
        canary = governor.sent(1.0, Send.CANARY, credentials=False)
        governor.answered(canary, 1.04, Answer.CHALLENGED)
        second = governor.sent(1.05, Send.CHECK, credentials=True)
        governor.answered(second, 1.06, Answer.REFUSED)
        governor.answered(slow, 1.07, Answer.REFUSED, retry_after=60.0)
        assert governor.permission(1.1).again_at == pytest.approx(61.07)

    def test_a_canary_in_flight_does_not_cut_it_short(self) -> None:
        """A canary passed before the wish was known; it is asked again when the wish is over."""
        governor = Governor(LEARNING, 0.0)
        first = governor.sent(0.0, Send.CHECK, credentials=True)
        late = governor.sent(0.0, Send.CHECK, credentials=True)
        governor.answered(first, 0.01, Answer.REFUSED)
        asked_at = governor.permission(0.02).again_at
        assert asked_at is not None
        canary = governor.sent(asked_at, Send.CANARY, credentials=False)
        governor.answered(late, asked_at + 0.01, Answer.REFUSED, retry_after=60.0)
        governor.answered(canary, asked_at + 0.02, Answer.CHALLENGED)
        assert governor.mode is Mode.LISTENING
        assert governor.permission(asked_at + 1.0).again_at == pytest.approx(asked_at + 60.01)


class TestChangingLimits:
    """The limit is not the same all day."""

    @pytest.mark.parametrize("limit", [20, 50, 200])
    def test_it_is_halved(self, limit: int) -> None:
        """A dozen refusals at most, then the new limit is used as well as the old one was."""
        governor = Governor(LEARNING, 0.0)
        world = changed_at(15.0, limited(limit), limited(limit // 2))
        journey = travel(governor, world, checks=MANY, until=60.0)
        refused = [one for one in journey.answered(Answer.REFUSED) if one.at >= 15.0]
        passed = [one for one in journey.answered(Answer.PASSED) if one.at >= 30.0]
        assert len(refused) <= 15
        assert len(passed) >= 0.9 * 30 * limit / 2
        assert governor.rate == pytest.approx(limit / 2, rel=0.1)

    def test_it_is_raised(self) -> None:
        """The slow creep finds a tenth more within two minutes."""
        governor = Governor(LEARNING, 0.0)
        travel(governor, changed_at(15.0, limited(50), limited(75)), checks=MANY, until=135.0)
        assert governor.rate >= 55

    def test_only_requests_with_credentials_are_limited(self) -> None:
        """A canary that is never refused tells nothing about the limit, and is not taken for a proof."""
        for length in (1.0, 2.0, 5.0):
            limiter = FixedWindow(int(50 * length), length, 0.3 * length)
            healthy = throttled(limiter, answer_time())

            def world(now: float, credentials: bool, healthy: World = healthy) -> Reply:
                return healthy(now, credentials) if credentials else CHALLENGED

            governor = Governor(LEARNING, 0.0)
            journey = travel(governor, world, until=300.0, checks=1000)
            assert len(journey.answered(Answer.PASSED)) == 1000
            assert journey.ended_at <= 30.0


class TestDeclaredRate:
    """Without permission to learn, the declared rate is a promise."""

    @pytest.mark.parametrize("max_rate", [0.3, 1.0, 1.5, 5.0, 7.5, 20.0, 49.5])
    def test_no_second_holds_more(self, max_rate: float) -> None:
        """Rounded up to whole requests, on a trunk that is open, throttled or away for a while."""
        open_world = limited(MANY)

        def unsteady(now: float, credentials: bool) -> Reply:
            return SILENT if 10 < now % 40 < 25 else open_world(now, credentials)

        for world in (open_world, unsteady, limited(max(1, int(max_rate * 0.7)))):
            governor = Governor(GovernorPolicy(max_rate=max_rate), 0.0)
            moments = [one.at for one in travel(governor, world, checks=MANY, until=100.0).requests]
            for index, start in enumerate(moments):
                within = [moment for moment in moments[index : index + 100] if moment < start + 1.0]
                assert len(within) <= ceil(max_rate)

    def test_the_declared_rate_is_used(self) -> None:
        """Keeping the promise costs at most two percent."""
        journey = travel(Governor(GovernorPolicy(max_rate=20), 0.0), limited(MANY), checks=MANY, until=60.0)
        assert len(journey.requests) >= 0.98 * 20 * 60

    @pytest.mark.parametrize("limit", [3, 10, 17, 19])
    def test_it_only_goes_down(self, limit: int) -> None:
        """Refused, it comes down by a good step, below the limit, and never grows again."""
        governor = Governor(GovernorPolicy(max_rate=20), 0.0)
        healthy, rates = limited(limit), list[float]()

        def world(now: float, credentials: bool) -> Reply:
            rates.append(governor.rate)
            return healthy(now, credentials)

        journey = travel(governor, world, checks=MANY, until=300.0)
        assert all(later == earlier or later <= 0.85 * earlier for earlier, later in pairwise(rates))
        assert governor.rate <= limit
        assert not [one for one in journey.answered(Answer.REFUSED) if one.at > 30.0]

    def test_a_trunk_needs_a_rate_or_leave_to_learn(self) -> None:
        """Zero means "no ceiling known" to a learner and nothing to anybody else."""
        GovernorPolicy(learn=True, max_rate=0.0)
        with pytest.raises(ConfigurationError, match="max_rate") as caught:
            GovernorPolicy(max_rate=0.0)
        assert "learn" in caught.value.remedy


def test_a_long_window_that_tells_when_to_come_back_is_no_ban() -> None:
    """Closed for most of 20 s, three times the Retry-After: it is tried again after minutes, not never."""
    governor, journey = drive(trunk("retry-after:2000/20s,seconds=6s"), until=600.0)
    assert journey.passed_between(120.0, 600.0) >= 0.85 * 480 * 100
    assert len(checks_refused(journey)) <= 0.01 * len(journey.requests)
    assert governor.knowledge()["model"] != "ban"
