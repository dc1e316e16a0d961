"""Who goes first when the governor lets a request leave: four lanes, each with a guaranteed share.

A higher lane goes before a lower one, until the lower one was passed over as often as its patience allows;
then it is overdue, and lanes that are overdue go in the order in which they became so. So no lane with work
waits for more than `served_within` sends, however full the others are, and a lane without work saves nothing
up for later. Within a lane the earliest deadline goes first, and of equal ones whoever came first. Work
whose deadline has passed is still handed out: whether it helps anybody is for its owner to say, who can
`withdraw` it.

Nothing here sends, waits or knows the time of day: rate and headroom are the governor's.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import count
from math import isfinite, isnan
from types import MappingProxyType
from typing import Any, Generic, TypeVar

from shiftline.errors import MisuseError

T = TypeVar("T")


class Lane(StrEnum):
    """What a request is for, the most important first."""

    REGISTRATION = "registration"
    """What keeps the trunk itself usable: its REGISTERs and its list subscription."""
    DECISION = "decision"
    """Checks that a trade waits for, and the controls that give them their worth."""
    PREFETCH = "prefetch"
    """What is sent ahead of need: checks and a fresh nonce before a publish window."""
    PROBE = "probe"
    """Questions about the trunk itself."""


NONE_SHUT: frozenset[Lane] = frozenset()
PATIENCE: Mapping[Lane, int] = MappingProxyType(
    {Lane.REGISTRATION: 0, Lane.DECISION: 1, Lane.PREFETCH: 31, Lane.PROBE: 31}
)
"""How many sends of others a lane with work lets go before it is overdue."""


def served_within(lane: Lane) -> int:
    """A lane with work has one of so many sends in a row, whatever the others have.

    It is passed over for its patience, and then by each other lane once at most. At a paced rate of r
    requests a second that is `served_within` / r seconds of sending.
    """
    return PATIENCE[lane] + len(Lane)


SHARES: Mapping[Lane, float] = MappingProxyType(
    {Lane.REGISTRATION: 15 / 32, Lane.DECISION: 15 / 32, Lane.PREFETCH: 1 / 32, Lane.PROBE: 1 / 32}
)
"""What each lane has of all sends while all four are full; what a lane leaves falls to the highest."""


class Turns:
    """Says whose turn it is; see the module's text."""

    __slots__ = ("_overdue", "_passed")

    def __init__(self) -> None:
        self._passed = dict.fromkeys(Lane, 0)
        self._overdue: list[Lane] = []

    def next(self, ready: Collection[Lane]) -> Lane:
        """Choose one of the lanes that have work, and count it as served. Raises MisuseError for none."""
        if not ready:
            raise MisuseError("No lane has work.")
        for lane in reversed(Lane):  # of those that become overdue at once the lower first
            if lane not in ready:
                self._begin_anew(lane)
            elif self._passed[lane] >= PATIENCE[lane] and lane not in self._overdue:
                self._overdue.append(lane)
        chosen = self._overdue[0] if self._overdue else min(ready, key=_RANK.__getitem__)
        self._begin_anew(chosen)
        for lane in ready:
            self._passed[lane] += lane is not chosen
        return chosen

    def _begin_anew(self, lane: Lane) -> None:
        self._passed[lane] = 0
        if lane in self._overdue:
            self._overdue.remove(lane)


_RANK = {lane: rank for rank, lane in enumerate(Lane)}


@dataclass(order=True, slots=True)
class Entry(Generic[T]):
    """One piece of work in its lane."""

    follows: bool
    """False for what goes before all deadlines."""
    deadline: float
    order: int
    lane: Lane = field(compare=False)
    item: T = field(compare=False)
    since: float = field(compare=False)
    """When it was first put in."""
    is_waiting: bool = field(default=True, compare=False)


@dataclass(slots=True)
class _Queue(Generic[T]):
    heap: list[Entry[T]] = field(default_factory=list)
    aside: list[Entry[T]] = field(default_factory=list)
    sent: int = 0

    def __iter__(self) -> Iterator[Entry[T]]:
        yield from self.heap
        yield from self.aside

    def first(self, *, is_shut: bool) -> Entry[T] | None:
        """What would go next. What was set aside goes when nothing else can."""
        if self.heap and not (is_shut and self.heap[0].follows):
            return self.heap[0]
        return next((entry for entry in self.aside if not (is_shut and entry.follows)), None)

    def remove(self, entry: Entry[T]) -> None:
        if self.heap and self.heap[0] is entry:
            heapq.heappop(self.heap)
        else:
            self.aside.remove(entry)


