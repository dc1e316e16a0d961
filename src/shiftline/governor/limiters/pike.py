"""Kamailio's pike, as one source address meets it (source: ip_tree.c and pike_funcs.c, 5.6.3).

Pike keeps addresses in a tree, a byte a level, and counts what falls on a node in this unit of time and in
the last. It grows a level only once the one above is warm (a quarter of the density), so that a burst
from an address it has not seen passes the density by some: 21 at a density of 16, 38 at one of 30. At the
full address, the hit that makes the density is the first that is blocked, and the address stays blocked
until a unit has ended whose predecessor was below it: what is blocked is counted too. An address that
falls quiet loses a level each ``remove_latency``.

Left out: addresses that share their first bytes share those levels, so that a neighbour warms them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import floor


@dataclass(slots=True)
class _Hits:
    previous: int = 0
    current: int = 0

    def reach(self, count: int) -> bool:
        """In the last unit or in this one; then their mean does not matter."""
        return self.previous >= count or self.current >= count

    def turn(self) -> None:
        self.previous, self.current = self.current, 0


@dataclass(slots=True)
class Pike:
    """A `Counter` of one source.

    ``density`` hits per ``unit_seconds`` block; a level is forgotten after ``latency_seconds`` without a
    hit. ``phase_seconds`` is when Kamailio's timer started; it ticks every second from then on.
    """

    density: int
    unit_seconds: float = 2.0
    phase_seconds: float = 0.0
    latency_seconds: float = 120.0
    address_bytes: int = 4
    _levels: list[_Hits] = field(default_factory=list, init=False)
    _address: _Hits = field(default_factory=_Hits, init=False)
    _is_blocked: bool = field(default=False, init=False)
    _tick: int = field(default=0, init=False)
    _unit: int = field(default=0, init=False)
    _expires: float = field(default=0.0, init=False)
    """The tick at which the deepest level is forgotten."""

    def admits(self, now: float) -> bool:
        """See `Counter`."""
        self._pass_time(now - self.phase_seconds)
        if len(self._levels) < self.address_bytes:
            self._warm()
            return True
        self._address.current += 1
        self._is_blocked = self._is_blocked or self._address.reach(self.density)
        self._expires = self._tick + self.latency_seconds
        return not self._is_blocked

    def _warm(self) -> None:
        """Hit the deepest level that there is, and grow one more if it is warm."""
        if self._levels:
            deepest = self._levels[-1]
            deepest.current += 1
            if not deepest.reach(self.density >> 2):
                return
            self._levels.append(_Hits(current=max(0, deepest.current - 1)))
        else:
            self._levels.append(_Hits(current=1))
        self._address = _Hits()
        self._is_blocked = False
        self._expires = self._tick + self.latency_seconds

    def _pass_time(self, since_start: float) -> None:
        tick, unit = floor(since_start), floor(since_start / self.unit_seconds)
        while self._levels and self._expires <= tick:
            self._turn_until(floor(self._expires / self.unit_seconds))
            self._levels.pop()
            self._expires += self.latency_seconds
        self._turn_until(unit)
        self._tick = tick

    def _turn_until(self, unit: int) -> None:
        for _ in range(min(unit - self._unit, 2)):  # the second empties everything
            for hits in (*self._levels, self._address):
                hits.turn()
            self._is_blocked = self._is_blocked and self._address.reach(self.density)
        self._unit = unit
