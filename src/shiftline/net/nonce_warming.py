"""A fresh nonce just before a publish window opens: the burst's first requests are not all challenged.

A PBX's nonce lives for 30 to 300 s (facts on SIP 403 signatures, 2.3), so after a quiet hour every request
of the first round trip would be sent twice. One question without credentials, asked while nothing else is,
brings the nonce that they all use. It carries no password, so it cannot cost a strike; it goes in the lane
of what is sent ahead of need, within the trunk's budget.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from shiftline.errors import UnavailableError
from shiftline.governor.controller import Answer, Send
from shiftline.governor.governor import Governor
from shiftline.governor.lanes import Lane
from shiftline.net.asking import classify, feedback_of, plain_question, retry_after, status_of
from shiftline.net.endpoint import SipEndpoint
from shiftline.net.failover import send_to
from shiftline.net.subscription_driver import NotifyInbox
from shiftline.net.trunk import TrunkDriver
from shiftline.net.trunk_address import TrunkAddress
from shiftline.sip.message import Request
from shiftline.sip.refresh import Window
from shiftline.sip.uri import SipUri

WARM_SECONDS = 15.0
"""So long before the opening the nonce is fetched: half of the shortest life of one."""
REST_SECONDS = 10.0
"""A trunk that has asked anything within so long before that has a nonce in use already."""
LOOK_SECONDS = 60.0
"""How often the next opening is looked up: civil time may be set."""


class NonceWarmer:
    """Warms one trunk's nonce before each of its publish windows, until it is closed."""

    def __init__(
        self,
        *,
        endpoint: SipEndpoint,
        trunk: TrunkDriver,
        address: TrunkAddress,
        token: Callable[[], str],
        windows: Callable[[float], Sequence[Window]],
        about: SipUri | None = None,
    ) -> None:
        """``windows`` are on the loop's clock; ``about`` is whom to ask about (None: our own account)."""
        self._endpoint = endpoint
        self._trunk = trunk
        self._address = address
        self._speaker = address.speaker(endpoint, NotifyInbox(), token)
        self._windows = windows
        self._about = about or address.identity
        self._loop = asyncio.get_running_loop()
        self._asked: int | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._alarm = self._loop.call_soon(self._look)

    async def aclose(self) -> None:
        """Stop; nothing is sent any more."""
        self._alarm.cancel()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _look(self) -> None:
        """Count what was asked when the rest begins, and warm if it is the same when the rest is over."""
        now = self._loop.time()
        opens = min((opens for opens, _ in self._windows(now) if opens > now), default=None)
        warm_at = now + LOOK_SECONDS if opens is None else opens - WARM_SECONDS
        if now < warm_at - REST_SECONDS:
            self._asked = None
            again_at = min(warm_at - REST_SECONDS, now + LOOK_SECONDS)
        elif now < warm_at:
            self._asked = self._trunk.asked if self._asked is None else self._asked
            again_at = warm_at
        else:
            if opens is not None and self._asked == self._trunk.asked:
                self._warm(opens)
            self._asked = None
            again_at = opens if opens is not None else now + LOOK_SECONDS
        self._alarm = self._loop.call_at(again_at, self._look)

    def _warm(self, opens: float) -> None:
        """Fetch a nonce, if this trunk's questions are challenged at all and our password is good."""
        if not self._trunk.login.is_accepted or not self._trunk.is_idle():
            return

        def errand(governor: Governor, now: float) -> bool:
            if now >= opens:
                return False  # it would only be in the way
            request = plain_question(self._trunk.method, self._about, self._speaker)
            ticket = governor.sent(now, Send.CHECK, credentials=False)
            task = self._loop.create_task(self._follow(request, governor, ticket))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
            return True

        self._trunk.run_errand(errand, lane=Lane.PREFETCH, first=True)

    async def _follow(self, request: Request, governor: Governor, ticket: int) -> None:
        target, seconds = self._trunk.route.best(self._loop.time()), self._address.answer_timeout_seconds
        try:
            exchange = await send_to(self._endpoint, request, target, seconds)
        except UnavailableError:
            return  # the endpoint was closed: there is no window to be ready for
        response = exchange.response
        answer = classify(self._trunk.login.digest, exchange.request, response)
        if answer is Answer.CREDENTIALS_REFUSED:
            answer = Answer.CHALLENGED  # it had none
        if answer is Answer.CHALLENGED:
            self._trunk.login.was_warmed(self._loop.time())
        now, status, feedback = self._loop.time(), status_of(response), feedback_of(response)
        governor.answered(ticket, now, answer, retry_after(response), status=status, feedback=feedback)
        self._trunk.go_on()
