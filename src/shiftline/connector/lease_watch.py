"""When a lease that is no longer renewed may be taken: judged by the taker's own clock.

The database's clock may be set, forward past the end of a lease whose owner goes on sending, or back, so
that a dead owner's lease seems to live on. So whoever wants a lease watches its row: it is over when the
row has stood unchanged for as long as the owner may believe in it, and a little more. The row was written
before it was read, and its owner counts from before he asked for that: he stops first.

Only a lease that was over when it was first seen is believed to be so by the database's clock, or whoever
starts would have to wait although nobody has worked for hours.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaseSight:
    """A lease's row as it was just read."""

    name: str
    mark: Hashable
    """Another one after each renewal and each change of owner."""
    is_released: bool
    is_over: bool
    """By the database's clock, the grace included."""


@dataclass(slots=True)
class _Watched:
    mark: Hashable
    since: float
    was_over: bool


class LeaseWatch:
    """What one process has seen of leases."""

    def __init__(self, clock: Callable[[], float]) -> None:
        """``clock`` tells seconds and only goes on, sleep included."""
        self._clock = clock
        self._watched: dict[str, _Watched] = {}

    def seconds_left(self, sight: LeaseSight, rest_seconds: float) -> float:
        """Note what was just read, and say how long until the lease may be taken; 0: now.

        ``rest_seconds``: for so long it must have stood unchanged.
        """
        now = self._clock()
        known = self._watched.get(sight.name)
        if known is None or known.mark != sight.mark:
            known = _Watched(sight.mark, now, was_over=known is None and sight.is_over)
            self._watched[sight.name] = known
        if sight.is_released or known.was_over:
            return 0.0
        return max(0.0, known.since + rest_seconds - now)
