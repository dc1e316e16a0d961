"""What a trunk has yet to send: questions about agents and controls, and errands, each in its lane."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from shiftline.connector.qualifier import ControlQuestion
from shiftline.connector.reading import Reading
from shiftline.connector.records import DueCheck
from shiftline.governor.governor import Governor
from shiftline.governor.lanes import Entry, Lane, Lanes
from shiftline.sip.message import Request

REFUSALS_OF_ONE = 3  # refusals of one question, with others passing in between, before it is the user's own
SILENCES_OF_ONE = 3  # the same of silences
ASKING = (Lane.DECISION, Lane.PREFETCH)
"""The lanes of questions about agents, which wait until the controls have been heard."""

Errand = Callable[[Governor, float], bool]
"""Sends one request that is no check, at this moment, and reports to that governor; whether one left."""


@dataclass(slots=True, eq=False)
class Waiting:
    """One question that waits, about an agent (``check``), about a control, or about our own account.

    For the last, a ``witness`` is asked: a user of whom the PBX has told us before. What is said of him is
    not kept.
    """

    check: DueCheck | None = None
    control: ControlQuestion | None = None
    witness: str = ""
    place: Entry[Work] | None = field(default=None, repr=False)
    """Where it stood among the others, once it was taken."""
    method: str = ""
    attempt: Request | None = None
    """What to send after a challenge: the same call, so that a second challenge is known as one."""
    carried: bool = False
    """The last attempt had our credentials in it."""
    tries_password: bool = False
    """It had them alone: they had yet to prove right."""
    answers_challenge: bool = False
    """It had them for a challenge that this question had just had."""
    challenged_at: float = 0.0
    begins_anew: bool = False
    """Its challenge will be old when it leaves again: it is not answered."""
    left_after: int = 0
    """So many trials of the password had passed when the last attempt left."""
    refusals: int = 0
    refused_after: int = 0
    silences: int = 0
    silent_after: int = 0

    @property
    def is_ahead(self) -> bool:
        """Whether it was asked before anybody needed the answer."""
        return self.place is not None and self.place.lane is Lane.PREFETCH

    @property
    def address(self) -> str:
        """Whom it is about: a SIP URI."""
        if self.control is not None:
            return self.control.address
        if self.witness:
            return self.witness
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


class WaitingWork:
    """See the module's text. In the lanes of questions a control goes before every agent."""

    def __init__(self) -> None:
        self._lanes: Lanes[Work] = Lanes()

    @property
    def checks(self) -> int:
        """How many questions wait to be asked now: those that were asked ahead of need do not count."""
        return self._lanes.waiting(Lane.DECISION)

    @property
    def is_pressing(self) -> bool:
        """Whether anything waits that is not ahead of need."""
        return any(self._lanes.waiting(lane) for lane in Lane if lane is not Lane.PREFETCH)

    @property
    def asked(self) -> int:
        """How many questions have left."""
        return sum(self._lanes.sent(lane) for lane in ASKING)

    @property
    def has_checks(self) -> bool:
        """Whether a trade waits for an agent to be asked about."""
        return any(one.check is not None for one in self._questions(Lane.DECISION))

    def add_checks(self, checks: Sequence[DueCheck], now: float) -> None:
        """Queue checks, by need. What was to be asked ahead of need about the same agents need not be."""
        agents = {check.agent for check in checks}
        self.withdraw_ahead(lambda check: check.agent in agents)
        self._add(Lane.DECISION, checks, now)

    def add_ahead(self, checks: Sequence[DueCheck], now: float) -> None:
        """Queue checks that nobody needs yet; not those that are queued already."""
        queued = {
            one.check.agent for lane in ASKING for one in self._questions(lane) if one.check is not None
        }
        self._add(Lane.PREFETCH, [check for check in checks if check.agent not in queued], now)

    def withdraw_ahead(self, unwanted: Callable[[DueCheck], bool]) -> list[DueCheck]:
        """Give up checks that nobody needs yet, without an answer; return them."""
        return _checks_of(self._lanes.withdraw(Lane.PREFETCH, lambda work: _is_about(work, unwanted)))

    def take_known(self, reading_of: Callable[[str], Reading | None]) -> list[tuple[DueCheck, Reading]]:
        """Take the checks of agents whose state is known, with the state."""
        known: dict[int, Reading] = {}

        def is_known(check: DueCheck) -> bool:
            reading = reading_of(check.address)
            if reading is not None:
                known[id(check)] = reading
            return reading is not None

        out = self._lanes.withdraw(Lane.DECISION, lambda work: _is_about(work, is_known))
        return [(check, known[id(check)]) for check in _checks_of(out)]

    def add_control(self, question: ControlQuestion, now: float) -> None:
        """Queue a control's question, before all agents."""
        one = Waiting(control=question)
        self._lanes.put(Lane.DECISION, one, deadline=now, now=now, leads=True)

    def add_errand(self, errand: Errand, lane: Lane, *, deadline: float, now: float, first: bool) -> None:
        """Queue an errand; ``first`` in its lane if it is to be."""
        self._lanes.put(lane, errand, deadline=deadline, now=now, leads=first)

    def put_back(self, waiting: Waiting) -> None:
        """Queue it again, in its old place."""
        assert waiting.place is not None  # noqa: S101 - only what was taken comes back
        self._lanes.put_back(waiting.place)

    def set_aside(self, waiting: Waiting) -> None:
        """Let others of its lane go first."""
        assert waiting.place is not None  # noqa: S101 - only what was taken comes back
        self._lanes.set_aside(waiting.place)

    def take_out(self, waiting: Waiting) -> bool:
        """Take this question before all others, if it still waits."""
        place = waiting.place
        return place is not None and bool(self._lanes.withdraw(place.lane, lambda work: work is waiting))

    def take_back(self) -> None:
        """Something passed, so what was set aside may be asked again."""
        self._lanes.take_back()

    def may_go(self, *, agents: bool) -> bool:
        """Whether `next` would give something."""
        return self._lanes.is_ready(() if agents else ASKING)

    def next(self, *, agents: bool) -> Entry[Work] | None:
        """Take what goes next; without ``agents`` only a control or an errand. None if there is none."""
        entry = self._lanes.take(() if agents else ASKING)
        if entry is not None and isinstance(entry.item, Waiting):
            entry.item.place = entry
        return entry

    def not_sent(self, entry: Entry[Work]) -> None:
        """Nothing left for it after all."""
        self._lanes.not_sent(entry)

    def drain_questions(self) -> list[DueCheck]:
        """Take out all questions, and return the checks that somebody needs."""
        self._lanes.withdraw(Lane.PREFETCH, lambda work: isinstance(work, Waiting))
        out = self._lanes.withdraw(Lane.DECISION, lambda work: isinstance(work, Waiting))
        return _checks_of(out)

    def clear(self) -> None:
        """Forget everything."""
        for lane in Lane:
            self._lanes.withdraw(lane, lambda _: True)

    def __len__(self) -> int:
        return sum(self._lanes.waiting(lane) for lane in Lane)

    def state(self, now: float) -> dict[str, dict[str, Any]]:
        """Per lane how much waits, how much was sent, and the age of the oldest; plain JSON values."""
        return self._lanes.state(now)

    def _add(self, lane: Lane, checks: Sequence[DueCheck], now: float) -> None:
        for check in checks:
            self._lanes.put(lane, Waiting(check), deadline=check.needed_by.timestamp(), now=now)

    def _questions(self, lane: Lane) -> Iterator[Waiting]:
        return (work for work in self._lanes.items(lane) if isinstance(work, Waiting))


Work = Waiting | Errand


def _is_about(work: Work, wanted: Callable[[DueCheck], bool]) -> bool:
    return isinstance(work, Waiting) and work.check is not None and wanted(work.check)


def _checks_of(works: Sequence[Work]) -> list[DueCheck]:
    return [work.check for work in works if isinstance(work, Waiting) and work.check is not None]
