"""What exchanges have in common: who asked for whom, how, and what was said to it. Few sorts, many rows.

A comparison that needs nothing else is made by sort, not row by row.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass

from shiftline.diagnosis.exchange import Exchange

MOST_NAMES = 200_000
"""Distinct names of one sort that are kept; hostile captures have a million."""
_MOST_ALIKE = 20_000
_UNKNOWN = -1
IN_DIALOGS = frozenset({"ACK", "BYE", "CANCEL", "INFO", "PRACK", "UPDATE"})
"""Belong to a call that was let in; nobody asks them for a login."""
_EACH_ANEW = frozenset({"date", "contact"})
_LARGE = 1300
"""Bytes: beyond this, UDP may fragment (RFC 3261 section 18.1.1)."""


class Names:
    """Numbers for values. The first is number 0; what comes after the last is all one."""

    def __init__(self, first: object) -> None:
        self._numbers: dict[object, int] = {first: 0}
        self.values: list[object] = [first]

    def number(self, value: object) -> int:
        """The number of a value, given on first sight."""
        found = self._numbers.get(value)
        if found is not None:
            return found
        if len(self.values) >= MOST_NAMES:
            return 0
        self._numbers[value] = len(self.values)
        self.values.append(value)
        return len(self.values) - 1

    def number_of(self, fields: tuple[object, ...]) -> int:
        """The number of a value of the first one's type with these fields, which is made on first sight."""
        found = self._numbers.get(fields)
        if found is not None:
            return found
        if len(self.values) >= MOST_NAMES:
            return 0
        self._numbers[fields] = len(self.values)
        self.values.append(type(self.values[0])(*fields))
        return len(self.values) - 1

    def text(self, number: int) -> str:
        """The value of a number, for names that are texts."""
        return str(self.values[number])


@dataclass(frozen=True, slots=True)
class Kind:
    """What requests of one sort have in common, besides who sent them."""

    method: str = ""
    event: str = ""
    user_agent: str = ""
    from_host: str = ""
    contact_host: str = ""
    via_host: str = ""
    transport: str = ""
    target: str = ""
    names_user: bool = True
    is_large: bool = False

    @property
    def is_question(self) -> bool:
        """Whether its answer speaks of rules: OPTIONS to the PBX itself may come before them (K19)."""
        return self.names_user or self.method != "OPTIONS"


@dataclass(frozen=True, slots=True)
class Said:
    """What an answer says of itself."""

    status: int = 0
    phrase: str = ""
    hints: tuple[tuple[str, str], ...] = ()


class Sorts:
    """Columns by the number of a sort. Exchanges of one sort may have several numbers, if there are many."""

    def __init__(self) -> None:
        self.source = array("I")
        self.account = array("I")
        """The login, or the user of From where there was none."""
        self.login = array("I")
        """Digest username; 0 without credentials."""
        self.asked = array("I")
        """User of To or of the Request-URI."""
        self.kind = array("I")
        self.said = array("I")
        self.headers = array("I")
        self.sources, self.users = Names(""), Names("")
        self.kinds, self.sayings, self.header_names = Names(Kind()), Names(Said()), Names(())
        self._columns = (
            self.source, self.account, self.login, self.asked, self.kind, self.said, self.headers,
        )  # fmt: skip
        self._numbers: dict[tuple[int, ...], int] = {}
        self._alike: tuple[dict[object, int], dict[object, int]] = ({}, {})
        """The numbers of exchanges that a reader knows to be alike: of ordinary size, and large."""

    def __len__(self) -> int:
        return len(self.source)

    def numbers(self, models: Sequence[Exchange], sizes: Sequence[int]) -> Sequence[int]:
        """The numbers of their sorts; that of exchanges that a reader knows to be alike is remembered."""
        small, large = self._alike
        known = [
            (large if size > _LARGE else small).get(model.alike, _UNKNOWN)
            for model, size in zip(models, sizes, strict=True)
        ]
        if _UNKNOWN not in known:
            return known
        return [
            self._number(model, is_large=size > _LARGE) if number == _UNKNOWN else number
            for model, size, number in zip(models, sizes, known, strict=True)
        ]

    def _number(self, model: Exchange, *, is_large: bool) -> int:
        known = self._alike[is_large]
        number = known.get(model.alike)
        if number is None:
            number = self._number_of(model, is_large=is_large)
            if model.alike is not None:
                if len(known) >= _MOST_ALIKE:
                    known.clear()
                known[model.alike] = number
        return number

    def _number_of(self, exchange: Exchange, *, is_large: bool) -> int:
        users = self.users
        caller = users.number(exchange.from_user)
        login = 0 if exchange.carried is None else users.number(exchange.carried.username)
        key = (
            self.sources.number(exchange.source),
            login or caller,
            login,
            users.number(exchange.user),
            self.kinds.number_of(_kind_key(exchange, is_large=is_large)),
            self.sayings.number_of(_said_key(exchange)),
            self.header_names.number(exchange.headers),
        )
        number = self._numbers.get(key)
        if number is None:
            if len(self._numbers) >= _MOST_ALIKE:
                self._numbers.clear()
            number = self._numbers[key] = len(self.source)
            for column, value in zip(self._columns, key, strict=True):
                column.append(value)
        return number

    def kind_of(self, sort: int) -> Kind:
        """What kind of request it is."""
        kind = self.kinds.values[self.kind[sort]]
        assert isinstance(kind, Kind)  # noqa: S101 - only kinds are put there
        return kind

    def said_of(self, sort: int) -> Said:
        """What its answer said."""
        said = self.sayings.values[self.said[sort]]
        assert isinstance(said, Said)  # noqa: S101 - only these are put there
        return said


def _kind_key(exchange: Exchange, *, is_large: bool) -> tuple[str | bool, ...]:
    """The fields of its `Kind`, in order: looked up far more often than made."""
    return (
        exchange.method,
        exchange.event,
        exchange.user_agent,
        exchange.from_host,
        exchange.contact_host,
        exchange.via_host,
        exchange.transport,
        exchange.target,
        bool(exchange.user),
        is_large,
    )


def _said_key(exchange: Exchange) -> tuple[int, str, tuple[tuple[str, str], ...]]:
    """The fields of its `Said`, in order."""
    hints = exchange.hints
    if not hints:
        return exchange.status or 0, exchange.reason, ()
    # These differ from answer to answer, and so would every saying.
    told = tuple(sorted((name, text) for name, text in hints.items() if name not in _EACH_ANEW))
    return exchange.status or 0, exchange.reason, told
