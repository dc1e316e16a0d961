"""Frames out of a capture file: the old pcap and pcapng, in both byte orders.

A frame is ``(seconds since the epoch, link type, bytes, whether they were cut)``. The file is read in
pieces, so that memory does not grow with it, and no length in it is believed beyond `MOST_FRAME`.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Protocol, TypeAlias

from shiftline.doctor.reading.ledger import FileEntry

Frame: TypeAlias = tuple[float, int, bytes, bool]


class Readable(Protocol):
    """Where bytes come from."""

    def read(self, size: int, /) -> bytes:
        """At most so many bytes; none at the end."""
        ...


MOST_FRAME = 262_144
"""Wireshark's own limit; a record that claims more is damage."""
LATEST = 253_402_214_400.0
"""The last day that a calendar has, in seconds since the epoch: no record is of later."""
_PIECE = 1 << 20
_MOST_EMPTY = 1_000_000
_MICROSECONDS, _NANOSECONDS = 0xA1B2C3D4, 0xA1B23C4D
_ORDERS: dict[bytes, tuple[str, float]] = {
    struct.pack(f"{order}I", magic): (order, tick)
    for order in "<>"
    for magic, tick in ((_MICROSECONDS, 1e-6), (_NANOSECONDS, 1e-9))
}
PCAP_MAGICS = frozenset(_ORDERS)


def pcap_frames(file: Readable, entry: FileEntry) -> Iterator[Frame]:
    """The frames of a pcap file, from its first byte on; ``entry`` gets notes about damage."""
    head = file.read(24)
    if len(head) < 24 or head[:4] not in _ORDERS:
        entry.notes.append("the file ends within its header")
        return
    order, tick = _ORDERS[head[:4]]
    link = struct.unpack_from(f"{order}I", head, 20)[0] & 0x0FFF_FFFF  # above: the length of a checksum
    unpack = struct.Struct(f"{order}IIII").unpack_from
    buffer, at, count, empty = b"", 0, 0, 0
    while True:
        size = len(buffer)
        while size - at >= 16:
            seconds, fraction, captured, length = unpack(buffer, at)
            end = at + 16 + captured
            if end > size:
                if captured > MOST_FRAME:
                    entry.notes.append(f"packet {count + 1} claims {captured} bytes: the rest is not read")
                    return
                break
            count += 1
            if captured == 0:
                empty += 1
                if empty > _MOST_EMPTY:
                    entry.notes.append("nothing but empty packets: the rest is not read")
                    return
            yield seconds + fraction * tick, link, buffer[at + 16 : end], captured < length
            at = end
        piece = file.read(_PIECE)
        if not piece:
            if at < size:
                entry.notes.append(f"the file ends within packet {count + 1}")
            return
        buffer, at = buffer[at:] + piece, 0
