"""One subscription over an endpoint, and the inbox that sorts the NOTIFYs of many."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncGenerator, Awaitable, Callable

from shiftline.errors import ShiftlineError
from shiftline.net.endpoint import OnRequest, SipEndpoint
from shiftline.net.exchange import Exchange
from shiftline.sip.events import RequestReceived
from shiftline.sip.message import Request, response_to
from shiftline.sip.subscription import Subscription
from shiftline.sip.subscription_events import Ended, Notified

SendRequest = Callable[[Request], Awaitable[Exchange]]
"""Sends one request, with what credentials it needs, and waits for its final answer."""

LEAVE_SECONDS = 1.0
"""How long an unsubscription may keep the one who closes us waiting."""


class NotifyInbox:
    """Which NOTIFY belongs to which subscription. Its `on_request` is the endpoint's."""

    def __init__(self, otherwise: OnRequest | None = None) -> None:
        """``otherwise`` gets every request that is no NOTIFY; without it they are answered 405."""
        self._otherwise = otherwise
        self._takers: dict[str, Callable[[Request], int]] = {}

    def on_request(self, endpoint: SipEndpoint, event: RequestReceived) -> None:
        """Answer a NOTIFY: 200 when it is ours, 481 when nobody here subscribed, 489 for another package."""
        if event.request.method != "NOTIFY":
            self._pass_on(endpoint, event)
            return
        taker = self._takers.get(event.request.headers.get("Call-ID") or "")
        status = taker(event.request) if taker else 481
        if event.key is not None:
            endpoint.respond(event.key, response_to(event.request, status, to_tag=_token()))

    def __len__(self) -> int:
        return len(self._takers)

    def open(self, call_id: str, taker: Callable[[Request], int]) -> None:
        """Hand NOTIFYs of this Call-ID to ``taker``, which returns the status to answer."""
        self._takers[call_id] = taker

    def close(self, call_id: str) -> None:
        """Nobody waits for this Call-ID any more."""
        self._takers.pop(call_id, None)

    def _pass_on(self, endpoint: SipEndpoint, event: RequestReceived) -> None:
        if self._otherwise is not None:
            self._otherwise(endpoint, event)
        elif event.key is not None:
            response = response_to(event.request, 405, to_tag=_token())
            response.headers.add("Allow", "NOTIFY")
            endpoint.respond(event.key, response)


class SubscriptionDriver:
    """Drives one `Subscription`: requests out, answers and NOTIFYs in, and its timer."""

    def __init__(self, subscription: Subscription, inbox: NotifyInbox, send: SendRequest) -> None:
        self.last_exchange: Exchange | None = None
        self._subscription = subscription
        self._inbox = inbox
        self._send = send
        self._loop = asyncio.get_running_loop()
        self._news = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._failure: ShiftlineError | None = None

    async def events(self) -> AsyncGenerator[Notified | Ended]:
        """Start, and give what happens until the end. Close it earlier to unsubscribe.

        Raises what sending raises. The answer to a SUBSCRIBE under way is waited for at the end.
        """
        self._inbox.open(self._subscription.call_id, self._take_notify)
        try:
            self._subscription.start(self._loop.time())
            is_over = False
            while not is_over:
                await self._turn()
                for event in self._drain():
                    is_over = is_over or isinstance(event, Ended)
                    yield event
            while self._tasks:
                await asyncio.wait(self._tasks)
        finally:
            await self._leave()

    async def _leave(self) -> None:
        """Unsubscribe from what still stands, and forget it whether or not the notifier agrees."""
        try:
            self._subscription.leave(self._loop.time())
            async with asyncio.timeout(LEAVE_SECONDS):
                while self._failure is None and self._subscription.next_timer() is not None:
                    await self._turn()
        except (TimeoutError, ShiftlineError):
            return  # its next NOTIFY meets 481, which ends it as well
        finally:
            self._inbox.close(self._subscription.call_id)
            for task in self._tasks:
                task.cancel()

    async def _turn(self) -> None:
        """Send what is to leave, and wait until something happens."""
        for request in self._subscription.requests_to_send():
            task = self._loop.create_task(self._follow(request))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        try:
            async with asyncio.timeout_at(self._subscription.next_timer()):
                await self._news.wait()
        except TimeoutError:
            self._subscription.handle_timer(self._loop.time())
        self._news.clear()
        if self._failure is not None:
            raise self._failure

    def _drain(self) -> list[Notified | Ended]:
        events: list[Notified | Ended] = []
        while event := self._subscription.next_event():
            if isinstance(event, Notified | Ended):
                events.append(event)
        return events

    async def _follow(self, request: Request) -> None:
        """See one SUBSCRIBE to its answer."""
        try:
            exchange = await self._send(request)
            self.last_exchange = exchange
            self._subscription.answered(exchange.request, exchange.response, self._loop.time())
        except ShiftlineError as error:
            self._failure = error
        self._news.set()

    def _take_notify(self, request: Request) -> int:
        status = self._subscription.notified(request, self._loop.time())
        self._news.set()
        return status


def _token() -> str:
    return secrets.token_hex(8)
