"""One trunk at work: claimed checks in, evidence out, every request through the governor.

Questions wait by need, the controls' before all others. A pump asks the governor what may leave; each
request in flight is one task. A question that was refused or challenged goes back to the queue, because
that says nothing about the agent. Until the controls have qualified a method, agents wait. Errands, such
as the trunk's own REGISTER, go before all questions. When the governor stops, whatever waits gets the
evidence Unverifiable(cause) at once.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from shiftline.clock import Clock
from shiftline.connector.families import GENERIC
from shiftline.connector.qualifier import Qualifier
from shiftline.connector.reading import NOBODY_ANSWERED, REFUSALS, Reading, read_answer
from shiftline.connector.records import DueCheck
from shiftline.governor.controller import Answer, Send
from shiftline.governor.governor import Governor, Mode, RefusalClass
from shiftline.net.asking import METHODS, Speaker, classify, retry_after
from shiftline.net.endpoint import Exchange, SipEndpoint
from shiftline.net.failover import Route, has_failed, send_to
from shiftline.net.package_method import OpenQuestions
from shiftline.net.subscription_driver import NotifyInbox
from shiftline.net.waiting import KnownStates, Waiting, WaitingQuestions
from shiftline.sip.digest import DigestClient
from shiftline.sip.message import Request
from shiftline.sip.requests import next_attempt, options
from shiftline.sip.targets import Target
from shiftline.sip.uri import SipUri
from shiftline.trades.model import Evidence, EvidenceKind

QUEUE_SECONDS = 2.0  # how much work, at the present rate, is kept queued
SHORTEST_QUEUE = 32
LEASE_LOOK_SECONDS = 0.2
CONTROL_LOOK_SECONDS = 0.5  # how often checks that wait for the controls look whether they are due

CAUSES: Mapping[RefusalClass, str] = MappingProxyType(
    {
        # Each names a class: what looks the same from outside stands in docs/explanation/governor.md.
        RefusalClass.CREDENTIALS: "credentials.wrong-password",
        RefusalClass.POLICY: "acl.source",
        RefusalClass.BAN: "ban.source",
        RefusalClass.UNREACHABLE: "network.unreachable",
    }
)


Errand = Callable[[Governor, float], None]
"""Sends one request that is no check, at this moment, and reports to that governor."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrunkAddress:
    """Where the trunk is, best way first, and who we are there."""

    targets: tuple[Target, ...]
    domain: SipUri
    identity: SipUri
    answer_timeout_seconds: float
    family: str = GENERIC
    contact: SipUri | None = None
    """Where the PBX shall send what is for us, once we are registered; None: our own address."""


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
        self._endpoint = endpoint
        self._address = address
        self._route = Route(address.targets)
        self._digest = digest
        self._governor = governor
        self._qualifier = qualifier
        self._clock = clock
        contact = endpoint.contact(address.targets[0].transport)
        self._speaker = Speaker(
            domain=address.domain,
            identity=address.identity,
            token=token,
            questions=OpenQuestions(inbox or NotifyInbox(), contact=contact),
            family=address.family,
        )
        self._may_send = may_send
        self.shown: dict[str, Callable[[], Mapping[str, Any]]] = {}
        """What is kept and shown beside the governor's state, by its name: the trunk's registration, say."""
        self.known: KnownStates | None = None
        """Who need not be asked, where the trunk has a list subscription."""
        self._disarmed: str | None = None
        self._waiting = WaitingQuestions()
        self._errands: deque[Errand] = deque()
        self._passes = 0
        self._failure = ""
        self._credentials_accepted = False
        self._is_trying_password = False
        self._evidence: list[Evidence] = []
        self._news = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._wakeup: asyncio.TimerHandle | None = None
        self._loop = asyncio.get_running_loop()

    async def aclose(self) -> None:
        """Stop sending and drop what is in flight; claimed checks are claimed again by the next owner."""
        if self._wakeup is not None:
            self._wakeup.cancel()
        self._waiting.drain()
        self._errands.clear()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def take_over(self, governor: Governor, qualifier: Qualifier, disarmed: str | None) -> None:
        """Go on with what is known now that the trunk is ours; ``disarmed`` is the cause, if it is stopped.

        Call it before the lease holds. Answers to what left before go to the governor that let it leave.
        """
        self._governor = governor
        self._qualifier = qualifier
        self._disarmed = disarmed
        self._credentials_accepted = False  # whatever made the trunk ours anew may have changed it
        self._pump()

    def room(self) -> int:
        """How many more checks would keep the trunk busy for the next moments."""
        wanted = max(SHORTEST_QUEUE, int(self._governor.rate * QUEUE_SECONDS))
        return max(0, wanted - len(self._waiting) - len(self._tasks))

    def submit(self, checks: Sequence[DueCheck]) -> None:
        """Queue checks, earliest need first."""
        self._waiting.add_checks(checks)
        self.take_up_known()

    def take_up_known(self) -> None:
        """Answer the checks of agents that are known without asking, and go on."""
        if self.known is not None and self.stopped_by() is None and self._may_send():
            for check, reading in self._waiting.take_known(self.known.reading_of):
                self._add(check, reading, self.known.method, None)
        self._pump()

    def run_errand(self, errand: Errand | None = None, *, first: bool = False) -> None:
        """Run an errand as soon as the governor lets a request leave, before all checks.

        It goes behind other errands unless it is to be the ``first``. Call it without one when an errand's
        answer has come, so that the trunk goes on.
        """
        if errand is not None:
            (self._errands.appendleft if first else self._errands.append)(errand)
        self._pump()

    async def gathered(self, timeout_seconds: float) -> list[Evidence]:
        """Wait for evidence, at most so long (seconds), and return all there is."""
        if not self._evidence:
            self._news.clear()
            try:
                await asyncio.wait_for(self._news.wait(), timeout_seconds)
            except TimeoutError:
                return []
        evidence, self._evidence = self._evidence, []
        return evidence

    def stopped_by(self) -> str | None:
        """The cause that stopped this trunk for good, if one did."""
        if self._disarmed is not None:
            return self._disarmed
        return CAUSES[self._governor.refusal] if self._governor.mode is Mode.STOPPED else None

    @property
    def has_passed(self) -> bool:
        """Whether the trunk has let anything through since its driver was made."""
        return self._passes > 0

    def knowledge(self) -> dict[str, Any]:
        """The state of governor and qualification with the trouble of the moment, as plain JSON values."""
        now = self._clock()
        trouble = self.stopped_by() or CAUSES.get(self._governor.refusal) or self._qualifier.trouble(now)
        known = {
            **self._governor.knowledge(),
            "qualification": self._qualifier.knowledge(now),
            "trouble": trouble,
            "failure": self._failure or None,
            "waiting": len(self._waiting),
        }
        return known | {name: status() for name, status in self.shown.items()}

    def _pump(self) -> None:
        """Send whatever may leave now, and come back when the governor says so."""
        if self._wakeup is not None:
            self._wakeup.cancel()
            self._wakeup = None
        while not self._is_trying_password and (self._has_questions() or self._errands):
            cause = self.stopped_by()
            if cause is not None:
                self._give_up_queue(cause)
                return
            now = self._loop.time()
            if not self._may_send():
                self._wake_at(now + LEASE_LOOK_SECONDS)
                return
            opening = self.known is not None and self.known.is_opening
            agents = not opening and self._qualifier.may_check(self._clock())
            if not self._errands and not self._waiting.may_go(agents=agents):
                self._wake_at(now + CONTROL_LOOK_SECONDS)
                return
            permission = self._governor.permission(now)
            if permission.send is Send.NOTHING:
                if permission.again_at is not None:
                    self._wake_at(permission.again_at)
                return
            self._let_leave(permission.send, now, agents=agents)

    def _let_leave(self, kind: Send, now: float, *, agents: bool) -> None:
        """Send the next canary, errand or question; without ``agents`` only a control's."""
        if kind is Send.CANARY:
            self._send(None, self._canary(), kind, now)
        elif self._errands:
            self._errands.popleft()(self._governor, now)
        elif (waiting := self._waiting.next(agents=agents)) is not None:
            self._send(waiting, waiting.attempt or self._question(waiting), kind, now)

    def _has_questions(self) -> bool:
        """Queue the control that is due, if one is, and say whether anything waits."""
        if self.stopped_by() is None:
            due = self._qualifier.next_control(self._clock(), needed=self._waiting.has_checks)
            if due is not None:
                self._waiting.add_control(due)
        return len(self._waiting) > 0

    def _wake_at(self, moment: float) -> None:
        self._wakeup = self._loop.call_at(moment, self._pump)

    def _send(self, waiting: Waiting | None, request: Request, kind: Send, now: float) -> None:
        carried = waiting is not None and self._carries_password(waiting, request)
        if waiting is not None:
            waiting.carried = carried
        self._is_trying_password = carried and not self._credentials_accepted
        ticket = self._governor.sent(now, kind, credentials=carried)
        task = self._loop.create_task(self._follow(waiting, request, self._governor, ticket))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _carries_password(self, waiting: Waiting, request: Request) -> bool:
        """Add our credentials, where they may be: until the PBX has taken them, only if it asked for them.

        It is then tried by one request alone, so that a wrong one is not sent by a whole burst.
        """
        may_carry = self._credentials_accepted or waiting.attempt is not None
        return may_carry and self._digest is not None and self._digest.authorize(request)

    async def _follow(
        self, waiting: Waiting | None, request: Request, governor: Governor, ticket: int
    ) -> None:
        """See one request to its answer, tell the governor, keep the evidence or queue the question again."""
        target = self._route.best(self._loop.time())
        try:
            exchange = await send_to(self._endpoint, request, target, self._address.answer_timeout_seconds)
        finally:
            self._is_trying_password &= waiting is None or not waiting.carried
        if has_failed(exchange):
            self._route.failed(target, self._loop.time())
        response = exchange.response
        self._failure = exchange.failure if response is None else ""
        answer = classify(self._digest, request, response)
        meant = answer
        if answer is Answer.PASSED or (waiting is None and answer is Answer.CHALLENGED):
            self._passes += 1
            self._credentials_accepted |= waiting is not None and waiting.carried
        elif waiting is not None and answer is Answer.CHALLENGED and waiting.carried:
            # Asked again although it carried a password: a strike, unless the PBX has taken it before.
            meant = answer if self._credentials_accepted else Answer.CREDENTIALS_REFUSED
        elif waiting is not None and _is_refused_trial(waiting, answer):
            meant = self._of_trial(answer)
            answer = Answer.PASSED
        elif waiting is not None and answer is Answer.REFUSED and waiting.is_refused_for_itself(self._passes):
            answer = Answer.PASSED
            # While credentials are being proven, one more refusal of them must still count as one.
            meant = Answer.REFUSED if self._governor.mode is Mode.PROVING else Answer.PASSED
        governor.answered(ticket, self._loop.time(), meant, retry_after(response))
        if waiting is not None:
            waiting.attempt = next_attempt(exchange.request) if answer is Answer.CHALLENGED else None
            await self._conclude(waiting, exchange, answer)
        self._pump()

    def _of_trial(self, answer: Answer) -> Answer:
        """What a refused trial of a method means for admission.

        While agents wait for the controls nothing else leaves, so at an open trunk a 403 is not the rate's.
        A password that the PBX has taken is not wrong because it may not do this.
        """
        if answer is Answer.CREDENTIALS_REFUSED and self._credentials_accepted:
            return Answer.CHALLENGED
        alone = not self._qualifier.may_check(self._clock())
        is_open = self._governor.mode in (Mode.CLIMBING, Mode.HOLDING)
        return Answer.CHALLENGED if answer is Answer.REFUSED and alone and is_open else answer

    async def _conclude(self, waiting: Waiting, exchange: Exchange, answer: Answer) -> None:
        response = exchange.response
        if answer is Answer.PASSED and response is not None:
            self._waiting.take_back()
            if response.status in REFUSALS:
                reading = read_answer(
                    waiting.method, response.status, has_binding=False, family=self._address.family
                )
            else:
                method = METHODS[waiting.method]
                reading = await method.read(exchange.request, response, self._speaker)
            self._keep(waiting, reading, response.status)
            return
        if answer is Answer.SILENT and waiting.is_unanswered_for_itself(self._passes):
            self._keep(waiting, NOBODY_ANSWERED, None)
        elif answer in (Answer.SILENT, Answer.REFUSED):
            self._waiting.set_aside(waiting)
        else:
            self._waiting.put_back(waiting)

    def _give_up_queue(self, cause: str) -> None:
        for check in self._waiting.drain():
            self._add(check, Reading(EvidenceKind.UNVERIFIABLE, cause), self._qualifier.method, None)

    def _keep(self, waiting: Waiting, reading: Reading, status: int | None) -> None:
        """Hand on what a question brought: to the qualifier, to the worker, or back if nothing is proven."""
        now = self._clock()
        if waiting.control is not None:
            refused = waiting.carried and status in (401, 403, 407)
            self._qualifier.answered(
                waiting.control,
                reading,
                status,
                now,
                credentials_refused=refused,
                credentials_proven=self._credentials_accepted,
            )
            return
        judged = self._qualifier.judged(reading, waiting.method, now)
        if judged is None:
            self._waiting.put_back(waiting)
        elif waiting.check is not None:
            self._add(waiting.check, judged, waiting.method, status)

    def _add(self, check: DueCheck, reading: Reading, method: str, status: int | None) -> None:
        self._evidence.append(
            Evidence(
                agent=check.agent,
                kind=reading.kind,
                method=method,
                taken_at=self._clock(),
                cause=reading.cause,
                status=status,
            )
        )
        self._news.set()

    def _question(self, waiting: Waiting) -> Request:
        waiting.method = waiting.control.method if waiting.control is not None else self._qualifier.method
        return METHODS[waiting.method].request(SipUri.parse(waiting.address), self._speaker)

    def _canary(self) -> Request:
        """The cheapest question that the same limiter counts, without credentials."""
        return options(self._speaker.domain, from_uri=self._speaker.identity, token=self._speaker.token)


def _is_refused_trial(waiting: Waiting, answer: Answer) -> bool:
    """Whether a candidate method had our credentials refused: a 403 without them may be a throttle's."""
    is_trial = waiting.control is not None and waiting.control.is_trial
    refused = answer is Answer.CREDENTIALS_REFUSED or (answer is Answer.REFUSED and waiting.carried)
    return is_trial and refused
