"""IPv4 and IPv6: addresses and payload of a packet, fragments put together (RFC 791, RFC 8200)."""

from __future__ import annotations

from collections import Counter, OrderedDict
from dataclasses import dataclass, field
from typing import TypeAlias

TCP, UDP, ICMP, ICMP6 = 6, 17, 1, 58
_HOP_BY_HOP, _ROUTING, _FRAGMENT, _AUTHENTICATION, _DESTINATION, _MOBILITY = 0, 43, 44, 51, 60, 135
_SKIPPED = frozenset({_HOP_BY_HOP, _ROUTING, _DESTINATION, _MOBILITY, _AUTHENTICATION})
_MOST_HEADERS = 8
_MOST_WAITING = 1000
_MOST_BYTES = 8 * 1024 * 1024
_MOST_PIECES = 64
_LONGEST = 65_535

Packet: TypeAlias = tuple[int, bytes, bytes]
"""Protocol, both packed addresses one after the other, payload."""


@dataclass(slots=True)
class _Pieces:
    parts: dict[int, bytes] = field(default_factory=dict)
    total: int = -1
    size: int = 0


class Reassembly:
    """Puts fragments together; ``skipped`` counts those of which a part never came or which lied."""

    def __init__(self, skipped: Counter[str]) -> None:
        self._skipped = skipped
        self._waiting: OrderedDict[bytes, _Pieces] = OrderedDict()
        self._bytes = 0

    def read(self, data: bytes) -> Packet | None:
        """The packet in ``data``, which begins with its IP header; None while it is incomplete or broken."""
        version = data[0] >> 4 if data else 0
        if version == 4:
            return self._read_4(data)
        if version == 6:
            return self._read_6(data)
        return None

    def _read_4(self, data: bytes) -> Packet | None:
        start = (data[0] & 0x0F) * 4
        if start < 20 or len(data) < start:
            return None
        # Zero stands there when the network card cuts the packet later than it was captured.
        total = int.from_bytes(data[2:4]) or len(data)
        protocol, addresses, payload = data[9], data[12:20], data[start:total]
        flags = int.from_bytes(data[6:8])
        if not flags & 0x3FFF:
            return protocol, addresses, payload
        key = addresses + data[4:6] + data[9:10]
        return self._join(key, protocol, addresses, (flags & 0x1FFF) * 8, payload, more=bool(flags & 0x2000))

    def _read_6(self, data: bytes) -> Packet | None:
        if len(data) < 40:
            return None
        total = 40 + int.from_bytes(data[4:6]) if data[4:6] != b"\0\0" else len(data)
        data, kind, at, addresses = data[:total], data[6], 40, data[8:40]
        for _ in range(_MOST_HEADERS):
            if kind == _FRAGMENT and len(data) >= at + 8:
                field_ = int.from_bytes(data[at + 2 : at + 4])
                key = addresses + data[at + 4 : at + 8]
                return self._join(
                    key, data[at], addresses, field_ & 0xFFF8, data[at + 8 :], more=bool(field_ & 1)
                )
            if kind not in _SKIPPED:
                return kind, addresses, data[at:]
            if len(data) < at + 2:
                return None
            units = data[at + 1]
            kind, at = data[at], at + ((units + 2) * 4 if kind == _AUTHENTICATION else (units + 1) * 8)
        return None

    def _join(
        self, key: bytes, protocol: int, addresses: bytes, offset: int, payload: bytes, *, more: bool
    ) -> Packet | None:
        if offset == 0 and not more:
            return protocol, addresses, payload  # an atomic fragment (RFC 6946)
        pieces = self._waiting.setdefault(key, _Pieces())
        if offset + len(payload) > _LONGEST or len(pieces.parts) >= _MOST_PIECES:
            self._drop(key)
            return None
        if offset not in pieces.parts:
            pieces.parts[offset] = payload
            pieces.size += len(payload)
            self._bytes += len(payload)
        if not more:
            pieces.total = offset + len(payload)
        if pieces.size >= pieces.total >= 0:
            whole = _whole(pieces)
            if whole is not None:
                self._bytes -= pieces.size
                del self._waiting[key]
                return protocol, addresses, whole
        while len(self._waiting) > _MOST_WAITING or self._bytes > _MOST_BYTES:
            self._drop(next(iter(self._waiting)))
        return None

    def _drop(self, key: bytes) -> None:
        self._bytes -= self._waiting.pop(key).size
        self._skipped["IP packets of which a fragment is missing or lies"] += 1

    def finish(self) -> None:
        """Count what never became whole."""
        for key in list(self._waiting):
            self._drop(key)


def _whole(pieces: _Pieces) -> bytes | None:
    content = bytearray()
    for offset in sorted(pieces.parts):
        if offset > len(content):
            return None
        content[offset:] = pieces.parts[offset]
    return bytes(content[: pieces.total]) if len(content) >= pieces.total else None
