"""Faults of the road to the PBX, as its own port feels them: lost, rewritten and too large datagrams."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from shiftline.sip.events import Address, Datagram
from shiftline.sip.transport import Transport


@dataclass(frozen=True, slots=True)
class Parcel:
    """A message on its way in or out; ``client`` is the address at the far end as this end sees it."""

    data: bytes
    client: Address
    transport: Transport


@dataclass(frozen=True, slots=True)
class RoadChange:
    """What the road does to parcels inwards and outwards."""

    inwards: Callable[[Parcel, float], Parcel | None]
    """The parcel as it goes on, or None when it is lost; the float is seconds since the first parcel."""
    outwards: Callable[[Parcel], Parcel | None]


class FaultyRoad:
    """All changes of a road, the first of them farthest from the PBX. ``now`` is seconds of one clock."""

    def __init__(self, changes: Sequence[RoadChange]) -> None:
        self._changes = changes
        self._began: float | None = None

    def inwards(self, parcel: Parcel, now: float) -> Parcel | None:
        """What arrives of it."""
        if self._began is None:
            self._began = now
        on_its_way: Parcel | None = parcel
        for change in self._changes:
            on_its_way = change.inwards(on_its_way, now - self._began) if on_its_way else None
        return on_its_way

    def outwards(self, datagrams: list[Datagram]) -> list[Datagram]:
        """What comes through of what leaves."""
        return [sent for one in datagrams if (sent := self._outwards(one))] if self._changes else datagrams

    def _outwards(self, datagram: Datagram) -> Datagram | None:
        parcel: Parcel | None = Parcel(datagram.data, datagram.destination, datagram.transport)
        for change in reversed(self._changes):
            parcel = change.outwards(parcel) if parcel else None
        return datagram._replace(data=parcel.data, destination=parcel.client) if parcel else None


def _same(parcel: Parcel) -> Parcel | None:
    return parcel


def losing_all(since_seconds: float) -> RoadChange:
    """Loses whatever comes, from then on."""
    return RoadChange(lambda parcel, elapsed: None if elapsed >= since_seconds else parcel, _same)


def losing_large(largest_bytes: int) -> RoadChange:
    """Loses longer datagrams, both ways; a stream is cut into segments and loses nothing."""

    def pass_on(parcel: Parcel) -> Parcel | None:
        is_lost = len(parcel.data) > largest_bytes and parcel.transport is Transport.UDP
        return None if is_lost else parcel

    return RoadChange(lambda parcel, elapsed: pass_on(parcel), pass_on)  # noqa: ARG005 - at any time


def translating(host: str) -> RoadChange:
    """A NAT: every client seems to be at ``host``, each behind a port of its own."""
    ports: dict[Address, Address] = {}
    clients: dict[Address, Address] = {}

    def inwards(parcel: Parcel, elapsed: float) -> Parcel | None:  # noqa: ARG001 - nothing depends on it
        seen = ports.setdefault(parcel.client, (host, 20_000 + len(ports)))
        clients[seen] = parcel.client
        return Parcel(parcel.data, seen, parcel.transport)

    def outwards(parcel: Parcel) -> Parcel | None:
        return Parcel(parcel.data, clients.get(parcel.client, parcel.client), parcel.transport)

    return RoadChange(inwards, outwards)


def rewriting(headers: tuple[str, ...], own: str) -> RoadChange:
    """A SIP ALG: over UDP it writes its own host in place of the client's into these headers of requests.

    Sloppy ones do not write it back into the answers, and never mend what was signed. ``Request-URI`` among
    the headers stands for the first line.
    """
    names = tuple(name.lower().encode() for name in headers)

    def inwards(parcel: Parcel, elapsed: float) -> Parcel | None:  # noqa: ARG001 - nothing depends on it
        if parcel.transport is not Transport.UDP:
            return parcel
        head, gap, body = parcel.data.partition(b"\r\n\r\n")
        first, *rows = head.split(b"\r\n")
        if b"request-uri" in names:
            first = _with_host(first, own)
        theirs = parcel.client[0].encode()
        rows = [
            row.replace(theirs, own.encode()) if row.split(b":", 1)[0].strip().lower() in names else row
            for row in rows
        ]
        return Parcel(b"\r\n".join([first, *rows]) + gap + body, parcel.client, parcel.transport)

    return RoadChange(inwards, _same)


def _with_host(first_line: bytes, own: str) -> bytes:
    """The request line with another host in its URI."""
    method, _, rest = first_line.partition(b" ")
    uri, _, version = rest.rpartition(b" ")
    scheme, _, address = uri.partition(b":")
    user, at_sign, _ = address.rpartition(b"@")
    return b" ".join([method, scheme + b":" + user + at_sign + own.encode(), version])
