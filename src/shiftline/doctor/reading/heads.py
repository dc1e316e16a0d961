"""The header fields of a message as bytes, quickly.

The reader of `shiftline.sip` keeps every oddity and is ten times as slow. Here each sender's habit, the
order in which it writes its headers, becomes one regular expression (a shape) that takes a whole head in
one step. A head without a shape is read row by row, to the same result.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from operator import itemgetter
from typing import TypeAlias

from shiftline.doctor.reading.sighting import Flow

Values: TypeAlias = tuple[bytes, ...]
"""What is read of a head: first what changes from message to message, then what does not. The first row of
each name; empty where none is. Of From, To and a request's Contact only the first address, without tag and
parameters."""
HINT_NAMES = (
    b"Server", b"Retry-After", b"Warning", b"Reason", b"P-Registrar-Error", b"ms-diagnostics", b"Allow",
    b"Unsupported", b"Min-Expires",
)  # fmt: skip
_PARTIES = (b"From", b"To", b"Contact")
_CHALLENGES = (b"WWW-Authenticate", b"Proxy-Authenticate")
# What is no header has a blank before its name.
_BRANCH_PART, _SENT_BY, _NAMES, _FIRST, _SECOND = b" branch", b" sent-by", b" names", b" first", b" second"
_OF_REQUESTS = (
    _BRANCH_PART, b"CSeq", b"Call-ID", b"Authorization", b"Proxy-Authorization", _SENT_BY, _NAMES,
    *_PARTIES, b"User-Agent", b"Event", _FIRST, _SECOND,
)  # fmt: skip
_OF_RESPONSES = (
    _BRANCH_PART, b"CSeq", *_CHALLENGES, b"Date", _SENT_BY, b"Contact", _FIRST, _SECOND, *HINT_NAMES,
)  # fmt: skip
BRANCH, CSEQ, CALL_ID, LOGIN, PROXY_LOGIN, SENT_BY = range(6)
"""Of a request, and of both `BRANCH`, `CSEQ` and `SENT_BY`, those of the topmost Via."""
HABIT = SENT_BY
"""From here on comes what all requests of one agent at one phone have in common: sent-by, the names of the
headers (a line each), From, To, Contact, User-Agent, Event, method and URI."""
CHALLENGE, PROXY_CHALLENGE, DATE, _, CONTACT, STATUS, REASON, HINTS = range(2, 10)
"""Of a response. `STATUS` begins what all answers of one sort have in common: then comes the reason, and from
`HINTS` on the values of `HINT_NAMES`."""
_USUAL = (b"Via", *(name for name in (*_OF_REQUESTS, *_OF_RESPONSES) if name[:1] != b" "))
_BY_LOWER = {name.lower(): name for name in _USUAL} | {
    b"v": b"Via", b"f": b"From", b"t": b"To", b"i": b"Call-ID", b"m": b"Contact", b"o": b"Event",
}  # fmt: skip
# Possessive throughout: a head that does not fit a shape is told so in linear time.
# The first group is empty, the second takes no part in the match and is given the names of the headers.
_REQUEST_LINE = rb"()(?:(?!)())?+([^ \r\n]++) ([^ \r\n]++) SIP/2\.0\r\n"
_STATUS_LINE = rb"()(?:(?!)())?+SIP/2\.0 ([1-6]\d\d) ?+([^\r]*+)\r\n"
_EMPTY, _NO_PART, _LEFT, _RIGHT = range(1, 5)
_VIA = rb"([^;\r]*+);(?>(?:[^\r]*?;)??branch=)([^;,\r ]*+)[^\r]*+\r\n"
_PARTY = rb'((?:"[^"\r]*+"[^<\r]*+)?+[^;>\r]*+)'
_FIRST_PARTY = re.compile(_PARTY)
_BRANCH = re.compile(rb";\s*branch\s*=\s*([^;,\s]*)", re.IGNORECASE)
_FOLD = re.compile(rb"\n[ \t]+")
_LONGEST_HEAD = 65_536
_MOST_ROWS = 512
_MOST_SHAPE_ROWS = 40
_MOST_SHAPES = 400
_LONGEST_NAMES = 2048
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
    names: bytes
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
                return shape.pick(found.groups(shape.names))
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
    wanted = _OF_RESPONSES if is_response else _OF_REQUESTS
    places = dict.fromkeys(wanted, _EMPTY) | {_NAMES: _NO_PART, _FIRST: _LEFT, _SECOND: _RIGHT}
    parts, groups = [_STATUS_LINE if is_response else _REQUEST_LINE], _RIGHT
    for before in written:
        usual = _BY_LOWER.get(before.partition(b":")[0].strip().lower(), b"")
        parts.append(re.escape(before))
        if usual == b"Via" and places[_BRANCH_PART] == _EMPTY:
            parts.append(_VIA)
            places[_SENT_BY], places[_BRANCH_PART] = groups + 1, groups + 2
            groups += 2
        elif places.get(usual) == _EMPTY:
            is_party = usual in _PARTIES and not is_response
            parts.append(_PARTY + rb"[^\r]*+\r\n" if is_party else rb"([^\r]*+)\r\n")
            groups += 1
            places[usual] = groups
        else:
            parts.append(rb"[^\r]*+\r\n")
    pattern = re.compile(b"".join(parts) + rb"\r\n")
    pick = itemgetter(*(places[part] - 1 for part in wanted))
    return _Shape(pattern.match, _names_of(written), pick)


def _names_of(written: Iterable[bytes]) -> bytes:
    return b"\n".join([before.partition(b":")[0].strip() for before in written])[:_LONGEST_NAMES]


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
    words = [*start.split(None, 2), b"", b"", b""]
    via = first.get(b"Via", b"")
    branch = _BRANCH.search(via)
    first |= {_BRANCH_PART: branch[1] if branch else b"", _SENT_BY: via.partition(b";")[0]}
    if words[0][:4].upper() == b"SIP/":
        is_status = words[1].isdigit() and len(words[1]) == 3
        first |= {_FIRST: words[1] if is_status else b"", _SECOND: words[2]}
        return tuple([first.get(part, b"") for part in _OF_RESPONSES])
    first |= {_FIRST: words[0], _SECOND: words[1], _NAMES: _names_of(before for _, before, _ in rows)}
    for name in _PARTIES:
        found = _FIRST_PARTY.match(first.get(name, b""))
        first[name] = found[1] if found else b""
    return tuple([first.get(part, b"") for part in _OF_REQUESTS])
