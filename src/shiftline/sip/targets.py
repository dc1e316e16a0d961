"""Where a request goes: RFC 3263 section 4, as a dialogue with whoever can ask the DNS.

`plan` is a generator: it yields questions, is sent the records found (none is an answer too), and returns
the targets in the order in which to try them. Random numbers come in from outside (RFC 2782).
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from enum import StrEnum, auto
from ipaddress import ip_address

from shiftline.errors import ConfigurationError
from shiftline.sip.grammar import bracketed
from shiftline.sip.transport import Transport
from shiftline.sip.uri import SipUri

_MOST_RECORDS = 16
"""Of one kind that are followed, however many the zone has."""
_SERVICES = {"SIP+D2U": Transport.UDP, "SIP+D2T": Transport.TCP, "SIPS+D2T": Transport.TLS}
_SRV_PREFIX = {Transport.UDP: "_sip._udp", Transport.TCP: "_sip._tcp", Transport.TLS: "_sips._tcp"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One way to the server. ``server_name`` is whose certificate it must show: the URI's domain."""

    host: str
    """Numeric, IPv6 without brackets."""
    port: int
    transport: Transport = Transport.UDP
    server_name: str = ""

    @classmethod
    def over_udp(cls, address: tuple[str, int]) -> Target:
        """The target at this numeric address, over UDP."""
        return cls(host=address[0], port=address[1])

    @property
    def address(self) -> tuple[str, int]:
        """Host and port, as the agent takes them."""
        return self.host, self.port

    def __str__(self) -> str:
        return f"{bracketed(self.host)}:{self.port} over {self.transport}"


class Kind(StrEnum):
    """What is asked about a name."""

    NAPTR = auto()
    SRV = auto()
    ADDRESS = auto()
    """A or AAAA, whichever our own address can reach."""


@dataclass(frozen=True, slots=True)
class Question:
    """Answered with records of its kind; addresses are numeric texts."""

    kind: Kind
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Naptr:
    """RFC 3403: which services a domain has, best first."""

    order: int
    preference: int
    flags: str
    service: str
    replacement: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Srv:
    """RFC 2782: a host of a service. ``target`` "." says that the service is not there at all."""

    priority: int
    weight: int
    port: int
    target: str


Records = Sequence[Naptr] | Sequence[Srv] | Sequence[str]
Plan = Generator[Question, Records, list[Target]]


def plan_targets(uri: SipUri, *, random: Callable[[], float]) -> Plan:
    """Find the targets of a ``sip:`` or ``sips:`` URI; ``random`` gives numbers from 0 to below 1.

    Raises ConfigurationError for a URI that names a transport we do not have, or none that it may.
    """
    host = (uri.parameter("maddr") or uri.host).strip("[]")
    server_name = uri.host.strip("[]")  # whatever the DNS makes of it (RFC 5922 section 7)
    wanted = transport_of(uri)
    fallback = wanted or (Transport.TLS if uri.scheme == "sips" else Transport.UDP)
    if _is_numeric(host):
        port = uri.port or fallback.default_port
        return [Target(host=host, port=port, transport=fallback, server_name=server_name)]
    targets: list[Target] = []
    if uri.port is None:
        for transport, service in (yield from _services(uri, host, wanted)):
            records = yield Question(Kind.SRV, service)
            for record in in_order([each for each in records if isinstance(each, Srv)], random):
                if record.target.rstrip("."):
                    found = _Place(record.target.rstrip("."), record.port, transport)
                    targets += yield from _at(found, server_name)
    if not targets:
        found = _Place(host, uri.port or fallback.default_port, fallback)
        targets += yield from _at(found, server_name)
    return targets


def transport_of(uri: SipUri) -> Transport | None:
    """The transport that the URI itself names, if any; sips makes TCP mean TLS (RFC 3261 section 26.2.2)."""
    written = uri.parameter("transport")
    if written is None:
        return None
    try:
        transport = Transport(written.upper())
    except ValueError:
        transport = None
    if transport is None or (uri.scheme == "sips" and transport is Transport.UDP):
        raise ConfigurationError(
            f"{uri} names the transport {written!r}, which is not a way there.",
            remedy="Use udp, tcp or tls; sips is never over udp.",
        )
    return Transport.TLS if uri.scheme == "sips" else transport


def in_order(records: Sequence[Srv], random: Callable[[], float]) -> list[Srv]:
    """Lowest priority first; within one, at random by weight (RFC 2782)."""
    ordered: list[Srv] = []
    waiting = sorted(records, key=lambda record: (record.priority, record.weight))[:_MOST_RECORDS]
    while waiting:
        rivals = [record for record in waiting if record.priority == waiting[0].priority]
        mark = int(random() * (sum(record.weight for record in rivals) + 1))
        for record in rivals:
            mark -= record.weight
            if mark <= 0:
                ordered.append(record)
                waiting.remove(record)
                break
    return ordered


@dataclass(frozen=True, slots=True)
class _Place:
    name: str
    port: int
    transport: Transport


def _services(
    uri: SipUri, host: str, wanted: Transport | None
) -> Generator[Question, Records, list[tuple[Transport, str]]]:
    """The SRV names to ask for, best first (section 4.1): the transport's own, NAPTR's, or all we speak."""
    if wanted is not None:
        return [(wanted, f"{_SRV_PREFIX[wanted]}.{host}")]
    allowed = [Transport.TLS] if uri.scheme == "sips" else list(Transport)
    records = yield Question(Kind.NAPTR, host)
    naptrs = sorted(
        (each for each in records if isinstance(each, Naptr) and each.flags.lower() == "s"),
        key=lambda record: (record.order, record.preference),
    )
    named = [
        (transport, record.replacement.rstrip("."))
        for record in naptrs[:_MOST_RECORDS]
        if (transport := _SERVICES.get(record.service.upper())) in allowed and transport is not None
    ]
    return named or [(transport, f"{_SRV_PREFIX[transport]}.{host}") for transport in allowed]


def _at(place: _Place, server_name: str) -> Plan:
    addresses: Records = [place.name]
    if not _is_numeric(place.name):
        addresses = yield Question(Kind.ADDRESS, place.name)
    return [
        Target(host=address, port=place.port, transport=place.transport, server_name=server_name)
        for address in addresses
        if isinstance(address, str)
    ]


def _is_numeric(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
