"""From the trunk's address in the configuration to where datagrams go."""

from __future__ import annotations

import asyncio
import socket

from shiftline.errors import ConfigurationError, MisuseError, SipSyntaxError, UnavailableError
from shiftline.sip.uri import SipUri

ANY_ADDRESS = "0.0.0.0"  # noqa: S104 - compared with, never bound to
_REMEDY = "Write it like sip:192.0.2.10:5060"


def read_trunk_address(text: str) -> SipUri:
    """Read ``trunk.address``; raises ConfigurationError for all but a SIP URI that means UDP."""
    try:
        uri = SipUri.parse(text)
    except SipSyntaxError as error:
        raise ConfigurationError(
            f"trunk.address is {text!r}, which is not a SIP URI.", remedy=f"{_REMEDY}."
        ) from error
    if uri.scheme != "sip" or (uri.parameter("transport") or "udp").lower() != "udp" or uri.port == 0:
        raise ConfigurationError(
            f"trunk.address is {text!r}, which is not a way over UDP.",
            remedy=f"{_REMEDY}; TCP and TLS are not spoken yet.",
        )
    return uri


def read_contact(text: str) -> SipUri | None:
    """Read ``trunk.contact``, None when it is empty; raises ConfigurationError for what is no SIP URI."""
    if not text:
        return None
    try:
        contact = SipUri.parse(text)
        str(contact)
    except (SipSyntaxError, MisuseError) as error:
        raise ConfigurationError(
            f"trunk.contact is {text!r}, which is not a SIP URI.",
            remedy="Write it like sip:shiftline@192.0.2.7:5060, or leave it empty.",
        ) from error
    return contact


async def ipv4_of(host: str) -> str:
    """Return the first IPv4 address of the host of ``trunk.address``.

    Raises ConfigurationError if it has none, UnavailableError if no name server can tell now.
    """
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(host, None, family=socket.AF_INET, type=socket.SOCK_DGRAM)
    except socket.gaierror as error:
        if error.errno == socket.EAI_AGAIN:
            raise UnavailableError(
                f"The host {host!r} of trunk.address cannot be looked up now: {error.strerror}.",
                remedy="Check the name and the name server, or write the address itself.",
            ) from error
        raise _no_address(host, error.strerror or "unknown") from error
    except UnicodeError as error:  # a label that is empty or too long
        raise _no_address(host, "it is not a host name") from error
    return str(found[0][4][0])


def source_towards(destination: tuple[str, int], configured: str) -> str:
    """Return the address that our datagrams will carry: the configured one, or the routing table's choice.

    Via must name an address where answers find us (RFC 3261 section 18.1.1), and 0.0.0.0 is none.
    """
    if configured != ANY_ADDRESS:
        return configured
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(destination)  # sends nothing; the kernel only chooses the route
        except OSError as error:
            raise UnavailableError(
                f"There is no route to {destination[0]}: {error.strerror}.",
                remedy="Check the network, or set trunk.source to our own address there.",
            ) from error
        return str(probe.getsockname()[0])


def _no_address(host: str, why: str) -> ConfigurationError:
    return ConfigurationError(
        f"The host {host!r} of trunk.address has no IPv4 address: {why}.",
        remedy="Check the name, or write the address itself.",
    )
