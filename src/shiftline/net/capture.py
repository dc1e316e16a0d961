"""A trace as a capture file that Wireshark, tshark and sngrep open.

The packets are made up around the real messages: Ethernet with addresses of our own, IPv4 or IPv6, and UDP
or TCP with right checksums. What went over TLS is written as it was inside, as plain SIP over TCP between
the same ports; no handshake is made up, so a reader sees each connection from its middle.

The format is the old pcap with microseconds and LINKTYPE_ETHERNET: every reader knows it, and it carries
IPv4 and IPv6 in one file.
"""

from __future__ import annotations

import struct
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from shiftline.errors import ConfigurationError
from shiftline.sip.events import Address
from shiftline.sip.trace import Direction, TracedMessage
from shiftline.sip.transport import Transport
from shiftline.whole_files import write_whole

_FILE_HEADER = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262_144, 1)
_OURS, _THEIRS = b"\x02\x00\x00\x00\x00\x01", b"\x02\x00\x00\x00\x00\x02"  # locally administered
_TCP, _UDP = 6, 17
_HOP_LIMIT = 64
_MOST_PAYLOAD = 65_535 - 20 - 20
"""Bytes that fit into one packet, whatever its headers; the longer IPv6 header does not count here."""
_LAST_SECOND = 2**32 - 1
_PSH_ACK = 0x18


@dataclass(frozen=True, slots=True, kw_only=True)
class CaptureWritten:
    """What a capture file holds; of ``cut`` messages only the beginning, which the file says as well."""

    messages: int
    packets: int
    cut: int


@dataclass(slots=True)
class _Streams:
    """The next sequence number of each end of each TCP connection."""

    next_byte: defaultdict[tuple[Address, Address], int] = field(
        default_factory=lambda: defaultdict(lambda: 1)
    )


def write_pcap(
    path: Path, trace: Iterable[TracedMessage], *, epoch_offset: float, redacted: bool = True
) -> CaptureWritten:
    """Write a capture that only its owner can read, whole or not at all.

    ``epoch_offset`` added to a message's ``at`` gives seconds since 1970. Raises ConfigurationError when
    the file cannot be written.
    """
    content, written = capture_of(trace, epoch_offset=epoch_offset, redacted=redacted)
    write_private(path, content)
    return written


def capture_of(
    trace: Iterable[TracedMessage], *, epoch_offset: float, redacted: bool = True
) -> tuple[bytes, CaptureWritten]:
    """The same as bytes."""
    streams = _Streams()
    content, messages, packets, cut = bytearray(_FILE_HEADER), 0, 0, 0
    for message in trace:
        shown = message.redacted() if redacted else message
        messages += 1
        for packet, missing in _packets(shown, streams):
            content += _record(message.at + epoch_offset, packet, missing)
            packets += 1
            cut += missing > 0
    return bytes(content), CaptureWritten(messages=messages, packets=packets, cut=cut)


def _record(seconds: float, packet: bytes, missing: int) -> bytes:
    micros = min(max(0, round(seconds * 1_000_000)), _LAST_SECOND * 1_000_000)
    whole, part = divmod(micros, 1_000_000)
    return struct.pack("<IIII", whole, part, len(packet), len(packet) + missing) + packet


def _packets(message: TracedMessage, streams: _Streams) -> Iterator[tuple[bytes, int]]:
    """Each packet, and how many bytes of the message did not fit into it and are lost."""
    source, target = message.packed_hosts
    ports = struct.pack("!HH", message.source[1], message.target[1])
    sent = message.direction is Direction.SENT
    if message.transport is Transport.UDP:
        data = message.data[:_MOST_PAYLOAD]
        segment = ports + struct.pack("!HH", 8 + len(data), 0) + data
        yield _framed(source, target, _UDP, segment, sent=sent), len(message.data) - len(data)
        return
    for start in range(0, len(message.data) or 1, _MOST_PAYLOAD):  # a stream loses nothing: more segments
        data = message.data[start : start + _MOST_PAYLOAD]
        here, there = (message.source, message.target), (message.target, message.source)
        numbers = struct.pack("!II", streams.next_byte[here], streams.next_byte[there])
        header = ports + numbers + struct.pack("!BBHHH", 5 << 4, _PSH_ACK, 65_535, 0, 0)
        streams.next_byte[here] = (streams.next_byte[here] + len(data)) % 2**32
        yield _framed(source, target, _TCP, header + data, sent=sent), 0


def _framed(source: bytes, target: bytes, protocol: int, segment: bytes, *, sent: bool) -> bytes:
    """The segment with its checksum, in IP, in Ethernet."""
    place = 6 if protocol == _UDP else 16
    pseudo = source + target + struct.pack("!II", len(segment), protocol)
    total = _checksum(pseudo + segment)
    if protocol == _UDP and total == 0:
        total = 0xFFFF  # 0 would say that there is none (RFC 768)
    segment = segment[:place] + struct.pack("!H", total) + segment[place + 2 :]
    if len(source) == 4:
        kind = b"\x08\x00"
        header = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(segment), 0, 0x4000, _HOP_LIMIT, protocol, 0)
        header += source + target
        header = header[:10] + struct.pack("!H", _checksum(header)) + header[12:]
    else:
        kind = b"\x86\xdd"
        header = struct.pack("!IHBB", 6 << 28, len(segment), protocol, _HOP_LIMIT) + source + target
    return (_THEIRS + _OURS if sent else _OURS + _THEIRS) + kind + header + segment


def _checksum(data: bytes) -> int:
    """The Internet checksum (RFC 1071): the sum of 16-bit words in ones' complement, inverted."""
    # As one number: 2**16 is 1 modulo 65535, so the remainder is the sum of its 16-bit digits.
    number = int.from_bytes(data + b"\0" * (len(data) % 2))
    total = number % 0xFFFF
    if total == 0 and number:
        total = 0xFFFF
    return total ^ 0xFFFF


def write_private(path: Path, content: bytes) -> None:
    """Write a file that only its owner can read, whole or not at all.

    Raises ConfigurationError when that cannot be done.
    """
    try:
        write_whole(path, content, private=True)
    except OSError as error:
        raise ConfigurationError(
            f"{path} cannot be written: {error.strerror}.", remedy="Give another file."
        ) from error
