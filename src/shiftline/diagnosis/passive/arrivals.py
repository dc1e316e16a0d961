"""How much was under way when each request left: arrivals of its source in the second before it."""

from __future__ import annotations

from array import array
from collections import defaultdict, deque
from dataclasses import dataclass

from shiftline.diagnosis.passive.rows import Rows
from shiftline.diagnosis.probe import Load

AT_REST = 3
"""Arrivals in a second up to which a request counts as alone: a question with its challenge is two."""
_BRISK, _RAISED = 30, 120
_SECOND = 1.0


@dataclass(frozen=True, slots=True)
class Arrivals:
    """Rows in the order of time, with the arrivals in the second up to each, itself included."""

    order: array[int]
    by_source: array[int]

    def load(self, row: int) -> Load:
        """The load of its own source."""
        return load_of(self.by_source[row])


def load_of(count: int) -> Load:
    """What so many arrivals in a second amount to."""
    if count <= AT_REST:
        return Load.SINGLE
    return Load.BRISK if count < _BRISK else Load.RAISED if count < _RAISED else Load.STORM


def count_arrivals(rows: Rows) -> Arrivals:
    """Sort by time and count."""
    moments, sources = rows.at, rows.source
    order = array("L", sorted(range(len(rows)), key=moments.__getitem__))
    by_source = array("L", bytes(8 * len(rows)))
    recent: defaultdict[int, deque[float]] = defaultdict(deque)
    for row in order:
        now, mine = moments[row], recent[sources[row]]
        mine.append(now)
        while now - mine[0] >= _SECOND:
            mine.popleft()
        by_source[row] = len(mine)
    return Arrivals(order, by_source)
