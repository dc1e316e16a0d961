"""What an agent tells its user, and the datagrams it asks its driver to send."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from shiftline.sip.message import Request, Response

Address = tuple[str, int]
"""Numeric host and port."""


class Datagram(NamedTuple):
    """Bytes to send; ``key`` names the client transaction they belong to, if any."""

    data: bytes
    destination: Address
    key: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ResponseReceived:
    """A response to a request of ours; ``rtt_seconds`` counts from the request's first transmission."""

    key: str
    request: Request
    response: Response
    rtt_seconds: float


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


@dataclass(frozen=True, slots=True, kw_only=True)
class MalformedReceived:
    """A datagram that is no usable SIP message; nothing was answered."""

    data: bytes
    source: Address
    why: str


Event = ResponseReceived | RequestTimedOut | SendFailed | RequestReceived | MalformedReceived
