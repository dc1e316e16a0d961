"""The limit of those limiters that have no fixed windows: token buckets and sliding windows.

A sliding window refuses when as many as its limit passed in the window before, so at each refusal their
number is the same. A bucket that is empty lets through what flows in: at each refusal their number is its
rate times the window, whatever window one looks at. Both are found from the passages before refusals.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from shiftline.governor.window_fit import WINDOW_LENGTHS, Observation

_LEAST = 20
"""Refusals that have a whole window of the same load before them."""
_PAUSE_SECONDS = 1.0
"""Without a request for so long, a load is over."""
_EDGE = 0.05
"""Of the counts this share at either end is left out: the road reorders."""
_CONSTANT, _VARIES = 0.04, 0.3
"""Spread of the counts, by their median, up to which they are the same, and up to which they tell a rate."""


@dataclass(frozen=True, slots=True)
class Sustained:
    """How many passed in the window before a refusal, usually, and how much that varied by its own size."""

    passed: float
    window_seconds: float
    spread: float

    @property
    def is_window(self) -> bool:
        """Whether it is the same number at each refusal; else only its rate is known."""
        return self.spread <= max(_CONSTANT, 2.0 / self.passed)


def sustained_limit(seen: Sequence[Observation]) -> Sustained | None:
    """The limit by the shortest window whose count is constant; None where too little was refused for long.

    ``seen`` are in order of sending.
    """
    passed = [one.sent_at for one in seen if one.passed]
    found = [one for one in (_in(length, seen, passed) for length in WINDOW_LENGTHS) if one is not None]
    constant = next((one for one in found if one.is_window), None)
    if constant is not None:
        return constant
    steadiest = min(found, key=lambda one: one.spread, default=None)
    return steadiest if steadiest is not None and steadiest.spread <= _VARIES else None


def _in(length: float, seen: Sequence[Observation], passed: Sequence[float]) -> Sustained | None:
    counts = sorted(
        bisect_left(passed, at) - bisect_left(passed, at - length) for at in _settled(length, seen)
    )
    if len(counts) < _LEAST:
        return None
    edge = int(len(counts) * _EDGE)
    middle = float(median(counts))
    if middle < 1.0:
        return None
    return Sustained(middle, length, (counts[-1 - edge] - counts[edge]) / middle)


def _settled(length: float, seen: Sequence[Observation]) -> list[float]:
    """Refusals of a load that was refused a window ago as well: the burst that a bucket holds is through."""
    found = []
    begun: float | None = None
    last = float("-inf")
    for one in seen:
        if one.sent_at - last > _PAUSE_SECONDS:
            begun = None
        last = one.sent_at
        if one.passed:
            continue
        begun = one.sent_at if begun is None else begun
        if one.sent_at - begun >= length:
            found.append(one.sent_at)
    return found
