"""The Via header: the way back (RFC 3261 section 20.42)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from shiftline.errors import SipSyntaxError
from shiftline.sip.grammar import (
    HOST,
    HOST_PATTERN,
    Parameters,
    WithParameters,
    format_parameters,
    parse_parameters,
    require_token,
)

_VIA = re.compile(
    r"SIP\s*/\s*2\.0\s*/\s*(?P<transport>[A-Za-z0-9-]+)\s+"
    rf"(?P<host>{HOST_PATTERN})(?:\s*:\s*(?P<port>[0-9]{{1,5}}))?\s*(?P<parameters>;.*)?",
    re.IGNORECASE | re.DOTALL,
)

MAGIC_COOKIE = "z9hG4bK"
"""Begins every branch that is unique (RFC 3261 section 8.1.1.7)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Via(WithParameters):
    """One Via value (RFC 3261 section 20.42): the hop that waits for the response."""

    transport: str = "UDP"
    host: str
    port: int | None = None
    parameters: Parameters = ()

    @classmethod
    def parse(cls, text: str) -> Via:
        """Read one value. Raises SipSyntaxError."""
        found = _VIA.fullmatch(text.strip())
        if not found or int(found["port"] or 0) > 65535:
            raise SipSyntaxError(f"The Via {text[:80]!r} cannot be read.")
        return cls(
            transport=found["transport"].upper(),
            host=found["host"],
            port=int(found["port"]) if found["port"] else None,
            parameters=parse_parameters(found["parameters"] or ""),
        )

    @property
    def branch(self) -> str | None:
        """The transaction's id (section 8.1.1.7), or None."""
        return self.parameter("branch")

    @property
    def received(self) -> str | None:
        """The source the next hop saw, an IPv6 address without brackets: peers write both (RFC 5118)."""
        seen = self.parameter("received")
        return seen.strip("[]") if seen else None

    def __str__(self) -> str:
        require_token(self.transport, "transport")
        if not HOST.fullmatch(self.host):
            require_token(self.host, "Via host")
        port = "" if self.port is None else f":{self.port:d}"
        return f"SIP/2.0/{self.transport} {self.host}{port}{format_parameters(self.parameters)}"
