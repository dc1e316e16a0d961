"""Publish-day bursts against limiters whose limit nobody told, in virtual time."""

from __future__ import annotations

import json
from collections.abc import Callable
from random import Random

import pytest

from shiftline.governor.governor import Governor
from shiftline.governor.limiters.counters import FixedWindow, SlidingWindow, TokenBucket
from shiftline.governor.limiters.model import Counter
from shiftline.governor.policy import GovernorPolicy
from shiftline.governor.refusals import RefusalClass
from shiftline.governor.simulation.burst import BurstReport, Delays, simulate_burst
from shiftline.governor.state import Mode

LEARNING = GovernorPolicy(learn=True, max_rate=0)
SEEDS = range(40)
FEWER_SEEDS = range(6)
BURSTS = [(20, 488), (50, 488), (200, 3900)]


def delays(random: Random, refused: float = 0.002) -> Delays:
    """The practice PBX's answer time, 40 ms give or take 20."""
    return Delays(handled=lambda: random.uniform(0.02, 0.06), refused=refused)


def burst(
    limiter: Counter,
    random: Random,
    *,
    checks: int,
    policy: GovernorPolicy = LEARNING,
    refused: float = 0.002,
) -> tuple[BurstReport, Governor]:
    governor = Governor(policy, 0.0)
    return simulate_burst(governor, limiter, checks=checks, delays=delays(random, refused)), governor


def refused_share(report: BurstReport) -> float:
    return report.refused / report.requests


@pytest.mark.parametrize(("limit", "checks"), BURSTS)
def test_an_unknown_fixed_window_is_found_and_used(limit: int, checks: int) -> None:
    """At least 85 % of the ideal and at most 2 % refused, whatever the phase, from a cold start."""
    for seed in SEEDS:
        random = Random(seed)
        report, governor = burst(FixedWindow(limit, 1.0, random.random()), random, checks=checks)
        ideal_seconds = checks / limit
        assert ideal_seconds / report.finished_at >= 0.85, seed
        assert refused_share(report) <= 0.02, seed
        assert report.requests == checks + 1 + report.refused + canaries_passed(report, checks), seed
        assert governor.mode is Mode.HOLDING
        assert governor.refusal is RefusalClass.THROTTLE


def canaries_passed(report: BurstReport, checks: int) -> int:
    """What is neither an answered check, nor the first challenge, nor refused: all else was a canary."""
    passed = report.requests - report.refused - checks - 1
    assert 0 <= passed <= report.refused
    return passed


@pytest.mark.parametrize(("limit", "checks"), BURSTS)
def test_slow_refusals_cost_little(limit: int, checks: int) -> None:
    """With refusals that take 40 ms the overshoot is seen later; still at least 80 % and at most 3 %."""
    for seed in FEWER_SEEDS:
        random = Random(seed)
        limiter = FixedWindow(limit, 1.0, random.random())
        report, _ = burst(limiter, random, checks=checks, refused=0.04)
        assert checks / limit / report.finished_at >= 0.8, seed
        assert refused_share(report) <= 0.03, seed


@pytest.mark.parametrize(("limit", "checks"), BURSTS)
@pytest.mark.parametrize(
    "kind",
    [
        SlidingWindow,
        lambda limit: TokenBucket(limit, limit),
        lambda limit: TokenBucket(limit, max(5, limit / 5)),
    ],
    ids=["sliding-window", "token-bucket", "shallow-bucket"],
)
def test_other_limiters_are_met_and_then_respected(
    kind: Callable[[int], Counter], limit: int, checks: int
) -> None:
    """The burst finishes, at most 2 % are refused, and refusals become rare once the rate is settled."""
    for seed in FEWER_SEEDS:
        report, governor = burst(kind(limit), Random(seed), checks=checks)
        assert governor.mode is Mode.HOLDING
        assert checks / limit / report.finished_at >= 0.7, seed
        assert refused_share(report) <= 0.02, seed
        late = [moment for moment in report.refusal_times if moment > report.finished_at / 2]
        assert len(late) <= max(2, len(report.refusal_times) / 2), seed


@pytest.mark.parametrize("limit", [20, 50])
@pytest.mark.parametrize("length", [1.0, 2.0, 5.0])
def test_a_learned_limit_is_used_for_as_long_as_it_takes(limit: int, length: float) -> None:
    """Over five minutes 95 % of the limit is used; to meet it again, lest it rose, costs half a percent."""
    random = Random(7)
    limiter = FixedWindow(int(limit * length), length, random.random() * length)
    report, _ = burst(limiter, random, checks=300 * limit)
    late = [moment for moment in report.refusal_times if moment > 60.0]
    assert 300 / report.finished_at >= 0.95
    assert len(late) <= 0.005 * 240 * limit


@pytest.mark.parametrize("limit", [1, 2, 3])
def test_the_lowest_limits_are_throttles_not_wrong_credentials(limit: int) -> None:
    """Where the canary takes the only place of a window, the check behind it is not yet a proof."""
    for seed in FEWER_SEEDS:
        random = Random(seed)
        report, governor = burst(FixedWindow(limit, 1.0, random.random()), random, checks=20)
        assert not report.stopped, seed
        assert governor.refusal is RefusalClass.THROTTLE


