"""Is it the larger messages that are refused, and from which size on?"""

from __future__ import annotations

from collections import Counter

from shiftline.diagnosis.evidence import Mark
from shiftline.diagnosis.outcome import Outcome
from shiftline.diagnosis.passive.rows import OUTCOMES, Rows
from shiftline.diagnosis.passive.subjects import Part
from shiftline.diagnosis.passive.verdicts import PASSED
from shiftline.diagnosis.statistics import best_split

_LEAST = 5
_ACCURATE = 0.98
"""Share, refused and passed weighing the same, that the size has to tell right."""


def size_mark(rows: Rows, marks: bytearray, part: Part) -> Mark | None:
    """The size that tells refused from passed datagrams of the same sources and methods; None if none does.

    What is too large for UDP goes over TCP (RFC 3261 section 18.1.1), and says nothing here.
    """
    sorts = {_sort(rows, row) for row in part.rows}
    asked_over_udp = {
        number
        for number, kind in enumerate(rows.kinds.values)
        if kind.transport == "UDP" and kind.is_question  # type: ignore[attr-defined]
    }
    pairs = [
        (rows.size[row], row in part.rows)
        for row, kind in enumerate(rows.kind)
        if kind in asked_over_udp
        and rows.size[row]
        and (marks[row] == PASSED or row in part.rows)
        and _sort(rows, row) in sorts
    ]
    refused = sum(is_refused for _, is_refused in pairs)
    if min(refused, len(pairs) - refused) < _LEAST:
        return None
    found = best_split((size for size, _ in pairs), [is_refused for _, is_refused in pairs], 0.0)
    if found is None or found.accuracy < _ACCURATE or _has_larger_passed(rows, marks, part, found.arrivals):
        return None
    silent = Counter(OUTCOMES[rows.outcome[row]] for row in part.rows)[Outcome.SILENCE]
    return Mark(
        kind="traffic.large-lost" if silent > refused / 2 else "traffic.large-refused",
        count=refused,
        text=f"from {found.arrivals} bytes on",
        figures={"bytes": float(found.arrivals)},
    )


def _has_larger_passed(rows: Rows, marks: bytearray, part: Part, size: int) -> bool:
    """Whether the same senders got more than a few as large through, by whatever method."""
    senders = {rows.source[row] for row in part.rows}
    passed = [
        rows.size[row] >= size
        for row in range(len(rows))
        if marks[row] == PASSED
        and rows.size[row]
        and rows.source[row] in senders
        and rows.kind_of(row).transport == "UDP"
        and rows.kind_of(row).is_question
    ]
    return sum(passed) > (1.0 - _ACCURATE) * len(passed)


def _sort(rows: Rows, row: int) -> tuple[int, str, bool]:
    """What may be compared by size: a login alone makes a request larger."""
    return rows.source[row], rows.kind_of(row).method, rows.login[row] != 0
