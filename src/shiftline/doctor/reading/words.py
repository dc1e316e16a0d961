"""Words of a message as text: addresses, agents, credentials, challenges. Each text is made once and shared.

What a peer sent becomes printable and short, so that it can be shown anywhere.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Generic, TypeVar

from shiftline.diagnosis.exchange import NO_HINTS, Carried, Challenge
from shiftline.doctor.reading.heads import OF_RESPONSES, challenge_rows
from shiftline.sip.glance import printable

Word = TypeVar("Word")
_MOST_WORDS = 20_000
_PARAMETER = re.compile(rb"([\w*-]{1,32})[ \t]*=[ \t]*(?:\"((?:[^\"\\]|\\.){0,1024})\"|([^\s,\"]{0,1024}))")
_NAME = re.compile(rb'"(?:[^"\\]|\\.)*+"')
_DIGEST = re.compile(rb"\bdigest[ \t]+", re.IGNORECASE)
_HINTS = tuple(name.decode().lower() for name in OF_RESPONSES[3:])
_DEFAULT_ALGORITHM = "MD5"
_MOST_CHALLENGES = 16


class Memory(dict[bytes, Word], Generic[Word]):
    """Remembers what was made of some bytes; forgets all when it has grown too large."""

    __slots__ = ("_make",)

    def __init__(self, make: Callable[[bytes], Word]) -> None:
        super().__init__()
        self._make = make

    def __missing__(self, value: bytes) -> Word:
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
"""User and host of an address or URI without parameters of its header."""
via_host = Memory(_via_host)
"""The host in what stands before the first semicolon of a Via."""


def address(value: bytes) -> tuple[str, str]:
    """User and host of a From, To or Contact, whatever tag and parameters follow."""
    if value.startswith(b'"'):
        name = _NAME.match(value)
        value = value[name.end() :] if name else value
    end = value.find(b">")
    return party[value[:end] if end >= 0 else value.partition(b";")[0]]


def carried(value: bytes) -> Carried | None:
    """The credentials of a request; None for an Authorization that answers no challenge yet (3GPP's)."""
    scheme, _, rest = value.strip().partition(b" ")
    if scheme.lower() != b"digest":
        return Carried(username="", realm="", nonce="", algorithm=text[scheme[:64]])
    found = {name.lower(): quoted or bare for name, quoted, bare in _PARAMETER.findall(rest[:4096])}
    nonce = found.get(b"nonce", b"")
    if not nonce and not found.get(b"response"):
        return None
    try:
        count = int(found[b"nc"], 16) if b"nc" in found else None
    except ValueError:
        count = None
    algorithm = found.get(b"algorithm")
    return Carried(
        username=text[found.get(b"username") or found.get(b"username*", b"")],
        realm=text[found.get(b"realm", b"")],
        nonce=printable(nonce),
        nonce_count=count,
        algorithm=text[algorithm] if algorithm else _DEFAULT_ALGORITHM,
        digest_uri=text[found.get(b"uri", b"")],
    )


def challenge(first: bytes, data: bytes) -> Challenge:
    """What a 401 or 407 asks for; the algorithms of all its challenges, in their order.

    ``first`` is its first challenge, ``data`` the whole response, which may hold more of them.
    """
    rows = [first] if data.lower().count(b"-authenticate") == 1 else challenge_rows(data)
    found: dict[bytes, bytes] = {}
    algorithms: list[str] = []
    for row in rows[:_MOST_CHALLENGES]:
        for one in _DIGEST.split(row[:8192])[1 : _MOST_CHALLENGES + 1]:
            values = {name.lower(): quoted or bare for name, quoted, bare in _PARAMETER.findall(one)}
            algorithm = values.get(b"algorithm")
            algorithms.append(text[algorithm] if algorithm else _DEFAULT_ALGORITHM)
            found = found or values
    return Challenge(
        realm=text[found.get(b"realm", b"")],
        nonce=printable(found.get(b"nonce", b"")),
        algorithms=tuple(algorithms) or (_DEFAULT_ALGORITHM,),
        is_stale=found.get(b"stale", b"").lower() == b"true",
    )


def hints(values: tuple[bytes, ...]) -> Mapping[str, str]:
    """What an answer says of itself: ``values`` are those of `OF_RESPONSES` from Server on."""
    said = {name: text[value] for name, value in zip(_HINTS, values, strict=True) if value}
    return said or NO_HINTS
