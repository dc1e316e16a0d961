"""Exchanges in columns: some 50 bytes each, so that a long capture fits into memory."""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from dataclasses import dataclass

from shiftline.diagnosis.exchange import Exchange, Place
from shiftline.diagnosis.outcome import Outcome
from shiftline.diagnosis.probe import Credentials

MOST_NAMES = 200_000
"""Distinct names of one sort that are kept; hostile captures have a million."""
OUTCOMES = tuple(Outcome)
OUTCOME_NUMBER = {outcome: number for number, outcome in enumerate(OUTCOMES)}
CREDENTIALS = tuple(Credentials)
CREDENTIALS_NUMBER = {one: number for number, one in enumerate(CREDENTIALS)}
UNANSWERED = -1.0
_MOST_ALIKE = 20_000
_LONG_NAMES = {
    "v": "via", "f": "from", "t": "to", "i": "call-id", "m": "contact", "o": "event", "s": "subject",
    "c": "content-type", "l": "content-length", "e": "content-encoding", "k": "supported",
    "u": "allow-events", "x": "session-expires", "r": "refer-to", "b": "referred-by",
}  # fmt: skip
"""Short forms of header names, of RFC 3261 section 7.3.3 and its kin."""


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


_EACH_ANEW = frozenset({"date", "contact"})
_LARGE = 1300
"""Bytes: beyond this, UDP may fragment (RFC 3261 section 18.1.1)."""


class Rows:
    """The columns, one entry an exchange, in the order in which they were added."""

    def __init__(self) -> None:
        self.at = array("d")
        self.latency = array("f")
        """Seconds to the final answer, `UNANSWERED` without."""
        self.source = array("I")
        self.caller = array("I")
        """User of From."""
        self.login = array("I")
        """Digest username; 0 without credentials."""
        self.asked = array("I")
        """User of To or of the Request-URI."""
        self.kind = array("I")
        self.said = array("I")
        self.headers = array("I")
        self.credentials = array("B")
        self.outcome = array("B")
        self.copies = array("B")
        self.size = array("H")
        """Bytes of the request, 65,535 at most."""
        self.copied_after: dict[int, tuple[float, ...]] = {}
        """Of rows that were sent again, where that is known: seconds from the first copy to the others."""
        self._file = array("I")
        self._number = array("I")
        self.sources, self.users = Names(""), Names("")
        self.kinds, self.sayings = Names(Kind()), Names(Said())
        self._headers, self._files = Names(()), Names("")
        self._header_names: dict[int, frozenset[str]] = {}
        self._last_file, self._last_number = "", 0
        self._alike: tuple[dict[object, tuple[int, ...]], ...] = ({}, {})
        """The numbers of exchanges that a reader knows to be alike: of ordinary size, and large."""

    def __len__(self) -> int:
        return len(self.at)

    def add(self, exchange: Exchange, outcome: Outcome, credentials: Credentials) -> None:
        """One more row."""
        known = self._alike[exchange.size > _LARGE]
        numbers = known.get(exchange.alike)
        if numbers is None:
            numbers = self._numbers_of(exchange)
            if exchange.alike is not None:
                if len(known) >= _MOST_ALIKE:
                    known.clear()
                known[exchange.alike] = numbers
        source, caller, login, asked, kind, said, headers = numbers
        if exchange.copied_after:
            self.copied_after[len(self.at)] = exchange.copied_after
        self.at.append(exchange.at)
        after = exchange.answered_after
        self.latency.append(UNANSWERED if after is None else after)
        self.source.append(source)
        self.caller.append(caller)
        self.login.append(login)
        self.asked.append(asked)
        self.kind.append(kind)
        self.said.append(said)
        self.headers.append(headers)
        self.credentials.append(CREDENTIALS_NUMBER[credentials])
        self.outcome.append(OUTCOME_NUMBER[outcome])
        self.copies.append(min(exchange.copies, 255))
        self.size.append(min(exchange.size, 0xFFFF))
        if exchange.file != self._last_file:
            self._last_file, self._last_number = exchange.file, self._files.number(exchange.file)
        self._file.append(self._last_number)
        self._number.append(exchange.packet)

    def _numbers_of(self, exchange: Exchange) -> tuple[int, ...]:
        """What it has in common with others, by numbers."""
        users = self.users
        return (
            self.sources.number(exchange.source),
            users.number(exchange.from_user),
            0 if exchange.carried is None else users.number(exchange.carried.username),
            users.number(exchange.user),
            self.kinds.number_of(_kind_key(exchange)),
            self.sayings.number_of(_said_key(exchange)),
            self._headers.number(exchange.headers),
        )

    def place(self, row: int) -> Place | None:
        """Where it can be looked up."""
        if not self._number[row]:
            return None
        return Place(file=self._files.text(self._file[row]), number=self._number[row])

    def kind_of(self, row: int) -> Kind:
        """What sort of request it was."""
        kind = self.kinds.values[self.kind[row]]
        assert isinstance(kind, Kind)  # noqa: S101 - only kinds are put there
        return kind

    def said_of(self, row: int) -> Said:
        """What its answer said."""
        said = self.sayings.values[self.said[row]]
        assert isinstance(said, Said)  # noqa: S101 - only these are put there
        return said

    def headers_of(self, row: int) -> tuple[str, ...]:
        """The names of its headers as they were written, in order; none where the record does not tell."""
        headers = self._headers.values[self.headers[row]]
        assert isinstance(headers, tuple)  # noqa: S101 - only these are put there
        return headers

    def header_names(self, number: int) -> frozenset[str]:
        """The names that a number of `headers` stands for: in lower case, short forms written out."""
        found = self._header_names.get(number)
        if found is None:
            written = self._headers.values[number]
            assert isinstance(written, tuple)  # noqa: S101 - only these are put there
            lower = (name.lower() for name in written)
            found = self._header_names[number] = frozenset(_LONG_NAMES.get(name, name) for name in lower)
        return found

    def all_said(self) -> Iterator[Said]:
        """What any answer said, by number."""
        for said in self.sayings.values:
            assert isinstance(said, Said)  # noqa: S101 - only these are put there
            yield said

    def account(self, row: int) -> int:
        """Number of the account: the login, or the caller where there was none."""
        return self.login[row] or self.caller[row]


def _kind_key(exchange: Exchange) -> tuple[str | bool, ...]:
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
        exchange.size > _LARGE,
    )


def _said_key(exchange: Exchange) -> tuple[int, str, tuple[tuple[str, str], ...]]:
    """The fields of its `Said`, in order."""
    hints = exchange.hints
    if not hints:
        return exchange.status or 0, exchange.reason, ()
    # These differ from answer to answer, and so would every saying.
    told = tuple(sorted((name, text) for name, text in hints.items() if name not in _EACH_ANEW))
    return exchange.status or 0, exchange.reason, told
