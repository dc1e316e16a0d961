"""How fast: the paced rate of one trunk, and what refusals taught about the limit behind it."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from math import ceil
from typing import Any

from shiftline.governor.pacer import Cap, Pacer
from shiftline.governor.policy import GovernorPolicy
from shiftline.governor.window_fit import Observation, WindowFit, fit_windows

BOUNDARY_MARGIN = 0.03  # seconds after a window's end before the next one is tried
LOWEST_RATE = 0.5
DECREASE = 0.85
SMALL_DECREASE = 0.95
TOLERANCE = 0.02  # share of the limit by which windows of a real timer differ
SLACKENED = 0.5  # what is left of a rate at which a trunk fell silent: some drop what is too much
OPEN_CREEP = 3.0  # while the limit is open
PINNED_CREEP = 0.1  # once it is known: only to notice that it was raised
MEMORY = 12_000  # observations kept for the fit


class Learner:
    """Owns the pacer's rate and caps. All times are seconds on one monotonic clock."""

    def __init__(self, policy: GovernorPolicy, now: float, known: Mapping[str, Any] | None) -> None:
        self.policy = policy
        self.learned = bool(known and known["learned"])
        """True once a refusal taught the rate, in this life or in an earlier one."""
        self.pacer = Pacer(self._first_rate(known), now, ceiling=_ceiling_cap(policy))
        self._fit: WindowFit | None = None
        self._seen: deque[Observation] = deque(maxlen=MEMORY)
        self._overshot_at: float | None = None

    def knowledge(self) -> dict[str, Any]:
        """What is known of the limit, as plain JSON values."""
        return {
            "rate": round(self.pacer.rate, 3),
            "limit": None if self._fit is None else self._fit.lowest_limit,
            "window_seconds": None if self._fit is None else self._fit.window_seconds,
            "learned": self.learned,
        }

    def observe(self, seen: Observation) -> None:
        """Remember what the limiter did with one request."""
        self._seen.append(seen)

    def climb(self, elapsed: float) -> None:
        """Grow fast, in search of the limit."""
        growth: float = 2 ** (elapsed / self.policy.doubling_seconds)
        self.pacer.rate = min(self.pacer.rate * growth, self.policy.ceiling)

    def creep(self, elapsed: float) -> None:
        """Grow slowly while nothing is refused, if the policy allows to meet the limit again."""
        if self.policy.learn and not self.policy.headroom:
            self._hold(self.pacer.rate * (1.0 + self._creep_per_second() * elapsed))

    def slacken(self) -> None:
        """Lower the rate after a silence, unless the limit is known or the rate is not ours to learn."""
        if self.policy.learn and self._fit is None:
            self._hold(self.pacer.rate * SLACKENED)

    def overshot(self, now: float) -> None:
        """Note that the rate was refused; `settle` draws the conclusion once the trunk answers again."""
        self._overshot_at = now

    def settle(self, now: float) -> None:
        """Choose the rate to hold from what the last refusal taught, if that was not done yet."""
        if self._overshot_at is None:
            return
        before = self.pacer.rate
        seen = sorted(self._seen, key=lambda observation: observation.sent_at)
        had_fit = self._fit is not None
        self._fit = fit_windows(seen, tolerance=max(1, round(before * TOLERANCE)) if had_fit else 1)
        if self._fit is None and had_fit:
            # The limit is known by and large: one window that fits badly (a late timer, a datagram that
            # overtook another) is no reason to begin anew.
            self.pacer.cap = None
            self._hold(before * SMALL_DECREASE)
        elif self._fit is None:
            self.pacer.cap = None
            since = self._overshot_at - 1.0
            let_pass = sum(one.passed and since < one.sent_at <= self._overshot_at for one in seen)
            self._hold(min(before, max(let_pass, before * SLACKENED)) * DECREASE)
        else:
            self._hold(self._fit.rate * (1.0 - self.policy.headroom))
        if not self.policy.learn:
            self._hold(min(before * DECREASE, self.pacer.rate))
        self.pacer.restart(now)
        self.learned = True
        self._overshot_at = None

    def window_ends_at(self, now: float) -> float | None:
        """When the window of ``now`` has surely ended; None while the window is not known."""
        if self._fit is None or not self._fit.is_pinned:
            return None
        # A refusal right after a boundary was the old window's: the phase is known to its grain only.
        return max(now, self._fit.next_boundary(now - self._fit.grain_seconds)) + BOUNDARY_MARGIN

    def _first_rate(self, known: Mapping[str, Any] | None) -> float:
        if known and self.learned:
            return min(max(float(known["rate"]), LOWEST_RATE), self.policy.ceiling)
        if self.policy.learn:
            return min(self.policy.ceiling, self.policy.initial_rate)
        return self.policy.max_rate

    def _hold(self, rate: float) -> None:
        self.pacer.rate = min(max(rate, LOWEST_RATE), self.policy.ceiling)
        if self._fit is not None:
            width = self._fit.window_seconds
            self.pacer.cap = Cap(max(1, int(self.pacer.rate * width + 0.001)), width)

    def _creep_per_second(self) -> float:
        """How fast the held rate may grow now, as a share of itself."""
        creep = self.policy.creep_per_second
        if self._fit is None:
            return creep if self.learned else creep * OPEN_CREEP
        if not self._fit.is_pinned and self.pacer.rate * self._fit.window_seconds <= self._fit.highest_limit:
            return creep * OPEN_CREEP
        return creep * PINNED_CREEP


def _ceiling_cap(policy: GovernorPolicy) -> Cap:
    count = ceil(policy.ceiling)
    return Cap(count, count / policy.ceiling)
