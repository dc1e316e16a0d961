"""Is it the larger messages that are refused, and from which size on?"""

from __future__ import annotations

from collections import Counter

from shiftline.diagnosis.evidence import Mark
from shiftline.diagnosis.groups import best_split
from shiftline.diagnosis.outcome import Outcome
from shiftline.diagnosis.passive.rows import OUTCOMES, Rows
from shiftline.diagnosis.passive.sorts import Kind
from shiftline.diagnosis.passive.subjects import Part
from shiftline.diagnosis.passive.verdicts import PASSED

_LEAST = 5
_ACCURATE = 0.98
"""Share, refused and passed weighing the same, that the size has to tell right."""


def size_mark(rows: Rows, marks: bytearray, part: Part) -> Mark | None:
    """The size that tells refused from passed datagrams of the same sources and methods; None if none does.

    What is too large for UDP goes over TCP (RFC 3261 section 18.1.1), and says nothing here.
    """
    compared = _compared(rows, part)
    pairs = [
        (size, row in part.rows)
        for row, (sort, size, mark) in enumerate(zip(rows.sort, rows.size, marks, strict=True))
        if compared[sort] and size and (mark == PASSED or row in part.rows)
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


def _compared(rows: Rows, part: Part) -> bytes:
    """By sort, whether it may be compared by size with the part: a login alone makes a request larger."""
    sorts = rows.sorts

    def of(sort: int) -> tuple[int, str, bool]:
        return sorts.source[sort], sorts.kind_of(sort).method, sorts.login[sort] != 0

    alike = {of(sort) for sort in {rows.sort[row] for row in part.rows}}
    return bytes(_is_asked_over_udp(sorts.kind_of(sort)) and of(sort) in alike for sort in range(len(sorts)))


def _is_asked_over_udp(kind: Kind) -> bool:
    return kind.transport == "UDP" and kind.is_question


def _has_larger_passed(rows: Rows, marks: bytearray, part: Part, least: int) -> bool:
    """Whether the same senders got more than a few as large through, by whatever method."""
    sorts = rows.sorts
    senders = {sorts.source[rows.sort[row]] for row in part.rows}
    counts = bytes(
        sorts.source[sort] in senders and _is_asked_over_udp(sorts.kind_of(sort))
        for sort in range(len(sorts))
    )
    passed = [
        size >= least
        for sort, size, mark in zip(rows.sort, rows.size, marks, strict=True)
        if mark == PASSED and size and counts[sort]
    ]
    return sum(passed) > (1.0 - _ACCURATE) * len(passed)
