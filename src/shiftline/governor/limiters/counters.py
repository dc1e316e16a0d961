"""How limiters count: windows, buckets and what Kamailio makes of them. Each is a `Counter` of one key.

Sources: facts on sip-403-signatures (K1 to K4) and RFC 7415 for the bucket.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from math import floor


@dataclass(slots=True)
class FixedWindow:
    """The first ``limit`` arrivals of each window pass, the rest do not: Kamailio's pipelimit TAILDROP."""

    limit: int
    window_seconds: float = 1.0
    phase_seconds: float = 0.0
    _window: int = field(default=-1, init=False)
    _count: int = field(default=0, init=False)

    def window_at(self, now: float) -> int:
        """The number of the window that ``now`` (seconds) falls into."""
        return floor((now - self.phase_seconds) / self.window_seconds)

    def admits(self, now: float) -> bool:
        """See `Counter`."""
        window = self.window_at(now)
        if window != self._window:
            self._window, self._count = window, 0
        self._count += 1
        return self._count <= self.limit

    def admits_all(self, times: Sequence[float]) -> list[bool]:
        """What `admits` says of each of these moments, in order: window by window, which takes far less."""
        admitted: list[bool] = []
        for window, count in _by_window(times, self.phase_seconds, self.window_seconds):
            if window != self._window:
                self._window, self._count = window, 0
            free = min(count, max(0, self.limit - self._count))
            admitted += [True] * free + [False] * (count - free)
            self._count += count
        return admitted


@dataclass(slots=True)
class SlidingWindow:
    """At most ``limit`` arrivals in any ``window_seconds``.

    Refused ones are not counted, or with ``counts_refused`` they are, as by SBT of OpenSIPS' ratelimit
    (hist_update): then whoever does not slow down below the limit gets nothing at all.
    """

    limit: int
    window_seconds: float = 1.0
    counts_refused: bool = False
    _counted: deque[float] = field(default_factory=deque, init=False)
    """The last ``limit`` of what counts; older ones decide nothing."""

    def admits(self, now: float) -> bool:
        """See `Counter`."""
        while self._counted and self._counted[0] <= now - self.window_seconds:
            self._counted.popleft()
        is_full = len(self._counted) >= self.limit
        if self.limit and (self.counts_refused or not is_full):
            self._counted.append(now)
            if is_full:
                self._counted.popleft()
        return not is_full

    def admits_all(self, times: Sequence[float]) -> list[bool]:
        """What `admits` says of each of these moments, in order."""
        return [self.admits(now) for now in times]


@dataclass(slots=True)
class TokenBucket:
    """``rate`` tokens per second up to ``burst``; an arrival takes one (RFC 7415 section 3.5.1)."""

    rate: float
    burst: float
    _tokens: float = field(default=-1.0, init=False)
    _last: float = field(default=0.0, init=False)

    def admits(self, now: float) -> bool:
        """See `Counter`."""
        if self._tokens < 0:
            self._tokens, self._last = self.burst, now
        self._tokens = min(self.burst, self._tokens + (now - self._last) * self.rate)
        self._last = now
        if self._tokens < 1.0:
            return False
        self._tokens -= 1.0
        return True

    def admits_all(self, times: Sequence[float]) -> list[bool]:
        """What `admits` says of each of these moments, in order."""
        return [self.admits(now) for now in times]


@dataclass(slots=True)
class RedWindow:
    """RED of Kamailio: after a window that held the limit n times, only every n-th passes.

    So nothing is refused below twice the limit, and right above it half of everything
    (source: pipe_push of pipelimit and ratelimit, 5.6.3).
    """

    limit: int
    window_seconds: float = 1.0
    phase_seconds: float = 0.0
    _window: int = field(default=-1, init=False)
    _count: int = field(default=0, init=False)
    _load: int = field(default=0, init=False)

    def admits(self, now: float) -> bool:
        """See `Counter`."""
        self._enter(floor((now - self.phase_seconds) / self.window_seconds))
        self._count += 1
        return self._load == 0 or self._count % self._load == 0

    def admits_all(self, times: Sequence[float]) -> list[bool]:
        """What `admits` says of each of these moments, in order: window by window, which takes far less."""
        admitted: list[bool] = []
        for window, count in _by_window(times, self.phase_seconds, self.window_seconds):
            self._enter(window)
            these = [self._load == 0] * count
            if self._load:
                every = slice(self._load - 1 - self._count % self._load, count, self._load)
                these[every] = [True] * len(these[every])
            admitted += these
            self._count += count
        return admitted

    def _enter(self, window: int) -> None:
        if window != self._window:
            last = self._count if window == self._window + 1 else 0
            self._load = last // self.limit
            self._window, self._count = window, 0


def _by_window(times: Sequence[float], phase: float, seconds: float) -> Iterator[tuple[int, int]]:
    """The number of each window that some of these moments (in order) fall into, and how many do."""

    def window_at(now: float) -> int:
        return floor((now - phase) / seconds)

    start = 0
    while start < len(times):
        window = window_at(times[start])
        end = bisect_right(times, window, start, key=window_at)
        yield window, end - start
        start = end
