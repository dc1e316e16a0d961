"""Kamailio's pike (source: ip_tree.c and pike_funcs.c, 5.6.3).

Pike keeps addresses in a tree, a byte a level, and counts what falls on a node in this unit of time and in
the last. It grows a level only under a warm node (a quarter of the density), so that a burst from an
address it has not seen passes the density by some: 21 at a density of 16, 38 at one of 30. Addresses that
share their first bytes share those levels, and warm them for one another. At the full address, the hit
that makes the density is the first that is blocked, and the address stays blocked until a unit has ended
whose predecessor was below it: what is blocked is counted too. An address that falls quiet loses a level
each ``remove_latency``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from ipaddress import ip_address
from math import floor
from zlib import crc32


def address_bytes(source: str) -> bytes:
    """The bytes of an address as pike has them; of any other name, four that hardly another name has."""
    try:
        return ip_address(source).packed
    except ValueError:
        return crc32(source.encode()).to_bytes(4, "big")


@dataclass(slots=True)
class _Hits:
    previous: int = 0
    current: int = 0

    def reach(self, count: int) -> bool:
        """In the last unit or in this one; then their mean does not matter."""
        return self.previous >= count or self.current >= count

    def turn(self) -> None:
        self.previous, self.current = self.current, 0


@dataclass(slots=True, eq=False)
class _Node:
    parent: _Node | None
    byte: int
    inner: _Hits
    """What matched no further than here."""
    whole: _Hits = field(default_factory=_Hits)
    """What matched here with its last byte."""
    kids: dict[int, _Node] = field(default_factory=dict)
    is_blocked: bool = False
    expires: float | None = None
    """The tick at which it is forgotten; None while it has kids."""


@dataclass(slots=True)
class PikeTree:
    """``density`` hits per ``unit_seconds`` block an address; see the module's text.

    ``phase_seconds`` is when Kamailio's timer started; it ticks every second from then on.
    """

    density: int
    unit_seconds: float = 2.0
    phase_seconds: float = 0.0
    latency_seconds: float = 120.0
    _root: dict[int, _Node] = field(default_factory=dict, init=False)
    _nodes: list[_Node] = field(default_factory=list, init=False)
    _tick: int = field(default=0, init=False)
    _unit: int = field(default=0, init=False)

    def passes(self, address: bytes, now: float) -> bool:
        """Count one arrival at ``now`` (seconds, never going back) and tell whether it passes."""
        self._pass_time(now - self.phase_seconds)
        node, depth = self._deepest(address)
        if node is None:
            self._grow(None, address[0], _Hits(current=1))
            return True
        if depth < len(address):
            self._warm(node, address[depth])
            return True
        node.whole.current += 1
        node.is_blocked = node.is_blocked or node.whole.reach(self.density)
        node.expires = self._tick + self.latency_seconds
        return not node.is_blocked

    def _deepest(self, address: bytes) -> tuple[_Node | None, int]:
        """The node of the longest known prefix, and how many bytes that has."""
        node, kids = None, self._root
        for depth, byte in enumerate(address):
            if byte not in kids:
                return node, depth
            node = kids[byte]
            kids = node.kids
        return node, len(address)

    def _warm(self, node: _Node, byte: int) -> None:
        """Hit a prefix, and grow the next byte under it if it is warm."""
        node.inner.current += 1
        if node.inner.reach(self.density >> 2):
            node.expires = None
            self._grow(node, byte, _Hits(current=max(0, node.inner.current - 1)))

    def _grow(self, parent: _Node | None, byte: int, inner: _Hits) -> None:
        node = _Node(parent, byte, inner, expires=self._tick + self.latency_seconds)
        (parent.kids if parent else self._root)[byte] = node
        self._nodes.append(node)

    def _pass_time(self, since_start: float) -> None:
        tick, unit = floor(since_start), floor(since_start / self.unit_seconds)
        while due := [node for node in self._nodes if node.expires is not None and node.expires <= tick]:
            node = min(due, key=lambda one: one.expires or 0.0)
            self._turn_until(floor((node.expires or 0.0) / self.unit_seconds))
            self._forget(node)
        self._turn_until(unit)
        self._tick = tick

    def _forget(self, node: _Node) -> None:
        self._nodes.remove(node)
        parent = node.parent
        del (parent.kids if parent else self._root)[node.byte]
        if parent and not parent.kids:
            parent.expires = (node.expires or 0.0) + self.latency_seconds

    def _turn_until(self, unit: int) -> None:
        for _ in range(min(unit - self._unit, 2)):  # the second empties everything
            for node in self._nodes:
                node.inner.turn()
                node.whole.turn()
                node.is_blocked = node.is_blocked and node.whole.reach(self.density)
        self._unit = max(self._unit, unit)


@dataclass(slots=True)
class Pike:
    """One address of a tree, as a `Counter`."""

    tree: PikeTree
    address: bytes

    def admits(self, now: float) -> bool:
        """See `Counter`."""
        return self.tree.passes(self.address, now)
