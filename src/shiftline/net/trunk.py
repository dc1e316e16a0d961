"""One trunk at work: claimed checks in, evidence out, every request through the governor.

What is to be sent waits in four lanes: errands such as the trunk's own REGISTER, questions about agents by
need with the controls' before them, the same ahead of need, and probes. A pump asks the governor when
something may leave and the lanes what; what has left is followed in `trunk_flights`. Until the controls
have qualified a method, agents wait. When the governor stops, whoever waits for an answer gets the evidence
Unverifiable(cause) at once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import structlog

from shiftline.clock import Clock
from shiftline.connector.prefetching import has_known_rate
from shiftline.connector.qualifier import Qualifier
from shiftline.connector.records import DueCheck
from shiftline.errors import MisuseError, SipSyntaxError
from shiftline.governor.controller import Permission, Send
from shiftline.governor.governor import Governor
from shiftline.governor.lanes import Lane
from shiftline.governor.state import Mode
from shiftline.net.asking import METHODS, canary
from shiftline.net.endpoint import SipEndpoint
from shiftline.net.repeats import Repeats
from shiftline.net.subscription_driver import NotifyInbox
from shiftline.net.trunk_address import TrunkAddress
from shiftline.net.trunk_causes import CAUSES
from shiftline.net.trunk_flights import TrunkFlights
from shiftline.net.trunk_login import TrunkLogin
from shiftline.net.waiting import Errand, KnownStates, Waiting, WaitingWork
from shiftline.sip.digest import DigestClient
from shiftline.sip.message import Request
from shiftline.sip.uri import SipUri
from shiftline.trades.model import Evidence

QUEUE_SECONDS = 2.0  # how much work, at the present rate, is kept queued
SHORTEST_QUEUE = 8  # what is queued here is not overtaken by a more urgent check that is still in the books
LEASE_LOOK_SECONDS = 0.2
CONTROL_LOOK_SECONDS = 0.5  # how often checks that wait for the controls look whether they are due

log = structlog.get_logger("shiftline.trunk")


class TrunkDriver:
    """Implements the connector's ``CheckRunner``. Use as ``async with``."""

    def __init__(  # noqa: PLR0913 - each is a part of its own, given once
        self,
        *,
        endpoint: SipEndpoint,
        address: TrunkAddress,
        digest: DigestClient | None,
        governor: Governor,
        qualifier: Qualifier,
        clock: Clock,
        token: Callable[[], str],
        may_send: Callable[[], bool],
        inbox: NotifyInbox | None = None,
    ) -> None:
        """``inbox`` is the endpoint's; None where no method subscribes."""
        self.login = TrunkLogin(digest)
        self._governor = governor
        self._qualifier = qualifier
        self._clock = clock
        self._speaker = address.speaker(endpoint, inbox or NotifyInbox(), token)
        self._may_send = may_send
        self.shown: dict[str, Callable[[], Mapping[str, Any]]] = {}
        """What is kept and shown beside the governor's state, by its name: the trunk's registration, say."""
        self.known: KnownStates | None = None
        """Who need not be asked, where the trunk has a list subscription."""
        self._disarmed: str | None = None
        self._waiting = WaitingWork()
        self._flights = TrunkFlights(
            endpoint=endpoint,
            address=address,
            speaker=self._speaker,
            login=self.login,
            qualifier=qualifier,
            waiting=self._waiting,
            clock=clock,
            governor=lambda: self._governor,
            go_on=self._pump,
        )
        self.route = self._flights.route
        self._wakeup: asyncio.TimerHandle | None = None
        self._loop = asyncio.get_running_loop()
        self._repeats = Repeats(endpoint, self._pump, lambda: self._governor)

    async def aclose(self) -> None:
        """Stop sending and drop what is in flight; claimed checks are claimed again by the next owner."""
        if self._wakeup is not None:
            self._wakeup.cancel()
        self._waiting.clear()
        await self._flights.aclose()

    def take_over(self, governor: Governor, qualifier: Qualifier, disarmed: str | None) -> None:
        """Go on with what is known now that the trunk is ours; ``disarmed`` is the cause, if it is stopped.

        Call it before the lease holds. Answers to what left before go to the governor that let it leave.
        """
        self._governor = governor
        self._qualifier = self._flights.qualifier = qualifier
        self._disarmed = disarmed
        self.login.forget()
        self.forgo_prefetch()
        self._pump()

    def room(self) -> int:
        """How many more checks would keep the trunk busy for the next moments."""
        wanted = max(SHORTEST_QUEUE, int(self._governor.rate * QUEUE_SECONDS))
        return max(0, wanted - self._waiting.checks)

    def submit(self, checks: Sequence[DueCheck]) -> None:
        """Queue checks, earliest need first."""
        self._waiting.add_checks(checks, self._loop.time())
        self.take_up_known()

    def prefetch(self, checks: Sequence[DueCheck]) -> None:
        """Queue checks that nobody needs yet, in a lane of their own. Only what tells of an agent is kept.

        A trade that comes to need one takes it out of this lane: see `submit`.
        """
        reading_of = self.known.reading_of if self.known is not None else lambda _: None
        unknown = [check for check in checks if reading_of(check.address) is None]
        self._waiting.add_ahead(unknown, self._loop.time())
        self._pump()

    def spare_rate(self) -> float:
        """Requests a second that nobody else needs at the moment; 0 unless rate and method are known."""
        if not self._may_send() or self.stopped_by() is not None or self._waiting.is_pressing:
            return 0.0
        is_known = has_known_rate(self._governor) and self._qualifier.is_believed(self._clock())
        return self._governor.rate if is_known else 0.0

    def forgo_prefetch(self) -> list[DueCheck]:
        """Drop the checks that nobody needs yet and that have not left; return them."""
        return self._waiting.withdraw_ahead(lambda _: True)

    def take_up_known(self) -> None:
        """Answer the checks of agents that are known without asking, and go on."""
        if self.known is not None and self.stopped_by() is None and self._may_send():
            for check, reading in self._waiting.take_known(self.known.reading_of):
                self._flights.found.add(check, reading, self.known.method, None)
        self._pump()

    def run_errand(
        self,
        errand: Errand,
        *,
        lane: Lane = Lane.REGISTRATION,
        deadline: float | None = None,
        first: bool = False,
    ) -> None:
        """Run an errand when the governor lets a request leave and its lane has its turn; then `go_on`.

        ``deadline`` (on the loop's clock; None: now) orders the errands of a lane, unless it is ``first``.
        """
        now = self._loop.time()
        deadline = now if deadline is None else deadline
        self._waiting.add_errand(errand, lane, deadline=deadline, now=now, first=first)
        self._pump()

    def go_on(self) -> None:
        """An errand was answered: see whether more may leave."""
        self._pump()

    async def gathered(self, timeout_seconds: float) -> list[Evidence]:
        """Wait for evidence, at most so long (seconds), and return all there is."""
        return await self._flights.found.fetch(timeout_seconds)

    def stopped_by(self) -> str | None:
        """The cause that stopped this trunk for good, if one did."""
        if self._disarmed is not None:
            return self._disarmed
        return CAUSES[self._governor.refusal] if self._governor.mode is Mode.STOPPED else None

    def is_idle(self) -> bool:
        """True if nothing waits or is under way."""
        return not len(self._waiting) and self._flights.is_empty

    @property
    def asked(self) -> int:
        """How many questions about agents and controls have left since the driver was made."""
        return self._waiting.asked

    @property
    def method(self) -> str:
        """How agents are asked."""
        return self._qualifier.method

    @property
    def has_passed(self) -> bool:
        """Whether the trunk has let anything through since its driver was made."""
        return self.login.passes > 0

    def knowledge(self) -> dict[str, Any]:
        """The state of governor and qualification with the trouble of the moment, as plain JSON values."""
        now = self._clock()
        trouble = self.stopped_by() or CAUSES.get(self._governor.refusal) or self._qualifier.trouble(now)
        return {
            **self._governor.knowledge(),
            **self._governor.told(self._loop.time()),
            "qualification": self._qualifier.knowledge(now),
            "trouble": trouble,
            "failure": self._flights.failure or None,
            "waiting": self._waiting.checks,
            "lanes": self._waiting.state(self._loop.time()),
            **{name: status() for name, status in self.shown.items()},
        }

    def _pump(self) -> None:
        """Send whatever may leave now, and come back when the governor says so."""
        if self._wakeup is not None:
            self._wakeup.cancel()
            self._wakeup = None
        while True:
            now = self._loop.time()
            permission = self._permission(now)
            is_new = permission.send is not Send.NOTHING
            if self._repeats.take_turn(self._governor, now, other_may=is_new):
                continue
            if not is_new:
                break
            self._let_leave(permission.send, now)
        repeat_at = self._repeats.may_leave_at(self._governor, now)
        again_at = (permission.again_at, permission.at_latest, repeat_at)
        if moments := [moment for moment in again_at if moment is not None]:
            self._wakeup = self._loop.call_at(min(moments), self._pump)

    def _permission(self, now: float) -> Permission:
        """What of all that waits may leave now, apart from what is sent again."""
        if self.login.is_being_tried or not self._has_work():
            return Permission(Send.NOTHING)
        cause = self.stopped_by()
        if cause is not None:
            self._flights.give_up_questions(cause)
            return Permission(Send.NOTHING)
        if not self._may_send():
            return Permission(Send.NOTHING, now + LEASE_LOOK_SECONDS)
        if not self._waiting.may_go(agents=self._may_ask()):
            return Permission(Send.NOTHING, now + CONTROL_LOOK_SECONDS)
        return self._governor.permission(now)

    def _may_ask(self) -> bool:
        is_opening = self.known is not None and self.known.is_opening
        return not is_opening and self._qualifier.may_check(self._clock())

    def _let_leave(self, kind: Send, now: float) -> None:
        """Send the canary, or what has its turn; while agents may not be asked about, nothing about one."""
        if kind is Send.CANARY_AGAIN:
            self._repeats.repeat_canary(self._governor, now)
            return
        if kind is Send.CANARY:
            request = canary(self._speaker, self.method, self._flights.witnesses.for_canary())
            self._repeats.canary_leaves(request)
            self._flights.launch(None, request, kind, now)
            return
        if (asked := self._flights.witnesses.asked_again(self._governor, self._waiting)) is not None:
            self._ask(asked, kind, now)
            return
        entry = self._waiting.next(agents=self._may_ask())
        if entry is None:
            return
        if isinstance(entry.item, Waiting):
            self._ask(entry.item, kind, now)
        elif not entry.item(self._governor, now):
            self._waiting.not_sent(entry)

    def _ask(self, waiting: Waiting, kind: Send, now: float) -> None:
        """Send one question; one that cannot be written holds up no other."""
        try:
            request = waiting.attempt or self._question(waiting)
            str(request.uri)
        except (SipSyntaxError, MisuseError):
            log.exception("a question cannot be written", address=waiting.address[:80])
            self._flights.give_up(waiting)
        else:
            self._flights.launch(waiting, request, kind, now)

    def _has_work(self) -> bool:
        """Queue the control that is due, if one is, and say whether anything waits."""
        if self.stopped_by() is None:
            due = self._qualifier.next_control(self._clock(), needed=self._waiting.has_checks)
            if due is not None:
                self._waiting.add_control(due, self._loop.time())
        return len(self._waiting) > 0

    def _question(self, waiting: Waiting) -> Request:
        waiting.method = waiting.control.method if waiting.control is not None else self._qualifier.method
        return METHODS[waiting.method].request(SipUri.parse(waiting.address), self._speaker)
