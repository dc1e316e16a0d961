"""A timer wheel: when a transaction is to be looked at again (RFC 3261 section 17.1.2.2, timers E and F).

Adding costs one append; a timer that is no longer wanted is not taken out, its key is simply unknown when
its slot comes round. So hundreds of thousands of transactions cost nothing until one is really late.
"""

from __future__ import annotations

from collections.abc import Iterator

TICK_SECONDS = 0.005
_SLOTS = 8192
_MASK = _SLOTS - 1
_FARTHEST = _SLOTS - 2
"""Ticks that can be told apart, 40 s; a timer beyond that comes early and is added again."""


class TimerWheel:
    """Keys by the tick in which they are due. Times are seconds from the wheel's start."""

    __slots__ = ("_done", "_slots")

    def __init__(self) -> None:
        self._slots: list[list[bytes]] = [[] for _ in range(_SLOTS)]
        self._done = 0

    def add(self, key: bytes, due: float) -> None:
        """Have ``key`` told once ``due`` has passed; at most a tick late, and early if beyond 40 s."""
        self.slot(due).append(key)

    def slot(self, due: float) -> list[bytes]:
        """The list that keys of this time are appended to; good until the wheel is next turned."""
        tick = min(max(int(due / TICK_SECONDS), self._done) + 1, self._done + _FARTHEST)
        return self._slots[tick & _MASK]

    def due(self, now: float) -> Iterator[bytes]:
        """Yield the keys whose time has come."""
        current = int(now / TICK_SECONDS)
        while self._done < current:
            self._done += 1
            slot = self._slots[self._done & _MASK]
            if slot:
                self._slots[self._done & _MASK] = []
                yield from slot
