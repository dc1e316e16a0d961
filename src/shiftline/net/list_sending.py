"""How the SUBSCRIBEs of a trunk's list leave: each as an errand of the trunk, within its budget."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from shiftline.errors import ShiftlineError
from shiftline.governor.controller import Answer, Send
from shiftline.governor.governor import Governor
from shiftline.governor.state import Mode
from shiftline.net.asking import classify, feedback_of, retry_after, status_of
from shiftline.net.endpoint import SipEndpoint
from shiftline.net.exchange import Exchange
from shiftline.net.failover import Route, has_failed, send_to
from shiftline.net.trunk import TrunkDriver
from shiftline.net.trunk_address import TrunkAddress
from shiftline.sip.digest import DigestClient
from shiftline.sip.message import Request
from shiftline.sip.requests import next_attempt


class ListSender:
    """Sends them one after the other, and answers their challenges."""

    def __init__(
        self,
        *,
        endpoint: SipEndpoint,
        trunk: TrunkDriver,
        address: TrunkAddress,
        digest: DigestClient | None,
    ) -> None:
        self._endpoint = endpoint
        self._trunk = trunk
        self._address = address
        self._route = Route(address.targets)
        self._digest = digest
        self._is_accepted = False
        self._tasks: set[asyncio.Task[None]] = set()
        self._loop = asyncio.get_running_loop()

    async def aclose(self) -> None:
        """Forget what is under way. Harmless twice; it may send again afterwards."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def send(self, request: Request) -> Exchange:
        """See one SUBSCRIBE through its challenges."""
        while True:
            exchange, answer = await self._attempt(request)
            if answer is not Answer.CHALLENGED:
                return exchange
            request = next_attempt(exchange.request)

    async def _attempt(self, request: Request) -> tuple[Exchange, Answer]:
        """Send it once, when the governor lets it."""
        outcome: asyncio.Future[tuple[Exchange, Answer]] = self._loop.create_future()

        def errand(governor: Governor, now: float) -> bool:
            if outcome.done():
                return False  # nobody waits for it any more
            carried = self._digest is not None and self._digest.authorize(request)
            ticket = governor.sent(now, Send.CHECK, credentials=carried)

            def told(exchange: Exchange) -> None:
                answer = self._tell(governor, ticket, request, exchange, carried=carried)
                if not outcome.done():
                    outcome.set_result((exchange, answer))

            task = self._loop.create_task(self._follow(request, told, outcome))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
            return True

        self._trunk.run_errand(errand)
        return await outcome

    def _tell(
        self, governor: Governor, ticket: int, request: Request, exchange: Exchange, *, carried: bool
    ) -> Answer:
        """Tell the governor what the answer means for it; return what it is."""
        response = exchange.response
        answer = meant = classify(self._digest, request, response)
        # Many PBXs forbid a SUBSCRIBE to the trunk's account: at a proven trunk that says nothing
        # of rate or account. Before that, it may be the password's, and must count as a strike.
        if answer is Answer.REFUSED and (self._is_accepted or not carried):
            meant = Answer.CHALLENGED if governor.mode is not Mode.PROVING else answer
        elif answer is Answer.CHALLENGED and carried and not self._is_accepted:
            meant = Answer.CREDENTIALS_REFUSED
        self._is_accepted |= carried and answer is Answer.PASSED
        now, status, feedback = self._loop.time(), status_of(response), feedback_of(response)
        governor.answered(ticket, now, meant, retry_after(response), status=status, feedback=feedback)
        return answer

    async def _follow(
        self,
        request: Request,
        told: Callable[[Exchange], None],
        outcome: asyncio.Future[tuple[Exchange, Answer]],
    ) -> None:
        target = self._route.best(self._loop.time())
        try:
            exchange = await send_to(self._endpoint, request, target, self._address.answer_timeout_seconds)
        except ShiftlineError as error:
            if not outcome.done():
                outcome.set_exception(error)
            return
        if has_failed(exchange):
            self._route.failed(target, self._loop.time())
        told(exchange)
        self._trunk.go_on()
