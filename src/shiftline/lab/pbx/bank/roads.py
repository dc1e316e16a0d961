"""network.* and tls.*: what goes wrong before a PBX reads a message (facts: A14, V14, V24, V26)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from itertools import count
from types import MappingProxyType

from shiftline.lab.pbx.bank.access import ACL
from shiftline.lab.pbx.bank.draw import Draw, Entry
from shiftline.lab.pbx.bank.words import (
    FORBIDDEN,
    PUBLIC_HOSTS,
    Stage,
    as_wrong_password,
    at,
    everywhere,
    say,
)
from shiftline.lab.pbx.refusal import SILENCE
from shiftline.lab.pbx.road_faults import losing_all, losing_large, rewriting, translating
from shiftline.sip.transport import Transport


def _filtered(draw: Draw) -> None:
    """A firewall drops either what comes or what goes."""
    direction = draw.pick("direction", "inwards", "outwards")
    if direction == "inwards":
        draw.settings.road.append(losing_all(draw.wishes.since_seconds))
    else:
        draw.refuse(lambda visit: True)  # noqa: ARG005 - it strikes everybody


def _unreachable(draw: Draw) -> None:
    draw.settings.is_unreachable = True


def _nat(draw: Draw) -> None:
    """All clients seem to come from one address that is on no list; ``received`` tells them so."""
    host = draw.pick("seen_as", *PUBLIC_HOSTS)
    draw.settings.road.append(translating(host))
    draw.refuse(lambda visit: visit.source == host)


def _alg(draw: Draw) -> None:
    """Over UDP, a gateway on the way rewrites what was signed, and never mends it."""
    own = draw.pick("written_host", *PUBLIC_HOSTS)
    draw.settings.road.append(rewriting(("Via", "Contact", "Request-URI"), own))
    draw.refuse(lambda visit: visit.peer.transport is Transport.UDP and bool(visit.digest))


def _fragments(draw: Draw) -> None:
    largest = draw.pick("largest_bytes", 560, 640, 900, 1280)
    draw.settings.road.append(losing_large(largest))


def _uneven(draw: Draw) -> None:
    """One of so many servers refuses; they are taken in turn, or by lot."""
    nodes = draw.pick("nodes", 2, 3, 4, 5)
    chance, turn = draw.random, count()
    if draw.pick("chosen", "by lot", "in turn") == "by lot":
        draw.refuse(lambda visit: chance.random() * nodes < 1.0)  # noqa: ARG005 - it strikes anybody
    else:
        draw.refuse(lambda visit: next(turn) % nodes == nodes - 1)  # noqa: ARG005 - it strikes anybody


def _tls(kind: str) -> Callable[[Draw], None]:
    def make(draw: Draw) -> None:
        draw.settings.tls_fault = kind

    return make


_STALE = (at(Stage.SOURCE, FORBIDDEN), at(Stage.STATE, FORBIDDEN), at(Stage.SOURCE, say(403, "Not Allowed")))
"""A list of addresses, or all of a configuration, that is older than that of the others."""
_LOST = everywhere(at(Stage.BAN, SILENCE))
_HANDSHAKE = everywhere(at(Stage.BAN, replace(SILENCE, words="the TLS handshake fails")))
_TLS = {
    "tls.untrusted": "its certificate was signed by nobody that anybody trusts",
    "tls.name": "its certificate names another host",
    "tls.expired": "its certificate expired",
    "tls.version": "it speaks TLS 1.1 at most",
    "tls.client-certificate": "it demands a certificate of its clients",
}
TLS_FAILURES: Mapping[str, str] = MappingProxyType(
    {
        "tls.untrusted": "certificate verify failed: self-signed certificate",
        "tls.name": "certificate verify failed: Hostname mismatch, certificate is not valid for 'pbx.lab'",
        "tls.expired": "certificate verify failed: certificate has expired",
        "tls.version": "unsupported protocol",
        "tls.client-certificate": "tlsv13 alert certificate required",
    }
)
"""What a client's TLS says of each, for where there is no real one."""

ROADS = (
    Entry(id="network.filtered", does="nothing is answered: a firewall", make=_filtered, shown=_LOST),
    Entry(
        id="network.unreachable",
        does="nobody listens on the port",
        make=_unreachable,
        shown=everywhere(at(Stage.BAN, replace(SILENCE, words="silence, or the system's refusal"))),
    ),
    Entry(
        id="network.nat-source",
        does="a NAT shows every client at an address that is on no list",
        make=_nat,
        shown=ACL,
    ),
    Entry(
        id="network.alg",
        does="over UDP, a gateway on the way rewrites Via, Contact and Request-URI, and breaks the digest",
        make=_alg,
        shown=as_wrong_password(),
    ),
    Entry(
        id="network.uneven-nodes",
        does="of several servers behind the one address, one refuses: all, or all but OPTIONS to itself",
        make=_uneven,
        shown=everywhere(*_STALE),
    ),
    Entry(
        id="network.fragmentation",
        does="larger datagrams are lost, both ways; TCP is fine",
        make=_fragments,
        shown=_LOST,
    ),
    *(
        Entry(id=name, does=f"on its TLS port: {words}", make=_tls(name), shown=_HANDSHAKE)
        for name, words in _TLS.items()
    ),
)
