"""What a trunk has yet to ask: checks by need, those set aside after a refusal, and the controls."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from typing import Protocol

from shiftline.connector.qualifier import ControlQuestion
from shiftline.connector.reading import Reading
from shiftline.connector.records import DueCheck
from shiftline.sip.message import Request

REFUSALS_OF_ONE = 3  # refusals of one question, with others passing in between, before it is the user's own
SILENCES_OF_ONE = 3  # the same of silences
_FIRST_OF_ALL = datetime.min.replace(tzinfo=UTC)


@dataclass(order=True, slots=True)
class Waiting:
    """One question that waits, about an agent (``check``) or about a control."""

    needed_by: datetime
    order: int
    check: DueCheck | None = field(compare=False)
    control: ControlQuestion | None = field(default=None, compare=False)
    method: str = field(default="", compare=False)
    attempt: Request | None = field(default=None, compare=False)
    """What to send after a challenge: the same call, so that a second challenge is known as one."""
    carried: bool = field(default=False, compare=False)
    """The last attempt had our credentials in it."""
    refusals: int = field(default=0, compare=False)
    refused_after: int = field(default=0, compare=False)
    silences: int = field(default=0, compare=False)
    silent_after: int = field(default=0, compare=False)

    @property
    def address(self) -> str:
        """Whom it is about: a SIP URI."""
        if self.control is not None:
            return self.control.address
        assert self.check is not None  # noqa: S101 - a question is about one or the other
        return self.check.address

    def is_refused_for_itself(self, passes: int) -> bool:
        """Count a refusal that came although something else passed since this question's last one."""
        if not self.refusals or passes > self.refused_after:
            self.refusals += 1
            self.refused_after = passes
        return self.refusals >= REFUSALS_OF_ONE

    def is_unanswered_for_itself(self, passes: int) -> bool:
        """Count a silence likewise: a phone that never answers is not a PBX that is away."""
        if not self.silences or passes > self.silent_after:
            self.silences += 1
            self.silent_after = passes
        return self.silences >= SILENCES_OF_ONE


class KnownStates(Protocol):
    """Who is known without being asked: the members of a list subscription."""

    @property
    def method(self) -> str:
        """The name of such evidence."""

    @property
    def is_opening(self) -> bool:
        """Whether more is about to be told, so that agents had better wait."""

    def reading_of(self, address: str) -> Reading | None:
        """How the agent at this SIP URI is now; None where only asking can tell."""


class WaitingQuestions:
    """Earliest need first; a control goes before every agent."""

    def __init__(self) -> None:
        self._queue: list[Waiting] = []
        self._aside: list[Waiting] = []  # refused or silent: another goes first, and tells whom it was about
        self._order = count()

    def __len__(self) -> int:
        return len(self._queue) + len(self._aside)

    @property
    def has_checks(self) -> bool:
        """Whether an agent waits to be asked about."""
        return any(one.check is not None for one in self._all())

    def add_checks(self, checks: Sequence[DueCheck]) -> None:
        """Queue checks."""
        for check in checks:
            heapq.heappush(self._queue, Waiting(check.needed_by, next(self._order), check))

    def take_known(self, reading_of: Callable[[str], Reading | None]) -> list[tuple[DueCheck, Reading]]:
        """Take the checks of agents whose state is known, with the state."""
        found: list[tuple[DueCheck, Reading]] = []
        rest: list[Waiting] = []
        for one in self._queue:
            reading = None if one.check is None else reading_of(one.check.address)
            if one.check is None or reading is None:
                rest.append(one)
            else:
                found.append((one.check, reading))
        if found:
            self._queue = rest
            heapq.heapify(self._queue)
        return found

    def add_control(self, question: ControlQuestion) -> None:
        """Queue a control's question, before all others."""
        heapq.heappush(self._queue, Waiting(_FIRST_OF_ALL, next(self._order), None, control=question))

    def put_back(self, waiting: Waiting) -> None:
        """Queue it again, in its old place."""
        heapq.heappush(self._queue, waiting)

    def set_aside(self, waiting: Waiting) -> None:
        """Let others go first."""
        self._aside.append(waiting)

    def take_back(self) -> None:
        """Something passed, so what was set aside may be asked again."""
        for waiting in self._aside:
            heapq.heappush(self._queue, waiting)
        self._aside.clear()

    def may_go(self, *, agents: bool) -> bool:
        """Whether `next` would give one."""
        return any(agents or one.control is not None for one in self._all())

    def next(self, *, agents: bool) -> Waiting | None:
        """Take the next one; without ``agents`` only a control. None if there is none."""
        if self._queue and (agents or self._queue[0].control is not None):
            return heapq.heappop(self._queue)
        for place, one in enumerate(self._aside):
            if agents or one.control is not None:
                return self._aside.pop(place)
        return None

    def drain(self) -> list[DueCheck]:
        """Take everything; return the checks."""
        drained = [one.check for one in self._all() if one.check is not None]
        self._queue.clear()
        self._aside.clear()
        return drained

    def _all(self) -> Iterator[Waiting]:
        yield from self._queue
        yield from self._aside