def test_a_limiter_that_never_admits_is_a_policy() -> None:
    """Fewer than ten requests, then nothing: no pace would help."""
    report, governor = burst(FixedWindow(0), Random(0), checks=500)
    assert report.stopped
    assert governor.refusal is RefusalClass.POLICY
    assert report.requests < 10


def test_without_any_limit_the_burst_is_soon_over() -> None:
    """A trunk that takes everything is climbed, never refused and never held back."""
    report, governor = burst(FixedWindow(10**9), Random(0), checks=4000)
    assert report.refused == 0
    assert governor.mode is Mode.CLIMBING
    assert report.finished_at < 5.0


def test_a_declared_ceiling_is_kept_while_learning() -> None:
    """With `max_rate` the search for the limit ends there, and nothing is refused below the limit."""
    report, governor = burst(
        FixedWindow(50, 1.0, 0.3), Random(0), checks=488, policy=GovernorPolicy(learn=True, max_rate=45)
    )
    assert report.refused == 0
    assert governor.rate == 45
    assert 488 / 45 / report.finished_at >= 0.85


def test_the_horizon_ends_a_burst_that_would_take_longer() -> None:
    """The report then counts what was done until then."""
    governor = Governor(GovernorPolicy(max_rate=1), 0.0)
    report = simulate_burst(
        governor, FixedWindow(10), checks=500, delays=delays(Random(0)), horizon_seconds=30.0
    )
    assert 28 <= report.requests <= 31
    assert report.finished_at <= 30.0


def test_no_checks_no_requests() -> None:
    """An empty burst sends nothing, not even a canary."""
    report, _ = burst(FixedWindow(50), Random(0), checks=0)
    assert report == BurstReport(requests=0, refused=0, finished_at=0.0, refusal_times=(), stopped=False)


class TestKnowledge:
    """What a governor knows survives its process."""

    @staticmethod
    def learned(limit: int) -> tuple[Governor, FixedWindow]:
        random = Random(3)
        limiter = FixedWindow(limit, 1.0, random.random())
        return burst(limiter, random, checks=limit * 20)[1], limiter

    @pytest.mark.parametrize("limit", [20, 50, 200])
    def test_a_warm_start_does_not_climb(self, limit: int) -> None:
        """Restored through JSON, it holds the learned rate from the first proof on, near the limit."""
        before, limiter = self.learned(limit)
        known = json.loads(json.dumps(before.knowledge()))
        warm = Governor(LEARNING, 0.0, known)
        assert warm.rate == pytest.approx(before.rate, abs=0.001)
        limiter.phase_seconds = 0.77
        report = simulate_burst(warm, limiter, checks=limit * 10, delays=delays(Random(5)))
        assert warm.rate <= before.rate * 1.2
        assert refused_share(report) <= 0.01
        assert 10 / report.finished_at >= 0.85

    def test_knowledge_holds_what_it_names(self) -> None:
        """Rate, limit and window, where it stands, and that it was learned."""
        governor, _ = self.learned(50)
        known = governor.knowledge()
        assert known["learned"] is True
        assert known["window_seconds"] == 1.0
        assert 49 <= known["limit"] <= 50
        assert known["rate"] == pytest.approx(governor.rate, abs=0.001)
        assert (known["mode"], known["refusal"]) == ("holding", "throttle")
        assert known["overshoots"] == governor.overshoots > 0

    def test_what_was_not_learned_is_not_believed(self) -> None:
        """A process that died while climbing leaves a rate that means nothing; the next one climbs again."""
        cold = Governor(LEARNING, 0.0)
        simulate_burst(cold, FixedWindow(10**9), checks=60, delays=delays(Random(0)))
        known = cold.knowledge()
        assert known["learned"] is False
        assert known["rate"] > LEARNING.initial_rate
        assert Governor(LEARNING, 0.0, known).rate == LEARNING.initial_rate

    def test_a_refusal_alone_is_not_yet_learned(self) -> None:
        """Between the first refusal and its conclusion the rate is still the one that was too high."""
        governor = Governor(LEARNING, 0.0)
        simulate_burst(
            governor, FixedWindow(30, 3600.0), checks=500, delays=delays(Random(0)), horizon_seconds=5.0
        )
        assert governor.mode is Mode.LISTENING
        assert governor.knowledge()["learned"] is False

    def test_unproven_knowledge_is_handed_on(self) -> None:
        """A warm governor that found its trunk dead keeps what its predecessor learned."""
        before, _ = self.learned(50)
        warm = Governor(LEARNING, 0.0, before.knowledge())
        assert warm.knowledge()["learned"] is True
        assert warm.knowledge()["rate"] == before.knowledge()["rate"]

    def test_a_new_ceiling_binds_old_knowledge(self) -> None:
        """What the operator declares today is stronger than what was learned yesterday."""
        before, _ = self.learned(200)
        assert Governor(GovernorPolicy(learn=True, max_rate=7), 0.0, before.knowledge()).rate == 7
