"""Which limit explains a long line of answers: stretches of it are looked at, each to the last answer.

A server's timer drifts, and windows with it, so one beat explains no whole day. What was refused in the first
ten seconds of a stretch is left out: what came before it is not known. Only windows are looked for: a bucket
that holds nothing explains nearly any order.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from zlib import crc32

from shiftline.diagnosis.load_answers import LoadAnswer, LoadAnswers
from shiftline.diagnosis.passive.limit import RateLimit
from shiftline.diagnosis.possible_limits import PossibleWindow, possible_windows
from shiftline.governor.window_fit import WINDOW_LENGTHS

_LONGEST = max(WINDOW_LENGTHS)
_MOST_ANSWERS = 100
"""In a stretch."""
_MOST_STRETCHES = 6
_MOST_LINES = 20
"""More senders that are refused at rest have no limit each."""
_LEAST_ROWS = 3
"""Rows of refusals, passages between them: fewer fit some window by chance."""
_WELL_WITHIN = 0.95
"""Of a window's length."""
_ORDERS = 19
"""So many other orders of the same answers are tried: if one of them is explained as well, chance may be."""


def explained(lines: Sequence[Sequence[LoadAnswer]]) -> RateLimit | None:
    """The limit that explains each of these lines of answers, which are in order; None if none does."""
    if len(lines) > _MOST_LINES or not all(map(_may_be, lines)):
        return None
    stretches = [stretch for line in lines for stretch in _stretches(line)]
    if sum(map(_rows, stretches)) < _LEAST_ROWS:
        return None
    common: dict[float, tuple[int, int]] | None = None
    for stretch in stretches:
        windows = [one for one in possible_windows(LoadAnswers(stretch)) if _is_exceeded(one, stretch)]
        common = _both(common, windows)
        if not common:
            return None
    if common is None or _is_chance(max(stretches, key=_rows)):
        return None
    limits = {length: (low + high) / 2.0 for length, (low, high) in common.items()}
    length, limit = min(limits.items(), key=lambda pair: pair[1] / pair[0])
    if len(limits) > 1:  # any of them may be it
        return RateLimit(flips_at=limit / length)
    return RateLimit(flips_at=limit / length, limit=limit, window_seconds=length)


def _may_be(line: Sequence[LoadAnswer]) -> bool:
    """Whether something passed in the ten seconds before each refusal, or may have: it used the limit up."""
    passed = line[0].sent_at
    for one in line:
        if one.passed:
            passed = one.answered_at
        elif one.sent_at - passed > _LONGEST:
            return False
    return True


def _stretches(line: Sequence[LoadAnswer]) -> list[list[LoadAnswer]]:
    """Those with refusals; of many, some, evenly over all of the time."""
    starts = [start for start in range(0, len(line), _MOST_ANSWERS) if _rows(_known(line, start))]
    step = max(1, -(-len(starts) // _MOST_STRETCHES))
    return [_known(line, start) for start in starts[::step]]


def _known(line: Sequence[LoadAnswer], start: int) -> list[LoadAnswer]:
    part = [line[place] for place in range(start, min(len(line), start + _MOST_ANSWERS))]
    return [one for one in part if one.passed or one.sent_at - part[0].sent_at > _LONGEST]


def _rows(stretch: Sequence[LoadAnswer]) -> int:
    fates = [True, *(one.passed for one in stretch)]
    return sum(before and not after for before, after in pairwise(fates))


def _is_exceeded(window: PossibleWindow, stretch: Sequence[LoadAnswer]) -> bool:
    """Whether most rows of refusals begin well within a window that is full.

    Who asks at just the rate of a limit meets it or does not: then it explains any order.
    """
    passed: list[float] = []
    clear: list[bool] = []
    is_in_row = False
    for one in stretch:
        if one.passed:
            passed.append(one.sent_at)
        elif not is_in_row:
            since = one.sent_at - _WELL_WITHIN * window.window_seconds
            clear.append(len(passed) - bisect_right(passed, since) >= window.lowest)
        is_in_row = not one.passed
    return 2 * sum(clear) > len(clear)


def _both(
    common: dict[float, tuple[int, int]] | None, windows: Sequence[PossibleWindow]
) -> dict[float, tuple[int, int]]:
    """By the length of the window, the lowest and the highest limit that explain this stretch as well."""
    found = {}
    for one in windows:
        low, high = (1, one.highest) if common is None else common.get(one.window_seconds, (1, 0))
        low, high = max(low, one.lowest), min(high, one.highest)
        if low <= high:
            found[one.window_seconds] = low, high
    return found


def _is_chance(stretch: Sequence[LoadAnswer]) -> bool:
    """Whether the same fates in another order are explained as well, as where a beat meets windows."""
    for order in range(_ORDERS):
        places = sorted(range(len(stretch)), key=lambda place: crc32(b"%d %d" % (order, place)))
        fates = [stretch[place].passed for place in places]
        other = [replace(one, passed=passed) for one, passed in zip(stretch, fates, strict=True)]
        if possible_windows(LoadAnswers(other)):
            return True
    return False
