"""Trunks that fall silent, are slow, or drop what is too much."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import count, pairwise
from random import Random

import pytest

from shiftline.governor.controller import Answer, Send
from shiftline.governor.governor import Governor
from shiftline.governor.limiters.counters import FixedWindow
from shiftline.governor.policy import GovernorPolicy
from shiftline.governor.refusals import RefusalClass
from shiftline.governor.simulation.burst import throttled
from shiftline.governor.simulation.engine import travel
from shiftline.governor.simulation.journey import Reply, World
from shiftline.governor.state import Mode

LEARNING = GovernorPolicy(learn=True, max_rate=0)
MANY = 10**9
REFUSED = Reply(Answer.REFUSED, 0.002)
TIME_OUT = 4.0
SILENT = Reply(Answer.SILENT, TIME_OUT)


def answer_time() -> Callable[[], float]:
    """The practice PBX's: 40 ms give or take 20."""
    return partial(Random(0).uniform, 0.02, 0.06)


def limited(limit: int, refusal: Reply = REFUSED) -> World:
    """A trunk behind a one-second window."""
    return throttled(FixedWindow(limit, 1.0, 0.3), answer_time(), refusal)


class Noting(Governor):
    """Notes that what leaves next is a copy."""

    is_copy = False

    def repeated(self, now: float) -> None:
        super().repeated(now)
        self.is_copy = True


def changed_at(moment: float, before: World, after: World) -> World:
    return lambda now, credentials: (before if now < moment else after)(now, credentials)


