"""One trunk at work: claimed checks in, evidence out, every request through the governor.

The queue holds checks by need. A pump asks the governor what may leave; each request in flight is one
task. A check that was refused or challenged goes back to the queue, because that says nothing about
the agent. When the governor stops, whatever waits gets the evidence Unverifiable(cause) at once.
"""

from __future__ import annotations

import asyncio
import heapq
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count
from types import MappingProxyType
from typing import Any

from shiftline.clock import Clock
from shiftline.connector.reading import REFUSALS, read_answer
from shiftline.connector.records import DueCheck
from shiftline.governor.governor import Answer, Governor, Mode, RefusalClass, Send
from shiftline.net.endpoint import SipEndpoint
from shiftline.net.failover import Route, has_failed
from shiftline.sip.digest import ChallengeOutcome, DigestClient
from shiftline.sip.message import Request, Response
from shiftline.sip.requests import next_attempt, options, register_query
from shiftline.sip.targets import Target
from shiftline.sip.uri import SipUri
from shiftline.trades.model import Evidence, EvidenceKind

MOST_TRIES = 3  # unanswered tries of one check before it is called unreachable
REFUSALS_OF_ONE = 3  # refusals of one check, with others passing in between, before it is the agent's own
QUEUE_SECONDS = 2.0  # how much work, at the present rate, is kept queued
SHORTEST_QUEUE = 32
LEASE_LOOK_SECONDS = 0.2
LONGEST_WISH_SECONDS = 300.0  # no Retry-After, however long, may keep trades from their deadlines

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
    method: str
    answer_timeout_seconds: float
    contact: SipUri | None = None
    """Where the PBX shall send what is for us, once we are registered; None: our own address."""


@dataclass(order=True, slots=True)
class _Queued:
    needed_by: datetime
    order: int
    check: DueCheck = field(compare=False)
    attempt: Request | None = field(default=None, compare=False)
    """What to send after a challenge: the same call, so that a second challenge is known as one."""
    tries: int = field(default=0, compare=False)
    refusals: int = field(default=0, compare=False)
    passes_then: int = field(default=0, compare=False)


