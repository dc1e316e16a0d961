"""Words of a message as text: addresses, agents, hints. Each text is made once and shared.

What a peer sent becomes printable and short, so that it can be shown anywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Generic, TypeVar

from shiftline.diagnosis.exchange import NO_HINTS
from shiftline.doctor.reading.heads import HINT_NAMES, HINTS
from shiftline.sip.glance import printable

Raw = TypeVar("Raw")
Word = TypeVar("Word")
_MOST_WORDS = 20_000
_FIRST_CHANGING = -2
"""Date and Contact differ from answer to answer; the headers before them are a server's habit."""
_HINTS = tuple(name.decode().lower() for name in HINT_NAMES[:_FIRST_CHANGING])


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


@dataclass(frozen=True, slots=True)
class Habit:
    """What the requests of one agent at one phone have in common, as an exchange shows it."""

    method: str
    user: str
    uri_host: str
    from_user: str
    from_host: str
    contact_host: str
    user_agent: str
    event: str


def _habit(values: tuple[bytes, ...]) -> Habit:
    sender, to, contact, agent, event, method, uri = values
    user, host = party[uri]
    return Habit(
        text[method],
        party[to][0] if method == b"REGISTER" else user,
        host,
        *party[sender],
        party[contact][1],
        text[agent],
        text[event.partition(b";")[0]],
    )


habit = Memory(_habit)
"""From the values of a request that begin at `heads.HABIT`."""


def hints(reply: tuple[bytes, ...]) -> Mapping[str, str]:
    """What an answer says of itself, from the values of a response (`heads`)."""
    said = _constant_hints[reply[HINTS:_FIRST_CHANGING]]
    date, contact = reply[_FIRST_CHANGING:]
    if date or contact:
        said = dict(said)
        if date:
            said["date"] = text[date]
        if contact:
            said["contact"] = text[contact]
    return said


def _hints(values: tuple[bytes, ...]) -> Mapping[str, str]:
    said = {name: text[value] for name, value in zip(_HINTS, values, strict=True) if value}
    return MappingProxyType(said) if said else NO_HINTS


_constant_hints = Memory(_hints)
