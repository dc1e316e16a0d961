"""A SIP message where somebody saw it."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from typing import TypeAlias


@dataclass(frozen=True, slots=True, eq=False)
class Flow:
    """From where to where; hosts are texts. Two of them are never equal: they are keys, often looked up."""

    source: str
    source_port: int
    target: str
    target_port: int
    transport: str = "UDP"


Sighting: TypeAlias = tuple[float, Flow, bytes, int]
"""Seconds since the epoch, the way it went, the message, and the number of its packet or line. A plain tuple,
because there are millions of them."""

RESPONSE = b"SIP/2.0 "
"""How a response begins."""
_MOST_FLOWS = 50_000


class Flows(dict[bytes, Flow]):
    """Makes each flow once, so that a million messages share a few of them. Bounded.

    The keys are both addresses (4 or 16 bytes each) and both ports, as they follow each other in a packet.
    """

    def __init__(self, transport: str) -> None:
        super().__init__()
        self._transport = transport

    def __missing__(self, packed: bytes) -> Flow:
        if len(self) >= _MOST_FLOWS:
            self.clear()
        size = (len(packed) - 4) // 2
        flow = self[packed] = Flow(
            host_text(packed[:size]),
            int.from_bytes(packed[-4:-2]),
            host_text(packed[size : 2 * size]),
            int.from_bytes(packed[-2:]),
            self._transport,
        )
        return flow


def host_text(packed: bytes) -> str:
    """The address of 4 or 16 bytes as text; IPv4 inside IPv6 is shown as IPv4."""
    if len(packed) == 4:
        return str(IPv4Address(packed))
    address = IPv6Address(packed)
    return str(address.ipv4_mapped or address)


def looks_like_sip(data: bytes) -> bool:
    """Whether the start line is one of SIP's (RFC 3261 section 7), whatever the port."""
    return data[:8] == RESPONSE or is_request(data)


def is_request(data: bytes) -> bool:
    """Whether it is that of a request."""
    if not data[:1].isalpha():
        return False
    end = data.find(b"\n", 0, 4096)
    if end < 0:
        return False
    return data[end - 9 : end] == b" SIP/2.0\r" or data[:end].rstrip(b"\r ").endswith(b" SIP/2.0")
