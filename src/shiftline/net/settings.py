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
