"""How much passes a limiter per second, as far as one closure and the time before it tell.

Over the limiter's span, which is guessed from how long it was shut; or over a whole cycle, from one opening
to the next. Whatever the limiter counts over, no more passes in a cycle than it allows.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

from shiftline.governor.pacer import Pacer
from shiftline.governor.search import LONGEST_CYCLE, SLOW, Closure
from shiftline.governor.seen import Seen

SHORTEST_CYCLE = 5.0  # seconds: in less, a canary that comes late counts for too much
SHORTEST_SPAN = 1.0
SILENT_STEP = 0.95  # of the rate: by less it is lowered, before what a silence costs anyway


@dataclass(frozen=True, slots=True)
class Measuring:
    """What is known when a closure ends. Times are seconds on one monotonic clock."""

    seen: Seen
    pacer: Pacer
    shut: Closure
    settled_at: float | None
    """When the closure before ended; None: there was none."""

    def rate(self, before: float, *, is_held: bool, by_cycle: bool) -> float:
        """What passed per second at the paced rate ``before``, which was refused.

        ``is_held``: it was the same all the time since the closure before. ``by_cycle``: cycles tell.
        """
        if is_held and self.shut.was_partial and before > SLOW:
            return before  # so much passed until then, and what did meanwhile tells nothing
        over_span = self.seen.passed_per_second(self._span_since(), self.shut.measured_until)
        cycle = self._cycle(before, is_held=is_held) if by_cycle else None
        if cycle is None:
            return over_span
        seconds, rate = cycle
        if (
            self.shut.was_silent
        ):  # a flood guard stays shut for what comes meanwhile: that cycle tells too little
            rate = max(rate, SILENT_STEP * before)
        return rate if is_held and seconds >= SHORTEST_CYCLE else max(over_span, rate)

    def _cycle(self, before: float, *, is_held: bool) -> tuple[float, float] | None:
        """How long the cycle was, and what passed in it per second; None: it tells nothing."""
        since = self.settled_at
        # What is noticed by silence is noticed late, and so is its end.
        until = self.shut.shut_until if self.shut.was_silent else self.shut.open_at
        if since is None or self.shut.is_ban or self.shut.was_partial:
            return None
        seconds = until - since
        if not 0.0 < seconds <= LONGEST_CYCLE:
            return None
        passed = self.seen.passed_per_second(since, until) * seconds
        # Right after it opened, less was asked than the rate allows: that time does not count.
        at_speed = self.pacer.taken_since(since) / before if is_held else inf
        at_least = 1.0 / before
        return seconds, passed / max(at_least, min(seconds, at_speed + until - self.shut.began_at))

    def _span_since(self) -> float:
        """A span before the limiter was surely shut, but not before the last settling: that was shut, too."""
        since = self.shut.measured_until - self.shut.span_seconds
        if self.settled_at is None or self.shut.is_ban:
            return since
        return max(since, min(self.settled_at, self.shut.measured_until - SHORTEST_SPAN))
