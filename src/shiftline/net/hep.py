"""HEPv3, the encapsulation in which a HOMER collector takes SIP messages, and a sender of it.

A packet is ``HEP3``, its length, and chunks of vendor (0: generic), type, length and value; all numbers
are in network order.
"""

from __future__ import annotations

import asyncio
import re
import socket
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Self

import structlog

from shiftline.clock import Clock
from shiftline.errors import ConfigurationError, UnavailableError
from shiftline.secrets import Secret
from shiftline.sip.events import Address
from shiftline.sip.glance import glance
from shiftline.sip.trace import TracedMessage
from shiftline.sip.transport import Transport

DEFAULT_PORT = 9060
LONGEST_MESSAGE = 16 * 1024
"""Bytes of a message that a sender looks at: nobody's 64 KiB may keep the loop from SIP."""

log = structlog.get_logger("shiftline.hep")

_FAMILY, _PROTOCOL = 1, 2
_SOURCE_4, _TARGET_4, _SOURCE_6, _TARGET_6, _SOURCE_PORT, _TARGET_PORT = 3, 4, 5, 6, 7, 8
_SECONDS, _MICROSECONDS, _PROTOCOL_TYPE, _CAPTURE_ID = 9, 10, 11, 12
_AUTH_KEY, _PAYLOAD, _CORRELATION_ID = 14, 15, 17
_INET, _INET6 = 2, 10  # Linux's numbers, which HEP took over
_TCP, _UDP = 6, 17
_SIP = 1
_CHUNK_HEADER_BYTES = 6
_LONGEST_KEY = 255
_MOST_BYTES = 65_507
"""What one UDP datagram over IPv4 carries; HEP's own length field could hold a little more."""
_COLLECTOR = re.compile(r"(?:\[(?P<ipv6>[0-9A-Fa-f:.]+)\]|(?P<host>[^\s:\[\]]+))(?::(?P<port>\d{1,5}))?")


