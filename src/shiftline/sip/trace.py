"""What went over the wire, as data: every picture of an exchange is drawn from these records."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum, auto

from shiftline.sip.events import Address
from shiftline.sip.transport import Transport


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
    data: bytes
