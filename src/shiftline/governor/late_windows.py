"""Limiters that judge a window by the one before it, as RED of Kamailio does: what too much is shows late.

Such a limiter lets a whole window pass, however full, and refuses throughout the next one if that was too
full (pipe_push of pipelimit and ratelimit: in it at most every second passes). So each closure begins as a
window begins, and two of them lie whole windows apart:

```
            |too full |shut     |too full |shut     |
 passed ____|#########|    .    |#########|   .     |___
 refused    |         |x  x x   |         |x  x x   |
                       ^ began             ^ began
            <-length-> <---- whole windows ---->
```
What explains every refusal like that bounds the limit from both sides: a window that was followed by a shut
one held too much, one that was followed by an open one did not. Between the two it is halved, not crept to:
each step tells after one window, and a step too far costs one more.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from math import floor, inf, sqrt

from shiftline.governor.pacer import Cap
from shiftline.governor.window_fit import WINDOW_LENGTHS, Observation

RUN = 3  # passed in a row: in a shut window at most every second does
SLACK = 0.02  # of the window: real timers drift
DRIFT = 0.0005  # of the time between two closures
MOST_DISTANCES = 3  # closures that are looked at
MOST_PARTS, LEAST_PARTS = 12, 2  # windows between two closures: one was open at least
SHORTEST, LONGEST = 0.5, 30.0  # seconds
TELLING = 12  # requests: with fewer, closures lie whole windows apart by chance as well
SHUT_SHARE = 0.25  # of the window: what is shut for less is full only
PROOFS = 2  # closures, for a usual length
RHYTHM = 3  # for any other
PROMPT_SECONDS = 0.25  # a refusal is answered within so much
BOUNDARY_MARGIN = 0.03  # seconds after a window's end before the next one is tried
NARROW = 1.04  # times what passed: nearer the limit is not looked for
DEEPEST = 4.0  # times: so much less is tried at once
TOLERANCE = 0.02  # share by which counts of a real timer's windows differ
LOWER = 0.85  # times what was refused, though it had passed before: the limit has come down


@dataclass(frozen=True, slots=True)
class Beginning:
    """A closure began after the last that passed, and not after the first that was refused (seconds)."""

    passed_at: float
    refused_at: float


@dataclass(frozen=True, slots=True)
class Bounds:
    """Counts of one window."""

    least: float
    """So many were not too many."""
    most: float
    """So many were."""
    shut_seconds: float = 0.0
    """So long the next one was shut for certain."""


@dataclass(slots=True)
class LateWindows:
    """Times are seconds on one monotonic clock, counts are requests in one window."""

    length: float | None = None
    """Of the window; None: no such limiter explains what was seen."""
    least: float = 0.0
    """So many were not too many."""
    most: float = inf
    """So many were."""
    _boundary: float = field(default=0.0, init=False)
    """Where a window began."""
    _again: int = field(default=0, init=False)
    """So often in a row what should have passed was refused."""
    _judged_at: float = field(default=0.0, init=False)
    """The newest window's beginning that was looked at."""

    def forget(self) -> None:
        """Nothing is explained by such windows for now."""
        self.length, self.least, self.most, self._again = None, 0.0, inf, 0

    def explain(self, seen: Sequence[Observation]) -> None:
        """Look for windows that explain all that was ``seen`` (in order of sending)."""
        beginnings = tuple(beginnings_in(seen))[-MOST_DISTANCES:]
        for length in self._lengths(beginnings):
            bounds = bounds_by(seen, length, beginnings)
            if _is_telling(bounds) and (length == self.length or _is_proven(length, bounds)):
                self._believe(length, bounds, beginnings[-1].refused_at)
                return
        self.forget()

    def _believe(self, length: float, bounds: Sequence[Bounds], began_at: float) -> None:
        is_new = length != self.length
        if is_new:
            self.forget()
            self.length = length
        elif began_at <= self._boundary:
            return  # nothing was refused since
        for one in bounds if is_new else bounds[-1:]:
            self._bound(one)
        self._boundary = self._judged_at = began_at

    def _bound(self, newest: Bounds) -> None:
        """Add what the newest closure told."""
        drift = max(1.0, TOLERANCE * newest.most)
        if self._again or newest.most <= self.least:
            # What had passed was refused: a timer's windows differ, or the limit has come down.
            is_drift = not self._again and newest.most >= self.least - drift
            lower = newest.most * LOWER**2 ** max(0, self._again - 1)
            self.least, self.most = newest.most - drift if is_drift else lower, newest.most
            self._again += 1
            return
        self.least = max(self.least, newest.least)
        if self.least - self.most > drift:
            self.most = inf  # it has been raised
        self.most = min(self.most, newest.most)
        self.least = min(self.least, self.most - 1.0)

    def _lengths(self, beginnings: Sequence[Beginning]) -> Iterator[float]:
        if self.length is not None and beginnings:
            yield self.length
        if len(beginnings) >= PROOFS:
            yield from WINDOW_LENGTHS
        if len(beginnings) >= RHYTHM:
            distance = beginnings[-1].refused_at - beginnings[-2].refused_at
            lengths = (distance / parts for parts in range(MOST_PARTS, LEAST_PARTS - 1, -1))
            yield from (length for length in lengths if SHORTEST <= length <= LONGEST)

    @property
    def is_narrow(self) -> bool:
        """True when the limit is known well enough, or no whole count is left to try."""
        is_near = self.most <= self.least * NARROW or self.most - self.least <= 1
        return is_near or self._between < floor(self.least) + 1

    @property
    def _between(self) -> float:
        """What to try next. What leaves is counted whole, so it is rounded down."""
        return max(sqrt(max(1.0, self.least) * self.most), self.most / DEEPEST)

    @property
    def is_open(self) -> bool:
        """True while it is looked for, between what was not too much and what was."""
        return self.length is not None and self.most < inf and not self.is_narrow

    @property
    def rate(self) -> float | None:
        """What to try next, or to hold once the limit is known well enough (per second)."""
        if self.length is None:
            return None
        if self.is_narrow or self.most == inf:
            return self.least / self.length
        return self._between / self.length

    def judged(self, passed_at: float, left_since: Callable[[float], int]) -> bool:
        """Note that what left at ``passed_at`` passed; return whether that tells of one more window.

        ``left_since`` tells how many requests have left after a moment.
        """
        if self.length is None:
            return False
        began_at = self._boundary + floor((passed_at - self._boundary) / self.length) * self.length
        if began_at <= self._judged_at + self.length / 2:
            return False
        self._judged_at = began_at
        count = left_since(began_at - self.length) - left_since(began_at)
        if count >= self.least:
            self.least, self._again = float(count), 0
        if self.least > self.most:
            self.most = inf  # the limit has been raised
        return True

    def cap(self, rate: float) -> Cap | None:
        """So many may leave in any window at that rate; None while no window is known."""
        return None if self.length is None else Cap(max(1, int(rate * self.length + 0.001)), self.length)

    def ends_at(self, now: float) -> float | None:
        """When the window ends of which the first was just refused; None: none is known, or it is another."""
        if self.length is None:
            return None
        windows, into = divmod(now - self._boundary + SLACK * self.length, self.length)
        if windows < LEAST_PARTS or into > SLACK * self.length + PROMPT_SECONDS:
            return None
        return now + self.length + BOUNDARY_MARGIN


