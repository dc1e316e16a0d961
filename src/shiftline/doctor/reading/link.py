"""Where the IP packet begins in a frame, by link type (www.tcpdump.org/linktypes.html)."""

from __future__ import annotations

ETHERNET = 1
_NULL, _LOOP = 0, 108
_RAW = frozenset({12, 14, 101, 228, 229})
_COOKED, _COOKED_2 = 113, 276
_IPV4, _IPV6 = 0x0800, 0x86DD
_TAGS = frozenset({0x8100, 0x88A8, 0x9100, 0x9200})
_MOST_TAGS = 4
_PPPOE = 0x8864
LINK_TYPES = frozenset({ETHERNET, _NULL, _LOOP, _COOKED, _COOKED_2}) | _RAW


def ip_offset(link: int, data: bytes) -> int:
    """How many bytes stand before the IP header; -1 where there is none."""
    if link == ETHERNET:
        return _after_type(data, 12)
    if link == _COOKED:
        return _after_type(data, 14)
    if link == _COOKED_2:
        return 20 if int.from_bytes(data[:2]) in (_IPV4, _IPV6) and len(data) > 20 else -1
    if link in (_NULL, _LOOP):
        return 4 if len(data) > 4 else -1  # the version in the IP header itself tells the rest
    return 0 if link in _RAW and data else -1


def _after_type(data: bytes, at: int) -> int:
    """Behind the EtherType at ``at``, VLAN tags (802.1Q, 802.1ad) and a PPPoE header."""
    for _ in range(_MOST_TAGS + 1):
        kind = int.from_bytes(data[at : at + 2])
        if kind in (_IPV4, _IPV6):
            return at + 2 if len(data) > at + 2 else -1
        if kind == _PPPOE:
            return at + 10 if data[at + 8 : at + 10] in (b"\x00\x21", b"\x00\x57") else -1
        if kind not in _TAGS:
            return -1
        at += 4
    return -1
