"""Are requests refused by how many others are under way, whatever their rate?"""

from __future__ import annotations

from collections.abc import Iterator
from heapq import heappop, heappush

from shiftline.diagnosis.evidence import Mark
from shiftline.diagnosis.groups import best_split
from shiftline.diagnosis.passive.arrivals import Arrivals
from shiftline.diagnosis.passive.of_a_rate import may_be_of_a_rate
from shiftline.diagnosis.passive.rows import UNANSWERED, Rows
from shiftline.diagnosis.passive.verdicts import TROUBLE, UNTOLD

_LEAST = 10
_LEAST_PLACES = 2
_WITHOUT_EXCEPTION = 0.995
_ACCURATE = 0.95
"""Share, refused and passed weighing the same, that the number under way has to tell right."""

UNDER_WAY = frozenset({"traffic.follows-concurrency", "traffic.follows-either"})
"""Where the number under way is what the load is."""


def concurrency_marks(
    rows: Rows, marks: bytearray, arrivals: Arrivals, own: frozenset[int]
) -> Iterator[Mark]:
    """A number of accepted requests under way from which on others are refused.

    Short bursts fit nearly any limit. Where one of a rate explains the order as well, both are possible, if
    the number has no exception; else it is the rate.
    """
    counts, refused = _under_way(rows, marks, arrivals, own)
    if sum(refused) < _LEAST:
        return
    found = best_split(iter(counts), refused, 0.0)
    if found is None or found.accuracy < _ACCURATE or found.arrivals < _LEAST_PLACES:
        return
    is_either = may_be_of_a_rate(rows, marks, arrivals, own)
    if is_either and found.accuracy < _WITHOUT_EXCEPTION:
        return
    yield Mark(
        kind="traffic.follows-either" if is_either else "traffic.follows-concurrency",
        count=sum(refused),
        text=f"from {found.arrivals} under way on",
        figures={"in_flight": float(found.arrivals), "places": float(found.arrivals)},
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
