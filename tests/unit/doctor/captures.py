"""Packets and capture files made by hand, for the tests of the readers."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from ipaddress import ip_address

ETHERNET, RAW, NULL, LOOP, COOKED, COOKED_2 = 1, 101, 0, 108, 113, 276
CLIENT, SERVER = ("192.0.2.7", 5060), ("198.51.100.1", 5060)
CLIENT_6, SERVER_6 = ("2001:db8::7", 5060), ("2001:db8::1", 5060)
At = tuple[str, int]


def request(
    method: str = "OPTIONS", *, branch: str = "z9hG4bK1", cseq: int = 1, extra: str = "", body: str = ""
) -> bytes:
    """A request from agent0001's planner."""
    return (
        f"{method} sip:agent0001@pbx.example SIP/2.0\r\n"
        f"Via: SIP/2.0/UDP 192.0.2.7:5060;branch={branch};rport\r\n"
        "Max-Forwards: 70\r\n"
        "From: <sip:planner@wfm.example>;tag=a1\r\n"
        "To: <sip:agent0042@pbx.example>\r\n"
        "Call-ID: c1@192.0.2.7\r\n"
        f"CSeq: {cseq} {method}\r\n"
        "Contact: <sip:planner@10.0.0.7:5070>\r\n"
        "User-Agent: Shiftline/0.1\r\n"
        f"{extra}"
        f"Content-Length: {len(body)}\r\n\r\n{body}"
    ).encode()


def response(
    status: str = "200 OK",
    method: str = "OPTIONS",
    *,
    branch: str = "z9hG4bK1",
    cseq: int = 1,
    extra: str = "",
) -> bytes:
    """Its answer."""
    return (
        f"SIP/2.0 {status}\r\n"
        f"Via: SIP/2.0/UDP 192.0.2.7:5060;branch={branch};rport=5060;received=192.0.2.7\r\n"
        "From: <sip:planner@wfm.example>;tag=a1\r\n"
        "To: <sip:agent0042@pbx.example>;tag=b2\r\n"
        "Call-ID: c1@192.0.2.7\r\n"
        f"CSeq: {cseq} {method}\r\n"
        "Server: Example PBX 1.2\r\n"
        f"{extra}"
        "Content-Length: 0\r\n\r\n"
    ).encode()


def udp(data: bytes, source: At = CLIENT, target: At = SERVER) -> bytes:
    """An IP packet with a UDP datagram."""
    segment = struct.pack("!HHHH", source[1], target[1], 8 + len(data), 0) + data
    return ip(17, segment, source[0], target[0])


def tcp(data: bytes, sequence: int, source: At = CLIENT, target: At = SERVER, *, flags: int = 0x18) -> bytes:
    """An IP packet with a TCP segment."""
    header = struct.pack("!HHIIBBHHH", source[1], target[1], sequence % 2**32, 0, 5 << 4, flags, 65_535, 0, 0)
    return ip(6, header + data, source[0], target[0])


def ip(
    protocol: int, payload: bytes, source: str, target: str, *, offset: int = 0, more: bool = False
) -> bytes:
    """An IP packet or one of its fragments; ``offset`` in bytes."""
    packed = ip_address(source).packed + ip_address(target).packed
    if len(packed) == 8:
        flags = (0x2000 if more else 0) | offset // 8
        return (
            struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(payload), 77, flags, 64, protocol, 0)
            + packed
            + payload
        )
    if offset or more:
        payload = struct.pack("!BBHI", protocol, 0, offset | more, 77) + payload
        protocol = 44
    return struct.pack("!IHBB", 6 << 28, len(payload), protocol, 64) + packed + payload


def ethernet(packet: bytes, *tags: int) -> bytes:
    """A frame, with VLAN tags of these types."""
    kind = b"\x86\xdd" if packet[0] >> 4 == 6 else b"\x08\x00"
    return bytes(12) + b"".join(struct.pack("!HH", tag, 5) for tag in tags) + kind + packet


def pcap(
    frames: Iterable[tuple[float, bytes]],
    link: int = ETHERNET,
    *,
    order: str = "<",
    nanoseconds: bool = False,
) -> bytes:
    """A capture file."""
    magic, ticks = (0xA1B23C4D, 10**9) if nanoseconds else (0xA1B2C3D4, 10**6)
    content = struct.pack(f"{order}IHHiIII", magic, 2, 4, 0, 0, 2**32 - 1, link)
    for at, frame in frames:
        whole, part = divmod(round(at * ticks), ticks)
        content += struct.pack(f"{order}IIII", whole, part, len(frame), len(frame)) + frame
    return content


def block(order: str, kind: int, body: bytes) -> bytes:
    """One block of pcapng."""
    body += bytes(-len(body) % 4)
    size = struct.pack(f"{order}I", 12 + len(body))
    return struct.pack(f"{order}I", kind) + size + body + size


def section(order: str = "<") -> bytes:
    """The head of a section."""
    return block(order, 0x0A0D0D0A, struct.pack(f"{order}IHHq", 0x1A2B3C4D, 1, 0, -1))


def interface(link: int = ETHERNET, order: str = "<", resolution: int | None = None) -> bytes:
    """An interface; ``resolution`` is the value of if_tsresol."""
    options = b"" if resolution is None else struct.pack(f"{order}HHB3xHH", 9, 1, resolution, 0, 0)
    return block(order, 1, struct.pack(f"{order}HHI", link, 0, 0) + options)


def enhanced(frame: bytes, ticks: int, number: int = 0, order: str = "<") -> bytes:
    """A packet of interface ``number``."""
    head = struct.pack(f"{order}IIIII", number, ticks >> 32, ticks & 0xFFFFFFFF, len(frame), len(frame))
    return block(order, 6, head + frame)
