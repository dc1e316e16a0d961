"""HEPv3, in which HOMER's agents send what they saw; found inside UDP packets of a capture."""

from __future__ import annotations

import struct
import zlib

from shiftline.doctor.reading.sighting import Flow, host_text

MAGIC = b"HEP3"
_PROTOCOL, _SOURCE_4, _TARGET_4, _SOURCE_6, _TARGET_6, _SOURCE_PORT, _TARGET_PORT = 2, 3, 4, 5, 6, 7, 8
_SECONDS, _MICROSECONDS, _KIND, _PAYLOAD, _PACKED_PAYLOAD = 9, 10, 11, 15, 16
_SIP = 1
_MOST_CHUNKS = 64
_LONGEST = 65_535
_TRANSPORTS = {17: "UDP", 6: "TCP"}
_NUMBERS = {_PROTOCOL: 1, _SOURCE_PORT: 2, _TARGET_PORT: 2, _SECONDS: 4, _MICROSECONDS: 4, _KIND: 1}


def decode_hep(data: bytes) -> tuple[float, Flow, bytes] | None:
    """What an agent saw, when (seconds since the epoch) and on which way; None if it is no SIP."""
    chunks = _chunks(data)
    numbers = {
        kind: int.from_bytes(chunks[kind])
        for kind, size in _NUMBERS.items()
        if len(chunks.get(kind, b"")) == size
    }
    source = chunks.get(_SOURCE_4) or chunks.get(_SOURCE_6, b"")
    target = chunks.get(_TARGET_4) or chunks.get(_TARGET_6, b"")
    if len(source) not in (4, 16) or len(target) != len(source) or numbers.get(_KIND) != _SIP:
        return None
    payload = chunks.get(_PAYLOAD) or _unpacked(chunks.get(_PACKED_PAYLOAD, b""))
    flow = Flow(
        host_text(source),
        numbers.get(_SOURCE_PORT, 0),
        host_text(target),
        numbers.get(_TARGET_PORT, 0),
        _TRANSPORTS.get(numbers.get(_PROTOCOL, 17), "UDP"),
    )
    at = numbers.get(_SECONDS, 0) + numbers.get(_MICROSECONDS, 0) * 1e-6
    return (at, flow, payload) if payload else None


def _chunks(data: bytes) -> dict[int, bytes]:
    chunks: dict[int, bytes] = {}
    end = min(len(data), int.from_bytes(data[4:6]))
    at = 6
    for _ in range(_MOST_CHUNKS):
        if end - at < 6:
            break
        vendor, kind, length = struct.unpack_from("!HHH", data, at)
        if length < 6 or at + length > end:
            break
        if vendor == 0:
            chunks[kind] = data[at + 6 : at + length]
        at += length
    return chunks


def _unpacked(data: bytes) -> bytes:
    try:
        return zlib.decompressobj().decompress(data, _LONGEST) if data else b""
    except zlib.error:
        return b""
