"""What is a part's own in a comparison: sources, accounts, programs, kinds of message."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from shiftline.diagnosis.passive.rows import Rows
from shiftline.diagnosis.passive.sorts import Kind, Sorts
from shiftline.diagnosis.passive.subjects import Part
from shiftline.diagnosis.probe import Account, Method

Value = TypeVar("Value")
_OWN_SHARE = 0.3
"""A source or account with at least this share of the trouble is own."""
_METHODS = {method.value: method for method in Method}


@dataclass(frozen=True, slots=True, kw_only=True)
class Own:
    """By the rows of a part; sources and accounts by number."""

    source: int
    """The most troubled."""
    sources: frozenset[int]
    accounts: frozenset[int]
    kinds: Mapping[Method, Kind]
    """The commonest kind of message in trouble from the most troubled source, for each method."""
    programs: frozenset[str]
    transport: str
    """Over which the most troubled source asks most."""
    names_itself: bool
    """Whether the most troubled source writes its own address into Via."""

    def account(self, sorts: Sorts, sort: int) -> Account:
        """Whose account a sort of request speaks for."""
        kind = sorts.kind_of(sort)
        if _is_nobodys(kind):
            return Account.NOBODY
        return Account.OWN if sorts.account[sort] in self.accounts else Account.OTHER


def own_of(rows: Rows, part: Part) -> Own:
    """What the rows of a part have in common."""
    sorts = rows.sorts
    of_part = [rows.sort[row] for row in part.rows]
    sources = [sorts.source[sort] for sort in of_part]
    kinds = [sorts.kind_of(sort) for sort in of_part]
    source = _commonest(sources)
    of_source = [kind for kind, asked_from in zip(kinds, sources, strict=True) if asked_from == source]
    return Own(
        source=source,
        sources=_own(sources, part),
        accounts=_own(_accounts(sorts, of_part), part),
        kinds=_usual(of_source),
        programs=frozenset(kind.user_agent for kind in kinds),
        transport=_usual_transport(rows, part, source),
        names_itself=_commonest(kind.via_host for kind in of_source) == sorts.sources.text(source),
    )


def _is_nobodys(kind: Kind) -> bool:
    """Whether it asks the server itself, on no account's behalf."""
    return kind.method == Method.OPTIONS and not kind.names_user


def _accounts(sorts: Sorts, of_part: Sequence[int]) -> list[int]:
    """Of those that speak for an account, if any does: beside nobody, no account is another one."""
    speaking = [sort for sort in of_part if not _is_nobodys(sorts.kind_of(sort))]
    return [sorts.account[sort] for sort in speaking or of_part]


def _usual_transport(rows: Rows, part: Part, source: int) -> str:
    """That of most that the troubled source asks; of the part, where the transport is its key.

    A few large messages that go over TCP (RFC 3261 section 18.1.1) may be all that fails.
    """
    sorts = rows.sorts
    asked = (rows.sort[row] for row in part.rows) if part.key == "transport" else rows.sort
    transports: Counter[str] = Counter()
    for sort, count in Counter(asked).items():
        if sorts.source[sort] == source:
            transports[sorts.kind_of(sort).transport] += count
    return transports.most_common(1)[0][0]


def _commonest(values: Iterable[Value]) -> Value:
    return Counter(values).most_common(1)[0][0]


def _own(values: Iterable[int], part: Part) -> frozenset[int]:
    """What the trouble has in common; all of it, where it always fails."""
    counts = Counter(values)
    if part.key:
        return frozenset(counts)
    total = counts.total()
    most, _ = counts.most_common(1)[0]
    return frozenset({most, *(value for value, count in counts.items() if count >= _OWN_SHARE * total)})


def _usual(kinds: Iterable[Kind]) -> dict[Method, Kind]:
    by_method: dict[Method, list[Kind]] = {}
    for kind in kinds:
        by_method.setdefault(method_of(kind), []).append(kind)
    return {method: _commonest(found) for method, found in by_method.items()}


def method_of(kind: Kind) -> Method:
    """The method of a probe that asks like this."""
    if kind.method == Method.REGISTER and kind.contact_host:
        return Method.REGISTER_CONTACT
    return _METHODS.get(kind.method, Method.OTHER)
