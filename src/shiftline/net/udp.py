"""One UDP socket on the running loop."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable

from shiftline.errors import UnavailableError
from shiftline.sip.events import Address

_BATCH = 64
"""Datagrams read per turn of the loop: enough for a burst, few enough that timers get their turn."""
_BUFFER_BYTES = 4 * 1024 * 1024
_MAX_DATAGRAM_BYTES = 65535


class UdpSocket:
    """Reads in batches, which asyncio's own datagram transport does not: it takes one datagram per turn."""

    def __init__(self, sock: socket.socket) -> None:
        """Use `open`, then `start`."""
        self._socket = sock
        self._loop = asyncio.get_running_loop()
        host, port = sock.getsockname()[:2]
        self.local: Address = (host, port)

    @classmethod
    def open(cls, host: str, port: int) -> UdpSocket:
        """Bind to a numeric address; port 0 takes a free one. Raises UnavailableError if it cannot."""
        sock = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
        try:
            sock.settimeout(0)
            # A burst must wait in the kernel while the loop is busy; the kernel caps what we ask for.
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER_BYTES)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _BUFFER_BYTES)
            sock.bind((host, port))
        except OSError as error:
            sock.close()
            raise UnavailableError(
                f"UDP {host} port {port} cannot be used: {error.strerror or error}.",
                remedy="Choose a free port (0 takes any) and an address of this machine.",
            ) from error
        return cls(sock)

    def start(
        self, *, on_datagram: Callable[[bytes, Address], None], on_batch_end: Callable[[], None]
    ) -> None:
        """Read from now on; ``on_batch_end`` follows each run of datagrams."""
        self._loop.add_reader(self._socket, self._read, on_datagram, on_batch_end)

    def send(self, data: bytes, destination: Address) -> None:
        """Send one datagram to a numeric address. Raises OSError when the system refuses it."""
        self._socket.sendto(data, destination)

    @property
    def closed(self) -> bool:
        """Whether the port was given back."""
        return self._socket.fileno() < 0

    def close(self) -> None:
        """Stop reading and give the port back; twice does no harm."""
        if not self.closed:
            self._loop.remove_reader(self._socket)
            self._socket.close()

    def _read(self, on_datagram: Callable[[bytes, Address], None], on_batch_end: Callable[[], None]) -> None:
        for _ in range(_BATCH):
            try:
                data, source = self._socket.recvfrom(_MAX_DATAGRAM_BYTES)
            except BlockingIOError:
                break
            on_datagram(data, source[:2])
            if self.closed:
                return
        on_batch_end()
