"""Credentials and challenges of digest (RFC 7616), quickly.

Split at its quotes, a row is a sender's words (``Digest username=``, ``, realm=``, ...) and the values
between them. The words repeat; where each value stands among them is found out once.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from shiftline.diagnosis.exchange import Carried, Challenge
from shiftline.doctor.reading.row_by_row import challenge_rows
from shiftline.doctor.reading.words import Memory, text
from shiftline.sip.glance import printable

_LONGEST = 4096
_MOST_CHALLENGES = 16
_DEFAULT_ALGORITHM = "MD5"
_DIGEST = re.compile(rb"(?<![\w-])digest\b(?![-=])[ \t]*", re.IGNORECASE)
"""Begins a set of credentials or a challenge; `digest-uri` is a parameter (RFC 2831 has it)."""
_PARAMETER = re.compile(rb"([\w*-]{1,32})[ \t]*=[ \t]*(?:\"(\d+)\"|([^\s,\"]{0,1024}))")


@dataclass(frozen=True, slots=True)
class _Plan:
    """Places of the values in a row that was split at its quotes, and to which ``bare`` was added."""

    bare: list[bytes]
    """Values without quotes; first an empty one for what is not there."""
    scheme: str
    username: int
    realm: int
    nonce: int
    response: int
    count: int
    stale: int
    algorithms: tuple[int, ...]
    """Of each challenge in the row."""


def carried(row: bytes) -> tuple[Carried | None, str, int | None]:
    """The credentials of a request without their nonce, the nonce, and its count.

    None for an Authorization that answers no challenge yet (3GPP's).
    """
    values, plan = _split(row)
    if plan.scheme:
        return Carried(username="", realm="", nonce="", algorithm=plan.scheme), "", None
    nonce = values[plan.nonce]
    if not nonce and not values[plan.response]:
        return None, "", None
    found = Carried(
        username=text[values[plan.username]],
        realm=text[values[plan.realm]],
        nonce="",
        algorithm=text[values[plan.algorithms[0]]] or _DEFAULT_ALGORITHM,
    )
    return found, printable(nonce), count[values[plan.count]]


def challenge(first: bytes, data: bytes = b"") -> tuple[Challenge, str]:
    """What a 401 or 407 asks for, without its nonce; the algorithms of all challenges, in order; the nonce.

    ``first`` is its first challenge, ``data`` the whole response, which may hold more of them.
    """
    is_only = not data or data.count(b"uthenticate") == 1
    rows = (first,) if is_only else challenge_rows(data)[:_MOST_CHALLENGES]
    chosen: tuple[list[bytes], _Plan] | None = None
    algorithms: list[str] = []
    for row in rows:
        values, plan = _split(row)
        if plan.scheme:
            continue
        algorithms += [text[values[place]] or _DEFAULT_ALGORITHM for place in plan.algorithms]
        chosen = chosen or (values, plan)
    if chosen is None:
        return Challenge(realm="", nonce="", algorithms=()), ""
    values, plan = chosen
    found = Challenge(
        realm=text[values[plan.realm]],
        nonce="",
        algorithms=tuple(algorithms[:_MOST_CHALLENGES]),
        is_stale=values[plan.stale].lower() == b"true",
    )
    return found, printable(values[plan.nonce])


def _split(row: bytes) -> tuple[list[bytes], _Plan]:
    if b"\\" in row:
        row = row.replace(b'\\"', b"'")
    values = row[:_LONGEST].split(b'"')
    plan = _plans[tuple(values[::2])]
    values += plan.bare
    return values, plan


def _plan(between: tuple[bytes, ...]) -> _Plan:
    """Find the places: the row is read with the number of its place instead of each quoted value."""
    size = 2 * len(between) - 1
    numbered = b"".join(
        b'%s"%d"' % (word, 2 * at + 1) if at < len(between) - 1 else word for at, word in enumerate(between)
    )
    scheme = numbered.split(None, 1)[0] if numbered.strip() else b""
    bare = [b""]

    def place(value: tuple[bytes, bytes]) -> int:
        if value[0]:
            return min(int(value[0]), size)
        bare.append(value[1])
        return size + len(bare) - 1

    parts = _DIGEST.split(numbered)[1 : _MOST_CHALLENGES + 1]
    found = [
        {name.lower(): place((quoted, plain)) for name, quoted, plain in _PARAMETER.findall(one)}
        for one in parts
    ]
    first = found[0] if found else {}
    return _Plan(
        bare=bare,
        scheme="" if scheme.lower() == b"digest" else text[scheme[:64]] or "none",
        username=first.get(b"username", first.get(b"username*", size)),
        realm=first.get(b"realm", size),
        nonce=first.get(b"nonce", size),
        response=first.get(b"response", size),
        count=first.get(b"nc", size),
        stale=first.get(b"stale", size),
        algorithms=tuple(one.get(b"algorithm", size) for one in found),
    )


def _as_count(value: bytes) -> int | None:
    try:
        return int(value, 16)
    except ValueError:
        return None


_plans = Memory(_plan)
count = Memory(_as_count)
"""A nonce count as a number; None for what is none."""
