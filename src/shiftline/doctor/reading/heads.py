"""The header fields of a message as bytes, quickly.

The reader of `shiftline.sip` keeps every oddity and is ten times as slow. Here each sender's habit, the
order in which it writes its headers, becomes one regular expression (a shape) that takes a whole head in
one step, and a message that it read becomes a stencil for the next. A head without either is read row by
row, to the same result.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from operator import itemgetter

from shiftline.doctor.reading.holes import holes_in
from shiftline.doctor.reading.layout import (
    BRANCH_PART,
    BY_LOWER,
    FIRST,
    LAYOUTS,
    NAMES,
    PARTIES,
    SECOND,
    SENT_BY_PART,
)
from shiftline.doctor.reading.row_by_row import (
    LONGEST_NAMES,
    PARTY,
    has_one_challenge,
    names_of,
    rows_of,
    values_of,
)
from shiftline.doctor.reading.sighting import Flow
from shiftline.doctor.reading.stencils import Common, Key, Span, Stencils, Values

_CHANGE_UNREAD = frozenset(
    {b"via", b"v", b"call-id", b"i", b"record-route", b"timestamp", b"session-id", b"identity"}
)
# Possessive throughout: a head that does not fit a shape is told so in linear time.
# The first group is empty, the second takes no part in the match and is given the names of the headers.
_REQUEST_LINE = rb"()(?:(?!)())?+([^ \r\n]++) ([^ \r\n]++) SIP/2\.0\r\n"
_STATUS_LINE = rb"()(?:(?!)())?+SIP/2\.0 ([1-6]\d\d) ?+([^\r]*+)\r\n"
_EMPTY, _NO_PART, _LEFT, _RIGHT = range(1, 5)
_VIA = rb"([^;\r]*+);(?>(?:[^\r]*?;)??branch=)([^;,\r ]*+)[^\r]*+\r\n"
_MOST_SHAPE_ROWS = 40
_MOST_SHAPES = 400
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
    common: Callable[[tuple[bytes, ...]], tuple[bytes, ...]]
    """Puts the groups of a match into the order of what is common."""
    places: tuple[int, ...]
    """The groups of what changes, in the order of ``_CHANGING_IN_REQUESTS`` or its like."""
    is_response: bool
    may_cut: bool
    """Whether no second challenge stands beside the first."""
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
        common, branch, told, cseq, nonce, row, last = values
        *words, digest = common.values
        return (
            self._one((*[value[:_LONGEST_VALUE] for value in words], digest[:_LONGEST_LOGIN])),
            branch[:_LONGEST_VALUE],
            told[:_LONGEST_VALUE],
            cseq[:_LONGEST_VALUE],
            nonce[:_LONGEST_LOGIN],
            row[:_LONGEST_LOGIN],
            last[:_LONGEST_VALUE],
        )

    def _by_shape(self, key: Key, data: bytes) -> Values:
        coarse = key[0], key[1], len(data) >> _COARSE
        for shape in self._by_flow.get(coarse, _NONE):
            found = shape.match(data)
            if found is not None:
                return self._shaped(shape, found, key, data)
        return self._slowly(coarse, data)

    def _shaped(self, shape: _Shape, found: re.Match[bytes], key: Key, data: bytes) -> Values:
        """What a shape read. The next message like it is read by a stencil."""
        words, places, unread = _parted(shape, data, [found.span(place) for place in shape.places])
        common = self._one((*shape.common(found.groups(shape.names)), words))
        unread += map(found.span, shape.unread)
        self._stencils.learn(key, data, common, places, unread, found.end())
        branch, told, cseq, nonce, row, last = (data[begin:end] for begin, end in places)
        return common, branch, told, cseq, nonce, row, last

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
        changing, common = values_of(start, rows)
        return (self._one(common), *changing)

    def _consider(self, names: tuple[bytes, ...]) -> None:
        """Make a shape of what is seen again and again."""
        if len(names) > _MOST_SHAPE_ROWS or sum(map(len, names)) > LONGEST_NAMES:
            return
        if len(self._candidates) > _MOST_CANDIDATES:
            self._candidates.clear()
        seen = self._candidates[names] = self._candidates.get(names, 0) + 1
        if seen >= _SEEN_BEFORE_SHAPED and len(self._shapes) < _MOST_SHAPES:
            self._shapes[names] = _shape_of(names[1:], is_response=names[0] == b"SIP/")


def _parted(shape: _Shape, data: bytes, spans: Sequence[Span]) -> tuple[bytes, tuple[Span, ...], list[Span]]:
    """Words of credentials or challenge; the places of what changes as `Values` has it; those left unread."""
    branch, told, cseq, first, second, last = spans
    (begin, end), other = (first, second) if first[0] < first[1] else (second, first)
    holes = holes_in(data[begin:end], is_login=not shape.is_response) if shape.may_cut else None
    if holes is None:
        return b"", (branch, told, cseq, (0, 0), (begin, end), last), [other]
    nonce = _moved(holes.nonce, begin)
    count = _moved(holes.nonce_count, begin) if holes.nonce_count[1] else (0, 0)
    unread = [other, *(_moved(span, begin) for span in holes.spans)]
    return holes.words, (branch, told, cseq, nonce, (0, 0), last if shape.is_response else count), unread


def _moved(span: Span, by: int) -> Span:
    return span[0] + by, span[1] + by


def _shape_of(written: tuple[bytes, ...], *, is_response: bool) -> _Shape:
    changing, common = LAYOUTS[is_response]
    places = dict.fromkeys((*changing, *common), _EMPTY) | {
        NAMES: _NO_PART, FIRST: _LEFT, SECOND: _RIGHT
    }  # fmt: skip
    parts, groups = [_STATUS_LINE if is_response else _REQUEST_LINE], _RIGHT
    unread: list[int] = []
    for before in written:
        name = before.partition(b":")[0].strip().lower()
        usual = BY_LOWER.get(name, b"")
        parts.append(re.escape(before))
        if usual == b"Via" and places[BRANCH_PART] == _EMPTY:
            parts.append(_VIA)
            places[SENT_BY_PART], places[BRANCH_PART] = groups + 1, groups + 2
            groups += 2
        elif places.get(usual) == _EMPTY:
            is_party = usual in PARTIES and not is_response
            parts.append(PARTY + rb"([^\r]*+)\r\n" if is_party else rb"([^\r]*+)\r\n")
            groups += 1
            places[usual] = groups
            if is_party:
                groups += 1
                unread.append(groups)
        elif usual in PARTIES or name in _CHANGE_UNREAD or name.startswith((b"x-", b"p-")):
            parts.append(rb"([^\r]*+)\r\n")
            groups += 1
            unread.append(groups)
        else:
            parts.append(rb"[^\r]*+\r\n")
    pattern = re.compile(b"".join(parts) + rb"\r\n")
    return _Shape(
        pattern.match,
        names_of(written),
        itemgetter(*(places[part] - 1 for part in common)),
        tuple(places[part] for part in changing),
        is_response,
        not is_response or has_one_challenge(before.partition(b":")[0].strip() for before in written),
        tuple(unread),
    )
