"""Captures by seed, written as they are made: what a trunk really carries, and what is meant to hurt."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from random import Random

_HEADER = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262_144, 1)
_ETHERNET = b"\2\0\0\0\0\2\2\0\0\0\0\1\x08\0"
_PBX = bytes((198, 51, 100, 10))
_SOURCES = [bytes((192, 0, 2, number)) for number in range(5, 15)]
_AGENTS, _REGISTER_SHARE, _REFUSED_SHARE, _FLOWS_PER_SECOND = 500, 0.7, 0.03, 400.0
_START = 1_764_000_000.0
_BATCH = 5000
_SYN, _PUSH = 0x02, 0x18


def write(path: Path, frames: Iterable[tuple[float, bytes]], *, snap_length: int = 262_144) -> None:
    """A pcap file of IPv4 packets, in Ethernet."""
    with path.open("wb") as file:
        file.write(_HEADER[:16] + struct.pack("<I", snap_length) + _HEADER[20:])
        batch = []
        for at, packet in frames:
            seconds = int(at)
            size = len(packet) + len(_ETHERNET)
            head = struct.pack("<IIII", seconds, int((at - seconds) * 1e6), size, size)
            batch.append(head + _ETHERNET + packet)
            if len(batch) == _BATCH:
                file.write(b"".join(batch))
                batch.clear()
        file.write(b"".join(batch))


def udp(data: bytes, source: bytes, target: bytes) -> bytes:
    """An IPv4 packet between both ports 5060."""
    segment = struct.pack("!HHHH", 5060, 5060, 8 + len(data), 0) + data
    return (
        struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(segment), 0, 0x4000, 64, 17, 0) + source + target + segment
    )


def tcp(data: bytes, sequence: int, flags: int = _PUSH) -> bytes:
    """A segment towards the PBX."""
    segment = struct.pack("!HHIIBBHHH", 40_000, 5060, sequence % 2**32, 0, 5 << 4, flags, 65_535, 0, 0) + data
    head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(segment), 0, 0x4000, 64, 6, 0)
    return head + _SOURCES[0] + _PBX + segment


class _Agent:
    """A phone: its headers are always written alike."""

    def __init__(self, number: int, random: Random) -> None:
        self.source = _SOURCES[number % len(_SOURCES)]
        self._host = ".".join(map(str, self.source))
        self._user = f"agent{number:04d}"
        self._version = number % 3
        self._random = random

    def _token(self) -> str:
        return f"{self._random.getrandbits(128):032x}"

    def exchange(self, method: str, status: str, asked: str, answered: str) -> tuple[bytes, bytes]:
        """A request and its answer with these rows more."""
        random, user, host = self._random, self._user, self._host
        via = f"SIP/2.0/UDP {host}:5060;branch=z9hG4bK{self._token()}"
        party = f"<sip:{user}@pbx.example>"
        ends = f"From: {party};tag={random.getrandbits(32):08x}\r\nTo: {party}"
        call = f"Call-ID: {self._token()}@{host}\r\nCSeq: {random.randrange(1, 9)} {method}\r\n"
        uri = "sip:pbx.example" if method == "REGISTER" else f"sip:{user}@pbx.example"
        request = (
            f"{method} {uri} SIP/2.0\r\nVia: {via};rport\r\nMax-Forwards: 70\r\n{ends}\r\n{call}"
            f"Contact: <sip:{user}@{host}:5060>\r\nUser-Agent: Contact Desk 4.2.{self._version}\r\n"
            "Supported: path, outbound\r\nAllow: INVITE, ACK, CANCEL, OPTIONS, BYE, NOTIFY\r\n"
            f"Accept: application/sdp\r\n{asked}Content-Length: 0\r\n\r\n"
        )
        response = (
            f"SIP/2.0 {status}\r\nVia: {via};rport=5060;received={host}\r\n"
            f"{ends};tag={random.getrandbits(32):08x}\r\n{call}{answered}Server: Example PBX 13.38.3\r\n"
            "Allow: INVITE, ACK, CANCEL, OPTIONS, BYE, REFER, SUBSCRIBE, NOTIFY, INFO, PUBLISH, MESSAGE\r\n"
            "Supported: replaces, timer\r\nContent-Length: 0\r\n\r\n"
        )
        return request.encode(), response.encode()

    def flow(self) -> Iterator[tuple[float, bytes]]:
        """A registration with its challenge, or an OPTIONS, by seconds since its begin."""
        if self._random.random() >= _REGISTER_SHARE:
            request, response = self.exchange("OPTIONS", "200 OK", "", "")
            yield 0.0, udp(request, self.source, _PBX)
            yield 0.003, udp(response, _PBX, self.source)
            return
        nonce = self._token()
        challenge = f'WWW-Authenticate: Digest algorithm=MD5, realm="pbx.example", nonce="{nonce}"\r\n'
        request, response = self.exchange("REGISTER", "401 Unauthorized", "Expires: 300\r\n", challenge)
        yield 0.0, udp(request, self.source, _PBX)
        yield 0.002, udp(response, _PBX, self.source)
        login = (
            f'Expires: 300\r\nAuthorization: Digest username="{self._user}", realm="pbx.example", '
            f'nonce="{nonce}", uri="sip:pbx.example", response="{self._token()}", algorithm=MD5\r\n'
        )
        bound = f"Contact: <sip:{self._user}@{self._host}:5060>;expires=300\r\n"
        bound += "Date: Wed, 22 May 2024 14:30:00 GMT\r\n"
        is_refused = self._random.random() < _REFUSED_SHARE
        request, response = self.exchange(
            "REGISTER", "403 Forbidden" if is_refused else "200 OK", login, "" if is_refused else bound
        )
        yield 0.004, udp(request, self.source, _PBX)
        yield 0.012, udp(response, _PBX, self.source)


def ordinary(path: Path, messages: int, random: Random) -> None:
    """Registrations and OPTIONS of 500 agents."""

    def frames() -> Iterator[tuple[float, bytes]]:
        agents = [_Agent(number, random) for number in range(_AGENTS)]
        at, left = _START, messages
        while left > 0:
            at += random.expovariate(_FLOWS_PER_SECOND)
            for after, packet in random.choice(agents).flow():
                yield at + after, packet
                left -= 1

    write(path, frames())


def _plain(number: int) -> bytes:
    return (
        f"OPTIONS sip:a@pbx.example SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.5;branch=z9hG4bK{number:x}\r\n"
        f"From: <sip:{number:x}@h>;tag=1\r\nTo: <sip:a@h>\r\nCall-ID: {number:x}@h\r\nCSeq: 1 OPTIONS\r\n"
        "Content-Length: 0\r\n\r\n"
    ).encode()


def call_ids(path: Path, messages: int) -> None:
    """As many Call-IDs, users and branches as messages, within a second, never answered."""
    write(
        path,
        ((_START + number / messages, udp(_plain(number), _SOURCES[0], _PBX)) for number in range(messages)),
    )


def endless_gap(path: Path, messages: int) -> None:
    """A TCP connection whose first bytes never come, with a message in each segment after them."""

    def frames() -> Iterator[tuple[float, bytes]]:
        yield _START, tcp(b"", 0, _SYN)
        sequence = 1000
        for number in range(messages):
            data = _plain(number)
            yield _START, tcp(data, sequence)
            sequence += len(data)

    write(path, frames())


def half_messages(path: Path, messages: int) -> None:
    """TCP connections that each hold half a message, for ever."""

    def frames() -> Iterator[tuple[float, bytes]]:
        for number in range(messages):
            packet = bytearray(tcp(_plain(number)[:100] + b"x" * 1000, 1))
            packet[20:22] = struct.pack("!H", number % 65_536)
            packet[12:16] = struct.pack("!I", 0x0A000000 + number // 65_536)
            yield _START, bytes(packet)

    write(path, frames())


def lying_lengths(path: Path, messages: int) -> None:
    """Ordinary, with every tenth length in it replaced by another."""
    ordinary(path, messages // 10, Random(3))
    content, random = bytearray(path.read_bytes()), Random(4)
    for _ in range(messages // 10):
        at = random.randrange(60, len(content) - 4)
        content[at : at + 2] = random.randbytes(2)
    path.write_bytes(content)


def snap_length(path: Path, messages: int) -> None:
    """A snap length of 4 GB, a packet that claims as much, and the file cut there."""
    write(path, [(_START, udp(_plain(1), _SOURCES[0], _PBX))], snap_length=2**32 - 1)
    with path.open("ab") as file:
        file.write(struct.pack("<IIII", 1, 0, 2**32 - 1, 2**32 - 1) + bytes(messages))


def fragments(path: Path, messages: int) -> None:
    """First halves of packets whose second halves never come."""

    def frames() -> Iterator[tuple[float, bytes]]:
        for number in range(messages):
            packet = bytearray(udp(_plain(number), _SOURCES[0], _PBX)[:220])
            packet[2:8] = struct.pack("!HHH", len(packet), number % 65_536, 0x2000)
            yield _START, bytes(packet)

    write(path, frames())


HOSTILE: dict[str, Callable[[Path, int], None]] = {
    "as many Call-IDs as messages, unanswered": call_ids,
    "an endless gap in a TCP connection": endless_gap,
    "half messages on TCP": half_messages,
    "first fragments only": fragments,
    "lengths that lie": lying_lengths,
    "a snap length of 4 GB": snap_length,
}