class TrunkDriver:
    """Implements the connector's ``CheckRunner``. Use as ``async with``."""

    def __init__(
        self,
        *,
        endpoint: SipEndpoint,
        address: TrunkAddress,
        digest: DigestClient | None,
        governor: Governor,
        clock: Clock,
        token: Callable[[], str],
        may_send: Callable[[], bool],
    ) -> None:
        self._endpoint = endpoint
        self._address = address
        self._route = Route(address.targets)
        self._digest = digest
        self._governor = governor
        self._clock = clock
        self._token = token
        self._may_send = may_send
        self.registration_status: Callable[[], Mapping[str, Any]] | None = None
        """Shows the trunk's own registration beside the governor's state, where it has one."""
        self._disarmed: str | None = None
        self._queue: list[_Queued] = []
        self._aside: list[_Queued] = []  # refused; another check goes first, and tells whom it was about
        self._errands: deque[Errand] = deque()
        self._order = count()
        self._passes = 0
        self._evidence: list[Evidence] = []
        self._news = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._wakeup: asyncio.TimerHandle | None = None
        self._loop = asyncio.get_running_loop()

    async def aclose(self) -> None:
        """Stop sending and drop what is in flight; claimed checks are claimed again by the next owner."""
        if self._wakeup is not None:
            self._wakeup.cancel()
        self._queue.clear()
        self._errands.clear()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def take_over(self, governor: Governor, disarmed: str | None) -> None:
        """Go on with what is known now that the trunk is ours; ``disarmed`` is the cause, if it is stopped.

        Call it before the lease holds. Answers to what left before go to the governor that let it leave.
        """
        self._governor = governor
        self._disarmed = disarmed
        self._pump()

    def room(self) -> int:
        """How many more checks would keep the trunk busy for the next moments."""
        wanted = max(SHORTEST_QUEUE, int(self._governor.rate * QUEUE_SECONDS))
        return max(0, wanted - self._waiting - len(self._tasks))

    def submit(self, checks: Sequence[DueCheck]) -> None:
        """Queue checks, earliest need first."""
        for check in checks:
            heapq.heappush(self._queue, _Queued(check.needed_by, next(self._order), check))
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
        """The governor's state with the trouble of the moment, as plain JSON values."""
        trouble = self.stopped_by() or CAUSES.get(self._governor.refusal)
        known = {**self._governor.knowledge(), "trouble": trouble, "waiting": self._waiting}
        return known if (show := self.registration_status) is None else known | {"registration": show()}

    def _pump(self) -> None:
        """Send whatever may leave now, and come back when the governor says so."""
        if self._wakeup is not None:
            self._wakeup.cancel()
            self._wakeup = None
        while self._waiting or self._errands:
            cause = self.stopped_by()
            if cause is not None:
                self._give_up_queue(cause)
                return
            now = self._loop.time()
            if not self._may_send():
                self._wakeup = self._loop.call_at(now + LEASE_LOOK_SECONDS, self._pump)
                return
            permission = self._governor.permission(now)
            if permission.send is Send.NOTHING:
                if permission.again_at is not None:
                    self._wakeup = self._loop.call_at(permission.again_at, self._pump)
                return
            if permission.send is Send.CANARY:
                self._send(None, self._canary(), Send.CANARY, now)
            elif self._errands:
                self._errands.popleft()(self._governor, now)
            else:
                queued = heapq.heappop(self._queue) if self._queue else self._aside.pop(0)
                self._send(queued, queued.attempt or self._question(queued.check), Send.CHECK, now)

    def _send(self, queued: _Queued | None, request: Request, kind: Send, now: float) -> None:
        carried = kind is Send.CHECK and self._digest is not None and self._digest.authorize(request)
        ticket = self._governor.sent(now, kind, credentials=carried)
        task = self._loop.create_task(self._follow(queued, request, self._governor, ticket))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _follow(
        self, queued: _Queued | None, request: Request, governor: Governor, ticket: int
    ) -> None:
        """See one request to its answer, tell the governor, keep the evidence or queue the check again."""
        target = self._route.best(self._loop.time())
        exchange = await self._endpoint.request(
            request,
            target.address,
            transport=target.transport,
            server_name=target.server_name,
            timeout_seconds=self._address.answer_timeout_seconds,
        )
        if has_failed(exchange):
            self._route.failed(target, self._loop.time())
        response = exchange.response
        answer = self._classify(request, response)
        meant = answer
        if answer is Answer.PASSED or (queued is None and answer is Answer.CHALLENGED):
            self._passes += 1
        elif queued is not None and answer is Answer.REFUSED and self._is_about_one_agent(queued):
            answer = Answer.PASSED
            # While credentials are being proven, one more refusal of them must still count as one.
            meant = Answer.REFUSED if self._governor.mode is Mode.PROVING else Answer.PASSED
        governor.answered(ticket, self._loop.time(), meant, _retry_after(response))
        if queued is not None:
            queued.attempt = next_attempt(exchange.request) if answer is Answer.CHALLENGED else None
            self._conclude(queued, response, answer)
        self._pump()

    def _is_about_one_agent(self, queued: _Queued) -> bool:
        """Count a refusal that came although something else passed since the last one of this check."""
        if not queued.refusals or self._passes > queued.passes_then:
            queued.refusals += 1
            queued.passes_then = self._passes
        return queued.refusals >= REFUSALS_OF_ONE

    def _classify(self, request: Request, response: Response | None) -> Answer:
        if response is None:
            return Answer.SILENT
        if response.status in (401, 407):
            if self._digest is None:
                return Answer.CREDENTIALS_REFUSED
            outcome = self._digest.challenged(response, request)
            return Answer.CHALLENGED if outcome is ChallengeOutcome.RETRY else Answer.CREDENTIALS_REFUSED
        if response.status in REFUSALS:
            return Answer.REFUSED
        if self._digest is not None:
            self._digest.accepted(response, request)  # it may hand out the next nonce
        # An answer that needed no credentials proves the path just as well (a trunk trusted by address).
        return Answer.PASSED

    def _conclude(self, queued: _Queued, response: Response | None, answer: Answer) -> None:
        if answer is Answer.PASSED and response is not None:
            self._take_back()
            has_binding = response.headers.get("Contact") is not None
            reading = read_answer(self._address.method, response.status, has_binding=has_binding)
            self._keep(queued.check, reading.kind, reading.cause, response.status)
            return
        if answer is Answer.SILENT and self._governor.mode is not Mode.LISTENING:
            queued.tries += 1
            if queued.tries >= MOST_TRIES:
                self._keep(queued.check, EvidenceKind.UNVERIFIABLE, "network.unreachable", None)
                return
        if answer is Answer.REFUSED:
            self._aside.append(queued)
        else:
            heapq.heappush(self._queue, queued)

    @property
    def _waiting(self) -> int:
        return len(self._queue) + len(self._aside)

    def _take_back(self) -> None:
        """Another check passed, so what was refused may be asked again."""
        for queued in self._aside:
            heapq.heappush(self._queue, queued)
        self._aside.clear()

    def _give_up_queue(self, cause: str) -> None:
        self._take_back()
        for queued in self._queue:
            self._keep(queued.check, EvidenceKind.UNVERIFIABLE, cause, None)
        self._queue.clear()

    def _keep(self, check: DueCheck, kind: EvidenceKind, cause: str | None, status: int | None) -> None:
        self._evidence.append(
            Evidence(
                agent=check.agent,
                kind=kind,
                method=self._address.method,
                taken_at=self._clock(),
                cause=cause,
                status=status,
            )
        )
        self._news.set()

    def _question(self, check: DueCheck) -> Request:
        uri = SipUri.parse(check.address)
        if self._address.method == "registration":
            return register_query(uri, registrar=self._address.domain, token=self._token)
        return options(uri, from_uri=self._address.identity, token=self._token)

    def _canary(self) -> Request:
        """The cheapest question that the same limiter counts, without credentials."""
        return options(self._address.domain, from_uri=self._address.identity, token=self._token)


def _retry_after(response: Response | None) -> float | None:
    """The Retry-After of any refusal, in seconds: off-spec on a 403, and honoured within reason."""
    value = response.headers.get("Retry-After") if response is not None else None
    if value is None:
        return None
    digits = value.split("(")[0].split(";")[0].strip()
    if not (digits.isascii() and digits.isdigit()):
        return None
    return min(float(digits), LONGEST_WISH_SECONDS)
