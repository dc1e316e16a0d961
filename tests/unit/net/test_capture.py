"""The capture file: its headers, checksums and sequence numbers, and how it comes into being.

Whether other programs agree is asked in the interop ring.
"""

from __future__ import annotations

import stat
import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shiftline.errors import ConfigurationError
from shiftline.net.capture import CaptureWritten, write_pcap
from shiftline.sip.trace import Direction, TracedMessage
from shiftline.sip.transport import Transport

ETHERNET, IPV4, IPV6, UDP, TCP = 14, 20, 40, 8, 20


def message(
    data: bytes = b"OPTIONS",
    *,
    at: float = 1.5,
    direction: Direction = Direction.SENT,
    peer: str = "192.0.2.1",
    transport: Transport = Transport.UDP,
) -> TracedMessage:
    local = "2001:db8::9" if ":" in peer else "192.0.2.9"
    return TracedMessage(
        at=at, direction=direction, local=(local, 5070), peer=(peer, 5060), transport=transport, data=data
    )


def records(path: Path) -> list[tuple[int, int, int, bytes]]:
    """Seconds, microseconds, the length on the wire and the bytes of each packet."""
    content, found, at = path.read_bytes(), [], 24
    while at < len(content):
        seconds, micros, kept, length = struct.unpack_from("<IIII", content, at)
        found.append((seconds, micros, length, content[at + 16 : at + 16 + kept]))
        at += 16 + kept
    return found


def ones_sum(data: bytes) -> int:
    """The Internet checksum's sum, word by word as RFC 1071 section 4.1 tells it; 0xFFFF over valid data."""
    data += b"\0" * (len(data) % 2)
    total = 0
    for (word,) in struct.iter_unpack("!H", data):
        total += word
        total = (total & 0xFFFF) + (total >> 16)
    return total


def test_the_packet_carries_addresses_ports_time_and_message(tmp_path: Path) -> None:
    """Civil time is the message's plus the offset, to the microsecond."""
    path = tmp_path / "one.pcap"
    written = write_pcap(path, [message(b"hello", at=1.25)], epoch_offset=1_700_000_000.5)
    assert written == CaptureWritten(messages=1, packets=1, cut=0)
    assert path.read_bytes()[:24] == struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262_144, 1)
    [(seconds, micros, length, packet)] = records(path)
    assert (seconds, micros, length) == (1_700_000_001, 750_000, len(packet))
    assert packet[26:34] == bytes([192, 0, 2, 9, 192, 0, 2, 1])
    assert packet[34:40] == struct.pack("!HHH", 5070, 5060, UDP + 5)
    assert packet.endswith(b"hello")


@given(
    st.binary(max_size=80),
    st.sampled_from(["192.0.2.1", "2001:db8::1"]),
    st.sampled_from(list(Transport)),
    st.sampled_from(list(Direction)),
)
def test_every_checksum_is_right(
    tmp_path_factory: pytest.TempPathFactory,
    data: bytes,
    peer: str,
    transport: Transport,
    direction: Direction,
) -> None:
    """That of IPv4 and that of UDP or TCP over its pseudo header; UDP's is never 0, which means none."""
    path = tmp_path_factory.getbasetemp() / "checksums.pcap"
    sent = message(data, peer=peer, transport=transport, direction=direction)
    write_pcap(path, [sent], epoch_offset=0.0, redacted=False)
    packet = records(path)[0][3][ETHERNET:]
    ip_bytes = IPV4 if peer == "192.0.2.1" else IPV6
    header, segment = packet[:ip_bytes], packet[ip_bytes:]
    hosts = header[12:20] if ip_bytes == IPV4 else header[8:40]
    protocol = 17 if transport is Transport.UDP else 6
    assert ip_bytes == IPV6 or ones_sum(header) == 0xFFFF
    assert ones_sum(hosts + struct.pack("!II", len(segment), protocol) + segment) == 0xFFFF
    assert transport is not Transport.UDP or segment[6:8] != b"\0\0"


