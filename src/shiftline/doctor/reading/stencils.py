"""What a sender writes again and again, in the same places: the fastest way to read a message.

Two messages on one way, of one kind and of one length, have nearly always the same parts at the same places.
So a stencil is cut from the first: what changes from message to message is taken out by its place, and the
rest is compared as a whole with what was read before. Whatever differs anywhere else is read by its shape.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from operator import itemgetter
from struct import Struct
from typing import Any, NamedTuple, TypeAlias

from shiftline.doctor.reading.sighting import Flow

_LONGEST = 1500
"""Bytes: a longer message is rare, and its stencil large."""
_MOST_CUT = 40_000
_MOST_OF_A_KIND = 3

Span: TypeAlias = tuple[int, int]
Key: TypeAlias = tuple[Flow, bytes, int]
"""A way, the beginning of a start line, and a length."""


@dataclass(frozen=True, slots=True, eq=False)
class Common:
    """What messages have in common, as `heads` names its values. Made once, and a key itself."""

    values: tuple[bytes, ...]


Changing: TypeAlias = tuple[bytes, bytes, bytes, bytes, bytes, bytes]
Values: TypeAlias = tuple[Common, bytes, bytes, bytes, bytes, bytes, bytes]
"""What is read of a head: what it has in common with others, then what changes from message to message."""


class _Stencil(NamedTuple):
    constant: Callable[[bytes], tuple[bytes, ...]]
    """All but what changes."""
    changing: Callable[[bytes], Changing]
    spans: tuple[Span, ...]


@dataclass(slots=True)
class Stencils:
    """Those of one record. Bounded: when there are enough, no more are cut."""

    _by_key: dict[Key, tuple[_Stencil, ...]] = field(default_factory=dict)
    _known: dict[tuple[bytes, ...], tuple[Common]] = field(default_factory=dict)
    _cut: int = 0

    def read(self, key: Key, data: bytes) -> Values | None:
        """The values of a message that is like an earlier one; None for any other."""
        for constant, changing, _ in self._by_key.get(key, ()):
            common = self._known.get(constant(data))
            if common is not None:
                return common + changing(data)
        return None

    def learn(
        self,
        key: Key,
        data: bytes,
        common: Common,
        places: Iterable[Span],
        changing: Iterable[Span],
        end: int,
    ) -> None:
        """Remember a message that was read.

        ``places`` are those of its values that change, ``changing`` of others that do and are not read; its
        head ends at ``end``.
        """
        if len(data) > _LONGEST or self._cut >= _MOST_CUT:
            return
        self._cut += 1
        taken = tuple(places)
        spans = sorted({*taken, *changing} - {(0, 0)})
        fixed = tuple((before[1], after[0]) for before, after in pairwise([(0, 0), *spans, (end, end)]))
        of_kind = self._by_key.get(key, ())
        stencil = next((one for one in of_kind if one.spans == (*taken, *fixed)), None)
        if stencil is None:
            if len(of_kind) >= _MOST_OF_A_KIND:
                return
            stencil = _Stencil(_taker(fixed, len(data)), _taker(taken, len(data)), (*taken, *fixed))
            self._by_key[key] = (*of_kind, stencil)
        self._known[stencil.constant(data)] = (common,)


def _taker(spans: Sequence[Span], size: int) -> Callable[[bytes], Any]:
    """Takes these parts out of a message of ``size`` bytes. Where they are in order, in half the time."""
    at, parts = 0, []
    for begin, end in spans:
        if begin >= end:
            parts.append("0s")
        elif begin < at:
            return itemgetter(*(slice(*span) for span in spans))
        else:
            parts.append(f"{begin - at}x{end - begin}s")
            at = end
    return Struct(f"={''.join(parts)}{size - at}x").unpack