class TestSilence:
    """Nothing is poured into a dead trunk, and it is noticed when it lives again."""

    @pytest.mark.parametrize("policy", [LEARNING, GovernorPolicy()])
    def test_a_trunk_that_never_answers(self, policy: GovernorPolicy) -> None:
        """In ten minutes a few requests only, ever further apart, none with credentials."""
        governor = Governor(policy, 0.0)
        journey = travel(governor, lambda now, credentials: SILENT, checks=MANY, until=600.0)
        assert governor.refusal is RefusalClass.UNREACHABLE
        assert len(journey.requests) <= 30
        assert len(journey.between(300.0, 600.0)) <= 10
        assert not any(request.credentials for request in journey.requests)

    @pytest.mark.parametrize("silent_from", [0.3, 1.0, 2.0, 5.0, 20.0])
    @pytest.mark.parametrize("limit", [50, 200])
    def test_a_trunk_that_falls_silent_at_speed(self, limit: int, silent_from: float) -> None:
        """Within about a second of silence sending ends, long before the first time-out."""
        governor = Governor(LEARNING, 0.0)
        healthy = limited(limit)
        rates = list[float]()

        def silence(now: float, credentials: bool) -> Reply:
            rates.append(governor.rate)
            return SILENT

        journey = travel(
            governor, changed_at(silent_from, healthy, silence), checks=MANY, until=silent_from + 600.0
        )
        assert len(journey.between(silent_from, silent_from + 1.5)) <= 1.6 * rates[0] + 3
        assert len(journey.between(silent_from + 1.5, silent_from + 600.0)) <= 30
        assert governor.refusal is RefusalClass.UNREACHABLE

    @pytest.mark.parametrize("outage", [2.0, 5.0, 8.5, 60.0, 300.0])
    def test_it_comes_back_with_the_trunk(self, outage: float) -> None:
        """At full rate a canary's wait and time-out later at most; old time-outs do not set it back."""
        governor = Governor(LEARNING, 0.0)
        healthy = limited(50)
        start, end = 20.0, 20.0 + outage

        def world(now: float, credentials: bool) -> Reply:
            return SILENT if start <= now < end else healthy(now, credentials)

        journey = travel(governor, world, checks=MANY, until=end + 60.0)
        back = end + min(outage + 2.0, 30.0) + TIME_OUT
        assert len(journey.between(back, back + 10.0)) >= 450
        assert governor.mode is Mode.HOLDING
        assert governor.refusal is RefusalClass.THROTTLE

    def test_it_comes_back_when_the_trunk_was_dead_at_first(self) -> None:
        """A late start climbs like any other: silence at rest told nothing about the rate."""
        governor = Governor(LEARNING, 0.0)
        healthy = limited(200)
        world = changed_at(9.0, lambda now, credentials: SILENT, healthy)
        journey = travel(governor, world, checks=MANY, until=60.0)
        assert len(journey.between(30.0, 40.0)) >= 1700

    def test_a_lone_lost_datagram_changes_nothing(self) -> None:
        """One in fifty lost, never three in a row: the rate is held."""
        governor = Governor(GovernorPolicy(max_rate=20), 0.0)
        healthy, seen = limited(MANY), count()

        def world(now: float, credentials: bool) -> Reply:
            return SILENT if next(seen) % 50 == 49 else healthy(now, credentials)

        journey = travel(governor, world, checks=MANY, until=60.0)
        assert all(request.kind is Send.CHECK for request in journey.requests)
        assert len(journey.requests) >= 0.97 * 20 * 60

    @pytest.mark.parametrize("limit", [20, 50, 200])
    def test_a_limiter_that_drops_is_not_run_over(self, limit: int) -> None:
        """Answers that do not come stop the climb, and the rate comes down near to what is let through."""
        governor = Governor(LEARNING, 0.0)
        world = limited(limit, SILENT)
        journey = travel(governor, world, until=300.0, checks=20 * limit)
        fastest = max(len(journey.between(start, start + 1.0)) for start in range(60))
        assert fastest <= 5 * limit
        assert governor.rate <= 1.5 * limit
        assert journey.ended_at <= 40.0

    @pytest.mark.parametrize("answer_seconds", [0.02, 0.15, 0.4])
    @pytest.mark.parametrize(("declared", "lost_from"), [(20, 0.0), (20, 20.0), (5, 0.0), (5, 20.0)])
    def test_a_trunk_that_takes_what_comes_again(
        self, declared: int, lost_from: float, answer_seconds: float
    ) -> None:
        """Every first datagram is lost, at once or later: a third of the rate, of the half there is."""
        governor = Noting(GovernorPolicy(max_rate=declared), 0.0)
        left = list[float]()

        def world(now: float, credentials: bool) -> Reply:
            left.append(now)
            is_copy, governor.is_copy = governor.is_copy, False
            if now >= lost_from and not is_copy:
                return Reply(Answer.SILENT, TIME_OUT, is_lost=True)
            return Reply(Answer.PASSED if credentials else Answer.CHALLENGED, answer_seconds)

        journey = travel(governor, world, checks=MANY, until=180.0)
        assert journey.passed_between(120.0, 170.0) >= declared * 50.0 / 2 / 3
        for first, beyond in zip(left, left[declared:], strict=False):
            assert beyond - first >= 1.0

    @pytest.mark.parametrize("policy", [LEARNING, GovernorPolicy(max_rate=20)])
    def test_a_silence_is_prodded_no_more_often_for_that(self, policy: GovernorPolicy) -> None:
        """A copy of the canary stands in for the next one: so many datagrams, at the same moments."""
        governor = Governor(policy, 0.0)
        healthy, left = limited(50), list[float]()

        def silence(now: float, credentials: bool) -> Reply:
            left.append(now)
            assert not credentials or now < 21.0
            return Reply(Answer.SILENT, TIME_OUT, is_lost=True)

        journey = travel(governor, changed_at(20.0, healthy, silence), checks=MANY, until=300.0)
        asked = [at for at in left if at >= 21.0]
        gaps = [later - sooner for sooner, later in pairwise(asked)]
        assert gaps[:6] == pytest.approx([3.0, 5.0, 9.0, 17.0, 31.0, 31.0], abs=0.01)
        canaries = [request for request in journey.requests if request.at >= 21.0]
        assert all(request.kind is Send.CANARY for request in canaries)
        assert all(request.repeats == 1 for request in canaries[:-1])

    def test_an_idle_hour_is_not_a_silence(self) -> None:
        """Nothing was asked, so nothing is overdue."""
        governor = Governor(GovernorPolicy(max_rate=20), 0.0)
        travel(governor, limited(MANY), checks=MANY, until=5.0)
        assert governor.permission(3600.0).send is Send.CHECK
        assert governor.mode is Mode.HOLDING

    def test_a_pause_of_our_own_is_not_a_silence(self) -> None:
        """A process that slept for five seconds has not read its answers yet; it does not blame the trunk."""
        governor = Governor(GovernorPolicy(max_rate=20), 0.0)
        proof = governor.sent(0.0, Send.CHECK, credentials=True)
        governor.answered(proof, 0.04, Answer.PASSED)
        tickets = []
        for step in range(3):
            assert governor.permission(1.0 + step / 16).send is Send.CHECK
            tickets.append(governor.sent(1.0 + step / 16, Send.CHECK, credentials=True))
        waiting = governor.permission(6.0)
        assert waiting.send is Send.NOTHING
        assert waiting.again_at is not None
        assert waiting.again_at <= 6.1  # so long are answers waited for that may have come meanwhile
        assert governor.mode is Mode.HOLDING
        for ticket in tickets:
            governor.answered(ticket, 6.01, Answer.PASSED)
        assert governor.permission(6.02).send is Send.CHECK
        assert governor.mode is Mode.HOLDING

    def test_a_slow_trunk_is_not_a_silent_one(self) -> None:
        """Answers that always take two seconds are late for nobody."""
        governor = Governor(GovernorPolicy(max_rate=20), 0.0)

        def world(now: float, credentials: bool) -> Reply:
            return Reply(Answer.PASSED if credentials else Answer.CHALLENGED, 2.0)

        journey = travel(governor, world, checks=MANY, until=60.0)
        assert governor.mode is Mode.HOLDING
        assert all(request.kind is Send.CHECK for request in journey.requests)
        assert len(journey.between(10.0, 60.0)) >= 0.97 * 20 * 50
