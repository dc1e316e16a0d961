"""Which limits a few seconds of load leave possible, when it ended with its first refusals.

`governor.window_fit` wants to see windows end and begin again. An examination does not load a trunk for so
long: its ladder stops at the first refusal. What it saw still contradicts most limits: each burst that passed
gives a lower bound, each refusal names how many had passed in its window, for every phase that the windows
may have. What nothing contradicts is reported, all of it.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import floor

from shiftline.governor.window_fit import ROUNDING, WINDOW_LENGTHS, Observation

_LOOKED_BACK = 30.0
"""Seconds before the last refusal: for three of the longest windows a timer keeps its phase."""
_OVERTAKEN = (1, 3)
"""So many requests may overtake a refusal on their way: as few as explain anything."""


@dataclass(frozen=True, slots=True)
class PossibleWindow:
    """A window length, and the limits that explain what was seen with it."""

    window_seconds: float
    lowest: int
    highest: int


def possible_windows(seen: Sequence[Observation]) -> tuple[PossibleWindow, ...]:
    """What explains the observations, which are in order of sending; the shortest window first."""
    last = max((one.sent_at for one in seen if not one.passed), default=None)
    if last is None:
        return ()
    near = [one for one in seen if last - _LOOKED_BACK <= one.sent_at <= last]
    passed = [one.sent_at for one in near if one.passed]
    refused = [one.sent_at for one in near if not one.passed]
    for overtaken in _OVERTAKEN:
        if found := tuple(_fixed_windows(passed, refused, overtaken)):
            return found
        if found := tuple(_sliding_windows(passed, refused, overtaken)):
            return found
    return ()


def _fixed_windows(
    passed: Sequence[float], refused: Sequence[float], overtaken: int
) -> Iterator[PossibleWindow]:
    for length in WINDOW_LENGTHS:
        # Windows that begin anywhere between two requests count alike: let them begin with one.
        phases = sorted({at % length for at in (*passed, *refused)})
        bounds = [found for phase in phases if (found := _fixed(passed, refused, (length, phase), overtaken))]
        if bounds:
            lowest, highest = min(low for low, _ in bounds), max(high for _, high in bounds)
            yield PossibleWindow(length, lowest, highest)


def _sliding_windows(
    passed: Sequence[float], refused: Sequence[float], overtaken: int
) -> Iterator[PossibleWindow]:
    """Windows that end with each request: what passed met less than the limit in them, the rest as much."""
    for length in WINDOW_LENGTHS:
        met_passing = max((_within(passed, at, length) for at in passed), default=0)
        met_refused = [_within(passed, at, length) for at in refused]
        bounds = met_passing + 1, min(met_refused), max(met_refused)
        if max(bounds) - min(bounds) <= overtaken:
            yield PossibleWindow(length, min(bounds), max(bounds))


def limit_figures(possible: Sequence[PossibleWindow]) -> dict[str, float]:
    """For a finding: the shortest window is believed, as the governor does, and what is not known is told."""
    if not possible:
        return {}
    best = possible[0]
    return {
        "limit": (best.lowest + best.highest) / 2.0,
        "limit_lowest": float(min(one.lowest for one in possible)),
        "limit_highest": float(max(one.highest for one in possible)),
        "window_seconds": best.window_seconds,
        "window_seconds_lowest": possible[0].window_seconds,
        "window_seconds_highest": possible[-1].window_seconds,
    }


def _fixed(
    passed: Sequence[float], refused: Sequence[float], windows: tuple[float, float], overtaken: int
) -> tuple[int, int] | None:
    """The lowest and highest limit with windows of this length and phase; None if all are contradicted."""
    length, phase = windows
    full: list[int] = []
    clean = 0
    begin = passed[0] if passed else refused[0]
    for index in range(floor((begin - phase) / length), floor((refused[-1] - phase) / length) + 2):
        start = phase + index * length - ROUNDING
        end = start + length
        first, after = bisect_left(passed, start), bisect_left(passed, end)
        refusal = bisect_left(refused, start)
        if refusal == len(refused) or refused[refusal] >= end:
            clean = max(clean, after - first)
            continue
        before = bisect_left(passed, refused[refusal]) - first
        if before == 0 or after - first - before > overtaken:
            return None
        full.append(after - first)
    lowest, highest = min(full), max(full)
    if highest - lowest > overtaken or clean > highest:
        return None
    return max(lowest, clean), highest


def _within(passed: Sequence[float], at: float, length: float) -> int:
    return bisect_left(passed, at) - bisect_left(passed, at - length)