def encode_hep(
    message: TracedMessage, *, epoch_offset: float, capture_id: int, auth_key: Secret | None = None
) -> bytes:
    """One packet for the collector, of the message as it is: redact it first.

    ``epoch_offset`` added to ``at`` gives seconds since 1970. The correlation id is the Call-ID. A payload
    that would not fit into a datagram is cut. TLS is told as TCP, because what is carried is plain SIP.
    """
    source, target = message.packed_hosts
    is_ipv6 = len(source) == 16
    micros = min(max(0, round((message.at + epoch_offset) * 1_000_000)), (2**32 - 1) * 1_000_000)
    chunks = [
        _chunk(_FAMILY, struct.pack("!B", _INET6 if is_ipv6 else _INET)),
        _chunk(_PROTOCOL, struct.pack("!B", _UDP if message.transport is Transport.UDP else _TCP)),
        _chunk(_SOURCE_6 if is_ipv6 else _SOURCE_4, source),
        _chunk(_TARGET_6 if is_ipv6 else _TARGET_4, target),
        _chunk(_SOURCE_PORT, struct.pack("!H", message.source[1])),
        _chunk(_TARGET_PORT, struct.pack("!H", message.target[1])),
        _chunk(_SECONDS, struct.pack("!I", micros // 1_000_000)),
        _chunk(_MICROSECONDS, struct.pack("!I", micros % 1_000_000)),
        _chunk(_PROTOCOL_TYPE, struct.pack("!B", _SIP)),
        _chunk(_CAPTURE_ID, struct.pack("!I", capture_id)),
    ]
    if auth_key:
        chunks.append(_chunk(_AUTH_KEY, auth_key.reveal().encode(errors="surrogateescape")))
    if call_id := glance(message.data).call_id:
        chunks.append(_chunk(_CORRELATION_ID, call_id.encode()))
    head = b"".join(chunks)
    room = _MOST_BYTES - _CHUNK_HEADER_BYTES - len(head) - _CHUNK_HEADER_BYTES
    body = head + _chunk(_PAYLOAD, message.data[: max(0, room)])
    return b"HEP3" + struct.pack("!H", len(body) + 6) + body


def _chunk(kind: int, value: bytes) -> bytes:
    return struct.pack("!HHH", 0, kind, len(value) + _CHUNK_HEADER_BYTES) + value


def look_up_collector(text: str) -> Address:
    """The numeric address of ``HOST``, ``HOST:PORT`` or ``[IPv6]:PORT``; 9060 where no port is given.

    It waits for the name server. Raises ConfigurationError if that is no address or the host has none,
    UnavailableError if no name server can tell now.
    """
    found = _COLLECTOR.fullmatch(text)
    port = int(found["port"] or DEFAULT_PORT) if found else 0
    if found is None or not 0 < port <= 65_535:
        raise ConfigurationError(
            f"The HEP collector {text!r} is not HOST:PORT.",
            remedy=f"Write it like homer.example.com:{DEFAULT_PORT}.",
        )
    host = found["ipv6"] or found["host"]
    try:
        answers = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)
    except (socket.gaierror, UnicodeError) as error:
        sentence = f"The HEP collector's host {host!r} has no address: {error}."
        if isinstance(error, socket.gaierror) and error.errno == socket.EAI_AGAIN:
            raise UnavailableError(sentence, remedy="Check the name server.") from error
        raise ConfigurationError(sentence, remedy="Check the name, or write the address itself.") from error
    return str(answers[0][4][0]), port


async def find_collector(text: str) -> Address | None:
    """`look_up_collector` for a long run: "" is None, and a name server that is away costs only the trace."""
    if not text:
        return None
    try:
        return await asyncio.to_thread(look_up_collector, text)
    except UnavailableError as error:
        log.warning("not tracing", why=str(error))
        return None


class HepSender:
    """Hands messages to a collector over UDP. Give `send` to an endpoint as its ``on_message``.

    The traffic itself never waits and never fails because of it: what the system does not take at once is
    dropped and counted.
    """

    def __init__(
        self,
        sock: socket.socket,
        *,
        epoch_offset: Callable[[], float],
        capture_id: int,
        auth_key: Secret | None,
        redacted: bool,
    ) -> None:
        """Use `open`."""
        self.sent = 0
        self.dropped = 0
        self._socket = sock
        self._epoch_offset = epoch_offset
        self._capture_id = capture_id
        self._auth_key = auth_key
        self._redacted = redacted

    @classmethod
    def open(
        cls,
        collector: Address,
        *,
        epoch_offset: Callable[[], float],
        capture_id: int = 1,
        auth_key: Secret | None = None,
        redacted: bool = True,
    ) -> Self:
        """Take a free port towards a numeric address.

        Raises UnavailableError without a way there, ConfigurationError for a key that no collector has.

        ``epoch_offset`` is asked with each message, because civil time is set and machines sleep.
        """
        if auth_key and len(auth_key.reveal()) > _LONGEST_KEY:
            raise ConfigurationError(
                f"The HEP key is longer than {_LONGEST_KEY} characters.", remedy="Use the collector's key."
            )
        family = socket.AF_INET6 if ":" in collector[0] else socket.AF_INET
        sock = socket.socket(family, socket.SOCK_DGRAM)
        try:
            sock.settimeout(0)
            sock.connect(collector)  # sends nothing; a refusal is then told by the next send
        except OSError as error:
            sock.close()
            raise UnavailableError(
                f"There is no way to the HEP collector {collector[0]} port {collector[1]}: "
                f"{error.strerror or error}.",
                remedy="Check its address and the network.",
            ) from error
        return cls(
            sock,
            epoch_offset=epoch_offset,
            capture_id=capture_id,
            auth_key=auth_key,
            redacted=redacted,
        )

    def send(self, message: TracedMessage) -> None:
        """Send a message, the first 16 KiB of it, or count it as dropped."""
        if len(message.data) > LONGEST_MESSAGE:
            message = replace(message, data=message.data[:LONGEST_MESSAGE])
        packet = encode_hep(
            message.redacted() if self._redacted else message,
            epoch_offset=self._epoch_offset(),
            capture_id=self._capture_id,
            auth_key=self._auth_key,
        )
        try:
            self._socket.send(packet)
        except OSError:  # a full buffer, a collector that is down, no route, or closed: all the same to SIP
            self.dropped += 1
        else:
            self.sent += 1

    def close(self) -> None:
        """Give the port back; what is sent later is dropped."""
        self._socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


@asynccontextmanager
async def open_collector(
    collector: Address | None, *, clock: Clock, capture_id: int, auth_key: Secret | None
) -> AsyncIterator[Callable[[TracedMessage], None] | None]:
    """Yield an ``on_message`` for a long run, redacted; None without a collector or a way to it."""
    if collector is None:
        yield None
        return
    loop = asyncio.get_running_loop()
    try:
        sender = HepSender.open(
            collector,
            epoch_offset=lambda: clock().timestamp() - loop.time(),
            capture_id=capture_id,
            auth_key=auth_key,
        )
    except UnavailableError as error:
        log.warning("not tracing", why=str(error))
        yield None
        return
    with sender:
        try:
            yield sender.send
        finally:
            if sender.dropped:
                log.warning("messages were not traced", dropped=sender.dropped, sent=sender.sent)
