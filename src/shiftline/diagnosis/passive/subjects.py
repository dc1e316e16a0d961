"""Which part of the traffic is in trouble: all of it, or one transport, method, source, account or program.

What fails always, while the rest passes, is a subject of its own, so that two faults are found side by side.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from shiftline.diagnosis.outcome import Outcome
from shiftline.diagnosis.passive.arrivals import AT_REST, Arrivals
from shiftline.diagnosis.passive.asked_users import users_refused
from shiftline.diagnosis.passive.rows import OUTCOMES, Rows
from shiftline.diagnosis.passive.sorts import Kind
from shiftline.diagnosis.passive.verdicts import PASSED, TROUBLE

MOST_SUBJECTS = 4
_FAILS_ALWAYS = 0.02
"""At most this share may have passed."""
_LEAST_REFUSALS = 2
_LEAST_PASSED_ELSEWHERE = 3
_LEAST_LEFT = 5
"""A few stray refusals beside a fault that explains the rest are no second one."""
_LUCK = 0.05
"""As many values that always fail would be expected by chance, if all failed as the others do."""
_MOST_NAMED = 20
_OWN_TRANSPORT = "own transport"
ASKED = "asked-user"
_OF_MESSAGES = (_OWN_TRANSPORT, "method", "header", ASKED)
"""Keys that part what one sender sends."""
_OF_A_USER = ("OPTIONS", "SUBSCRIBE")
_FEW = 0.1
_TWINS = {
    Outcome.FORBIDDEN_AFTER_CHALLENGE: Outcome.FORBIDDEN,
    Outcome.FORBIDDEN: Outcome.FORBIDDEN_AFTER_CHALLENGE,
}
"""One 403 by whether it met a login."""
_AGAIN = OUTCOMES.index(Outcome.CHALLENGE_AGAIN)
_AFTER_LOGIN = (Outcome.CHALLENGE_AGAIN, Outcome.FORBIDDEN_AFTER_CHALLENGE)

Key = Callable[[int], int | tuple[object, ...]]


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the traffic that has a fault of its own: its rows in trouble, and what they share."""

    key: str
    """``transport``, ``method``, ``source``, ``user``, ``asked-user``, ``domain``, ``user-agent`` or
    ``header``; "" for the rest."""
    values: tuple[str, ...]
    rows: frozenset[int]
    beside: frozenset[int] = frozenset()
    """A few that were refused in the same words, with or without a login where ``rows`` are not: the same
    fault, of which they are too few to say more."""

    @property
    def name(self) -> str:
        """As a sentence names it."""
        return name_of(self.key, self.values)


def name_of(key: str, values: Sequence[str]) -> str:
    """As a sentence names whoever shares these values of a key: "accounts 6001, 6002"."""
    if not key:
        return "the trunk"
    word = {"user": "account", "user-agent": "program"}.get(key, key)
    shown = ", ".join(values[:3]) + (" and others" if len(values) > 3 else "")
    if key == ASKED:
        return f"questions about {shown}"
    return f"{word} {shown}" if len(values) == 1 else f"{word}s {shown}"


@dataclass(slots=True)
class _Count:
    passed: int = 0
    troubled: int = 0
    at_rest: int = 0


def find_parts(
    rows: Rows, marks: bytearray, outcomes: bytearray, arrivals: Arrivals, passed_sorts: Counter[int]
) -> list[Part]:
    """The parts in trouble, the most troubled first; none if nothing is."""
    open_rows = {row for row in range(len(rows)) if marks[row] == TROUBLE}
    parts: list[Part] = []
    passed = _passed(rows, passed_sorts)
    while open_rows and len(parts) < MOST_SUBJECTS - 1:
        part = _most_bound(rows, marks, passed, outcomes, arrivals, open_rows, parts)
        if part is None:
            break
        parts.append(part)
        open_rows -= part.rows | part.beside
    if open_rows and (not parts or len(open_rows) >= _LEAST_LEFT):
        parts.append(Part("", (), frozenset(open_rows)))
    return sorted(parts, key=lambda part: -len(part.rows))


def _passed(rows: Rows, passed_sorts: Counter[int]) -> list[tuple[int, int]]:
    """Of each sort of questions that passed, one row, and how many they are."""
    sorts = rows.sorts
    first = dict(zip(reversed(rows.sort), range(len(rows) - 1, -1, -1), strict=True))
    return [(first[sort], count) for sort, count in passed_sorts.items() if sorts.kind_of(sort).is_question]


