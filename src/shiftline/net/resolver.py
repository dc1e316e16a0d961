"""From a SIP URI to where messages go: RFC 3263's questions put to the DNS, and to the hosts file last."""

from __future__ import annotations

import asyncio
import random
import socket
from collections.abc import Sequence
from ipaddress import ip_address

import dns.asyncresolver
import dns.exception
import dns.name
import dns.rdatatype
import dns.resolver
from dns.rdtypes.IN.NAPTR import NAPTR
from dns.rdtypes.IN.SRV import SRV

from shiftline.errors import ConfigurationError, MisuseError, SipSyntaxError, UnavailableError
from shiftline.sip.targets import (
    Kind,
    Naptr,
    Plan,
    Question,
    Records,
    Srv,
    Target,
    plan_targets,
    transport_of,
)
from shiftline.sip.uri import SipUri, without_password

ANY_ADDRESS = "0.0.0.0"  # noqa: S104 - compared with, never bound to
_ANY_ADDRESSES = (ANY_ADDRESS, "::")
MOST_TARGETS = 8
"""That are tried, however many the DNS names."""
LONGEST_LOOK_UP = 4.0
"""Seconds for one question to the DNS, its repetitions included."""
LONGEST_SEARCH = 12.0
"""Seconds for all questions about one address."""

_REMEDY = "Write it like sip:192.0.2.10:5060"
_SOURCE_REMEDY = "Check the network, or set trunk.source to our own address there."


class Resolver:
    """Asks the DNS and remembers answers for their time to live."""

    def __init__(self, *, nameserver: tuple[str, int] | None = None) -> None:
        """``nameserver`` is asked instead of the system's."""
        self._dns: dns.asyncresolver.Resolver | None
        try:
            self._dns = dns.asyncresolver.Resolver(configure=nameserver is None)
        except dns.resolver.NoResolverConfiguration:
            self._dns = None  # a machine without DNS: its hosts file is all there is
        else:
            self._dns.cache = dns.resolver.LRUCache()
            self._dns.lifetime = LONGEST_LOOK_UP
            if nameserver is not None:
                self._dns.nameservers = [nameserver[0]]
                self._dns.port = nameserver[1]

    async def targets(
        self, uri: SipUri, *, source: str = ANY_ADDRESS, named_by: str = "trunk.address"
    ) -> list[Target]:
        """Where requests to ``uri`` go from ``source``, in the order in which to try it.

        ``named_by`` is where the user wrote the host, for the errors. Raises ConfigurationError if there
        is no such place, UnavailableError if nobody can tell now.
        """
        look_up = _LookUp(self._dns, uri, source, named_by)
        dialogue = plan_targets(uri, random=random.random)
        try:
            async with asyncio.timeout(LONGEST_SEARCH):
                targets = await _follow(dialogue, look_up)
        except TimeoutError as error:
            raise UnavailableError(
                f"The name servers took more than {LONGEST_SEARCH:g} s over {uri.host!r} of {named_by}.",
                remedy="Check them, or write the address itself.",
            ) from error
        reachable = [target for target in targets if target.port and look_up.is_reachable(target.host)]
        if not reachable:
            raise ConfigurationError(
                f"The host {uri.host!r} of {named_by} has no address: {look_up.why_none}.",
                remedy="Check the name and our own source address, or write the address itself.",
            )
        family = ":" in reachable[0].host
        alike = [target for target in reachable if (":" in target.host) == family]
        return list(dict.fromkeys(alike))[:MOST_TARGETS]


async def _follow(dialogue: Plan, look_up: _LookUp) -> list[Target]:
    """Answer the plan's questions until it has its targets."""
    try:
        question = next(dialogue)
        while True:
            question = dialogue.send(await look_up.answer(question))
    except StopIteration as end:
        targets: list[Target] = end.value
    return targets


class _LookUp:
    """The questions about one URI: once the DNS was silent, it is not asked again."""

    def __init__(
        self, resolver: dns.asyncresolver.Resolver | None, uri: SipUri, source: str, named_by: str
    ) -> None:
        # A name without a dot is a machine of this network, known to its hosts file or search list.
        self._dns = resolver if "." in uri.host else None
        self._families = _families(source)
        self._named_by = named_by
        self.why_none = f"none can be reached from {source}"

    def is_reachable(self, host: str) -> bool:
        """Whether our own address is of the same family."""
        return (socket.AF_INET6 if ":" in host else socket.AF_INET) in self._families

    async def answer(self, question: Question) -> Records:
        """Records for the plan; none where there are none."""
        if question.kind is Kind.ADDRESS:
            return await self._addresses(question.name)
        found = await self._ask(question.name, question.kind.upper())
        return _naptrs(found) if question.kind is Kind.NAPTR else _srvs(found)

    async def _addresses(self, name: str) -> list[str]:
        for family in self._families:
            found = await self._ask(name, "AAAA" if family == socket.AF_INET6 else "A")
            if found:
                return [record.to_text() for record in found]
        return await self._system_addresses(name)

    async def _ask(self, name: str, kind: str) -> Sequence[dns.rdata.Rdata]:
        if self._dns is None:
            return ()
        try:
            answer = await self._dns.resolve(name, kind, search=False)
        except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
            return ()
        except (dns.exception.Timeout, dns.resolver.NoNameservers, OSError):
            self._dns = None  # what the hosts file knows is still to be found
            return ()
        except (dns.exception.DNSException, UnicodeError):
            return ()  # it is no name for the DNS
        return list(answer)

    async def _system_addresses(self, name: str) -> list[str]:
        """The last resort, and the one that knows the hosts file."""
        loop = asyncio.get_running_loop()
        family = self._families[0] if len(self._families) == 1 else socket.AF_UNSPEC
        try:
            found = await loop.getaddrinfo(name, None, family=family, type=socket.SOCK_DGRAM)
        except socket.gaierror as error:
            if error.errno == socket.EAI_AGAIN:
                raise UnavailableError(
                    f"The host {name!r} of {self._named_by} cannot be looked up now: {error.strerror}.",
                    remedy="Check the name and the name server, or write the address itself.",
                ) from error
            self.why_none = (error.strerror or "unknown").lower()
            return []
        except UnicodeError:  # a label that is empty or too long
            self.why_none = "it is not a host name"
            return []
        addresses = [str(entry[4][0]) for entry in found]
        return sorted(addresses, key=lambda address: ":" in address)


