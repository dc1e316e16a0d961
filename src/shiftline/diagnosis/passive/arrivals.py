"""How much was under way when each request left: arrivals of the second before it, by source and in all."""

from __future__ import annotations

from array import array
from collections import deque
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
    in_all: array[int]

    def load(self, row: int) -> Load:
        """The load of its own source."""
        count = self.by_source[row]
        if count <= AT_REST:
            return Load.SINGLE
        return Load.BRISK if count < _BRISK else Load.RAISED if count < _RAISED else Load.STORM


def count_arrivals(rows: Rows) -> Arrivals:
    """Sort by time and count."""
    order = array("L", sorted(range(len(rows)), key=rows.at.__getitem__))
    by_source, in_all = array("L", bytes(8 * len(rows))), array("L", bytes(8 * len(rows)))
    recent: dict[int, deque[float]] = {}
    everyone: deque[float] = deque()
    for row in order:
        now, source = rows.at[row], rows.source[row]
        mine = recent.get(source)
        if mine is None:
            mine = recent[source] = deque()
        for line in (mine, everyone):
            line.append(now)
            while now - line[0] >= _SECOND:
                line.popleft()
        by_source[row], in_all[row] = len(mine), len(everyone)
    return Arrivals(order, by_source, in_all)