def beginnings_in(seen: Sequence[Observation]) -> Iterator[Beginning]:
    """Where one was refused after some had passed in a row."""
    run = 0
    for before, one in pairwise(seen):
        run = run + 1 if before.passed else 0
        if not one.passed and run >= RUN:
            yield Beginning(before.sent_at, one.sent_at)


def bounds_by(
    seen: Sequence[Observation], length: float, beginnings: Sequence[Beginning]
) -> tuple[Bounds, ...]:
    """Return what each closure tells, if windows of that length explain them all; else nothing."""
    if not all(_is_whole(one, other, length) for one, other in pairwise(beginnings)):
        return ()
    first = beginnings[0].refused_at
    sent = [one.sent_at for one in seen]
    refused = [one.sent_at for one in seen if not one.passed]
    if any(not _is_explained(at, length, beginnings) for at in refused[bisect_left(refused, first) :]):
        return ()
    found: list[Bounds] = []
    since = first - length
    for begin in beginnings:
        start = bisect_left(sent, begin.refused_at)
        shut = seen[start : bisect_left(sent, begin.refused_at + length * (1 - SLACK))]
        if 2 * sum(one.passed for one in shut) > len(shut):
            return ()
        quiet = _quiet(sent, refused, length, since, begin.refused_at)
        full = start - bisect_left(sent, begin.refused_at - length)
        is_known = sent[0] <= begin.refused_at - length
        shut_seconds = max(one.sent_at for one in shut if not one.passed) - begin.refused_at
        found.append(Bounds(quiet, full if is_known else inf, shut_seconds))
        since = begin.refused_at
    return tuple(found)


def _is_telling(bounds: Sequence[Bounds]) -> bool:
    return bool(bounds) and TELLING <= bounds[-1].most < inf


def _is_proven(length: float, bounds: Sequence[Bounds]) -> bool:
    """True if it was shut for long enough often enough."""
    long = sum(one.shut_seconds >= SHUT_SHARE * length for one in bounds)
    return long >= (1 if length in WINDOW_LENGTHS else PROOFS)


def _quiet(sent: Sequence[float], refused: Sequence[float], length: float, since: float, until: float) -> int:
    """The fullest window between those moments that was followed by an open one."""
    quiet = 0
    for index in range(1, round((until - since) / length)):
        start, end = until - index * length, until - (index - 1 + SLACK) * length
        if _count(sent, start, end) and not _count(refused, start - length * SLACK, end):
            quiet = max(quiet, _count(sent, start - length, start))
    return quiet


def _is_whole(one: Beginning, other: Beginning, length: float) -> bool:
    """True if whole windows may lie between the two, and an open one."""
    slack = SLACK * length + DRIFT * (other.refused_at - one.refused_at)
    least = other.passed_at - one.refused_at - slack
    most = other.refused_at - one.passed_at + slack
    times = floor(most / length)
    return times >= LEAST_PARTS and times * length >= least


def _is_explained(at: float, length: float, beginnings: Sequence[Beginning]) -> bool:
    return any(0 <= at - begin.refused_at < length * (1 + SLACK) for begin in beginnings)


def _count(moments: Sequence[float], start: float, end: float) -> int:
    return bisect_left(moments, end) - bisect_left(moments, start)
