"""Trouble at rest that comes and goes: locks and bans do, chance and lost packets do not."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from dataclasses import dataclass
from itertools import pairwise

from shiftline.diagnosis.evidence import Mark
from shiftline.diagnosis.passive.arrivals import AT_REST, Arrivals
from shiftline.diagnosis.passive.rows import Rows
from shiftline.diagnosis.passive.subjects import Part
from shiftline.diagnosis.passive.verdicts import TROUBLE

_LEAST = 4
_FEW_CHANGES = 0.5
"""Of the changes between passed and refused that chance would bring."""
_SETTLED_SECONDS = 60.0
"""So long after a refusal at speed, a window may still be full."""


@dataclass(frozen=True, slots=True)
class Spans:
    """The times in which it was there, by begin and end, in order."""

    begins: tuple[float, ...]
    ends: tuple[float, ...]
    mark: Mark

    def __call__(self, at: float) -> bool:
        """Whether a moment lies in one of them."""
        place = bisect_right(self.begins, at) - 1
        return place >= 0 and at <= self.ends[place]


def find_spans(rows: Rows, marks: bytearray, arrivals: Arrivals, part: Part) -> Spans | None:
    """The spans, if single requests of the troubled account were refused in a row and passed in a row."""
    if part.key or not part.rows:
        return None
    account = Counter(rows.account(row) for row in part.rows).most_common(1)[0][0]
    line = _at_rest(rows, marks, arrivals, account)
    refused = sum(is_refused for _, is_refused in line)
    passed = len(line) - refused
    if min(refused, passed) < _LEAST:
        return None
    changes = sum(one[1] != other[1] for one, other in pairwise(line))
    if changes > _FEW_CHANGES * 2.0 * refused * passed / len(line):
        return None
    begins, ends = _runs(line)
    kind = "traffic.refused-since" if line[-1][1] else "traffic.refused-in-spans"
    mark = Mark(kind=kind, count=refused, text=f"{refused} of {len(line)}")
    return Spans(begins, ends, mark)


def _at_rest(rows: Rows, marks: bytearray, arrivals: Arrivals, account: int) -> list[tuple[float, bool]]:
    found = []
    loaded = -1e18
    accounts = rows.accounts
    for row in arrivals.order:
        if accounts[row] != account or not marks[row] or not rows.kind_of(row).is_question:
            continue
        at, is_refused = rows.at[row], marks[row] == TROUBLE
        if arrivals.by_source[row] > AT_REST:
            loaded = at if is_refused else loaded
        elif at - loaded > _SETTLED_SECONDS:
            found.append((at, is_refused))
    return found


def _runs(line: list[tuple[float, bool]]) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """From the first to the last refusal of each run."""
    begins: list[float] = []
    ends: list[float] = []
    was_refused = False
    for at, is_refused in line:
        if is_refused and was_refused:
            ends[-1] = at
        elif is_refused:
            begins.append(at)
            ends.append(at)
        was_refused = is_refused
    return tuple(begins), tuple(ends)