def _most_bound(
    rows: Rows,
    marks: bytearray,
    passed: Sequence[tuple[int, int]],
    outcomes: bytearray,
    arrivals: Arrivals,
    open_rows: set[int],
    found: list[Part],
) -> Part | None:
    best: tuple[int, int, bool, Part] | None = None
    keys = (*_keys(rows), *_own_transports(rows, open_rows), *_header_keys(rows, passed, open_rows))
    for name, key, text in keys:
        counts: dict[int | tuple[object, ...], _Count] = {}
        for row, number in passed:
            counts.setdefault(key(row), _Count()).passed += number
        for row in open_rows:
            count = counts.setdefault(key(row), _Count())
            count.troubled += 1
            # A second 401 refuses a login, and no limiter says it: the load plays no part.
            count.at_rest += arrivals.by_source[row] <= AT_REST or outcomes[row] == _AGAIN
        bound = _bound(counts) if name != ASKED else set(users_refused(rows, marks, arrivals.order, key))
        if not bound:
            continue
        mine = [row for row in open_rows if key(row) in bound]
        if name in _OF_MESSAGES and not _has_passed_meanwhile(rows, marks, mine):
            continue
        alike = _most_alike(mine, open_rows, outcomes, is_account=name == "user")
        values = sorted({text(key(row)) for row in alike})
        if any(all(key(row) in bound for row in one.rows) for one in found):
            continue  # it is what has a fault of its own already; what else befalls it is not its own
        part = _part(
            name, tuple(values[:_MOST_NAMED]), alike, _in_the_same_words(rows, mine, alike, outcomes)
        )
        # A refusal after the login is laid to the account, one before it to the address.
        fits = (name == "user") is (OUTCOMES[outcomes[alike[0]]] in _AFTER_LOGIN)
        if best is None or (len(part.rows), -len(values), fits) > best[:3]:
            best = (len(part.rows), -len(values), fits, part)
    return None if best is None else best[3]


def _part(name: str, values: tuple[str, ...], alike: list[int], twins: list[int]) -> Part:
    """Of rows that fail alike, and their ``twins`` in the same words."""
    if name == _OWN_TRANSPORT:  # a rule about the way is asked before the login and after it
        return Part("transport", values, frozenset([*alike, *twins]))
    return Part(name, values, frozenset(alike), frozenset(twins if len(twins) <= _FEW * len(alike) else ()))


def _bound(counts: dict[int | tuple[object, ...], _Count]) -> set[int | tuple[object, ...]]:
    """Values that always fail, also at rest, while others pass, and not by chance."""
    passed = sum(count.passed for count in counts.values())
    at_rest = sum(count.at_rest for count in counts.values())

    def is_luck(count: _Count) -> bool:
        others = at_rest - count.at_rest
        share = others / max(1, others + passed - count.passed)
        return len(counts) * share**count.at_rest > _LUCK

    return {
        value
        for value, count in counts.items()
        if count.at_rest >= _LEAST_REFUSALS
        and count.passed <= _FAILS_ALWAYS * count.troubled
        and passed - count.passed >= _LEAST_PASSED_ELSEWHERE
        and not is_luck(count)
    }


def _has_passed_meanwhile(rows: Rows, marks: bytearray, mine: list[int]) -> bool:
    """Whether the same senders were served otherwise while these were refused, and not only before."""
    sources = rows.source
    senders = {sources[row] for row in mine}
    first, last = min(rows.at[row] for row in mine), max(rows.at[row] for row in mine)
    passed = (
        row
        for row, (at, source, mark) in enumerate(zip(rows.at, sources, marks, strict=True))
        if mark == PASSED and first <= at <= last and source in senders and rows.kind_of(row).is_question
    )
    return sum(1 for row in islice(passed, _LEAST_PASSED_ELSEWHERE)) >= _LEAST_PASSED_ELSEWHERE


