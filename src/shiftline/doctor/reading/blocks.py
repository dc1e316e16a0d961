"""Frames out of pcapng: sections of either byte order, interfaces with clocks of their own."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from shiftline.doctor.reading.frames import LATEST, MOST_FRAME, Frame, Readable
from shiftline.doctor.reading.ledger import FileEntry

SECTION = b"\x0a\x0d\x0d\x0a"
_SECTION, _INTERFACE, _OLD_PACKET, _SIMPLE_PACKET, _PACKET = 0x0A0D0D0A, 1, 2, 3, 6
_PACKETS = frozenset({_OLD_PACKET, _SIMPLE_PACKET, _PACKET})
_BYTE_ORDER = {b"\x4d\x3c\x2b\x1a": "<", b"\x1a\x2b\x3c\x4d": ">"}
_RESOLUTION, _OFFSET = 9, 14
_MOST_BLOCK = 16 * 1024 * 1024
_MOST_INTERFACES = 4096
_PIECE = 1 << 20


@dataclass(slots=True)
class _Interface:
    link: int
    snap: int
    tick: float = 1e-6
    offset: int = 0


class _Damage(Exception):  # noqa: N818 - not an error: the end of what can be read
    """The file cannot be followed any further."""


def pcapng_frames(file: Readable, entry: FileEntry) -> Iterator[Frame]:
    """The frames of a pcapng file, from its first byte on; ``entry`` gets notes about damage."""
    interfaces: list[_Interface] = []
    beyond = 0
    try:
        for order, kind, body in _blocks(file):
            if kind == _PACKET or kind in _PACKETS:
                frame = _frame(order, kind, body, interfaces)
                if frame is not None and 0.0 <= frame[0] <= LATEST:
                    yield frame
                elif frame is not None:
                    beyond += 1
            elif kind == _SECTION:
                interfaces.clear()
            elif kind == _INTERFACE and len(body) >= 8 and len(interfaces) < _MOST_INTERFACES:
                interfaces.append(_interface(order, body))
    except _Damage as damage:
        entry.notes.append(str(damage))
    if beyond:
        entry.notes.append(f"{beyond} packets of times that no calendar has are left out")


def _blocks(file: Readable) -> Iterator[tuple[str, int, bytes]]:
    """Each block as byte order, type and body."""
    buffer, at, order, count = b"", 0, "", 0
    while True:
        size = len(buffer)
        while size - at >= 12:
            if buffer[at : at + 4] == SECTION:
                order = _BYTE_ORDER.get(buffer[at + 8 : at + 12], "")
            if not order:
                raise _Damage("a section has no byte order: the rest is not read")
            kind, length = struct.unpack_from(f"{order}II", buffer, at)
            if length < 12 or length % 4 or length > _MOST_BLOCK:
                raise _Damage(f"block {count + 1} claims {length} bytes: the rest is not read")
            if at + length > size:
                break
            count += 1
            yield order, kind, buffer[at + 8 : at + length - 4]
            at += length
        piece = file.read(_PIECE)
        if not piece:
            if at < size:
                raise _Damage(f"the file ends within block {count + 1}")
            return
        buffer, at = buffer[at:] + piece, 0


def _interface(order: str, body: bytes) -> _Interface:
    link, _, snap = struct.unpack_from(f"{order}HHI", body)
    interface = _Interface(link, snap)
    at = 8
    while len(body) - at >= 4:
        code, length = struct.unpack_from(f"{order}HH", body, at)
        value = body[at + 4 : at + 4 + length]
        if code == 0:
            break
        if code == _RESOLUTION and length == 1 and value:
            base = 2.0 if value[0] & 0x80 else 10.0
            interface.tick = base ** -(value[0] & 0x7F)
        elif code == _OFFSET and len(value) == 8:
            interface.offset = struct.unpack(f"{order}q", value)[0]
        at += 4 + length + (-length) % 4
    return interface


def _frame(order: str, kind: int, body: bytes, interfaces: list[_Interface]) -> Frame | None:
    """The frame in a block; None for one that says too little."""
    number = 0
    if kind == _SIMPLE_PACKET:
        if len(body) < 4 or not interfaces:
            return None
        (length,) = struct.unpack_from(f"{order}I", body)
        captured = min(length, interfaces[0].snap or length, len(body) - 4)
        return 0.0, interfaces[0].link, body[4 : 4 + captured], captured < length
    if len(body) < 20:
        return None
    if kind == _PACKET:
        number, high, low, captured, length = struct.unpack_from(f"{order}IIIII", body)
    else:
        number, _, high, low, captured, length = struct.unpack_from(f"{order}HHIIII", body)
    if number >= len(interfaces) or captured > MOST_FRAME:
        return None
    interface = interfaces[number]
    at = ((high << 32) | low) * interface.tick + interface.offset
    return at, interface.link, body[20 : 20 + captured], captured < length
