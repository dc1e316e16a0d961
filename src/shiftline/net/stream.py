"""The connections of an endpoint: opened on demand, one per peer, reused, and accepted too."""

from __future__ import annotations

import asyncio
import os
import ssl
from collections.abc import Callable
from dataclasses import dataclass

from shiftline.errors import ConfigurationError, UnavailableError
from shiftline.net.connection import Connection
from shiftline.net.settings import StreamSettings
from shiftline.net.tls import client_context, server_context, tls_fault
from shiftline.sip.events import Address, Datagram
from shiftline.sip.transport import Transport

_CLOSED = "The connection is closed."
_GOODBYE_SECONDS = 1.0
"""How long a peer may take to say goodbye when the endpoint closes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamUser:
    """What the driver wants to hear."""

    may_leave: Callable[[Datagram, Connection], bool]
    """Asked right before a message leaves."""
    received: Callable[[bytes, Connection, Transport], None]
    batch_ended: Callable[[], None]
    """Follows messages that came together, and failures."""
    refused: Callable[[Datagram, str], None]
    """No connection could be made."""
    failed: Callable[[Datagram, str], None]
    """A message could not be written on its connection."""
    lost: Callable[[Transport, Address, str], None]
    """A connection is gone."""


class StreamPool:
    """The connections of one transport: sends each message on the one to its peer."""

    def __init__(
        self, transport: Transport, user: StreamUser, settings: StreamSettings, local_host: str
    ) -> None:
        self._transport = transport
        self._user = user
        self._settings = settings
        self._local_host = local_host
        self._loop = asyncio.get_running_loop()
        self._tls: ssl.SSLContext | None = None
        self._open: dict[Address, Connection] = {}
        self._all: set[Connection] = set()
        self._waiting: dict[tuple[Address, str], list[Datagram]] = {}
        self._attempts: set[asyncio.Task[None]] = set()
        self._names: dict[Address, str] = {}
        self._server: asyncio.Server | None = None
        self._closed = False
        self._emptied = asyncio.Event()

    async def listen(self, port: int) -> Address:
        """Accept connections. Raises UnavailableError when the port cannot be had."""
        accept = self._settings.accept_tls if self._transport is Transport.TLS else None
        context = server_context(accept) if accept else None
        try:
            self._server = await self._loop.create_server(
                lambda: Connection(self, self._settings),
                self._local_host,
                port,
                ssl=context,
                ssl_handshake_timeout=self._settings.connect_seconds if context else None,
            )
        except OSError as error:
            raise UnavailableError(
                f"{self._transport} {self._local_host} port {port} cannot be used:"
                f" {error.strerror or error}.",
                remedy="Choose a free port (0 takes any) and an address of this machine.",
            ) from error
        host, bound = self._server.sockets[0].getsockname()[:2]
        return host, bound

    def name_peer(self, peer: Address, server_name: str) -> None:
        """Say whose certificate the peer must show; a connection made to another name is used no more."""
        self._names[peer] = server_name
        connection = self._open.get(peer)
        if connection is not None and connection.is_ours and connection.server_name != server_name:
            del self._open[peer]

    def send(self, datagram: Datagram) -> None:
        """Send on the connection to the destination, or open one."""
        peer = datagram.destination
        connection = self._open.get(peer)
        name = self._names.get(peer, "")
        if connection is not None and connection.is_open:
            self._write(datagram, connection)
        elif (peer, name) in self._waiting:
            self._wait(datagram, name)
        elif datagram.may_connect and not self._closed:
            self._begin(datagram, name)
        else:
            self._user.failed(datagram, _CLOSED)

    async def aclose(self) -> None:
        """Close every connection and stop accepting; messages that wait are dropped."""
        self._closed = True
        self._waiting.clear()
        for attempt in self._attempts:
            attempt.cancel()
        await asyncio.gather(*self._attempts, return_exceptions=True)
        if self._server:
            self._server.close()
        for connection in list(self._all):
            connection.close()
        if not self._all:
            return
        try:
            async with asyncio.timeout(_GOODBYE_SECONDS):
                await self._emptied.wait()
        except TimeoutError:
            for connection in self._all:
                connection.abort()

    # What connections tell

    def opened(self, connection: Connection) -> None:
        """Keep it, under the address of the peer."""
        self._all.add(connection)
        if connection.is_ours:
            if connection.server_name == self._names.get(connection.peer, ""):
                self._open[connection.peer] = connection
        elif len(self._all) <= self._settings.most_accepted:
            self._open[connection.peer] = connection
        else:
            connection.close("There are too many connections.")

    def received(self, connection: Connection, data: bytes) -> None:
        """Pass a message on."""
        self._user.received(data, connection, self._transport)

    def batch_ended(self) -> None:
        """Pass on that all messages of a chunk were handed over."""
        self._user.batch_ended()

    def closed(self, connection: Connection, error: Exception | None, why: str) -> None:
        """Forget it; whoever waits for an answer on it is told."""
        if connection not in self._all:
            return
        self._all.remove(connection)
        if self._open.get(connection.peer) is connection:
            del self._open[connection.peer]
        if self._closed:
            if not self._all:
                self._emptied.set()
        elif not self._is_replaced(connection.peer):
            self._user.lost(self._transport, connection.peer, _in_words(error, connection) or why)

    # Inside

    def _is_replaced(self, peer: Address) -> bool:
        """Whether another connection to this peer lives or is being made: its requests are not lost."""
        return peer in self._open or any(waiting == peer for waiting, _ in self._waiting)

    def _begin(self, datagram: Datagram, name: str) -> None:
        if self._transport is Transport.TLS and self._tls is None:
            try:
                self._tls = client_context(self._settings.tls)
            except ConfigurationError as error:
                self._user.refused(datagram, str(error))
                return
        self._waiting[datagram.destination, name] = []
        self._wait(datagram, name)
        attempt = self._loop.create_task(self._connect(datagram.destination, name))
        self._attempts.add(attempt)
        attempt.add_done_callback(self._attempts.discard)

    def _wait(self, datagram: Datagram, name: str) -> None:
        queue = self._waiting[datagram.destination, name]
        if sum(len(each.data) for each in queue) + len(datagram.data) > self._settings.queue_bytes:
            self._user.failed(datagram, "Too much waits for the connection already.")
        else:
            queue.append(datagram)

    def _write(self, datagram: Datagram, connection: Connection) -> None:
        if self._user.may_leave(datagram, connection) and (why := connection.send(datagram.data)):
            self._user.failed(datagram, why)

    async def _connect(self, peer: Address, name: str) -> None:
        connection = Connection(self, self._settings, peer=peer, server_name=name)
        why = ""
        try:
            async with asyncio.timeout(self._settings.connect_seconds):
                await self._loop.create_connection(
                    lambda: connection,
                    *peer,
                    local_addr=(self._local_host, 0),
                    ssl=self._tls,
                    server_hostname=(name or peer[0]) if self._tls else None,
                )
        except TimeoutError:
            why = f"No connection was made within {self._settings.connect_seconds:g} s."
        except OSError as error:  # ssl.SSLError among them
            why = _in_words(error, connection) or "The peer ended the connection while it was made."
        except ValueError as error:  # a name that no certificate can bear
            why = f"{name!r} is no name for TLS: {error}."
        for datagram in self._waiting.pop((peer, name), []):
            if why:
                self._user.refused(datagram, why)
            else:
                self._write(datagram, connection)
        self._user.batch_ended()


class Streams:
    """TCP and TLS side by side."""

    def __init__(self, user: StreamUser, settings: StreamSettings, local_host: str) -> None:
        self._settings = settings
        self._pools = {
            transport: StreamPool(transport, user, settings, local_host)
            for transport in Transport
            if transport.is_reliable
        }

    async def listen(self, local: Address) -> dict[Transport, Address]:
        """Accept what the settings say; return the address that Via gives on each transport."""
        addresses = dict.fromkeys(self._pools, local)
        if self._settings.accept_tcp:
            addresses[Transport.TCP] = await self._pools[Transport.TCP].listen(local[1])
        if self._settings.accept_tls:
            addresses[Transport.TLS] = await self._pools[Transport.TLS].listen(self._settings.tls_port)
        return addresses

    def name_peer(self, peer: Address, server_name: str) -> None:
        """Say whose certificate a TLS peer must show."""
        self._pools[Transport.TLS].name_peer(peer, server_name)

    def send(self, datagram: Datagram) -> None:
        """Send on the connection that the datagram means."""
        self._pools[datagram.transport].send(datagram)

    async def aclose(self) -> None:
        """Close them all."""
        for pool in self._pools.values():
            await pool.aclose()


def _in_words(error: Exception | None, connection: Connection) -> str:
    if isinstance(error, ssl.SSLError):
        return str(tls_fault(error, connection.server_name or connection.peer[0]))
    if isinstance(error, OSError):
        return os.strerror(error.errno) if error.errno else str(error)
    return "" if error is None else str(error)
