"""Servers that are limited by what they can do: places for transactions, a processor, and honest feedback."""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field, replace

from shiftline.governor.limiters.model import DROPPED, PASSED, Arrival, Fate, Feedback, Limiter, Verdict

BUSY = Verdict(fate=Fate.REFUSE, status=503)


@dataclass(slots=True)
class ConcurrencyCap:
    """At most ``places`` requests are handled at a time; one more is refused at once."""

    places: int
    refusal: Verdict = BUSY
    _ends: list[float] = field(default_factory=list, init=False)

    def judge(self, arrival: Arrival) -> Verdict:
        """See `Limiter`."""
        while self._ends and self._ends[0] <= arrival.at:
            heapq.heappop(self._ends)
        if len(self._ends) >= self.places:
            return self.refusal
        heapq.heappush(self._ends, arrival.at + arrival.service_seconds)
        return PASSED


@dataclass(slots=True, kw_only=True)
class CpuBound:
    """One processor handles ``rate`` requests per second in order; the rest waits, or is lost."""

    rate: float
    queue_seconds: float = 2.0
    """What would wait longer than this is dropped."""
    _free_at: float = field(default=0.0, init=False)

    def judge(self, arrival: Arrival) -> Verdict:
        """See `Limiter`."""
        start = max(arrival.at, self._free_at)
        wait = start - arrival.at
        if wait > self.queue_seconds:
            return DROPPED
        self._free_at = start + 1.0 / self.rate
        return replace(PASSED, wait_seconds=wait)


@dataclass(slots=True, kw_only=True)
class FeedbackServer:
    """Refuses like its ``limiter``, and tells in every answer what it would rather get (RFC 7339, RFC 7415).

    With ``loss`` it asks for the share of the last second's arrivals that was too much.
    """

    limiter: Limiter
    rate: float
    algorithm: str = "rate"
    validity_seconds: float = 0.5
    _second: int = field(default=-1, init=False)
    _arrived: int = field(default=0, init=False)
    _loss: float = field(default=0.0, init=False)

    def judge(self, arrival: Arrival) -> Verdict:
        """See `Limiter`."""
        second = int(arrival.at)
        if second != self._second:
            # What is left out already counts as wanted still: the sender's wish is what arrived before it.
            offered = self._arrived / (1.0 - self._loss)
            self._loss = (
                max(0.0, 1.0 - self.rate / offered) if offered and second == self._second + 1 else 0.0
            )
            self._second, self._arrived = second, 0
        self._arrived += 1
        value = self.rate if self.algorithm == "rate" else round(100.0 * self._loss)
        feedback = Feedback(
            algorithm=self.algorithm,
            value=value,
            validity_seconds=self.validity_seconds,
            sequence=round(arrival.at, 3),
        )
        return replace(self.limiter.judge(arrival), feedback=feedback)
