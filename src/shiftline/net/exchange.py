"""Requests under way at an endpoint, and how each ended."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from shiftline.errors import UnavailableError
from shiftline.sip.events import RequestTimedOut, ResponseReceived, SendFailed
from shiftline.sip.message import Request, Response


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """A request and how it ended. ``response`` is None when no final answer came in time.

    ``request`` is the copy that left, with our Via; ``rtt_seconds`` counts from its first transmission;
    ``copied_at`` is when an answered one was sent again first (None: it left once); ``failure`` is the
    system's word when it refused to send.
    """

    request: Request
    response: Response | None
    rtt_seconds: float
    failure: str = ""
    copied_at: float | None = None


class PendingExchanges:
    """Who waits for which answer, by the key of the transaction."""

    def __init__(self) -> None:
        self._waiting: dict[str, asyncio.Future[Exchange]] = {}

    def begin(self, key: str) -> asyncio.Future[Exchange]:
        """Wait for this transaction's end."""
        future: asyncio.Future[Exchange] = asyncio.get_running_loop().create_future()
        self._waiting[key] = future
        return future

    def forget(self, key: str) -> bool:
        """Wait no longer; return whether it was still under way."""
        return self._waiting.pop(key, None) is not None

    def conclude(self, event: ResponseReceived | RequestTimedOut | SendFailed) -> None:
        """Tell who waits for it, if that is an end: a provisional answer is none."""
        response = event.response if isinstance(event, ResponseReceived) else None
        if response is not None and response.status < 200:
            return
        future = self._waiting.pop(event.key, None)
        if future is None or future.done():
            return
        future.set_result(
            Exchange(
                request=event.request,
                response=response,
                rtt_seconds=event.rtt_seconds,
                failure=event.why if isinstance(event, SendFailed) else "",
                copied_at=event.copied_at if isinstance(event, ResponseReceived) else None,
            )
        )

    def close(self) -> None:
        """End all of them with UnavailableError."""
        waiting, self._waiting = self._waiting, {}
        for future in waiting.values():
            if not future.done():
                future.set_exception(UnavailableError("The SIP endpoint was closed before the answer came."))
