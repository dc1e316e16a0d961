"""Which limits the loads leave possible: what passed whole refutes, what was refused bounds.

`governor.window_fit` wants to see windows end and begin again. An examination does not load a trunk for so
long. What it saw still contradicts most limits: all that passed within a window gives a lower bound, each
refusal an upper one, for every phase that the windows may have. What nothing contradicts is reported, all
of it: fixed windows, sliding windows and buckets alike.

Timers drift, and some windows begin with the first request in them: after a pause of more than its length
a window may begin anywhere.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import floor, inf

from shiftline.diagnosis.load_answers import LoadAnswers
from shiftline.diagnosis.possible_buckets import PossibleBuckets, possible_buckets
from shiftline.governor.window_fit import WINDOW_LENGTHS

_SLACKS = (0, 1, 3)
"""So many may be miscounted, as lost answers are: as few as explain anything."""


@dataclass(frozen=True, slots=True)
class PossibleWindow:
    """A window length, and the limits that explain what was seen with it."""

    window_seconds: float
    lowest: int
    highest: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PossibleLimits:
    """All that explains what was seen; the shortest window first."""

    windows: tuple[PossibleWindow, ...] = ()
    buckets: PossibleBuckets | None = None

    def __bool__(self) -> bool:
        return bool(self.windows or self.buckets)

    @property
    def figures(self) -> dict[str, float]:
        """For a finding: the shortest window is believed, as the governor does; what is not known is told."""
        if not self:
            return {}
        slowest = [one.lowest / one.window_seconds for one in self.windows]
        fastest = [one.highest / one.window_seconds for one in self.windows]
        found = {}
        if self.buckets is not None:
            slowest.append(self.buckets.lowest_rate)
            fastest.append(self.buckets.highest_rate)
            found["burst_highest"] = self.buckets.highest_burst
        found["rate_lowest"] = min(slowest)
        is_bounded = max(fastest) < inf
        if is_bounded:
            found["rate_highest"] = max(fastest)
        if not self.windows:
            middle = {"limit": (min(slowest) + max(fastest)) / 2.0}
            return found | (middle if is_bounded else {})
        best = self.windows[0]
        return found | {
            "limit": (best.lowest + best.highest) / 2.0,
            "limit_lowest": float(min(one.lowest for one in self.windows)),
            "limit_highest": float(max(one.highest for one in self.windows)),
            "window_seconds": best.window_seconds,
            "window_seconds_lowest": best.window_seconds,
            "window_seconds_highest": self.windows[-1].window_seconds,
        }


def possible_limits(*readings: LoadAnswers, is_strict: bool = False) -> PossibleLimits:
    """What explains the answers. Of several readings of what a limit counts the first that can be.

    ``is_strict``: nothing is miscounted, and what is refused is not counted: the rest explains too much.
    """
    for slack in _SLACKS[:1] if is_strict else _SLACKS:
        for seen in readings:
            if seen.refusals and (found := _possible(seen, slack, is_strict=is_strict)):
                return found
    return PossibleLimits()


def possible_windows(seen: LoadAnswers) -> tuple[PossibleWindow, ...]:
    """The windows that explain all of it, nothing miscounted; none if none do."""
    return _windows(seen, 0, is_strict=True) if seen.refusals else ()


def _possible(seen: LoadAnswers, slack: int, *, is_strict: bool) -> PossibleLimits:
    return PossibleLimits(
        windows=_windows(seen, slack, is_strict=is_strict), buckets=possible_buckets(seen, slack)
    )


def _windows(seen: LoadAnswers, slack: int, *, is_strict: bool) -> tuple[PossibleWindow, ...]:
    bounds: dict[float, list[tuple[int, int]]] = {}
    counted = seen.everything()
    for length in WINDOW_LENGTHS:
        found = [_fixed(seen, length, slack), _sliding(seen, seen, length)]
        if not is_strict:
            found.append(_sliding(seen, counted, length))
        bounds[length] = [
            (min(one), max(one)) for one in found if one is not None and 0 < one[1] >= one[0] - slack
        ]
    return tuple(
        PossibleWindow(length, min(low for low, _ in found), max(high for _, high in found))
        for length, found in bounds.items()
        if found
    )


def _sliding(seen: LoadAnswers, counted: LoadAnswers, length: float) -> tuple[int, int]:
    """Windows that end with each request: what passed met less than the limit in them, the rest as much."""
    passed = (seen.certainly(begin, begin + length) for begin in seen.begins)
    before = (1 + counted.certainly(one.answered_at - length, one.sent_at) for one in seen.passed)
    lowest = max((*passed, *before), default=0)
    highest = min(counted.possibly(one.sent_at - length, one.answered_at) for one in seen.refusals)
    return lowest, highest


def _fixed(seen: LoadAnswers, length: float, slack: int) -> tuple[int, int] | None:
    """The lowest and highest limit with windows of this length; None if all are contradicted."""
    left: list[tuple[float, float]] = [(1.0, inf)]
    for episode in seen.episodes(length):
        found = {
            (min(low, high), max(low, high))
            for low, high in (_with_phase(episode, length, one, slack) for one in _phases(episode, length))
            if 0 < high >= low - slack
        }
        left = _both(left, _merged(found))
        if not left:
            return None
    return int(left[0][0]), int(left[-1][1])


def _phases(episode: LoadAnswers, length: float) -> Iterator[float]:
    """One of each sort: between two moments at which something left or came, all phases count alike."""
    moments = [*episode.begins, *episode.ends]
    moments += [at for one in episode.refusals for at in (one.sent_at, one.answered_at)]
    edges = sorted({at % length for at in moments})
    for before, after in pairwise([*edges, edges[0] + length]):
        yield (before + after) / 2.0


def _with_phase(episode: LoadAnswers, length: float, phase: float, slack: int) -> tuple[int, float]:
    """At least and at most so many pass in a window; at most none if that contradicts itself."""

    def number(at: float) -> int:
        return floor((at - phase) / length)

    span = range(number(episode.seen[0].sent_at), number(episode.seen[-1].sent_at) + 1)
    starts = [phase + one * length for one in span]
    lowest = max((episode.certainly(start, start + length) for start in starts), default=0)
    highest = inf
    for one in episode.refusals:
        # Where it may have been in one window or the next, one of the two was full.
        windows = range(number(one.sent_at), number(one.answered_at) + 1)
        ends = phase + windows.stop * length
        if len(windows) == 1 and episode.certainly(one.answered_at, ends) > slack:
            return lowest, 0.0  # what is full stays full
        full = max(
            episode.possibly(phase + window * length, min(one.answered_at, phase + (window + 1) * length))
            for window in windows
        )
        highest = min(highest, full)
    return lowest, highest


def _merged(ranges: set[tuple[float, float]]) -> list[tuple[float, float]]:
    """Ranges of whole numbers that touch are one."""
    found: list[tuple[float, float]] = []
    for low, high in sorted(ranges):
        if found and low <= found[-1][1] + 1:
            found[-1] = found[-1][0], max(found[-1][1], high)
        else:
            found.append((low, high))
    return found


def _both(
    some: Sequence[tuple[float, float]], others: Sequence[tuple[float, float]]
) -> list[tuple[float, float]]:
    pairs = ((max(a, c), min(b, d)) for a, b in some for c, d in others)
    return sorted((low, high) for low, high in pairs if low <= high)
