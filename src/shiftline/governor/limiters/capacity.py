"""Servers that are limited by what they can do: places for transactions, a processor, and honest feedback."""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field, replace
from math import ceil, floor

from shiftline.governor.limiters.model import DROPPED, PASSED, Arrival, Fate, Feedback, Limiter, Verdict

BUSY = Verdict(fate=Fate.REFUSE, status=503)
MOST_LOSS = 99  # per cent: with all left out, nothing would arrive to tell that it is over


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
    """One processor handles ``rate`` requests per second in order; the rest waits, or is lost.

    Nothing is refused: it slows. Where waiting is longer than a client's timer E (0.5 s), its repeats
    wait in the same queue and take the processor's time as well; that is for whoever sends them to do.
    """

    rate: float
    queue_seconds: float = 2.0
    """What would wait longer than this is dropped: the receive buffer is full."""
    _free_at: float = field(default=0.0, init=False)

    def judge(self, arrival: Arrival) -> Verdict:
        """See `Limiter`. The wait includes the processor's own time."""
        start = max(arrival.at, self._free_at)
        if start - arrival.at > self.queue_seconds:
            return DROPPED
        self._free_at = start + 1.0 / self.rate
        return replace(PASSED, wait_seconds=self._free_at - arrival.at)


@dataclass(slots=True, kw_only=True)
class FeedbackServer:
    """Refuses like its ``limiter``, and tells in every answer what it would rather get (RFC 7339, RFC 7415).

    With ``rate`` that is its rate. With ``loss`` it is the percentage to leave out, and each second that
    brought too much (or little) raises (or lowers) it by what is missing: what arrived is what was left
    over of the senders' wish, as far as they obey. ``oc`` is a whole number either way.
    """

    limiter: Limiter
    rate: float
    algorithm: str = "rate"
    validity_seconds: float = 0.5
    _second: int = field(default=-1, init=False)
    _arrived: int = field(default=0, init=False)
    _loss: int = field(default=0, init=False)

    def judge(self, arrival: Arrival) -> Verdict:
        """See `Limiter`."""
        second = floor(arrival.at)
        if second != self._second:
            self._loss = self._next_loss() if second == self._second + 1 else 0
            self._second, self._arrived = second, 0
        self._arrived += 1
        value = max(1, round(self.rate)) if self.algorithm == "rate" else self._loss
        feedback = Feedback(
            algorithm=self.algorithm,
            value=value,
            validity_seconds=self.validity_seconds,
            sequence=round(arrival.at, 3),
        )
        return replace(self.limiter.judge(arrival), feedback=feedback)

    def _next_loss(self) -> int:
        """The percentage to leave out from now on, given this second's arrivals."""
        left = (100 - self._loss) * self.rate / max(1, self._arrived)
        return min(max(0, ceil(100 - left)), MOST_LOSS)
