"""May a limit of a rate have made the order of what passed and what was refused?

Places that become free at a steady pace look like a rate once they are all taken. The beginning of a load
tells them apart: a window lets its whole limit pass first, and a bucket that fills refuses nothing while it
holds something.
"""

from __future__ import annotations

from statistics import median

from shiftline.diagnosis.load_answers import LoadAnswer, LoadAnswers
from shiftline.diagnosis.passive.arrivals import Arrivals
from shiftline.diagnosis.passive.limit import episodes
from shiftline.diagnosis.passive.rows import UNANSWERED, Rows
from shiftline.diagnosis.passive.verdicts import TROUBLE
from shiftline.diagnosis.possible_buckets import possible_buckets
from shiftline.diagnosis.possible_limits import possible_limits
from shiftline.governor.window_fit import WINDOW_LENGTHS

_BEFORE_SECONDS = max(WINDOW_LENGTHS)
_BEFORE, _SINCE = 100, 150
"""Answers that are looked at, before the first refusal of a load and from it on."""


def may_be_of_a_rate(rows: Rows, marks: bytearray, arrivals: Arrivals, own: frozenset[int]) -> bool:
    """Whether a window or a bucket explains the beginning of each load that was refused."""
    mine = [row for row in arrivals.order if rows.source[row] in own and rows.latency[row] != UNANSWERED]
    refused = [rows.latency[row] for row in mine if marks[row] == TROUBLE]
    if not refused:
        return False
    # A limiter decides on what it lets pass as soon as on what it refuses; the rest is the work.
    decides_after = median(refused)

    def answer(row: int) -> LoadAnswer:
        after = min(rows.latency[row], decides_after)
        return LoadAnswer(rows.at[row], rows.at[row] + after, passed=marks[row] != TROUBLE)

    loads = [_beginning(rows, marks, one) for one in episodes(rows, marks, mine)]
    return all(_is_explained(LoadAnswers([answer(row) for row in load])) for load in loads)


def _beginning(rows: Rows, marks: bytearray, load: list[int]) -> list[int]:
    first = next(number for number, row in enumerate(load) if marks[row] == TROUBLE)
    since = rows.at[load[first]] - _BEFORE_SECONDS
    return [row for row in load[max(0, first - _BEFORE) : first + _SINCE] if rows.at[row] >= since]


def _is_explained(seen: LoadAnswers) -> bool:
    """By any window, give or take some; a bucket that may be wrong by some is as small as the places are."""
    return bool(possible_limits(seen).windows) or possible_buckets(seen, 0) is not None
