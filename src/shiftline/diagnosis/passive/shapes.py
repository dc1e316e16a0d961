"""How a request is built, beside the usual one of the part in trouble."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property

from shiftline.diagnosis.passive.headers import HeaderHabits, HeaderRule
from shiftline.diagnosis.passive.own import Own, method_of
from shiftline.diagnosis.passive.rows import Rows
from shiftline.diagnosis.passive.sorts import Kind
from shiftline.diagnosis.passive.subjects import Part
from shiftline.diagnosis.probe import Credentials, Shape

_LONGER = 24
"""Bytes by which the smallest requests of two sources differ if one has headers that the other lacks; where
the names of headers are not known."""
_LOGIN_BYTES = 230
"""What credentials add to a request (`catalogue.lengths`)."""
NO_MATTER, _USUAL_SIZE, _LARGE, _LARGE_BY_LOGIN = range(4)
"""What a size has to do with the shape."""
_SHAPES = {
    "user_agent": Shape.OTHER_AGENT,
    "contact_host": Shape.OTHER_CONTACT,
    "from_host": Shape.OTHER_DOMAIN,
    "via_host": Shape.OTHER_VIA,
    "event": Shape.OTHER_EVENT,
    "names_user": Shape.USUAL,
    "target": Shape.USUAL,
    "is_large": Shape.USUAL,
}


@dataclass(kw_only=True)
class Shapes:
    """The shape of each sort of request."""

    rows: Rows
    part: Part
    own: Own
    large_from: float | None
    """The size in bytes from which on messages are refused, if that is what tells them."""
    header: HeaderRule | None
    """The header that tells refused from passed, if one does."""
    _known: dict[tuple[int, int], Shape | None] = field(default_factory=dict)

    def bulk(self, size: int, credentials: Credentials) -> int:
        """What the size of a request has to do with its shape: nothing, that it is usual, or large."""
        if self.large_from is None or not size:
            return NO_MATTER
        if size < self.large_from:
            return _USUAL_SIZE
        # A fresh login that makes it large went through without it a moment ago.
        is_by_login = credentials is Credentials.FRESH and size - _LOGIN_BYTES < self.large_from
        return _LARGE_BY_LOGIN if is_by_login else _LARGE

    def shape(self, sort: int, bulk: int) -> Shape | None:
        """The shape of such requests; None where it could mean two things."""
        key = sort, bulk
        if key not in self._known:
            self._known[key] = self._shape_of(sort, bulk)
        return self._known[key]

    def _shape_of(self, sort: int, bulk: int) -> Shape | None:
        sorts = self.rows.sorts
        kind = sorts.kind_of(sort)
        is_elsewhere = sorts.source[sort] not in self.own.sources
        if self.part.key == "user-agent" and kind.user_agent not in self.part.values:
            return Shape.FOREIGN if is_elsewhere else Shape.OTHER_AGENT
        if self.part.key == "domain":
            return Shape.USUAL if kind.from_host in self.part.values else Shape.OTHER_DOMAIN
        rule = self.header
        if rule is not None and kind.user_agent in self.own.programs and rule.passes(self.rows, sort):
            return Shape.WITH_METADATA if rule.is_wanted else Shape.MINIMAL
        if is_elsewhere and kind.user_agent not in self.own.programs:
            return Shape.FOREIGN  # whatever its size: a limit of length may be for us alone
        if bulk >= _LARGE:
            return Shape.LARGE if bulk == _LARGE else None
        if is_elsewhere and (other := self._of_another(sort, kind)) is not None:
            return other
        return Shape.USUAL if bulk else self._built(sort, kind)

    def _of_another(self, sort: int, kind: Kind) -> Shape | None:
        """How another source of our program builds it: with headers that ours lack, as a foreigner; or None.

        Foreign is what has fewer headers, or another Via.
        """
        sorts = self.rows.sorts
        source = sorts.source[sort]
        if (kind.via_host == sorts.sources.text(source)) is not self.own.names_itself:
            return Shape.FOREIGN
        if sorts.headers[sort]:
            added = self._habits.adds(self.own.source, source, kind.method)
            return Shape.FOREIGN if added is None else Shape.WITH_METADATA if added else None
        has_login = sorts.login[sort] != 0
        mine, theirs = (
            self._least_sizes.get((one, kind.method, has_login)) for one in (self.own.source, source)
        )
        is_longer = mine is not None and theirs is not None and abs(mine - theirs) > _LONGER
        return Shape.FOREIGN if is_longer else None

    @cached_property
    def _habits(self) -> HeaderHabits:
        return HeaderHabits(self.rows)

    @cached_property
    def _least_sizes(self) -> dict[tuple[int, str, bool], int]:
        """The smallest request of each sort: headers that come with every one make it larger."""
        sorts = self.rows.sorts
        least: dict[tuple[int, str, bool], int] = {}
        for sort, size in set(zip(self.rows.sort, self.rows.size, strict=True)):
            key = sorts.source[sort], sorts.kind_of(sort).method, sorts.login[sort] != 0
            if size and size < least.get(key, 0x10000):
                least[key] = size
        return least

    def _built(self, sort: int, kind: Kind) -> Shape | None:
        usual = self.own.kinds.get(method_of(kind))
        if usual is None or kind == usual or self.rows.sorts.source[sort] != self.own.source:
            return Shape.USUAL  # another source has another Via and Contact anyway
        if kind.is_large and not usual.is_large:
            return Shape.LARGE
        for name, shape in _SHAPES.items():
            if replace(kind, **{name: getattr(usual, name)}) == usual:
                return shape
        return None
