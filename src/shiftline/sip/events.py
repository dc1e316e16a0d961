"""What an agent tells its user, and the datagrams it asks its driver to send."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from shiftline.sip.grammar import bracketed
from shiftline.sip.message import Request, Response
from shiftline.sip.transport import Transport

Address = tuple[str, int]
"""Numeric host and port."""


def address_text(address: Address) -> str:
    """``host:port``, with brackets around IPv6."""
    host, port = address
    return f"{bracketed(host)}:{port}"


class Datagram(NamedTuple):
    """Bytes to send: a datagram over UDP, a message on the connection to ``destination`` over the others.

    ``key`` names the transaction they belong to, if any. Without ``may_connect`` they only leave on a
    connection that is there: a response belongs on the one its request came on (RFC 3261 section 18.2.2).
    """

    data: bytes
    destination: Address
    transport: Transport = Transport.UDP
    key: str | None = None
    may_connect: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class ResponseReceived:
    """A response to a request of ours; ``rtt_seconds`` counts from the request's first transmission.

    ``copied_at`` is when it was sent again first, None if it left once.
    """

    key: str
    request: Request
    response: Response
    rtt_seconds: float
    copied_at: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestTimedOut:
    """No final answer came before Timer B or F, or before the user's own deadline."""

    key: str
    request: Request
    rtt_seconds: float
    """How long the user has waited."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SendFailed:
    """The transport refused the request's datagram; ``why`` is the system's word."""

    key: str
    request: Request
    rtt_seconds: float
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestReceived:
    """A new request of a peer's; ``key`` is for the response, None for the ACK of a 2xx."""

    key: str | None
    request: Request
    source: Address
    transport: Transport = Transport.UDP


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelReceived:
    """The peer does not want its INVITE any more: answer it, by its ``key``, with 487 (RFC 3261 section 9.2).

    The CANCEL itself has been answered. It comes only while the INVITE has no final answer.
    """

    key: str
    invite: Request
    source: Address


@dataclass(frozen=True, slots=True, kw_only=True)
class MalformedReceived:
    """What came is no usable SIP message; nothing was answered."""

    data: bytes
    source: Address
    why: str
    transport: Transport = Transport.UDP


Event = ResponseReceived | RequestTimedOut | SendFailed | RequestReceived | CancelReceived | MalformedReceived
