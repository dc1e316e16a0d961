"""Limiters that somebody else shares, or that change."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from math import inf

from shiftline.governor.limiters.model import Arrival, Fate, Limiter, Verdict

OTHERS = "another sender"


@dataclass(slots=True, kw_only=True)
class Shared:
    """A limiter that others use as well.

    ``others`` are the moments of their arrivals, in order (seconds); they may go on for ever.
    """

    limiter: Limiter
    others: Iterable[float]
    source: str = OTHERS
    others_refused: int = field(default=0, init=False)
    _coming: Iterator[float] = field(init=False)
    _next: float = field(init=False)

    def __post_init__(self) -> None:
        self._coming = iter(self.others)
        self._next = next(self._coming, inf)

    def judge(self, arrival: Arrival) -> Verdict:
        """See `Limiter`."""
        while self._next <= arrival.at:
            verdict = self.limiter.judge(Arrival(at=self._next, source=self.source))
            self.others_refused += verdict.fate is not Fate.PASS
            self._next = next(self._coming, inf)
        return self.limiter.judge(arrival)


@dataclass(slots=True)
class Changing:
    """One limiter after another: each is in force from its moment (seconds) on, the first from the start."""

    limiters: Sequence[tuple[float, Limiter]]

    def judge(self, arrival: Arrival) -> Verdict:
        """See `Limiter`."""
        now = [limiter for since, limiter in self.limiters if since <= arrival.at]
        return (now[-1] if now else self.limiters[0][1]).judge(arrival)
