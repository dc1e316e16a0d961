"""Does one limit explain what was refused at rest? A few in ten seconds are used up by one question a second.

Such a refusal is none at rest, and says nothing against a limit. One limit has to explain each passage and
each refusal: of a sender, an account, a method, or of all. Only what was answered is looked at.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from shiftline.diagnosis.load_answers import LoadAnswer
from shiftline.diagnosis.outcome import LIMITER_STATUSES
from shiftline.diagnosis.passive.arrivals import AT_REST, Arrivals
from shiftline.diagnosis.passive.limit import RateLimit
from shiftline.diagnosis.passive.rows import UNANSWERED, Rows
from shiftline.diagnosis.passive.sorts import IN_DIALOGS
from shiftline.diagnosis.passive.stretches import explained
from shiftline.diagnosis.passive.verdicts import TROUBLE

_LEAST = 2
"""Refusals of what is always refused."""
_MOST = 0.8
"""Share of the refusals that speaks for all: the rest passed a limit, and failed for something else."""


@dataclass(frozen=True, slots=True)
class Pace:
    """What one limit explains."""

    rows: frozenset[int]
    """Refused at rest, where others had used it up."""
    is_of_sources: bool
    """Whether each sender that was refused may have a limit of its own."""
    limit: RateLimit


def find_pace(rows: Rows, marks: bytearray, arrivals: Arrivals, others: frozenset[int]) -> Pace | None:
    """The limit; None where none explains it. ``others`` passed it, and were refused behind it."""
    sorts, sort_of = rows.sorts, rows.sort
    is_counted = bytes(sorts.kind_of(sort).method not in IN_DIALOGS for sort in range(len(sorts)))
    by_limit = bytes(sorts.said_of(sort).status in LIMITER_STATUSES for sort in range(len(sorts)))

    def counts(row: int) -> bool:
        return rows.latency[row] != UNANSWERED and bool(is_counted[sort_of[row]])

    turned = [row for row, mark in enumerate(marks) if mark == TROUBLE and counts(row) and row not in others]
    refused = frozenset(row for row in turned if by_limit[sort_of[row]])
    alone = frozenset(row for row in refused if arrivals.by_source[row] <= AT_REST)
    if not alone or len(refused) < _MOST * len(turned):
        return None
    counted = array("L", filter(counts, arrivals.order))
    if _is_told_otherwise(rows, counted, refused):
        return None
    for is_of_sources, groups in _readings(rows, counted, refused):
        found = explained([_Line(rows, group, refused) for group in groups])
        if found is not None:
            return Pace(alone, is_of_sources, found)
    return None


class _Line(Sequence[LoadAnswer]):
    """The answers to some rows, made when they are looked at: a record may be long."""

    def __init__(self, rows: Rows, group: Sequence[int], refused: frozenset[int]) -> None:
        self._rows, self._group, self._refused = rows, group, refused

    def __len__(self) -> int:
        return len(self._group)

    def __getitem__(self, place: int) -> LoadAnswer:  # type: ignore[override]
        row = self._group[place]
        at = self._rows.at[row]
        return LoadAnswer(at, at + self._rows.latency[row], passed=row not in self._refused)


def _is_told_otherwise(rows: Rows, counted: Sequence[int], refused: frozenset[int]) -> bool:
    """Whether most of what was refused is what is always refused: asked at a beat, it looks like a limit."""
    sorts = rows.sorts
    turned = Counter(rows.sort[row] for row in refused)
    passed = {rows.sort[row] for row in counted if row not in refused}
    asked = list(zip(sorts.source, sorts.login, sorts.kind, strict=True))
    for column in (sorts.source, sorts.account, sorts.kind, sorts.headers, asked):
        always: Counter[object] = Counter()
        for sort, count in turned.items():
            always[column[sort]] += count
        for sort in passed:
            always.pop(column[sort], None)
        if sum(count for count in always.values() if count >= _LEAST) >= _MOST * len(refused):
            return True
    return False


def _readings(
    rows: Rows, counted: Sequence[int], refused: frozenset[int]
) -> Iterator[tuple[bool, list[Sequence[int]]]]:
    """What a limit may count, and whether it is that of each sender."""
    # A limit behind the login does not count what came without one.
    is_behind = all(rows.login[row] for row in refused)
    every = array("L", [row for row in counted if rows.login[row]]) if is_behind else counted
    methods = {rows.kind_of(row).method for row in refused}
    of_methods = array("L", [row for row in every if rows.kind_of(row).method in methods])
    for some in (every, of_methods) if len(of_methods) < len(every) else (every,):
        yield True, _by(rows.source, some, refused)
        yield False, _by(rows.accounts, some, refused)
        yield False, [some]


def _by(column: Sequence[int], some: Sequence[int], refused: frozenset[int]) -> list[Sequence[int]]:
    """The rows of each value of which any was refused."""
    turned = {column[row] for row in refused}
    groups: dict[int, array[int]] = {}
    for row in some:
        if column[row] in turned:
            groups.setdefault(column[row], array("L")).append(row)
    return list(groups.values())