class Lanes(Generic[T]):
    """The work that waits for one trunk. Times are seconds on one clock, deadlines on any one scale."""

    def __init__(self) -> None:
        self._queues: dict[Lane, _Queue[T]] = {lane: _Queue() for lane in Lane}
        self._turns = Turns()
        self._order = count()

    def put(self, lane: Lane, item: T, *, deadline: float, now: float, leads: bool = False) -> None:
        """Queue ``item``. What ``leads`` goes before all deadlines, and may go while its lane is shut.

        Raises MisuseError for a deadline that is no number, which nothing could be compared with, and for
        a time that is not finite.
        """
        if isnan(deadline) or not isfinite(now):
            raise MisuseError(f"Work for the {lane} lane came with deadline {deadline} at {now}.")
        entry = Entry(not leads, deadline, next(self._order), lane, item, now)
        heapq.heappush(self._queues[lane].heap, entry)

    def take(self, shut: Collection[Lane] = NONE_SHUT) -> Entry[T] | None:
        """Take what goes next, and count it as sent; None if nothing may. A lane that is ``shut`` waits."""
        heads = {lane: self._queues[lane].first(is_shut=lane in shut) for lane in Lane}
        ready = {lane: entry for lane, entry in heads.items() if entry is not None}
        if not ready:
            return None
        lane = self._turns.next(ready)
        entry, queue = ready[lane], self._queues[lane]
        queue.remove(entry)
        queue.sent += 1
        entry.is_waiting = False
        return entry

    def is_ready(self, shut: Collection[Lane] = NONE_SHUT) -> bool:
        """Whether `take` would give something."""
        return any(queue.first(is_shut=lane in shut) is not None for lane, queue in self._queues.items())

    def not_sent(self, entry: Entry[T]) -> None:
        """Nothing left for this entry after all: it had its turn, and is not counted as sent."""
        self._queues[entry.lane].sent -= 1

    def put_back(self, entry: Entry[T]) -> None:
        """Queue again what was taken, in its old place."""
        self._returns(entry)
        heapq.heappush(self._queues[entry.lane].heap, entry)

    def set_aside(self, entry: Entry[T]) -> None:
        """Queue again what was taken, behind all others of its lane until `take_back`."""
        self._returns(entry)
        self._queues[entry.lane].aside.append(entry)

    def take_back(self) -> None:
        """Give everything that was set aside its old place again."""
        for queue in self._queues.values():
            for entry in queue.aside:
                heapq.heappush(queue.heap, entry)
            queue.aside.clear()

    def withdraw(self, lane: Lane, wanted: Callable[[T], bool]) -> list[T]:
        """Take out, without a turn, all work of the lane that is ``wanted``."""
        queue = self._queues[lane]
        out = [entry for entry in queue if wanted(entry.item)]
        for entry in out:
            entry.is_waiting = False
        if out:
            queue.heap = [entry for entry in queue.heap if entry.is_waiting]
            queue.aside = [entry for entry in queue.aside if entry.is_waiting]
            heapq.heapify(queue.heap)
        return [entry.item for entry in out]

    def items(self, lane: Lane) -> Iterator[T]:
        """The work that waits in a lane, in no order."""
        return (entry.item for entry in self._queues[lane])

    def waiting(self, lane: Lane) -> int:
        """How much work waits in a lane."""
        return len(self._queues[lane].heap) + len(self._queues[lane].aside)

    def sent(self, lane: Lane) -> int:
        """How much of a lane was sent."""
        return self._queues[lane].sent

    def state(self, now: float) -> dict[str, dict[str, Any]]:
        """Per lane how much is waiting, how much was sent, and the age of the oldest; plain JSON values."""
        return {str(lane): self._state_of(lane, now) for lane in Lane}

    def _state_of(self, lane: Lane, now: float) -> dict[str, Any]:
        queue = self._queues[lane]
        since = min((entry.since for entry in queue), default=None)
        oldest = None if since is None else max(0.0, now - since)
        return {"waiting": self.waiting(lane), "sent": queue.sent, "oldest_seconds": oldest}

    def _returns(self, entry: Entry[T]) -> None:
        if entry.is_waiting:
            raise MisuseError(f"What was put back into the {entry.lane} lane is in it already.")
        entry.is_waiting = True
