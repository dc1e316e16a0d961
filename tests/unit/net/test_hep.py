"""HEPv3: the chunks of a packet, and a sender that never gets in the way."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from shiftline.errors import ConfigurationError
from shiftline.net.hep import (
    LONGEST_MESSAGE,
    HepSender,
    encode_hep,
    find_collector,
    look_up_collector,
    open_collector,
)
from shiftline.secrets import Secret
from shiftline.sip.trace import Direction, TracedMessage
from shiftline.sip.transport import Transport

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
REQUEST = (
    b"OPTIONS sip:a@192.0.2.1 SIP/2.0\r\nCall-ID: 7@x\r\n"
    b'Authorization: Digest username="u", realm="r", response="9d5b"\r\n\r\n'
)


def message(
    data: bytes = REQUEST, *, peer: str = "192.0.2.1", transport: Transport = Transport.UDP
) -> TracedMessage:
    return TracedMessage(
        at=1.25,
        direction=Direction.RECEIVED,
        local=("2001:db8::9" if ":" in peer else "192.0.2.9", 5070),
        peer=(peer, 5060),
        transport=transport,
        data=data,
    )


def chunks(packet: bytes) -> dict[int, bytes]:
    """The generic chunks of a packet by type."""
    assert packet[:4] == b"HEP3"
    assert struct.unpack_from("!H", packet, 4) == (len(packet),)
    found, at = {}, 6
    while at < len(packet):
        vendor, kind, length = struct.unpack_from("!HHH", packet, at)
        assert vendor == 0
        assert kind not in found
        found[kind] = packet[at + 6 : at + length]
        at += length
    assert at == len(packet)
    return found


def test_every_chunk_of_a_message() -> None:
    """Family, protocol, both ends, time, SIP, our id, key, message and Call-ID."""
    packet = encode_hep(message(), epoch_offset=1_700_000_000.5, capture_id=77, auth_key=Secret("key"))
    assert chunks(packet) == {
        1: b"\x02",
        2: b"\x11",
        3: bytes([192, 0, 2, 1]),
        4: bytes([192, 0, 2, 9]),
        7: struct.pack("!H", 5060),
        8: struct.pack("!H", 5070),
        9: struct.pack("!I", 1_700_000_001),
        10: struct.pack("!I", 750_000),
        11: b"\x01",
        12: struct.pack("!I", 77),
        14: b"key",
        15: REQUEST,
        17: b"7@x",
    }


def test_ipv6_and_tcp_have_their_own_numbers() -> None:
    """Addresses of 16 bytes stand in other chunks; TLS is told as TCP; no key, no Call-ID: no chunk."""
    broken = message(b"garbage", peer="2001:db8::1", transport=Transport.TLS)
    found = chunks(encode_hep(broken, epoch_offset=0.0, capture_id=1))
    assert (found[1], found[2]) == (b"\x0a", b"\x06")
    assert found[5] == socket.inet_pton(socket.AF_INET6, "2001:db8::1")
    assert not {3, 4, 14, 17} & set(found)


def test_a_message_too_large_for_a_datagram_is_cut() -> None:
    """The packet is as large as a datagram may be, and no larger."""
    packet = encode_hep(message(REQUEST + b"x" * 70_000), epoch_offset=0.0, capture_id=1)
    assert len(packet) == 65_507
    assert chunks(packet)[15].startswith(REQUEST)


@pytest.fixture
def collector() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        sock.settimeout(5)
        yield sock


def test_what_is_sent_is_redacted_unless_asked(collector: socket.socket) -> None:
    """The collector gets messages in their order; time is asked with each of them."""
    times = iter([10.0, 20.0])
    with HepSender.open(collector.getsockname(), epoch_offset=lambda: next(times)) as sender:
        sender.send(message())
        sender.send(message())
    first, second = chunks(collector.recv(65_535)), chunks(collector.recv(65_535))
    assert (first[9], second[9]) == (struct.pack("!I", 11), struct.pack("!I", 21))
    assert b"9d5b" not in first[15]
    assert (sender.sent, sender.dropped) == (2, 0)
    with HepSender.open(collector.getsockname(), epoch_offset=lambda: 0.0, redacted=False) as sender:
        sender.send(message())
    assert b"9d5b" in chunks(collector.recv(65_535))[15]


@pytest.mark.parametrize("kept_of_the_secret", range(5))
def test_a_sender_looks_at_so_much_of_a_message(collector: socket.socket, kept_of_the_secret: int) -> None:
    """The rest is cut before it is redacted, and no part of a secret at the cut comes through."""
    head = REQUEST[: REQUEST.index(b"9d5b") + kept_of_the_secret]
    filled = head.replace(
        b"Call-ID", b"Subject: " + b"x" * (LONGEST_MESSAGE - len(head) - 11) + b"\r\nCall-ID"
    )
    large = filled + REQUEST[len(head) :] + b"y" * 50_000
    assert len(filled) == LONGEST_MESSAGE
    with HepSender.open(collector.getsockname(), epoch_offset=lambda: 0.0) as sender:
        sender.send(message(large))
    found = chunks(collector.recv(65_535))
    assert found[17] == b"7@x"
    assert found[15].partition(b"response=")[2] in (b'"redacted"', b'"')


def test_a_collector_that_is_down_costs_nothing_but_its_copies(collector: socket.socket) -> None:
    """No call raises; what the system refused is counted, and so is what comes after the end."""
    address = collector.getsockname()
    collector.close()
    with HepSender.open(address, epoch_offset=lambda: 0.0) as sender:
        for _ in range(4):
            sender.send(message())
    sender.send(message())
    assert sender.sent + sender.dropped == 5
    assert sender.dropped >= 2  # every refusal is told by the send after it


async def test_a_worker_without_a_collector_does_not_trace() -> None:
    """No ``trunk.hep``, no ``on_message``."""
    assert await find_collector("") is None
    async with open_collector(None, clock=lambda: NOON, capture_id=1, auth_key=None) as tell:
        assert tell is None


async def test_a_worker_sends_civil_time(collector: socket.socket) -> None:
    """The clock's, at the moment of sending."""
    address = await find_collector(f"127.0.0.1:{collector.getsockname()[1]}")
    async with open_collector(address, clock=lambda: NOON, capture_id=5, auth_key=None) as tell:
        assert tell is not None
        tell(message())
    found = chunks(collector.recv(65_535))
    assert found[12] == struct.pack("!I", 5)
    offset = NOON.timestamp() - asyncio.get_running_loop().time()
    assert struct.unpack("!I", found[9])[0] == pytest.approx(offset + 1.25, abs=60)


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("127.0.0.1:9061", ("127.0.0.1", 9061)),
        ("127.0.0.1", ("127.0.0.1", 9060)),
        ("[::1]:9060", ("::1", 9060)),
        ("[::1]", ("::1", 9060)),
    ],
)
def test_addresses_of_collectors(text: str, address: tuple[str, int]) -> None:
    """A port is optional, and IPv6 stands in brackets."""
    assert look_up_collector(text) == address


@pytest.mark.parametrize(
    "text", ["a b", "x:y", "127.0.0.1:0", "127.0.0.1:70000", "::1:9060", ":9060", "a:1:2"]
)
def test_what_is_no_address_of_a_collector(text: str) -> None:
    """One clear sentence, before anything is sent."""
    with pytest.raises(ConfigurationError, match="HEP collector"):
        look_up_collector(text)


def test_a_key_that_no_collector_has_is_refused_before_anything_is_sent() -> None:
    """A chunk has room for it, but it is surely another file's content."""
    with pytest.raises(ConfigurationError, match="key is longer"):
        HepSender.open(("127.0.0.1", 9060), epoch_offset=lambda: 0.0, auth_key=Secret("k" * 256))
