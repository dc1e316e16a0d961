"""The transports of SIP, and what differs between them (RFC 3261 sections 18 and 19.1.2)."""

from __future__ import annotations

from enum import StrEnum


class Transport(StrEnum):
    """A transport, written as Via writes it."""

    UDP = "UDP"
    TCP = "TCP"
    TLS = "TLS"

    @property
    def is_reliable(self) -> bool:
        """Whether the transport itself sends again what was lost, so that no transaction has to."""
        return self is not Transport.UDP

    @property
    def default_port(self) -> int:
        """The port that a URI without one means."""
        return 5061 if self is Transport.TLS else 5060
