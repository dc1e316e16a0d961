"""The header fields of a message as bytes, quickly.

The reader of `shiftline.sip` keeps every oddity and is ten times as slow. Here each sender's habit, the
order in which it writes its headers, becomes one regular expression (a shape) that takes a whole head in
one step. A head without a shape is read row by row, to the same result.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from operator import itemgetter
from typing import TypeAlias

from shiftline.doctor.reading.sighting import Flow

Values: TypeAlias = tuple[bytes, ...]
"""Branch and sent-by of the topmost Via, CSeq; then of a request `OF_REQUESTS`, method and URI, of a response
status, reason and `OF_RESPONSES`. The first row of each name; empty where none is. Of From, To and Contact
only the first address, without tag and parameters."""
BRANCH, SENT_BY, CSEQ = range(3)

_LOGINS = (b"Authorization", b"Proxy-Authorization")
_CHALLENGES = (b"WWW-Authenticate", b"Proxy-Authenticate")
_PARTIES = (b"From", b"To", b"Contact")
OF_REQUESTS = (b"Call-ID", *_LOGINS, *_PARTIES, b"User-Agent", b"Event")
CALL_ID, LOGIN, PROXY_LOGIN, HABIT = range(3, 7)
"""`HABIT` begins what all requests of one agent at one phone have in common, to the end."""
STATUS, REASON, CHALLENGE, PROXY_CHALLENGE, HINTS = range(3, 8)
"""`HINTS` begins what an answer says of itself, in the order of `HINT_NAMES`."""
HINT_NAMES = (
    b"Server", b"Retry-After", b"Warning", b"Reason", b"P-Registrar-Error", b"ms-diagnostics", b"Allow",
    b"Unsupported", b"Min-Expires", b"Date", b"Contact",
)  # fmt: skip
OF_RESPONSES = (*_CHALLENGES, *HINT_NAMES)
_USUAL = (b"Via", b"CSeq", *OF_REQUESTS, *OF_RESPONSES)
_BY_LOWER = {name.lower(): name for name in _USUAL} | {
    b"v": b"Via", b"f": b"From", b"t": b"To", b"i": b"Call-ID", b"m": b"Contact", b"o": b"Event",
}  # fmt: skip
# Possessive throughout: a head that does not fit a shape is told so in linear time.
_REQUEST_LINE = rb"()([^ \r\n]++) ([^ \r\n]++) SIP/2\.0\r\n"
_STATUS_LINE = rb"()SIP/2\.0 ([1-6]\d\d) ?+([^\r]*+)\r\n"
_VIA = rb"([^;\r]*+);(?>(?:[^\r]*?;)??branch=)([^;,\r ]*+)[^\r]*+\r\n"
_PARTY = rb'((?:"[^"\r]*+"[^<\r]*+)?+[^;>\r]*+)'
_FIRST_PARTY = re.compile(_PARTY)
_BRANCH = re.compile(rb";\s*branch\s*=\s*([^;,\s]*)", re.IGNORECASE)
_FOLD = re.compile(rb"\n[ \t]+")
_LONGEST_HEAD = 65_536
_MOST_ROWS = 512
_MOST_SHAPE_ROWS = 40
_MOST_SHAPES = 400
_MOST_CANDIDATES = 10_000
_SEEN_BEFORE_SHAPED = 3
_SHAPES_TRIED = 4
_COARSE = 7
_NONE: list[_Shape] = []
_KIND = slice(0, 9)
"""Enough of a start line to tell methods and classes of statuses apart."""


@dataclass(frozen=True, slots=True)
class _Shape:
    """How one kind of sender writes one kind of message."""

    match: Callable[[bytes], re.Match[bytes] | None]
    pick: Callable[[tuple[bytes, ...]], Values]
    """Puts the groups of a match into the order of `Values`."""


_Key: TypeAlias = tuple[Flow, bytes, int]
"""A way, the beginning of a start line, and a coarse length, which tells credentials from none."""


@dataclass(slots=True)
class Heads:
    """Reads heads, and learns the shapes as it goes. Bounded."""

    _by_flow: dict[_Key, list[_Shape]] = field(default_factory=dict)
    _shapes: dict[tuple[bytes, ...], _Shape] = field(default_factory=dict)
    _candidates: dict[tuple[bytes, ...], int] = field(default_factory=dict)

    def read(self, flow: Flow, data: bytes) -> Values:
        """The values of a message that came on ``flow``."""
        key = flow, data[_KIND], len(data) >> _COARSE
        for shape in self._by_flow.get(key, _NONE):
            found = shape.match(data)
            if found is not None:
                return shape.pick(found.groups())
        return self._slowly(key, data)

    def _slowly(self, key: _Key, data: bytes) -> Values:
        start, rows = rows_of(data)
        names = (start[:4], *(written for _, written, _ in rows))
        shape = self._shapes.get(names)
        if shape is None:
            self._consider(names)
        else:
            if len(self._by_flow) > _MOST_CANDIDATES:
                self._by_flow.clear()
            known = self._by_flow.setdefault(key, [])
            if shape not in known:
                known.append(shape)
                del known[:-_SHAPES_TRIED]
        return _values(start, rows)

    def _consider(self, names: tuple[bytes, ...]) -> None:
        """Make a shape of what is seen again and again."""
        if len(self._candidates) > _MOST_CANDIDATES:
            self._candidates.clear()
        seen = self._candidates[names] = self._candidates.get(names, 0) + 1
        if (
            seen >= _SEEN_BEFORE_SHAPED
            and len(names) <= _MOST_SHAPE_ROWS
            and len(self._shapes) < _MOST_SHAPES
        ):
            self._shapes[names] = _shape_of(names[1:], is_response=names[0] == b"SIP/")


def _shape_of(written: tuple[bytes, ...], *, is_response: bool) -> _Shape:
    wanted = (b"CSeq", *(OF_RESPONSES if is_response else OF_REQUESTS))
    parts, places = [_STATUS_LINE if is_response else _REQUEST_LINE], dict.fromkeys(wanted, 1)
    via, groups = (1, 1), 3
    for name in written:
        usual = _BY_LOWER.get(name.partition(b":")[0].strip().lower())
        parts.append(re.escape(name))
        if usual == b"Via" and via == (1, 1):
            parts.append(_VIA)
            via = groups + 2, groups + 1
            groups += 2
        elif usual in places and places[usual] == 1:
            is_party = usual in _PARTIES and not (is_response and usual == b"Contact")
            parts.append(_PARTY + rb"[^\r]*+\r\n" if is_party else rb"([^\r]*+)\r\n")
            groups += 1
            places[usual] = groups
        else:
            parts.append(rb"[^\r]*+\r\n")
    pattern = re.compile(b"".join(parts) + rb"\r\n")
    cseq, *others = (places[name] for name in wanted)
    order = (*via, cseq, 2, 3, *others) if is_response else (*via, cseq, *others, 2, 3)
    return _Shape(pattern.match, itemgetter(*(group - 1 for group in order)))


def rows_of(data: bytes) -> tuple[bytes, list[tuple[bytes, bytes, bytes]]]:
    """The start line, and of each row usual name, what stands before its value, and value.

    At most 512, folds undone.
    """
    head = data[:_LONGEST_HEAD].replace(b"\r\n", b"\n").partition(b"\n\n")[0]
    start, *lines = _FOLD.sub(b" ", head).split(b"\n", _MOST_ROWS + 1)
    rows = []
    for line in lines[:_MOST_ROWS]:
        name, colon, value = line.partition(b":")
        if colon:
            before = line[: len(line) - len(value.lstrip())]
            rows.append((_BY_LOWER.get(name.strip().lower(), name), before, value.strip()))
    return start.rstrip(b"\r"), rows


def call_id_of(data: bytes) -> bytes:
    """The Call-ID: it stands in for the branch that a client of RFC 2543 does not write."""
    return next((value for name, _, value in rows_of(data)[1] if name == b"Call-ID"), b"")


def challenge_rows(data: bytes) -> list[bytes]:
    """The values of all challenges of a response, in their order."""
    return [value for name, _, value in rows_of(data)[1] if name in _CHALLENGES]


def _values(start: bytes, rows: list[tuple[bytes, bytes, bytes]]) -> Values:
    first: dict[bytes, bytes] = {}
    for name, _, value in rows:
        first.setdefault(name, value)
    via = first.get(b"Via", b"")
    branch = _BRANCH.search(via)
    words = [*start.split(None, 2), b"", b"", b""]
    ends = branch[1] if branch else b"", via.partition(b";")[0], first.get(b"CSeq", b"")
    if words[0][:4].upper() == b"SIP/":
        status = words[1] if words[1].isdigit() and len(words[1]) == 3 else b""
        return *ends, status, words[2], *(first.get(name, b"") for name in OF_RESPONSES)
    for name in _PARTIES:
        found = _FIRST_PARTY.match(first.get(name, b""))
        first[name] = found[1] if found else b""
    return *ends, *(first.get(name, b"") for name in OF_REQUESTS), *words[:2]