def test_tcp_numbers_go_on_in_both_directions(tmp_path: Path) -> None:
    """Each byte is numbered once, and each end acknowledges what the other has sent."""
    path = tmp_path / "tcp.pcap"
    sent, received = Direction.SENT, Direction.RECEIVED
    said = [(sent, b"abc"), (received, b"defgh"), (sent, b"i"), (received, b"jk")]
    stream = [message(data, direction=direction, transport=Transport.TLS) for direction, data in said]
    write_pcap(path, stream, epoch_offset=0.0)
    numbers = [struct.unpack_from("!II", packet, ETHERNET + IPV4 + 4) for *_, packet in records(path)]
    assert numbers == [(1, 1), (1, 4), (4, 6), (6, 5)]


def test_a_datagram_that_no_ip_packet_holds_is_cut_and_says_so(tmp_path: Path) -> None:
    """The record's length on the wire tells how much is missing; a stream takes more segments instead."""
    path = tmp_path / "large.pcap"
    data = b"x" * 70_000
    assert write_pcap(path, [message(data)], epoch_offset=0.0).cut == 1
    [(_, _, length, packet)] = records(path)
    assert length == ETHERNET + IPV4 + UDP + len(data) > len(packet)
    written = write_pcap(path, [message(data, transport=Transport.TCP)], epoch_offset=0.0)
    assert written == CaptureWritten(messages=1, packets=2, cut=0)
    assert sum(len(packet) - ETHERNET - IPV4 - TCP for *_, packet in records(path)) == len(data)


def test_secrets_stay_out_unless_asked_for(tmp_path: Path) -> None:
    """A capture goes to other people."""
    path = tmp_path / "secrets.pcap"
    secret = [message(b'OPTIONS sip:a SIP/2.0\r\nAuthorization: Digest response="9d5b", realm="r"\r\n\r\n')]
    write_pcap(path, secret, epoch_offset=0.0)
    assert b"9d5b" not in path.read_bytes()
    write_pcap(path, secret, epoch_offset=0.0, redacted=False)
    assert b"9d5b" in path.read_bytes()


def test_the_file_is_private_and_replaces_an_older_one(tmp_path: Path) -> None:
    """Nothing but the capture is left in its directory."""
    path = tmp_path / "private.pcap"
    path.write_bytes(b"older")
    path.chmod(0o644)
    write_pcap(path, [message()], epoch_offset=0.0)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [file.name for file in tmp_path.iterdir()] == ["private.pcap"]


def test_a_device_is_written_to_and_never_replaced() -> None:
    """``--pcap /dev/null`` must not turn it into a file."""
    null = Path("/dev/null")
    write_pcap(null, [message()], epoch_offset=0.0)
    assert null.is_char_device()


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    """What it points to is replaced."""
    link = tmp_path / "link.pcap"
    link.symlink_to(tmp_path / "target.pcap")
    write_pcap(link, [message()], epoch_offset=0.0)
    assert link.is_symlink()
    assert len(records(tmp_path / "target.pcap")) == 1


def test_a_path_that_cannot_be_written_is_one_clear_sentence(tmp_path: Path) -> None:
    """And leaves nothing behind."""
    with pytest.raises(ConfigurationError, match="cannot be written"):
        write_pcap(tmp_path / "nowhere" / "x.pcap", [message()], epoch_offset=0.0)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("offset", "seconds"), [(-10.0, 0), (1e12, 2**32 - 1)])
def test_times_before_and_after_the_format_are_its_ends(tmp_path: Path, offset: float, seconds: int) -> None:
    """The format counts seconds from 1970 in 32 bits."""
    path = tmp_path / "time.pcap"
    write_pcap(path, [message()], epoch_offset=offset)
    assert records(path)[0][:2] == (seconds, 0)
