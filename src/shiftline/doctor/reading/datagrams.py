"""From frames to SIP messages: the way down through Ethernet, IP, UDP, TCP and HEP."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from struct import Struct

from shiftline.diagnosis.exchange import Place, Remark
from shiftline.doctor.reading.encapsulation import MAGIC, decode_hep
from shiftline.doctor.reading.frames import Frame
from shiftline.doctor.reading.ip import TCP, UDP, Reassembly
from shiftline.doctor.reading.ledger import FileEntry
from shiftline.doctor.reading.link import ETHERNET, LINK_TYPES, ip_offset
from shiftline.doctor.reading.sighting import RESPONSE, Flow, Flows, Sighting, is_request, looks_like_sip
from shiftline.doctor.reading.signals import Bounce, bounce_in, tls_alert_in
from shiftline.doctor.reading.streams import Streams

_FRONT = Struct("!12x HB 5xH xB 2x12s H").unpack_from
"""Of Ethernet, IPv4 without options and UDP: EtherType, version with header length, flags with the offset
of a fragment, protocol, addresses with ports, length. Nearly all is so, and read without a detour."""
_HEADERS = 42
"""Bytes of them."""
_IPV4, _WITHOUT_OPTIONS, _DO_NOT_FRAGMENT = 0x0800, 0x45, 0x4000
_FIN_OR_RST, _SYN = 0x05, 0x02
CUT = "messages cut by the capture's snap length"


class Dissector:
    """Finds the SIP messages of a capture; ``skipped`` counts what it could not read, by reason."""

    def __init__(self, skipped: Counter[str]) -> None:
        self._skipped = skipped
        self._udp, self._tcp = Flows("UDP"), Flows("TCP")
        self._reassembly = Reassembly(skipped)
        self._streams = Streams(skipped)
        self._entry = FileEntry(name="")

    def sightings(self, frames: Iterable[Frame], entry: FileEntry) -> Iterator[Sighting | Bounce | Remark]:
        """Each SIP message with time, way and packet number; ICMP errors; what TLS complained of.

        ``entry`` counts the packets.
        """
        self._entry = entry
        flows, skipped = self._udp, self._skipped
        number = 0
        for at, link, data, is_cut in frames:
            number += 1
            if link == ETHERNET and len(data) > _HEADERS:
                kind, version, fragment, protocol, ends, length = _FRONT(data)
                if (
                    kind == _IPV4
                    and version == _WITHOUT_OPTIONS
                    and protocol == UDP
                    and (fragment == _DO_NOT_FRAGMENT or not fragment)
                ):
                    payload = data[_HEADERS : 34 + length]  # without Ethernet's padding
                    if payload[:8] == RESPONSE or is_request(payload):
                        if is_cut:
                            skipped[CUT] += 1
                        yield at, flows[ends], payload, number
                    else:
                        yield from self._without_sip(payload, number)
                    continue
            yield from self._others(at, link, data, number)
        self._reassembly.finish()
        entry.packets = number

    def _others(self, at: float, link: int, data: bytes, number: int) -> Iterator[Sighting | Bounce | Remark]:
        start = ip_offset(link, data)
        if start < 0:
            known = link in LINK_TYPES
            self._skipped["frames without IP" if known else f"frames of link type {link}"] += 1
            return
        packet = self._reassembly.read(data[start:] if start else data)
        if packet is None:
            return
        protocol, addresses, payload = packet
        if protocol == UDP and len(payload) >= 8:
            yield from self._datagram(at, addresses, payload, number)
        elif protocol == TCP and len(payload) >= 20:
            yield from self._segment(at, addresses, payload, number)
        elif (bounce := bounce_in(protocol, payload, self._udp)) is not None:
            yield bounce
        else:
            self._skipped["IP packets without UDP or TCP"] += 1

    def _datagram(self, at: float, addresses: bytes, packet: bytes, number: int) -> Iterator[Sighting]:
        payload = packet[8 : int.from_bytes(packet[4:6]) or len(packet)]
        if looks_like_sip(payload):
            yield at, self._udp[addresses + packet[:4]], payload, number
        else:
            yield from self._without_sip(payload, number)

    def _without_sip(self, payload: bytes, number: int) -> Iterator[Sighting]:
        if payload[:4] == MAGIC:
            yield from self._encapsulated(payload, number)
        else:
            self._skipped["UDP packets without SIP"] += 1

    def _encapsulated(self, payload: bytes, number: int) -> Iterator[Sighting]:
        found = decode_hep(payload)
        if found is not None and looks_like_sip(found[2]):
            yield *found, number
        else:
            self._skipped["HEP packets without SIP"] += 1

    def _segment(
        self, at: float, addresses: bytes, packet: bytes, number: int
    ) -> Iterator[Sighting | Remark]:
        key = addresses + packet[:4]
        sequence, start, flags = int.from_bytes(packet[4:8]), (packet[12] >> 4) * 4, packet[13]
        payload = packet[max(20, start) :]
        if payload[:1] == b"\x15" and (alert := tls_alert_in(payload, self._tcp[key])):
            yield from self._complained(at, self._tcp[key], number, *alert)
        for message in self._streams.segment(key, sequence, payload, at, opens=bool(flags & _SYN)):
            yield at, self._tcp[key], message, number
        if flags & _FIN_OR_RST:
            self._streams.close(key)

    def _complained(self, at: float, flow: Flow, number: int, kind: str, alert: str) -> Iterator[Remark]:
        if not kind:
            self._skipped[f"TLS alerts {alert}"] += 1
            return
        is_server = flow.source_port < flow.target_port
        self._entry.remarks += 1
        yield Remark(
            at=at,
            kind=kind,
            source=flow.target if is_server else flow.source,
            text=f"TLS alert {alert} from {flow.source} port {flow.source_port}",
            place=Place(file=self._entry.name, number=number),
        )
