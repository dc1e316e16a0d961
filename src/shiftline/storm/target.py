"""From what a user writes to the one machine that is loaded."""

from __future__ import annotations

import socket

from shiftline.errors import ConfigurationError, SipSyntaxError, UnavailableError
from shiftline.net.tls import TlsSettings
from shiftline.sip.transport import Transport
from shiftline.sip.uri import SipUri, without_password
from shiftline.storm.plan import Target

_REMEDY = "Write it like 192.0.2.10:5060, [2001:db8::1]:5060, sip:pbx.example.com;transport=tcp or sips:HOST."


def find_target(text: str, tls: TlsSettings | None = None) -> Target:
    """Look up ``HOST[:PORT]`` or a SIP URI: the first address of the name, for a load is one machine's.

    Raises ConfigurationError for what is no server, UnavailableError for a name without an address.
    """
    written = text if text.lower().startswith(("sip:", "sips:")) else f"sip:{text}"
    shown = repr(without_password(text))
    try:
        uri = SipUri.parse(written)
        word = uri.parameter("transport") or ("tls" if uri.scheme == "sips" else "udp")
        transport = Transport(word.upper())
    except (SipSyntaxError, ValueError) as error:
        raise ConfigurationError(f"{shown} is no SIP server.", remedy=_REMEDY) from error
    if uri.port == 0:
        raise ConfigurationError(f"{shown} has the port 0, which no server has.", remedy=_REMEDY)
    if uri.parameter("maddr") is not None:
        raise ConfigurationError(
            f"{shown} has maddr, which storm does not follow.",
            remedy="Write the address of maddr as SERVER.",
        )
    if uri.user is not None:
        raise ConfigurationError(f"{shown} names a user; a load is for a server.", remedy=_REMEDY)
    if uri.scheme == "sips":
        transport = Transport.TLS
    name = uri.host.strip("[]")
    try:
        found = socket.getaddrinfo(name, None, type=socket.SOCK_DGRAM)
    except OSError as error:
        raise UnavailableError(f"{name} has no address: {error.strerror}.", remedy=_REMEDY) from error
    return Target(
        host=str(found[0][4][0]), port=uri.port or transport.default_port, transport=transport, name=name,
        tls=tls or TlsSettings(),
    )  # fmt: skip
