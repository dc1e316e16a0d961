"""Is it the larger messages that are refused, and from which size on?"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from math import comb, prod

from shiftline.diagnosis.evidence import Mark
from shiftline.diagnosis.groups import best_split
from shiftline.diagnosis.outcome import Outcome
from shiftline.diagnosis.passive.rows import OUTCOMES, Rows
from shiftline.diagnosis.passive.sorts import Kind
from shiftline.diagnosis.passive.subjects import Part
from shiftline.diagnosis.passive.verdicts import PASSED

_LEAST = 5
_LUCK = 0.01
"""So likely may it be that sizes are in that order by chance."""
_ACCURATE = 0.98
"""Share, refused and passed weighing the same, that the size has to tell right."""


def size_mark(rows: Rows, marks: bytearray, part: Part) -> Mark | None:
    """The size that tells refused from passed datagrams of the same sources and methods; None if none does.

    What is too large for UDP goes over TCP (RFC 3261 section 18.1.1), and says nothing here.
    """
    groups = _groups(rows, part)
    compared = [
        (groups[sort], size, row in part.rows)
        for row, (sort, size, mark) in enumerate(zip(rows.sort, rows.size, marks, strict=True))
        if groups[sort] and size and (mark == PASSED or row in part.rows)
    ]
    refused = sum(is_refused for *_, is_refused in compared)
    if not 0 < refused < len(compared):
        return None
    least = _least_accuracy(compared, min(refused, len(compared) - refused))
    sizes = (size for _, size, _ in compared)
    found = best_split(sizes, [is_refused for *_, is_refused in compared], 0.0)
    if found is None or found.accuracy < least or _has_larger_passed(rows, marks, part, found.arrivals):
        return None
    silent = Counter(OUTCOMES[rows.outcome[row]] for row in part.rows)[Outcome.SILENCE]
    return Mark(
        kind="traffic.large-lost" if silent > refused / 2 else "traffic.large-refused",
        count=refused,
        text=f"from {found.arrivals} bytes on",
        figures={"bytes": float(found.arrivals)},
    )


def _least_accuracy(compared: Iterable[tuple[int, int, bool]], fewest: int) -> float:
    """How well the size has to tell: where few can be compared, without an exception and not by luck."""
    if fewest >= _LEAST:
        return _ACCURATE
    counts = Counter((group, is_refused) for group, _, is_refused in compared)
    groups = {group for group, _ in counts}
    orders = prod(comb(counts[group, True] + counts[group, False], counts[group, True]) for group in groups)
    return 1.0 if orders * _LUCK >= 1.0 else math.inf


def _groups(rows: Rows, part: Part) -> list[int]:
    """By sort, the number of those that it may be compared with by size; 0 where the part has no such.

    A login alone makes a request larger.
    """
    sorts = rows.sorts

    def of(sort: int) -> tuple[int, str, bool]:
        return sorts.source[sort], sorts.kind_of(sort).method, sorts.login[sort] != 0

    numbers: dict[tuple[int, str, bool], int] = {}
    for sort in {rows.sort[row] for row in part.rows}:
        numbers.setdefault(of(sort), len(numbers) + 1)
    return [
        numbers.get(of(sort), 0) if _is_asked_over_udp(sorts.kind_of(sort)) else 0
        for sort in range(len(sorts))
    ]


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
