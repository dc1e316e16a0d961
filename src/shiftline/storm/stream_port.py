"""TCP and TLS: one connection, whose bytes are cut into messages (RFC 3261 section 18.3)."""

from __future__ import annotations

import errno
import socket
import ssl
from collections.abc import Callable

from shiftline.errors import ConfigurationError, ShiftlineError, SipSyntaxError, UnavailableError
from shiftline.net.tls import client_context, tls_fault
from shiftline.sip.framing import KeepAlive, StreamFramer
from shiftline.sip.transport import Transport
from shiftline.storm.batch import PathLostError, Take
from shiftline.storm.plan import Target

CONNECT_SECONDS = 5.0
_READ_BYTES = 65_536
_OPTIONS = {
    "Set trunk.tls_ca to": "Give --tls-ca",
    "Write the name of the certificate into trunk.address": "Name the server as its certificate does",
}
_MOST_AT_ONCE = 512
"""Messages that are handed over in one call; a connection that stands still must not cost our time."""
_CLOSED = "the target closed the connection"
_NOT_NOW = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)


class StreamPort:
    """One connection of ours; made while it is constructed, used without blocking from then on."""

    refused = 0

    def __init__(self, source: str, target: Target, clock: Callable[[], float]) -> None:
        """Connect. Raises OSError for a source that is not ours, UnavailableError or PeerError."""
        self._clock = clock
        self._framer = StreamFramer()
        self._begun = 0
        """Bytes of the first waiting message that have left already."""
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
        """Send what is in ``out``; what the connection does not take stays in it. How many left wholly.

        Raises PathLostError when the connection is over.
        """
        count = 0
        try:
            while out:
                chunk = b"".join(out[:_MOST_AT_ONCE])[self._begun :]
                self._begun += self.socket.send(chunk)
                count += self._drop_sent(out)
        except _NOT_NOW:
            pass
        except OSError as error:
            raise PathLostError(_CLOSED) from error
        return count

    def _drop_sent(self, out: list[bytes]) -> int:
        whole = 0
        while whole < len(out) and self._begun >= len(out[whole]):
            self._begun -= len(out[whole])
            whole += 1
        del out[:whole]
        return whole

    def receive(self, take: Take) -> int:
        """Give every message that has come to ``take``; the time is when we read it.

        Raises PathLostError when the connection is over, or what comes on it can be no SIP.
        """
        count = 0
        while True:
            try:
                data = self.socket.recv(_READ_BYTES)
            except _NOT_NOW:
                return count
            except OSError as error:
                raise PathLostError(_CLOSED) from error
            if not data:
                raise PathLostError(_CLOSED)
            at = self._clock()
            try:
                for piece in self._framer.feed(data):
                    if not isinstance(piece, KeepAlive):
                        take(piece, at)
                        count += 1
            except SipSyntaxError as error:
                raise PathLostError("what the target sent on the connection is not SIP") from error


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
            remedy=remedy_for(error),
        ) from error


def remedy_for(error: OSError) -> str:
    """What to do when a socket cannot be opened or bound."""
    if error.errno in {errno.EMFILE, errno.ENFILE}:
        return "Let it open more files (ulimit -n), or give fewer --source and --ports."
    if error.errno == errno.EACCES:
        return "A firewall or its sandbox forbids it; allow it there."
    return "Give source addresses of this machine that reach the target."


def _secured(plain: socket.socket, target: Target) -> ssl.SSLSocket:
    try:
        return client_context(target.tls).wrap_socket(plain, server_hostname=target.name or target.host)
    except ssl.SSLError as error:
        raise in_options(tls_fault(error, target.name or target.host)) from error
    except OSError as error:
        raise UnavailableError(
            f"{target} ended the TLS handshake.", remedy="Is this its TLS port?"
        ) from error


def in_options(fault: ShiftlineError) -> ShiftlineError:
    """The same fault, with storm's options in place of a configuration's names."""
    remedy = fault.remedy or ""
    if "trunk.tls_certificate" in remedy:
        remedy = "Storm shows no certificate of its own: have the server ask for none."
    for name, option in _OPTIONS.items():
        remedy = remedy.replace(name, option)
    return type(fault)(fault.message, remedy=remedy)
