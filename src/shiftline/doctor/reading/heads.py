"""The header fields of a message as bytes, quickly.

The reader of `shiftline.sip` keeps every oddity and is ten times as slow. Here each sender's habit, the
order in which it writes its headers, becomes one regular expression (a shape) that takes a whole head in
one step, and a message that it read becomes a stencil for the next. A head without either is read row by
row, to the same result.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Final

from shiftline.doctor.reading.sighting import Flow
from shiftline.doctor.reading.stencils import Changing, Common, Key, Stencils, Values

HINT_NAMES = (
    b"Server", b"User-Agent", b"Retry-After", b"Warning", b"Reason", b"P-Registrar-Error", b"ms-diagnostics",
    b"Allow", b"Unsupported", b"Min-Expires",
)  # fmt: skip
_PARTIES = (b"From", b"To", b"Contact")
_CHALLENGES = (b"WWW-Authenticate", b"Proxy-Authenticate")
# What is no header has a blank before its name.
_BRANCH_PART, _SENT_BY, _NAMES, _FIRST, _SECOND = b" branch", b" sent-by", b" names", b" first", b" second"
_CHANGING_IN_REQUESTS = _BRANCH_PART, b"CSeq", b"Date", b"Call-ID", b"Authorization", b"Proxy-Authorization"
_CHANGING_IN_RESPONSES = _BRANCH_PART, b"CSeq", b"Date", b"Contact", *_CHALLENGES
COMMON: Final = 0
BRANCH: Final = 1
CSEQ: Final = 2
DATE: Final = 3
CALL_ID: Final = 4
LOGIN: Final = 5
PROXY_LOGIN: Final = 6
CONTACT: Final = 4
CHALLENGE: Final = 5
PROXY_CHALLENGE: Final = 6
"""Places in `Values`; `CONTACT` and challenges are those of a response. The first row of each name; empty
where none is."""
_COMMON_TO_REQUESTS = _SENT_BY, _NAMES, *_PARTIES, b"User-Agent", b"Event", _FIRST, _SECOND
_COMMON_TO_RESPONSES = _SENT_BY, _FIRST, _SECOND, *HINT_NAMES
SENT_BY, STATUS = range(2)
"""Places in what is common: sent-by of the topmost Via and, of a response, status, reason and `HINT_NAMES`.
Of a request there follow the names of the headers (a line each), From, To, Contact, User-Agent, Event, method
and URI. Of its addresses only the first, without tag and parameters."""
_PARTS = (*_CHANGING_IN_REQUESTS, *_COMMON_TO_REQUESTS, *_CHANGING_IN_RESPONSES, *_COMMON_TO_RESPONSES)
_CHANGE_UNREAD = frozenset(
    {b"via", b"v", b"call-id", b"i", b"record-route", b"timestamp", b"session-id", b"identity"}
)
_USUAL = (b"Via", *(name for name in _PARTS if name[:1] != b" "))
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
_MOST_COMMON, _LONGEST_COMMON = 20_000, 4096
LONG = 1500
"""Bytes of a message from which on its values are cut: hardly any fits into no packet."""
_LONGEST_VALUE, _LONGEST_LOGIN = 300, 2048
_NONE: list[_Shape] = []
_KIND = slice(0, 9)
"""Enough of a start line to tell methods and classes of statuses apart."""


@dataclass(frozen=True, slots=True)
class _Shape:
    """How one kind of sender writes one kind of message."""

    match: Callable[[bytes], re.Match[bytes] | None]
    names: bytes
    changing: Callable[[tuple[bytes, ...]], Changing]
    common: Callable[[tuple[bytes, ...]], tuple[bytes, ...]]
    """These put the groups of a match into the order of `Values` and of what is common."""
    places: tuple[int, ...]
    """The groups of what changes, in that order."""
    unread: tuple[int, ...]
    """The groups of what changes besides."""


@dataclass(slots=True)
class Heads:
    """Reads heads, and learns the shapes as it goes. Bounded."""

    _by_flow: dict[Key, list[_Shape]] = field(default_factory=dict)
    """The length in these keys is a coarse one, which tells credentials from none."""
    _shapes: dict[tuple[bytes, ...], _Shape] = field(default_factory=dict)
    _candidates: dict[tuple[bytes, ...], int] = field(default_factory=dict)
    _stencils: Stencils = field(default_factory=Stencils)
    _common: dict[tuple[bytes, ...], Common] = field(default_factory=dict)

    def read(self, flow: Flow, data: bytes) -> Values:
        """The values of a message that came on ``flow``."""
        key = flow, data[_KIND], len(data)
        values = self._stencils.read(key, data) or self._by_shape(key, data)
        return values if len(data) <= LONG else self._cut(values)

    def _cut(self, values: Values) -> Values:
        """Without what is too long to be shown anyway, so that large messages do not fill the memory."""
        common, branch, cseq, date, one, other, third = values
        return (
            self._one(tuple([value[:_LONGEST_VALUE] for value in common.values])),
            branch[:_LONGEST_VALUE],
            cseq[:_LONGEST_VALUE],
            date[:_LONGEST_VALUE],
            one[:_LONGEST_VALUE],
            other[:_LONGEST_LOGIN],
            third[:_LONGEST_LOGIN],
        )

    def _by_shape(self, key: Key, data: bytes) -> Values:
        coarse = key[0], key[1], len(data) >> _COARSE
        for shape in self._by_flow.get(coarse, _NONE):
            found = shape.match(data)
            if found is not None:
                groups = found.groups(shape.names)
                common = self._one(shape.common(groups))
                places, unread = map(found.span, shape.places), map(found.span, shape.unread)
                self._stencils.learn(key, data, common, places, unread, found.end())
                return (common, *shape.changing(groups))
        return self._slowly(coarse, data)

    def _one(self, values: tuple[bytes, ...]) -> Common:
        """The same object for the same values."""
        common = self._common.get(values)
        if common is None:
            common = Common(values)
            if sum(map(len, values)) <= _LONGEST_COMMON:
                if len(self._common) >= _MOST_COMMON:
                    self._common.clear()
                self._common[values] = common
        return common

    def _slowly(self, key: Key, data: bytes) -> Values:
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
        changing, common = _values(start, rows)
        return (self._one(common), *changing)

    def _consider(self, names: tuple[bytes, ...]) -> None:
        """Make a shape of what is seen again and again."""
        if len(names) > _MOST_SHAPE_ROWS or sum(map(len, names)) > _LONGEST_NAMES:
            return
        if len(self._candidates) > _MOST_CANDIDATES:
            self._candidates.clear()
        seen = self._candidates[names] = self._candidates.get(names, 0) + 1
        if seen >= _SEEN_BEFORE_SHAPED and len(self._shapes) < _MOST_SHAPES:
            self._shapes[names] = _shape_of(names[1:], is_response=names[0] == b"SIP/")


def _shape_of(written: tuple[bytes, ...], *, is_response: bool) -> _Shape:
    changing, common = (
        (_CHANGING_IN_RESPONSES, _COMMON_TO_RESPONSES)
        if is_response
        else (_CHANGING_IN_REQUESTS, _COMMON_TO_REQUESTS)
    )
    places = dict.fromkeys((*changing, *common), _EMPTY) | {
        _NAMES: _NO_PART, _FIRST: _LEFT, _SECOND: _RIGHT
    }  # fmt: skip
    parts, groups = [_STATUS_LINE if is_response else _REQUEST_LINE], _RIGHT
    unread: list[int] = []
    for before in written:
        name = before.partition(b":")[0].strip().lower()
        usual = _BY_LOWER.get(name, b"")
        parts.append(re.escape(before))
        if usual == b"Via" and places[_BRANCH_PART] == _EMPTY:
            parts.append(_VIA)
            places[_SENT_BY], places[_BRANCH_PART] = groups + 1, groups + 2
            groups += 2
        elif places.get(usual) == _EMPTY:
            is_party = usual in _PARTIES and not is_response
            parts.append(_PARTY + rb"([^\r]*+)\r\n" if is_party else rb"([^\r]*+)\r\n")
            groups += 1
            places[usual] = groups
            if is_party:
                groups += 1
                unread.append(groups)
        elif usual in _PARTIES or name in _CHANGE_UNREAD or name.startswith((b"x-", b"p-")):
            parts.append(rb"([^\r]*+)\r\n")
            groups += 1
            unread.append(groups)
        else:
            parts.append(rb"[^\r]*+\r\n")
    pattern = re.compile(b"".join(parts) + rb"\r\n")
    return _Shape(
        pattern.match,
        _names_of(written),
        itemgetter(*(places[part] - 1 for part in changing)),
        itemgetter(*(places[part] - 1 for part in common)),
        tuple(places[part] for part in changing),
        tuple(unread),
    )


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


def _values(start: bytes, rows: list[tuple[bytes, bytes, bytes]]) -> tuple[Changing, tuple[bytes, ...]]:
    """What changes, and what is common."""
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
        return _changing(first, _CHANGING_IN_RESPONSES), _common(first, _COMMON_TO_RESPONSES)
    first |= {_FIRST: words[0], _SECOND: words[1], _NAMES: _names_of(before for _, before, _ in rows)}
    for name in _PARTIES:
        found = _FIRST_PARTY.match(first.get(name, b""))
        first[name] = found[1] if found else b""
    return _changing(first, _CHANGING_IN_REQUESTS), _common(first, _COMMON_TO_REQUESTS)


def _changing(first: dict[bytes, bytes], parts: Sequence[bytes]) -> Changing:
    branch, cseq, date, one, other, third = (first.get(part, b"") for part in parts)
    return branch, cseq, date, one, other, third


def _common(first: dict[bytes, bytes], parts: Sequence[bytes]) -> tuple[bytes, ...]:
    return tuple([first.get(part, b"") for part in parts])
