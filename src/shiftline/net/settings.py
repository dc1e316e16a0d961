"""How an endpoint keeps its connections."""

from __future__ import annotations

from dataclasses import dataclass

from shiftline.net.tls import TlsSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamSettings:
    """TCP and TLS of one endpoint. Times in seconds."""

    connect_seconds: float = 4.0
    """For connecting, the TLS handshake included."""
    idle_seconds: float = 600.0
    """A connection on which nothing came or went for so long is closed."""
    keepalive_seconds: float | None = None
    """Idle connections that we opened are pinged so often (RFC 5626 section 4.4.1). None: never."""
    pong_seconds: float = 10.0
    """How long a pong may take before the connection counts as dead."""
    queue_bytes: int = 1_048_576
    """What may wait on one connection for a peer that reads slowly."""
    tls: TlsSettings = TlsSettings()  # noqa: RUF009 - a frozen value
    """Our side of the TLS connections that we open."""
    accept_tcp: bool = False
    """Listen on TCP as well, on the port that UDP has."""
    accept_tls: TlsSettings | None = None
    """Listen on TLS with this certificate; with ``ca`` set, clients must show one of theirs."""
    tls_port: int = 0
    """Where to listen on TLS; 0: a free one."""
    most_accepted: int = 4096
    """Connections of peers on one transport; further ones are closed at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Manners:
    """How an endpoint's requests look, beyond what their senders write."""

    via_parameters: str = ""
    """Written into every Via of ours (`sip.overload.ADVERTISED`, say)."""
    via_host: str = ""
    """What Via and Contact name in place of our own address, as behind a NAT."""
    user_agent: str = "Shiftline/0.1"
    """For requests that have none; empty: they stay without."""
    moves_large: bool = True
    """Whether what is too large for a datagram leaves over TCP (RFC 3261 section 18.1.1)."""
