"""What header fields tell: how two senders' messages differ, and whether a header parts refused from passed.

Names alone are compared. Credentials are left out: whether a request carries a login is told elsewhere.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from shiftline.diagnosis.evidence import Mark
from shiftline.diagnosis.passive.rows import Rows
from shiftline.diagnosis.passive.sorts import Sorts
from shiftline.diagnosis.passive.subjects import Part

_LOGINS = frozenset({"authorization", "proxy-authorization"})
_TOLD_ELSEWHERE = _LOGINS | {"user-agent"}
_LEAST = 5
_ACCURATE = 0.98
"""Share, refused and passed weighing the same, that a header has to tell right."""
_MOST_NAMED = 3

Sort = tuple[int, str, bool]
"""Source, method, and whether it carries a login: what is compared is of one sort."""


@dataclass(slots=True)
class _Habit:
    always: frozenset[str]
    ever: frozenset[str]


class HeaderHabits:
    """Of each source and method: the headers that all of its requests have, and those that any has."""

    def __init__(self, rows: Rows) -> None:
        self._habits: dict[tuple[int, str], _Habit] = {}
        sorts = rows.sorts
        known: set[tuple[int, int, int]] = set()
        for sort, key in enumerate(zip(sorts.source, sorts.kind, sorts.headers, strict=True)):
            if key not in known:
                known.add(key)
                names = rows.header_names(sorts.headers[sort]) - _LOGINS
                if names:
                    self._note((sorts.source[sort], sorts.kind_of(sort).method), names)

    def _note(self, key: tuple[int, str], names: frozenset[str]) -> None:
        habit = self._habits.get(key)
        if habit is None:
            self._habits[key] = _Habit(names, names)
        else:
            habit.always &= names
            habit.ever |= names

    def adds(self, mine: int, theirs: int, method: str) -> frozenset[str] | None:
        """What each request of theirs has and none of mine; None where theirs lack something, or unknown."""
        one, other = self._habits.get((mine, method)), self._habits.get((theirs, method))
        if one is None or other is None or one.always - other.ever:
            return None
        return other.always - one.ever


@dataclass(frozen=True, slots=True)
class HeaderRule:
    """A header that parts refused from passed requests of the same senders and methods."""

    name: str
    is_wanted: bool
    """Whether those pass that have it; else those that lack it."""
    mark: Mark

    def passes(self, rows: Rows, sort: int) -> bool:
        """Whether requests of a sort fulfil it."""
        return (self.name in rows.header_names(rows.sorts.headers[sort])) is self.is_wanted


def find_header_rule(rows: Rows, passed_sorts: Counter[int], part: Part) -> HeaderRule | None:
    """The header that tells best, if one tells; where several tell alike the mark names them."""
    refused, passed = _counts(rows, passed_sorts, part)
    if min(sum(refused.values()), sum(passed.values())) < _LEAST:
        return None
    names = frozenset[str]().union(*(rows.header_names(number) for number in (*refused, *passed)))
    told = [
        (accuracy, name)
        for name in names - _TOLD_ELSEWHERE
        if (accuracy := _tells(rows, name, refused, passed))
    ]
    told = [pair for pair in told if abs(pair[0]) >= _ACCURATE]
    if not told:
        return None
    best, name = max(told, key=lambda pair: (abs(pair[0]), pair[1]))
    alike = sorted(name for accuracy, name in told if accuracy == best)
    kind = "traffic.metadata-tells" if best > 0 else "traffic.header-refused"
    if best < 0 and "contact" in alike:
        kind = "traffic.contact-refused"
    text = " or ".join(alike[:_MOST_NAMED])
    return HeaderRule(name, best > 0, Mark(kind=kind, count=sum(refused.values()), text=text))


def served_mark(rows: Rows, passed_sorts: Counter[int], part: Part) -> Mark | None:
    """Whether each header that the refused requests have in common is served in others of the same senders.

    Where one is not, or too little passed or is known, None.
    """
    sorts = rows.sorts
    of_part = Counter(rows.sort[row] for row in part.rows)
    senders = {sorts.source[sort] for sort in of_part}
    refused, passed = Counter[int](), Counter[int]()
    for sort, count in of_part.items():
        refused[sorts.headers[sort]] += count
    for sort, count in passed_sorts.items():
        if sorts.source[sort] in senders and sorts.kind_of(sort).is_question:
            passed[sorts.headers[sort]] += count
    if min(refused.total(), passed.total()) < _LEAST or not all((*refused, *passed)):
        return None
    served = frozenset[str]().union(*map(rows.header_names, passed))
    having: Counter[str] = Counter()
    for number, count in refused.items():
        having.update(dict.fromkeys(rows.header_names(number) - served - _LOGINS, count))
    if any(count >= _ACCURATE * refused.total() for count in having.values()):
        return None
    return Mark(kind="traffic.headers-served", count=passed.total())


def _counts(rows: Rows, passed_sorts: Counter[int], part: Part) -> tuple[dict[int, int], dict[int, int]]:
    """How many of the part were refused and how many like them passed, by the number of their headers."""
    sorts = rows.sorts
    of_part = Counter([rows.sort[row] for row in part.rows])
    is_all = len(part.rows) == len(rows)  # nothing is in trouble: all are of the part
    others = Counter[int]() if is_all else passed_sorts
    alike = {_sort(sorts, sort) for sort in of_part}
    found: tuple[dict[int, int], dict[int, int]] = ({}, {})
    for by_headers, by_sort in zip(found, (of_part, others), strict=True):
        for sort, count in by_sort.items():
            headers = sorts.headers[sort]
            if headers and sorts.kind_of(sort).is_question and _sort(sorts, sort) in alike:
                by_headers[headers] = by_headers.get(headers, 0) + count
    return found


def _tells(rows: Rows, name: str, refused: dict[int, int], passed: dict[int, int]) -> float:
    """How well it tells: near 1 if those with it pass, near -1 if those without it do."""
    with_it = [
        sum(count for number, count in counts.items() if name in rows.header_names(number))
        / sum(counts.values())
        for counts in (refused, passed)
    ]
    wanted = (1.0 - with_it[0] + with_it[1]) / 2.0
    return wanted if wanted >= 0.5 else wanted - 1.0


def _sort(sorts: Sorts, number: int) -> Sort:
    return sorts.source[number], sorts.kind_of(number).method, sorts.login[number] != 0
