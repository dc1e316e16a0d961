"""One TCP or TLS connection that carries SIP."""

from __future__ import annotations

import asyncio
from typing import Protocol

from shiftline.errors import SipSyntaxError
from shiftline.net.settings import StreamSettings
from shiftline.sip.events import Address
from shiftline.sip.framing import PING, PONG, KeepAlive, StreamFramer


class ConnectionUser(Protocol):
    """Who hears of a connection."""

    def opened(self, connection: Connection) -> None:
        """It is ready to send."""

    def received(self, connection: Connection, data: bytes) -> None:
        """A whole message came."""

    def batch_ended(self) -> None:
        """What came together was all handed over."""

    def closed(self, connection: Connection, error: Exception | None, why: str) -> None:
        """It is gone; ``why`` is one word of ours where ``error`` is None."""


class Connection(asyncio.Protocol):
    """Frames what comes, answers pings, sends pings of its own, and notices a peer that is gone."""

    def __init__(
        self,
        user: ConnectionUser,
        settings: StreamSettings,
        *,
        peer: Address | None = None,
        server_name: str = "",
    ) -> None:
        """``peer`` is where we connect to; None: the peer connected to us, and keeps the flow alive."""
        self.peer: Address = peer or ("", 0)
        self.local: Address = ("", 0)
        self.is_ours = peer is not None
        self.server_name = server_name
        self._user = user
        self._settings = settings
        self._framer = StreamFramer()
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._watch: asyncio.TimerHandle | None = None
        self._active_at = self._loop.time()
        self._pong_by: float | None = None
        self._why = ""

    # asyncio's side

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Note who is at the other end, and tell our user."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - what streams are made with
        self._transport = transport
        if not self.is_ours:
            self.peer = transport.get_extra_info("peername", self.peer)[:2]
        self.local = transport.get_extra_info("sockname", self.local)[:2]
        self._look_after()
        self._user.opened(self)

    def data_received(self, data: bytes) -> None:
        """Hand over each message; what cannot be framed ends the connection."""
        self._active_at = self._loop.time()
        try:
            for piece in self._framer.feed(data):
                if isinstance(piece, bytes):
                    self._user.received(self, piece)
                elif piece is KeepAlive.PING:
                    self._write(PONG)
                else:
                    self._pong_by = None
                    self._look_after()
        except SipSyntaxError as error:
            self.close(str(error))
        self._user.batch_ended()

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell our user once."""
        if self._watch:
            self._watch.cancel()
        self._transport = None
        self._user.closed(self, exc, self._why or "The peer closed the connection.")

    # Our user's side

    @property
    def is_open(self) -> bool:
        """Whether something can be sent."""
        return self._transport is not None and not self._transport.is_closing()

    def send(self, data: bytes) -> str:
        """Send one message; returns why it cannot leave, "" when it could."""
        if not self.is_open:
            return "The connection is closed."
        if not self._has_room(len(data)):
            return "The peer does not read what was sent to it."
        self._active_at = self._loop.time()
        self._write(data)
        return ""

    def close(self, why: str = "The connection was closed.") -> None:
        """End the connection; what was written before still leaves, if the peer reads it in time."""
        self._why = self._why or why
        if self._transport is not None:
            self._transport.close()

    def abort(self, why: str = "The connection was closed.") -> None:
        """End the connection at once, without a goodbye."""
        self._why = self._why or why
        if self._transport is not None:
            self._transport.abort()

    # Inside

    def _has_room(self, size: int) -> bool:
        """Whether so many bytes more may wait for the peer."""
        waiting = self._transport.get_write_buffer_size() if self._transport is not None else 0
        return waiting + size <= self._settings.queue_bytes

    def _write(self, data: bytes) -> None:
        if self._transport is not None and self.is_open and self._has_room(len(data)):
            self._transport.write(data)

    def _look_after(self) -> None:
        """Close what is idle or dead, ping what is quiet, and come back when the next of these is due."""
        if self._watch:
            self._watch.cancel()
        now, settings = self._loop.time(), self._settings
        if self._pong_by is not None and self._pong_by <= now:
            self.abort(f"The peer did not answer a keep-alive within {settings.pong_seconds:g} s.")
            return
        if self._active_at + settings.idle_seconds <= now:
            why = f"Nothing was sent or received for {settings.idle_seconds:g} s."
            if self._has_room(settings.queue_bytes):
                self.close(why)
            else:
                self.abort(why)  # a peer that reads nothing would keep a goodbye waiting
            return
        due = self._active_at + settings.idle_seconds
        if self.is_ours and settings.keepalive_seconds is not None and self._pong_by is None:
            ping_at = self._active_at + settings.keepalive_seconds
            if ping_at <= now:
                self._framer.expects_pong = True
                self._pong_by = now + settings.pong_seconds
                self._write(PING)
            else:
                due = min(due, ping_at)
        if self._pong_by is not None:
            due = min(due, self._pong_by)
        self._watch = self._loop.call_at(due, self._look_after)
