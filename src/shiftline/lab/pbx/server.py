"""The practice PBX as a process: one UDP socket, one log file, `python -m shiftline.lab.pbx.server`."""

from __future__ import annotations

import asyncio
import socket
import sys
import time
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from typing import TextIO

from shiftline.errors import UnavailableError
from shiftline.lab.pbx.config import PracticePbxConfig
from shiftline.lab.pbx.core import PracticePbx
from shiftline.lab.process import run_child, say_ready

_RECEIVE_BUFFER_BYTES = 4 * 1024 * 1024
_LARGEST_DATAGRAM_BYTES = 65_535
_SLICE = 16
"""Datagrams worked off before the socket is emptied again: a burst shall wait here, not in the kernel's
buffer, which is small on an ordinary machine and drops what does not fit."""


class PbxServer:
    """Drives a `PracticePbx` over a bound, non-blocking UDP socket."""

    def __init__(self, core: PracticePbx, sock: socket.socket, log: TextIO) -> None:
        self._core = core
        self._socket = sock
        self._log = log
        self._loop = asyncio.get_running_loop()
        self._epoch = time.time() - self._loop.time()
        self._arrived: deque[tuple[bytes, tuple[str, int], float]] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._loop.add_reader(sock, self._drain_socket)

    def close(self) -> None:
        """Answer nothing more; the log holds every request that was read from the socket."""
        self._loop.remove_reader(self._socket)
        while self._arrived:
            self._work()
        if self._timer:
            self._timer.cancel()

    def _drain_socket(self) -> None:
        was_idle = not self._arrived
        now = self._loop.time()
        while True:
            try:
                data, source = self._socket.recvfrom(_LARGEST_DATAGRAM_BYTES)
            except (BlockingIOError, ConnectionError):  # emptied; or ICMP of a client that has gone
                break
            self._arrived.append((data, source, now))
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
            try:
                self._socket.sendto(datagram.data, datagram.destination)
            except OSError:
                continue  # UDP may lose it: the client's retransmission brings the answer again
        lines = [replace(record, at=self._epoch + record.at).to_json() for record in self._core.records()]
        if lines:
            self._log.write("".join(lines))
            self._log.flush()
        self._arm()

    def _arm(self) -> None:
        if self._timer:
            self._timer.cancel()
        due = self._core.next_timer()
        self._timer = None if due is None else self._loop.call_at(due, self._on_timer)


def _bind(config: PracticePbxConfig) -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
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
    with _bind(config) as sock, config.log_path.open("a", encoding="utf-8") as log:
        host, port = sock.getsockname()
        server = PbxServer(PracticePbx(config, address=(host, port)), sock, log)
        tell(f"{host}:{port}")
        await told_to_end.wait()
        server.close()


if __name__ == "__main__":
    sys.exit(run_child(PracticePbxConfig, serve))
