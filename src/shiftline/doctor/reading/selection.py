"""Which exchanges of a long record are kept whole for the inference; all of them while there are few.

Beyond `MOST_KEPT` every second of the ordinary ones goes, then every second of the rest, and so on: what is
left is spread evenly over the record. Refusals and silences have a room of their own.
"""

from __future__ import annotations

from heapq import merge

from shiftline.diagnosis.exchange import Exchange

MOST_KEPT = 20_000
"""Of the ordinary, and as many of the refused and silent: about 60 MB."""


class Selection:
    """Takes exchanges in their order and keeps an even part of them."""

    def __init__(self, most: int = MOST_KEPT) -> None:
        self._ordinary = _Thinned(most)
        self._refused = _Thinned(most)

    def add(self, exchange: Exchange) -> None:
        """Take one more."""
        status = exchange.status
        is_ordinary = status is not None and (status < 300 or status in (401, 407))
        (self._ordinary if is_ordinary else self._refused).add(exchange)

    @property
    def left_out(self) -> int:
        """How many are not kept."""
        return self._ordinary.left_out + self._refused.left_out

    def exchanges(self) -> list[Exchange]:
        """What was kept, in the order of time."""
        kept = (sorted(one.kept, key=_time) for one in (self._ordinary, self._refused))
        return list(merge(*kept, key=_time))


class _Thinned:
    def __init__(self, most: int) -> None:
        self.kept: list[Exchange] = []
        self.left_out = 0
        self._most = most
        self._stride = 1
        self._count = 0

    def add(self, exchange: Exchange) -> None:
        self._count += 1
        if self._count % self._stride:
            self.left_out += 1
            return
        self.kept.append(exchange)
        if len(self.kept) > self._most:
            self.left_out += len(self.kept[::2])
            del self.kept[::2]
            self._stride *= 2


def _time(exchange: Exchange) -> float:
    return exchange.at
