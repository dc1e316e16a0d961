"""What went over the wire, as data: every picture of an exchange is drawn from these records."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from enum import StrEnum, auto
from ipaddress import IPv4Address, IPv6Address, ip_address

from shiftline.errors import MisuseError
from shiftline.sip.events import Address
from shiftline.sip.redaction import redact
from shiftline.sip.transport import Transport

MOST_MESSAGES = 10_000
MOST_BYTES = 16 * 1024 * 1024


class Direction(StrEnum):
    """Seen from our side."""

    SENT = auto()
    RECEIVED = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class TracedMessage:
    """One SIP message as it left or came, byte for byte.

    ``at`` is monotonic seconds, as the driver's clock counts them; exporters are told what civil time
    that was. ``data`` holds credentials: only a redacted copy may be shown or stored.
    """

    at: float
    direction: Direction
    local: Address
    peer: Address
    transport: Transport
    data: bytes = field(repr=False)

    @property
    def source(self) -> Address:
        """Who sent it."""
        return self.local if self.direction is Direction.SENT else self.peer

    @property
    def target(self) -> Address:
        """Who got it."""
        return self.peer if self.direction is Direction.SENT else self.local

    @property
    def packed_hosts(self) -> tuple[bytes, bytes]:
        """The IP addresses of source and target, both of 4 bytes or both of 16; MisuseError for a name."""
        source, target = _ip_address(self.source), _ip_address(self.target)
        if source.version != target.version:  # an IPv6 socket that speaks IPv4
            source, target = _as_ipv6(source), _as_ipv6(target)
        return source.packed, target.packed

    def redacted(self) -> TracedMessage:
        """A copy that may be shown (`redaction`)."""
        return replace(self, data=redact(self.data))


def _ip_address(address: Address) -> IPv4Address | IPv6Address:
    try:
        return ip_address(address[0].partition("%")[0])
    except ValueError as error:
        raise MisuseError(f"A traced message names {address[0]!r}, which is no IP address.") from error


def _as_ipv6(host: IPv4Address | IPv6Address) -> IPv6Address:
    return host if isinstance(host, IPv6Address) else IPv6Address(b"\0" * 10 + b"\xff\xff" + host.packed)


class Trace:
    """The latest messages in the order of their coming; the oldest are dropped when there are too many.

    Give `add` to an endpoint as its ``on_message``. ``dropped`` counts what is no longer here: whoever
    shows a trace says so.
    """

    def __init__(
        self,
        messages: Iterable[TracedMessage] = (),
        *,
        most_messages: int = MOST_MESSAGES,
        most_bytes: int = MOST_BYTES,
        dropped: int = 0,
    ) -> None:
        self.dropped = dropped
        self._most_messages = most_messages
        self._most_bytes = most_bytes
        self._bytes = 0
        self._messages: deque[TracedMessage] = deque()
        for message in messages:
            self.add(message)

    def add(self, message: TracedMessage) -> None:
        """Keep a message, and drop what then is too much."""
        self._messages.append(message)
        self._bytes += len(message.data)
        while len(self._messages) > self._most_messages or self._bytes > self._most_bytes:
            self._bytes -= len(self._messages.popleft().data)
            self.dropped += 1

    def redacted(self) -> Trace:
        """A copy that may be shown."""
        return Trace(
            (message.redacted() for message in self._messages),
            most_messages=self._most_messages,
            most_bytes=2 * self._most_bytes,  # a mask may be longer than the secret
            dropped=self.dropped,
        )

    def __iter__(self) -> Iterator[TracedMessage]:
        return iter(self._messages)

    def __len__(self) -> int:
        return len(self._messages)