def read_trunk_address(text: str) -> SipUri:
    """Read ``trunk.address``; raises ConfigurationError for all but a URI that we have a way to."""
    shown = repr(without_password(text))
    try:
        uri = SipUri.parse(text)
    except SipSyntaxError as error:
        raise ConfigurationError(
            f"trunk.address is {shown}, which is not a SIP URI.", remedy=f"{_REMEDY}."
        ) from error
    if uri.scheme not in ("sip", "sips") or uri.port == 0:
        raise ConfigurationError(
            f"trunk.address is {shown}, which is no way to a PBX.",
            remedy=f"{_REMEDY}, sip:HOST;transport=tcp or sips:HOST.",
        )
    if uri.headers:
        raise ConfigurationError(
            f"trunk.address is {shown}, and what follows the question mark is sent nowhere.",
            remedy=f"Leave it out. {_REMEDY}.",
        )
    require_no_password(uri, f"trunk.address, {shown},")
    try:
        transport_of(uri)
    except ConfigurationError as error:
        raise ConfigurationError(f"In trunk.address, {error.message}", remedy=error.remedy) from error
    return uri


def require_no_password(uri: SipUri, shown: str) -> None:
    """Raise ConfigurationError for an address with a password, which would stand in all that shows it."""
    if uri.password is not None:
        raise ConfigurationError(
            f"{shown} has a password in it, and addresses stand in logs and reports.",
            remedy="Leave it out of the address; put it into a variable, and name that variable.",
        )


def read_contact(text: str) -> SipUri | None:
    """Read ``trunk.contact``, None when it is empty; raises ConfigurationError for what is no SIP URI."""
    if not text:
        return None
    try:
        contact = SipUri.parse(text)
        str(contact)
    except (SipSyntaxError, MisuseError) as error:
        raise ConfigurationError(
            f"trunk.contact is {without_password(text)!r}, which is not a SIP URI.",
            remedy="Write it like sip:shiftline@192.0.2.7:5060, or leave it empty.",
        ) from error
    require_no_password(contact, f"trunk.contact, {without_password(text)!r},")
    return contact


def source_towards(destination: tuple[str, int], configured: str) -> str:
    """Return the address that our messages will carry: the configured one, or the routing table's choice.

    Via must name an address where answers find us (RFC 3261 section 18.1.1), and 0.0.0.0 is none. Raises
    UnavailableError where there is no route, or the configured address is not ours.
    """
    if configured not in _ANY_ADDRESSES:
        _require_ours(configured)
        return configured
    family = socket.AF_INET6 if ":" in destination[0] else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(destination)  # sends nothing; the kernel only chooses the route
        except OSError as error:
            raise UnavailableError(
                f"There is no route to {destination[0]}: {error.strerror}.", remedy=_SOURCE_REMEDY
            ) from error
        return str(probe.getsockname()[0])


def _require_ours(source: str) -> None:
    """Try the configured address before a socket does that no longer knows which key it came from."""
    if why := _why_not_ours(source):
        raise UnavailableError(
            f"trunk.source is {source}, which cannot be used here: {why}.",
            remedy="Set trunk.source to an address of this machine, or leave it to the routing table.",
        )


def require_own_address(source: str, *, named_by: str) -> None:
    """Raise ConfigurationError unless it is an address of this machine; ``named_by`` is the option."""
    try:
        ip_address(source)
    except ValueError as error:
        raise ConfigurationError(
            f"{named_by} is {source!r}, which is no IP address.", remedy="Write it like 192.0.2.10."
        ) from error
    if why := _why_not_ours(source):
        raise ConfigurationError(
            f"{named_by} is {source}, which cannot be used here: {why}.",
            remedy=f"Give an address of this machine, or leave {named_by} to the routing table.",
        )


def _why_not_ours(source: str) -> str:
    """What the system says against sending from it; empty if it is ours."""
    family = socket.AF_INET6 if ":" in source else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((source, 0))
        except OSError as error:
            return error.strerror or str(error)
    return ""


def _families(source: str) -> list[socket.AddressFamily]:
    if source in _ANY_ADDRESSES:
        return [socket.AF_INET, socket.AF_INET6]
    return [socket.AF_INET6 if ip_address(source).version == 6 else socket.AF_INET]


def _naptrs(found: Sequence[dns.rdata.Rdata]) -> list[Naptr]:
    return [
        Naptr(
            order=record.order,
            preference=record.preference,
            flags=record.flags.decode(errors="replace"),
            service=record.service.decode(errors="replace"),
            replacement=record.replacement.to_text(),
        )
        for record in found
        if isinstance(record, NAPTR)
    ]


def _srvs(found: Sequence[dns.rdata.Rdata]) -> list[Srv]:
    return [
        Srv(
            priority=record.priority,
            weight=record.weight,
            port=record.port,
            target=record.target.to_text(),
        )
        for record in found
        if isinstance(record, SRV)
    ]
