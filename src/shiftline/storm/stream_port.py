"""TCP and TLS: one connection, whose bytes are cut into messages (RFC 3261 section 18.3)."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable

from shiftline.errors import ConfigurationError, UnavailableError
from shiftline.net.tls import client_context, tls_fault
from shiftline.sip.framing import KeepAlive, StreamFramer
from shiftline.sip.transport import Transport
from shiftline.storm.batch import Take
from shiftline.storm.plan import Target

CONNECT_SECONDS = 5.0
_READ_BYTES = 65_536
_NOT_NOW = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)


class ClosedByTargetError(Exception):
    """The connection is over; what was under way on it will not be answered."""


class StreamPort:
    """One connection of ours; made while it is constructed, used without blocking from then on."""

    refused = 0

    def __init__(self, source: str, target: Target, clock: Callable[[], float]) -> None:
        """Connect. Raises OSError for a source that is not ours, UnavailableError or PeerError."""
        self._clock = clock
        self._framer = StreamFramer()
        self._unsent = b""
        plain = _connected(source, target)
        try:
            self.socket = _secured(plain, target) if target.transport is Transport.TLS else plain
            self.socket.setblocking(False)  # noqa: FBT003 - the standard library's signature
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except BaseException:
            plain.close()
            raise

    @property
    def drops(self) -> int:
        """None: no kernel drops the bytes of a stream."""
        return 0

    def flush(self, out: list[bytes]) -> int:
        """Hand over what is in ``out``; what the connection does not take now waits for the next call."""
        count = len(out)
        self._unsent += b"".join(out)
        out.clear()
        try:
            while self._unsent:
                self._unsent = self._unsent[self.socket.send(self._unsent) :]
        except _NOT_NOW:
            pass
        except OSError as error:
            raise ClosedByTargetError from error
        return count

    def receive(self, take: Take) -> int:
        """Give every message that has come to ``take``; the time is when we read it."""
        count = 0
        while True:
            try:
                data = self.socket.recv(_READ_BYTES)
            except _NOT_NOW:
                return count
            except OSError as error:
                raise ClosedByTargetError from error
            if not data:
                raise ClosedByTargetError
            at = self._clock()
            for piece in self._framer.feed(data):
                if not isinstance(piece, KeepAlive):
                    take(piece, at)
                    count += 1


def _connected(source: str, target: Target) -> socket.socket:
    try:
        return socket.create_connection(
            (target.host, target.port),
            timeout=CONNECT_SECONDS,
            source_address=(source, 0) if source else None,
        )
    except (ConnectionRefusedError, TimeoutError) as error:
        raise UnavailableError(
            f"{target} takes no connection: {error.strerror or 'it does not answer'}.",
            remedy="Is the server up, and is this its port for that transport?",
        ) from error
    except OSError as error:
        raise ConfigurationError(
            f"Storm cannot connect to {target} from {source or 'this machine'}: {error.strerror}.",
            remedy="Give source addresses of this machine that reach the target.",
        ) from error


def _secured(plain: socket.socket, target: Target) -> ssl.SSLSocket:
    try:
        return client_context(target.tls).wrap_socket(plain, server_hostname=target.name or target.host)
    except ssl.SSLError as error:
        raise tls_fault(error, target.name or target.host) from error
    except OSError as error:
        raise UnavailableError(
            f"{target} ended the TLS handshake.", remedy="Is this its TLS port?"
        ) from error
