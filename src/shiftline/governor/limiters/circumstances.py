"""Limiters that somebody else shares, or that change."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from shiftline.governor.limiters.model import Arrival, Fate, Limiter, Verdict

OTHERS = "another sender"


@dataclass(slots=True, kw_only=True)
class Shared:
    """A limiter that others use as well; ``others`` are the moments of their arrivals, in order (seconds)."""

    limiter: Limiter
    others: Sequence[float]
    source: str = OTHERS
    others_refused: int = field(default=0, init=False)
    _next: int = field(default=0, init=False)

    def judge(self, arrival: Arrival) -> Verdict:
        """See `Limiter`."""
        while self._next < len(self.others) and self.others[self._next] <= arrival.at:
            verdict = self.limiter.judge(Arrival(at=self.others[self._next], source=self.source))
            self.others_refused += verdict.fate is not Fate.PASS
            self._next += 1
        return self.limiter.judge(arrival)


@dataclass(slots=True)
class Changing:
    """One limiter after another: each is in force from its moment (seconds) on, the first from the start."""

    limiters: Sequence[tuple[float, Limiter]]

    def judge(self, arrival: Arrival) -> Verdict:
        """See `Limiter`."""
        now = [limiter for since, limiter in self.limiters if since <= arrival.at]
        return (now[-1] if now else self.limiters[0][1]).judge(arrival)