def _most_alike(mine: list[int], open_rows: set[int], outcomes: bytearray, *, is_account: bool) -> list[int]:
    """The rows of those that fail in the commonest way: two wrong passwords are one subject.

    Logins of an account that are refused are its own, before what befalls others more often.
    """
    by_outcome: dict[int, list[int]] = {}
    for row in mine:
        by_outcome.setdefault(outcomes[row], []).append(row)
    commonest = max(by_outcome.values(), key=len)
    again = by_outcome.get(_AGAIN, [])
    if is_account and len(again) >= _LEAST_REFUSALS:
        alike = sum(outcomes[row] == outcomes[commonest[0]] for row in open_rows)
        if alike > 2 * len(commonest):
            return again
    return commonest


def _in_the_same_words(rows: Rows, mine: list[int], alike: list[int], outcomes: bytearray) -> list[int]:
    """Of those of one value: the 403 with or without a login, in the words of the others."""
    twin = _TWINS.get(OUTCOMES[outcomes[alike[0]]])
    said = {rows.said[row] for row in alike}
    return [row for row in mine if OUTCOMES[outcomes[row]] is twin and rows.said[row] in said]


def _keys(rows: Rows) -> Iterator[tuple[str, Key, Callable[[int | tuple[object, ...]], str]]]:
    kinds = [kind for kind in rows.kinds.values if isinstance(kind, Kind)]
    kind_of, source_of = rows.kind, rows.source

    def by_kind(key: Callable[[Kind], tuple[object, ...]]) -> Key:
        values = [key(kind) for kind in kinds]
        return lambda row: values[kind_of[row]]

    yield "transport", by_kind(lambda kind: (kind.transport,)), _words
    yield "method", by_kind(lambda kind: (kind.method,)), _words
    yield "method", by_kind(lambda kind: (kind.method, kind.event)), _words
    yield "source", source_of.__getitem__, lambda value: rows.sources.text(_number(value))
    yield "user", rows.accounts.__getitem__, lambda value: rows.users.text(_number(value))
    yield ASKED, _asked_about(rows), lambda value: rows.users.text(_number(value))
    yield "domain", by_kind(lambda kind: (kind.from_host,)), _words
    yield "user-agent", by_kind(lambda kind: (kind.user_agent,)), _words


def _asked_about(rows: Rows) -> Callable[[int], int]:
    """Whom OPTIONS and SUBSCRIBE are about; what asks the server, or the registrar, is about nobody."""
    sorts = rows.sorts
    of_sort = [
        asked if sorts.kind_of(sort).method in _OF_A_USER and asked != sorts.account[sort] else 0
        for sort, asked in enumerate(sorts.asked)
    ]
    return lambda row: of_sort[rows.sort[row]]


def _own_transports(
    rows: Rows, open_rows: set[int]
) -> Iterator[tuple[str, Key, Callable[[int | tuple[object, ...]], str]]]:
    """The transports of those in trouble, and of nobody else: a rule about them may be for one peer alone."""
    sorts = rows.sorts
    senders = {rows.source[row] for row in open_rows}
    of_sort = [
        (sorts.kind_of(sort).transport if source in senders else "",)
        for sort, source in enumerate(sorts.source)
    ]
    yield _OWN_TRANSPORT, lambda row: of_sort[rows.sort[row]], _words


def _header_keys(
    rows: Rows, passed: Sequence[tuple[int, int]], open_rows: set[int]
) -> Iterator[tuple[str, Key, Callable[[int | tuple[object, ...]], str]]]:
    """The header that most refused requests have, of those that no accepted one of the same senders has."""
    senders = {rows.source[row] for row in open_rows}
    refused: Counter[str] = Counter()
    for number, count in Counter(rows.headers[row] for row in open_rows).items():
        refused.update(dict.fromkeys(rows.header_names(number), count))
    for row, _ in passed:
        if rows.source[row] in senders:
            for name in rows.header_names(rows.headers[row]):
                refused.pop(name, None)
    if not refused:
        return
    header, _ = max(refused.items(), key=lambda pair: (pair[1], pair[0]))
    sources, headers = rows.source, rows.headers
    having = {number for number in {*headers} if header in rows.header_names(number)}
    yield (
        "header",
        lambda row: (header,) if headers[row] in having and sources[row] in senders else ("",),
        lambda _: header,
    )


def _words(value: int | tuple[object, ...]) -> str:
    return " ".join(str(part) for part in value if part) if isinstance(value, tuple) else str(value)


def _number(value: int | tuple[object, ...]) -> int:
    assert isinstance(value, int)  # noqa: S101 - these keys are numbers
    return value
