"""Are requests refused by how many others are under way, whatever their rate?"""

from __future__ import annotations

from collections.abc import Iterator
from heapq import heappop, heappush

from shiftline.diagnosis.evidence import Mark
from shiftline.diagnosis.groups import best_split
from shiftline.diagnosis.passive.arrivals import Arrivals
from shiftline.diagnosis.passive.limit import RateLimit
from shiftline.diagnosis.passive.rows import UNANSWERED, Rows
from shiftline.diagnosis.passive.verdicts import TROUBLE, UNTOLD

_LEAST = 10
_LEAST_PLACES = 2
_WITHOUT_EXCEPTION = 0.995
_ACCURATE = 0.95
"""Share, refused and passed weighing the same, that the number under way has to tell right."""


def concurrency_marks(
    rows: Rows, marks: bytearray, arrivals: Arrivals, own: frozenset[int], limit: RateLimit | None
) -> Iterator[Mark]:
    """A number of accepted requests under way from which on others are refused.

    Where a window fits as well, only a number without an exception is believed: short bursts fit any window.
    """
    has_window = limit is not None and limit.window_seconds is not None
    least = _WITHOUT_EXCEPTION if has_window else _ACCURATE
    counts, refused = _under_way(rows, marks, arrivals, own)
    if sum(refused) < _LEAST:
        return
    found = best_split(iter(counts), refused, 0.0)
    if found is None or found.accuracy < least or found.arrivals < _LEAST_PLACES:
        return
    yield Mark(
        kind="traffic.follows-concurrency",
        count=sum(refused),
        text=f"from {found.arrivals} under way on",
        figures={"in_flight": float(found.arrivals)},
    )


def _under_way(
    rows: Rows, marks: bytearray, arrivals: Arrivals, own: frozenset[int]
) -> tuple[list[int], list[bool]]:
    """For each request of these sources: accepted ones that had no answer yet, and whether it was refused."""
    counts: list[int] = []
    refused: list[bool] = []
    ends: list[float] = []
    source = rows.source
    for row in arrivals.order:
        if source[row] not in own or marks[row] == UNTOLD:
            continue
        now = rows.at[row]
        while ends and ends[0] <= now:
            heappop(ends)
        is_refused = marks[row] == TROUBLE
        counts.append(len(ends))
        refused.append(is_refused)
        if not is_refused and rows.latency[row] != UNANSWERED:
            heappush(ends, now + rows.latency[row])
    return counts, refused
