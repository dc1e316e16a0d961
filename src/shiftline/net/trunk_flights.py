"""What has left a trunk: each request in flight, one task, until its answer is told and kept.

A question that was refused or challenged goes back to its lane, because that says nothing about the agent.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import structlog

from shiftline.clock import Clock
from shiftline.connector.qualifier import Qualifier
from shiftline.connector.reading import NOBODY_ANSWERED, REFUSALS, Reading
from shiftline.governor.controller import Answer, Send
from shiftline.governor.governor import Governor
from shiftline.net.asking import Speaker, feedback_of, read_final, retry_after, status_of
from shiftline.net.endpoint import SipEndpoint
from shiftline.net.exchange import Exchange
from shiftline.net.failover import Route, has_failed, send_to
from shiftline.net.found import FoundEvidence
from shiftline.net.trunk_address import TrunkAddress
from shiftline.net.trunk_causes import UNASKABLE
from shiftline.net.trunk_login import TrunkLogin
from shiftline.net.waiting import Waiting, WaitingWork
from shiftline.net.witnesses import Witnesses
from shiftline.sip.message import Request
from shiftline.sip.requests import next_attempt
from shiftline.sip.transport import Transport
from shiftline.trades.model import EvidenceKind

log = structlog.get_logger("shiftline.trunk")


class TrunkFlights:
    """The requests under way. Times are seconds on the loop's clock."""

    def __init__(  # noqa: PLR0913 - each is a part of its own, given once
        self,
        *,
        endpoint: SipEndpoint,
        address: TrunkAddress,
        speaker: Speaker,
        login: TrunkLogin,
        qualifier: Qualifier,
        waiting: WaitingWork,
        clock: Clock,
        governor: Callable[[], Governor],
        go_on: Callable[[], None],
    ) -> None:
        """``governor`` gives the one of the moment; ``go_on`` is called after each answer."""
        self.route = Route(address.targets)
        self.found = FoundEvidence(clock)
        self.witnesses = Witnesses(qualifier.policy.controls)
        self.qualifier = qualifier
        """Of the moment: who takes the trunk over sets another."""
        self.failure = ""
        """The system's word when it refused to send the last request that brought no answer."""
        self._endpoint = endpoint
        self._answer_timeout_seconds = address.answer_timeout_seconds
        self._speaker = speaker
        self._login = login
        self._waiting = waiting
        self._clock = clock
        self._governor = governor
        self._go_on = go_on
        self._tasks: set[asyncio.Task[None]] = set()
        self._loop = asyncio.get_running_loop()

    async def aclose(self) -> None:
        """Drop what is in flight."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @property
    def is_empty(self) -> bool:
        """Whether nothing is under way."""
        return not self._tasks

    def launch(self, waiting: Waiting | None, request: Request, kind: Send, now: float) -> None:
        """Let a request leave, a canary without ``waiting``; what comes of it goes to its governor."""
        governor = self._governor()
        carried = self._login.leaves(waiting, request, now)
        ticket = governor.sent(now, kind, credentials=carried)
        task = self._loop.create_task(self._see_through(waiting, request, governor, ticket))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _see_through(
        self, waiting: Waiting | None, request: Request, governor: Governor, ticket: int
    ) -> None:
        """Follow one request; whatever goes wrong with it, the trunk goes on."""
        try:
            await self._follow(waiting, request, governor, ticket)
        except Exception:
            log.exception("a request failed", uri=str(request.uri)[:80])
            if waiting is not None:
                self.give_up(waiting)
            governor.answered(ticket, self._loop.time(), Answer.SILENT)  # unless it has been told before
        self._go_on()

    async def _follow(
        self, waiting: Waiting | None, request: Request, governor: Governor, ticket: int
    ) -> None:
        """See one request to its answer, tell the governor, keep the evidence or queue the question again."""
        target = self.route.best(self._loop.time())
        patience = self._answer_timeout_seconds
        if waiting is None:
            # With another target to turn to, or where nothing is lost on the way, a copy is of no use.
            again = self.route.has_one_target and target.transport is Transport.UDP
            patience = governor.canary_lasts if again else min(patience, governor.canary_patience)
        try:
            exchange = await send_to(self._endpoint, request, target, patience)
        finally:
            self._login.is_back(waiting)
        if has_failed(exchange):
            self.route.failed(target, self._loop.time())
        response = exchange.response
        self.failure = exchange.failure if response is None else ""
        alone = not self.qualifier.may_check(self._clock())
        now = self._loop.time()
        judged = self._login.judge(waiting, request, response, now, mode=self._governor().mode, alone=alone)
        governor.answered(
            ticket,
            now,
            judged.meant,
            retry_after(response),
            status=status_of(response),
            feedback=feedback_of(response),
            copied_at=exchange.copied_at,
        )
        if waiting is None:
            self.witnesses.canary_answered(refused=judged.answer is Answer.REFUSED)
        else:
            is_challenged = judged.answer is Answer.CHALLENGED and not waiting.begins_anew
            waiting.attempt = next_attempt(exchange.request) if is_challenged else None
        if waiting is not None and not waiting.witness:
            if judged.meant is Answer.REFUSED:
                self.witnesses.refused(waiting)
            await self._conclude(waiting, exchange, judged.answer)

    async def _conclude(self, waiting: Waiting, exchange: Exchange, answer: Answer) -> None:
        response = exchange.response
        if answer is Answer.PASSED and response is not None:
            self._waiting.take_back()
            if response.status not in REFUSALS:
                self.witnesses.passed(waiting, vouches=waiting.carried or self._login.digest is None)
            reading = await read_final(waiting.method, exchange.request, response, self._speaker)
            self._keep(waiting, reading, response.status)
            return
        if answer is Answer.SILENT and waiting.is_unanswered_for_itself(self._login.passes):
            self._keep(waiting, NOBODY_ANSWERED, None)
        elif answer in (Answer.SILENT, Answer.REFUSED):
            self._waiting.set_aside(waiting)
        else:
            self._waiting.put_back(waiting)

    def _keep(self, waiting: Waiting, reading: Reading, status: int | None) -> None:
        """Hand on what a question brought: to the qualifier, to the worker, or back if nothing is proven."""
        now = self._clock()
        if waiting.control is not None:
            refused = waiting.carried and status in (401, 403, 407)
            self.qualifier.answered(
                waiting.control,
                reading,
                status,
                now,
                credentials_refused=refused,
                credentials_proven=self._login.is_accepted,
            )
            return
        judged = self.qualifier.judged(reading, waiting.method, now)
        if judged is None:
            self._waiting.put_back(waiting)
        elif waiting.check is not None and (judged.is_conclusive or not waiting.is_ahead):
            self.found.add(waiting.check, judged, waiting.method, status)

    def give_up(self, waiting: Waiting) -> None:
        """End a question that cannot be asked."""
        if waiting.control is not None:
            self._keep(waiting, UNASKABLE, None)
        elif waiting.check is not None:
            self.found.add(waiting.check, UNASKABLE, waiting.method, None)

    def give_up_questions(self, cause: str) -> None:
        """End all that wait, because the trunk has stopped."""
        for check in self._waiting.drain_questions():
            self.found.add(check, Reading(EvidenceKind.UNVERIFIABLE, cause), self.qualifier.method, None)
