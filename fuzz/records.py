"""Captures, logs and dumps; the first byte says what the others are."""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Iterable, Iterator
from io import BytesIO

from shiftline.diagnosis.exchange import Brief, Remark
from shiftline.doctor.reading.blocks import pcapng_frames
from shiftline.doctor.reading.datagrams import Dissector
from shiftline.doctor.reading.frames import Frame, pcap_frames
from shiftline.doctor.reading.ledger import FileEntry
from shiftline.doctor.reading.pairing import Pairing
from shiftline.doctor.reading.sighting import Flow, Sighting
from shiftline.doctor.reading.signals import Bounce
from shiftline.doctor.reading.texts import TextReader
from shiftline.doctor.reading.times import LogClock

_HERE, _THERE = bytes((192, 0, 2, 7)), bytes((198, 51, 100, 1))
_PCAP = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 2**32 - 1, 1)
_SECTION = struct.pack("<IIIHHqI", 0x0A0D0D0A, 28, 0x1A2B3C4D, 1, 0, -1, 28)
_INTERFACE = struct.pack("<IIHHII", 1, 20, 1, 0, 0, 20)
_ASKED = (
    b"OPTIONS sip:a@h SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nFrom: <sip:b@h>;tag=1\r\n"
    b"To: <sip:a@h>\r\nCall-ID: c\r\nCSeq: 1 OPTIONS\r\n\r\n"
)


def one(data: bytes) -> None:
    """Nothing is raised; no exchange comes without its message, and each can be shown."""
    kind, rest = data[0] if data else 0, data[1:]
    entry, skipped = FileEntry(name="fuzz"), Counter[str]()
    pairing = Pairing("fuzz", skipped)
    found = list(pairing.pair(_record(kind, rest, entry, skipped)))
    exchanges = [record.exchange() for record in found if isinstance(record, Brief)]
    assert len(exchanges) <= pairing.messages
    assert all(repr(record).isprintable() for record in (*found, *exchanges))
    assert all(exchange.status is None or 200 <= exchange.status <= 999 for exchange in exchanges)
    assert all(count > 0 for count in skipped.values())


def _record(
    kind: int, rest: bytes, entry: FileEntry, skipped: Counter[str]
) -> Iterable[Sighting | Bounce | Remark]:
    match kind % 7:
        case 0:
            return Dissector(skipped).sightings(pcap_frames(BytesIO(_PCAP + rest), entry), entry)
        case 1:
            content = BytesIO(_SECTION + _INTERFACE + rest)
            return Dissector(skipped).sightings(pcapng_frames(content, entry), entry)
        case 2:
            lines = rest.decode(errors="replace").split("\n")
            return TextReader(entry, LogClock(None, written=1e9), skipped).read(lines)
        case 3:
            return Dissector(skipped).sightings(_frames(rest, 17, struct.pack("!HHHH", 1, 2, 0, 0)), entry)
        case 4:
            return Dissector(skipped).sightings(_segments(rest, kind // 7 + 1), entry)
        case 5:
            return Dissector(skipped).sightings(
                [(1.0, 101, rest[at:], False) for at in range(0, 64, 7)], entry
            )
        case _:
            return _answered(rest)


def _frames(payload: bytes, protocol: int, head: bytes) -> Iterator[Frame]:
    """The same packet three times, so that its shape is learned."""
    for number in range(3):
        packet = struct.pack("!BBHHHBBH", 0x45, 0, 0, 0, 0, 64, protocol, 0) + _HERE + _THERE
        yield float(number), 101, packet + head + payload, False


def _segments(stream: bytes, size: int) -> Iterator[Frame]:
    """A TCP connection in pieces, every second pair of them swapped."""
    pieces = [(at, stream[at : at + size * 16]) for at in range(0, len(stream), size * 16)]
    for start in range(0, len(pieces), 4):
        pieces[start : start + 2] = reversed(pieces[start : start + 2])
    for at, piece in pieces:
        head = struct.pack("!HHIIBBHHH", 1, 2, at, 0, 0x50, 0x10, 0, 0, 0)
        yield from list(_frames(piece, 6, head))[:1]


def _answered(data: bytes) -> Iterator[Sighting]:
    """Something between ordinary requests, as their answer and as a request of its own."""
    there, back = Flow("192.0.2.7", 1, "198.51.100.1", 2), Flow("198.51.100.1", 2, "192.0.2.7", 1)
    for number in range(5):
        branch = b"z9hG4bK%d" % number
        yield float(number), there, _ASKED.replace(b"z9hG4bK1", branch), number
        yield number + 0.1, back, data.replace(b"z9hG4bK1", branch), number
        yield number + 0.2, there, b"SIP/2.0 " + data, number
