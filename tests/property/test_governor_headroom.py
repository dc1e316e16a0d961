"""A limit that others use, too, is met once and then left alone."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from math import floor
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from shiftline.governor.governor import Governor
from shiftline.governor.limiters.counters import FixedWindow
from shiftline.governor.policy import GovernorPolicy
from shiftline.governor.simulation.burst import Delays, simulate_burst
from shiftline.governor.state import Mode

PHASES = st.floats(0.0, 1.0, exclude_max=True)
LIMITS = st.sampled_from([5, 10, 20, 50, 100])
HEADROOMS = st.sampled_from([0.02, 0.05, 0.1, 0.3])
SEEDS = st.integers(0, 2**16)
REFUSAL_SECONDS = st.sampled_from([0.002, 0.04])


def answer_time(seed: int) -> Callable[[], float]:
    return partial(Random(seed).uniform, 0.02, 0.06)


@given(PHASES, LIMITS, HEADROOMS, SEEDS, REFUSAL_SECONDS)
@settings(max_examples=40, deadline=None)
def test_the_limit_is_met_in_one_window_of_an_episode(
    phase: float, limit: int, headroom: float, seed: int, refusal_seconds: float
) -> None:
    """Whatever the phase and the answer times: refusals in at most one of the limiter's own windows."""
    governor = Governor(GovernorPolicy(learn=True, max_rate=0, headroom=headroom), 0.0)
    delays = Delays(handled=answer_time(seed), refused=refusal_seconds)
    report = simulate_burst(governor, FixedWindow(limit, 1.0, phase), checks=limit * 20, delays=delays)
    windows = {floor(moment - phase) for moment in report.refusal_times}
    assert len(windows) <= 1
    assert governor.mode is Mode.HOLDING
    assert governor.rate <= limit * (1 - headroom) + 1e-6


@given(PHASES, LIMITS, HEADROOMS, SEEDS)
@settings(max_examples=25, deadline=None)
def test_the_share_that_is_left_can_be_used_by_others(
    phase: float, limit: int, headroom: float, seed: int
) -> None:
    """A second sender that stays within the headroom is refused in at most one window."""
    random = Random(seed)
    limiter = FixedWindow(limit, 1.0, phase)
    others = [random.uniform(0, 60) for _ in range(int(60 * limit * headroom * 0.4))]
    shared = SharedLimiter(limiter, sorted(others))
    governor = Governor(GovernorPolicy(learn=True, max_rate=0, headroom=headroom), 0.0)
    simulate_burst(governor, shared, checks=limit * 20, delays=Delays(handled=answer_time(seed)))
    assert shared.windows_where_others_were_refused(phase, limit * headroom) <= 1


class SharedLimiter:
    """A limiter with another sender behind it, who does not wait."""

    def __init__(self, limiter: FixedWindow, others: list[float]) -> None:
        self._limiter = limiter
        self._others = others
        self._refused_others: list[float] = []
        self._arrived: list[float] = []

    def admits(self, now: float) -> bool:
        while self._others and self._others[0] <= now:
            moment = self._others.pop(0)
            self._arrived.append(moment)
            if not self._limiter.admits(moment):
                self._refused_others.append(moment)
        return self._limiter.admits(now)

    def windows_where_others_were_refused(self, phase: float, share: float) -> int:
        """Windows in which they kept to their share, and were refused all the same."""
        windows = [floor(moment - phase) for moment in self._arrived]
        modest = {window for window in windows if windows.count(window) <= share - 1}
        return len({floor(moment - phase) for moment in self._refused_others} & modest)
