"""Is it the larger messages that are refused, and from which size on?"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from itertools import compress
from math import comb, prod
from typing import TypeAlias

from shiftline.diagnosis.evidence import Mark
from shiftline.diagnosis.groups import split_tally
from shiftline.diagnosis.outcome import Outcome
from shiftline.diagnosis.passive.passed import is_passed
from shiftline.diagnosis.passive.rows import OUTCOMES, Rows
from shiftline.diagnosis.passive.sorts import Kind
from shiftline.diagnosis.passive.subjects import Part
from shiftline.diagnosis.passive.verdicts import PASSED

_LEAST = 5
_LUCK = 0.01
"""So likely may it be that sizes are in that order by chance."""
_ACCURATE = 0.98
"""Share, refused and passed weighing the same, that the size has to tell right."""
_MENTIONS = 8
"""So often may a request name its account."""

_Counts: TypeAlias = Counter[tuple[int, int]]
"""How many there are, by the number of those that may be compared, and by size."""
_GROUP, _SIZE = 0, 1


def size_mark(rows: Rows, marks: bytearray, part: Part) -> Mark | None:
    """The size that tells refused from passed datagrams of the same sources and methods; None if none does.

    What is too large for UDP goes over TCP (RFC 3261 section 18.1.1), and says nothing here.
    """
    if _is_of_logins(rows, part):
        return None
    passed, refused = _compared(rows, marks, part)
    if not passed or not refused or _is_by_name(rows, marks, part):
        return None
    found = split_tally((_by(_SIZE, passed + refused), _by(_SIZE, refused)), 0.0)
    if found is None or found.accuracy < _least_accuracy(passed, refused):
        return None
    if _has_larger_passed(rows, marks, part, found.arrivals):
        return None
    silent = Counter(OUTCOMES[rows.outcome[row]] for row in part.rows)[Outcome.SILENCE]
    return Mark(
        kind="traffic.large-lost" if silent > refused.total() / 2 else "traffic.large-refused",
        count=refused.total(),
        text=f"from {found.arrivals} bytes on",
        figures={"bytes": float(found.arrivals)},
    )


def _is_of_logins(rows: Rows, part: Part) -> bool:
    """Whether more than a few were challenged again: that refuses a login (RFC 3261 section 22.2).

    What is too large gets 413, or 403 (K11), or nothing.
    """
    again = sum(OUTCOMES[rows.outcome[row]] is Outcome.CHALLENGE_AGAIN for row in part.rows)
    return again > (1.0 - _ACCURATE) * len(part.rows)


def _is_by_name(rows: Rows, marks: bytearray, part: Part) -> bool:
    """Whether the accounts tell refused from passed as well, and are as much longer as the longer names.

    A name is written into From, Contact, To and the credentials of each request.
    """
    groups = _groups(rows, part)
    sorts = rows.sorts

    def compared(some: Iterable[int]) -> tuple[set[int], set[int]]:
        mine = [row for row in some if groups[rows.sort[row]] and rows.size[row]]
        return {sorts.account[rows.sort[row]] for row in mine}, {rows.size[row] for row in mine}

    accounts, sizes = compared(part.rows)
    others, least = compared(compress(range(len(rows)), is_passed(marks)))
    if not accounts.isdisjoint(others):
        return False
    names = (rows.users.text(account) for account in accounts)
    longest = max(len(name.encode()) for name in names)
    shortest = min(len(rows.users.text(account).encode()) for account in others)
    return min(sizes) - max(least) <= _MENTIONS * max(0, longest - shortest)


def _compared(rows: Rows, marks: bytearray, part: Part) -> tuple[_Counts, _Counts]:
    """What passed and what the part has, of those that may be compared."""
    if len(part.rows) == len(rows):  # nothing is in trouble
        return Counter(), Counter()
    groups = _groups(rows, part)
    pairs = zip(map(groups.__getitem__, rows.sort), rows.size, strict=True)
    passed = Counter(compress(pairs, is_passed(marks)))
    refused = Counter((groups[rows.sort[row]], rows.size[row]) for row in part.rows)
    return _known(passed), _known(refused)


def _known(counts: _Counts) -> _Counts:
    """Those that have a group and a size."""
    return Counter({pair: count for pair, count in counts.items() if all(pair)})


def _by(place: int, counts: _Counts) -> Counter[int]:
    """By the group alone, or by the size."""
    found = Counter[int]()
    for pair, count in counts.items():
        found[pair[place]] += count
    return found


def _least_accuracy(passed: _Counts, refused: _Counts) -> float:
    """How well the size has to tell: where few can be compared, without an exception and not by luck."""
    if min(passed.total(), refused.total()) >= _LEAST:
        return _ACCURATE
    in_all, in_trouble = _by(_GROUP, passed + refused), _by(_GROUP, refused)
    orders = prod(comb(count, in_trouble[group]) for group, count in in_all.items())
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
