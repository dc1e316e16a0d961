"""Words of a message as text: addresses, agents, hints. Each text is made once and shared.

What a peer sent becomes printable and short, so that it can be shown anywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Generic, TypeVar

from shiftline.diagnosis.exchange import NO_HINTS
from shiftline.doctor.reading.layout import HINT_NAMES
from shiftline.doctor.reading.stencils import Common
from shiftline.sip.glance import printable

Raw = TypeVar("Raw")
Word = TypeVar("Word")
_MOST_WORDS = 20_000
_HINTS = tuple(name.decode().lower() for name in HINT_NAMES)


class Memory(dict[Raw, Word], Generic[Raw, Word]):
    """Remembers what was made of some bytes; forgets all when it has grown too large."""

    __slots__ = ("_make",)

    def __init__(self, make: Callable[[Raw], Word]) -> None:
        super().__init__()
        self._make = make

    def __missing__(self, value: Raw) -> Word:
        if len(self) >= _MOST_WORDS:
            self.clear()
        made = self[value] = self._make(value)
        return made


def _text(value: bytes) -> str:
    return printable(value.strip())


def _party(value: bytes) -> tuple[str, str]:
    """User and host of an address or URI (RFC 3261 section 19.1.1); empty where there is none."""
    if b"<" in value:
        value = value[value.rfind(b"<") + 1 :].partition(b">")[0]
    scheme, colon, rest = value.strip().partition(b":")
    if not colon:
        return "", _text(scheme)
    if scheme.lower() == b"tel":
        return _text(rest.partition(b";")[0]), ""
    before, at, after = rest.partition(b"?")[0].rpartition(b"@")
    user = before.partition(b":")[0].partition(b";")[0] if at else b""
    return _text(user), _text(_host(after.partition(b";")[0]))


def _host(value: bytes) -> bytes:
    """A host without its port, an IPv6 address without its brackets."""
    if value.startswith(b"["):
        return value[1:].partition(b"]")[0]
    return value.partition(b":")[0]


def _via_host(value: bytes) -> str:
    return _text(_host(value.strip().rpartition(b" ")[2]))


text = Memory(_text)
"""Bytes as printable text."""
party = Memory(_party)
"""User and host of an address or URI, without what follows it in its header."""
via_host = Memory(_via_host)
"""The host in what stands before the first semicolon of a Via."""


@dataclass(frozen=True, slots=True, eq=False)
class Habit:
    """What the requests of one agent at one phone have in common, as an exchange shows it. A key itself."""

    via_host: str
    method: str
    user: str
    uri_host: str
    from_user: str
    from_host: str
    contact_host: str
    user_agent: str
    event: str
    headers: tuple[str, ...]


def _habit(common: Common) -> Habit:
    sent_by, names, sender, to, contact, agent, event, method, uri, _ = common.values
    user, host = party[uri]
    return Habit(
        via_host[sent_by],
        text[method],
        party[to][0] if method == b"REGISTER" else user,
        host,
        *party[sender],
        party[contact][1],
        text[agent],
        text[event.partition(b";")[0]],
        headers[names],
    )


def _headers(names: bytes) -> tuple[str, ...]:
    return tuple([text[name] for name in names.split(b"\n")]) if names else ()


headers = Memory(_headers)
"""From the names of the headers of a request, a line each."""
habit = Memory(_habit)
"""From what a request has in common with others."""


@dataclass(frozen=True, slots=True, eq=False)
class Answer:
    """What answers of one sort have in common, as an exchange shows it. A key itself."""

    status: int | None
    reason: str
    hints: Mapping[str, str]


NO_ANSWER = Answer(None, "", NO_HINTS)


def _answer(common: Common) -> Answer:
    _, status, reason, *hints, _ = common.values
    said = {name: text[value] for name, value in zip(_HINTS, hints, strict=True) if value}
    return Answer(int(status), text[reason], MappingProxyType(said) if said else NO_HINTS)


answer = Memory(_answer)
"""From what a response with a status has in common with others."""
