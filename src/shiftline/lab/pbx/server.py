"""The practice PBX as a process: UDP, TCP and TLS, one log file, `python -m shiftline.lab.pbx.server`."""

from __future__ import annotations

import asyncio
import socket
import sys
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TextIO

from shiftline.errors import UnavailableError
from shiftline.lab.pbx.config import PracticePbxConfig
from shiftline.lab.pbx.core import PracticePbx
from shiftline.lab.process import run_child, say_ready
from shiftline.net.connection import Connection
from shiftline.net.settings import StreamSettings
from shiftline.net.stream import Streams, StreamUser
from shiftline.net.tls import TlsSettings
from shiftline.sip.events import Address, Datagram
from shiftline.sip.transport import Transport

_RECEIVE_BUFFER_BYTES = 4 * 1024 * 1024
_LARGEST_DATAGRAM_BYTES = 65_535
_SLICE = 16
"""Datagrams worked off before the socket is emptied again: a burst shall wait here, not in the kernel's
buffer, which is small on an ordinary machine and drops what does not fit."""
_PORT_TRIES = 20
"""A free UDP port may be taken on TCP, or the one above it on TLS."""


class PbxServer:
    """Drives a `PracticePbx` over a bound, non-blocking UDP socket, TCP and TLS."""

    def __init__(self, config: PracticePbxConfig, sock: socket.socket, log: TextIO) -> None:
        """Call `start` next."""
        self._config = config
        self._core: PracticePbx
        self._socket = sock
        self._log = log
        self._loop = asyncio.get_running_loop()
        self._epoch = time.time() - self._loop.time()
        self._arrived: deque[tuple[bytes, Address, float, Transport]] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._tally: TextIO | None = None
        user = StreamUser(
            may_leave=lambda *_: True,
            received=self._take,
            batch_ended=self._work,
            refused=self._refused,
            failed=lambda *_: None,  # what cannot be answered is not missed by a PBX
            lost=lambda *_: None,
        )
        self._streams = Streams(user, _stream_settings(config, sock), config.host)

    async def start(self) -> None:
        """Listen. Raises UnavailableError when TCP or TLS cannot have their port."""
        host, port = self._socket.getsockname()[:2]
        addresses: Mapping[Transport, Address] = await self._streams.listen((host, port))
        self._core = PracticePbx(
            self._config, address=(host, port), streams=addresses, epoch_offset=self._epoch
        )
        if self._config.datagrams_path is not None:
            # By the line, so that whoever reads it meanwhile sees what has arrived.
            self._tally = self._config.datagrams_path.open("a", encoding="utf-8", buffering=1)
        self._loop.add_reader(self._socket, self._drain_socket)

    @property
    def is_unreachable(self) -> bool:
        """Whether a fault wants nobody to listen."""
        return bool(self._core.refuses_connection(Transport.UDP))

    async def aclose(self) -> None:
        """Answer nothing more; the log holds every request that was read. Harmless when done before."""
        if self._socket.fileno() >= 0:
            self._loop.remove_reader(self._socket)
        while self._arrived:
            self._work()
        if self._timer:
            self._timer.cancel()
        await self._streams.aclose()
        if self._tally is not None:
            self._tally.close()

    def _take(self, data: bytes, connection: Connection, transport: Transport) -> None:
        self._arrived.append((data, connection.peer, self._loop.time(), transport))

    def _drain_socket(self) -> None:
        was_idle = not self._arrived
        now = self._loop.time()
        while True:
            try:
                data, source = self._socket.recvfrom(_LARGEST_DATAGRAM_BYTES)
            except (BlockingIOError, ConnectionError):  # emptied; or ICMP of a client that has gone
                break
            self._arrived.append((data, source[:2], now, Transport.UDP))
            if self._tally is not None:
                self._tally.write(f"{self._epoch + now:.6f} {source[0]} {source[1]}\n")
        if was_idle and self._arrived:
            self._work()

    def _work(self) -> None:
        for _ in range(min(_SLICE, len(self._arrived))):
            self._core.receive(*self._arrived.popleft())
        self._after_core()
        if self._arrived:
            self._loop.call_soon(self._work)

    def _on_timer(self) -> None:
        self._core.handle_timer(self._loop.time())
        self._after_core()

    def _after_core(self) -> None:
        for datagram in self._core.datagrams_to_send():
            self._send(datagram)
        lines = [replace(record, at=self._epoch + record.at).to_json() for record in self._core.records()]
        if lines:
            self._log.write("".join(lines))
            self._log.flush()
        self._arm()

    def _send(self, datagram: Datagram) -> None:
        if datagram.transport.is_reliable:
            self._streams.send(datagram)
            return
        try:
            self._socket.sendto(datagram.data, datagram.destination)
        except OSError:
            return  # UDP may lose it: the client's retransmission brings the answer again

    def _refused(self, datagram: Datagram, why: str) -> None:
        self._core.send_failed(datagram, why, self._loop.time())

    def _arm(self) -> None:
        if self._timer:
            self._timer.cancel()
        due = self._core.next_timer()
        self._timer = None if due is None else self._loop.call_at(due, self._on_timer)


def _bind(config: PracticePbxConfig) -> socket.socket:
    family = socket.AF_INET6 if ":" in config.host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_DGRAM)
    sock.setblocking(False)  # noqa: FBT003 - the standard library's signature
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER_BYTES)
    try:
        sock.bind((config.host, config.port))
    except OSError as error:
        sock.close()
        raise UnavailableError(
            f"The practice PBX cannot listen on {config.host}:{config.port}: {error.strerror}.",
            remedy="End the program that uses the port, or choose another port.",
        ) from error
    return sock


async def serve(
    config: PracticePbxConfig, told_to_end: asyncio.Event, tell: Callable[[str], None] = say_ready
) -> None:
    """Serve until told to end; ``tell`` gets HOST:PORT. Raises UnavailableError when the port is taken."""
    with config.log_path.open("a", encoding="utf-8") as log:
        server, sock = await _start(config, log)
        with sock:
            address = "{}:{}".format(*sock.getsockname()[:2])
            if server.is_unreachable:
                await server.aclose()
                sock.close()
            tell(address)
            await told_to_end.wait()
            await server.aclose()


async def _start(config: PracticePbxConfig, log: TextIO) -> tuple[PbxServer, socket.socket]:
    """Find a port that all transports can have; a configured one is tried once."""
    tries = 1 if config.port else _PORT_TRIES
    while True:
        tries -= 1
        sock = _bind(config)
        server = PbxServer(config, sock, log)
        try:
            await server.start()
        except BaseException as error:
            await server.aclose()
            sock.close()
            if not tries or not isinstance(error, UnavailableError):
                raise
        else:
            return server, sock


def _stream_settings(config: PracticePbxConfig, sock: socket.socket) -> StreamSettings:
    settings = TlsSettings(certificate=config.tls_certificate, ca=config.tls_authority)
    tls = settings if config.tls_certificate else None
    return StreamSettings(accept_tcp=True, accept_tls=tls, tls_port=sock.getsockname()[1] + 1)


if __name__ == "__main__":
    sys.exit(run_child(PracticePbxConfig, serve))
