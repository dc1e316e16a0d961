"""A histogram of durations with a bounded relative error, small enough to send once a second.

Buckets are logarithmic (the idea of HdrHistogram and DDSketch): a quantile is within 0.5 % of the true one,
from a microsecond to hours, in at most about two thousand counters. Histograms of several processes add up.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterable, Mapping
from math import ceil, exp, floor, log

_BASE = 1.01
_PER_BUCKET = 1.0 / log(_BASE)
_SMALLEST = 1e-6
"""Seconds; what is shorter counts as this."""
_LARGEST = 1e6


class Histogram:
    """Durations in seconds."""

    __slots__ = ("_counts", "_highest", "_packed", "_total", "count")

    def __init__(self) -> None:
        self.count = 0
        self._counts: Counter[int] = Counter()
        self._packed: tuple[array[int], array[int]] | None = None
        """Buckets and counts instead of ``_counts``."""
        self._highest = 0.0
        self._total = 0.0

    def record_all(self, seconds: list[float]) -> None:
        """Count many at once: the engine collects a second's values and never calls a function for one."""
        if not seconds:
            return
        self._unpack()
        self.count += len(seconds)
        self._total += sum(seconds)
        longest = max(seconds)
        self._highest = max(self._highest, longest)
        if min(seconds) < _SMALLEST or self._highest > _LARGEST:
            seconds = [min(max(value, _SMALLEST), _LARGEST) for value in seconds]
        self._counts.update(map(floor, map(_PER_BUCKET.__mul__, map(log, seconds))))

    def add(self, other: Histogram) -> None:
        """Take in what another one counted."""
        self._unpack()
        self.count += other.count
        self._total += other._total
        self._highest = max(self._highest, other._highest)
        self._counts.update(other._items())

    def pack(self) -> None:
        """Take a tenth of the room from now on: for those that are kept and rarely looked at."""
        if self._packed is None:
            items = sorted(self._counts.items())
            self._packed = array("h", (bucket for bucket, _ in items)), array("I", (n for _, n in items))
            self._counts = Counter()

    def _unpack(self) -> None:
        if self._packed is not None:
            self._counts, self._packed = Counter(self._items()), None

    def _items(self) -> Mapping[int, int]:
        return self._counts if self._packed is None else dict(zip(*self._packed, strict=True))

    @property
    def highest(self) -> float:
        """The longest, exactly; 0.0 when there is none."""
        return self._highest

    @property
    def mean(self) -> float:
        """The mean, exactly; 0.0 when there is none."""
        return self._total / self.count if self.count else 0.0

    def quantile(self, share: float) -> float:
        """The duration that this share (0 to 1) does not exceed, within 0.5 %; 0.0 when there is none."""
        wanted, seen = max(1, ceil(share * self.count)), 0
        for bucket, count in sorted(self._items().items()):
            seen += count
            if seen >= wanted:
                return min(exp((bucket + 0.5) / _PER_BUCKET), self._highest)
        return 0.0

    def buckets(self) -> Mapping[float, int]:
        """How many fell into each bucket, by the bucket's middle in seconds, shortest first."""
        return {exp((bucket + 0.5) / _PER_BUCKET): count for bucket, count in sorted(self._items().items())}


def merged(histograms: Iterable[Histogram]) -> Histogram:
    """One histogram of all."""
    whole = Histogram()
    for histogram in histograms:
        whole.add(histogram)
    return whole
