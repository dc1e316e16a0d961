"""Every kind of capture file and every way a SIP message can be packed gives the same exchange."""

from __future__ import annotations

import gzip
import struct
from itertools import pairwise
from pathlib import Path

import pytest
from tests.unit.doctor.captures import (
    CLIENT,
    CLIENT_6,
    COOKED,
    COOKED_2,
    LOOP,
    NULL,
    RAW,
    SERVER,
    SERVER_6,
    enhanced,
    ethernet,
    interface,
    ip,
    pcap,
    request,
    response,
    section,
    tcp,
    udp,
)

from shiftline.diagnosis.exchange import Exchange, Remark
from shiftline.diagnosis.outcome import Outcome, outcome_of
from shiftline.doctor.reading.reading import Reading
from shiftline.net.capture import write_pcap
from shiftline.net.hep import encode_hep
from shiftline.sip.trace import Direction, TracedMessage
from shiftline.sip.transport import Transport

NOON = 1_716_400_000.0
PAIR = [(NOON, udp(request())), (NOON + 0.25, udp(response("403 Forbidden"), SERVER, CLIENT))]


def read(tmp_path: Path, content: bytes, name: str = "a.pcap") -> tuple[list[Exchange], Reading]:
    (tmp_path / name).write_bytes(content)
    reading = Reading([tmp_path / name])
    return [one for one in reading if isinstance(one, Exchange)], reading


def the_one(tmp_path: Path, content: bytes) -> Exchange:
    exchanges, _ = read(tmp_path, content)
    (only,) = exchanges
    return only


def framed(pair: list[tuple[float, bytes]], *tags: int) -> list[tuple[float, bytes]]:
    return [(at, ethernet(packet, *tags)) for at, packet in pair]


def test_an_exchange_has_what_both_messages_say(tmp_path: Path) -> None:
    one = the_one(tmp_path, pcap(framed(PAIR)))
    assert (one.source, one.source_port, one.target, one.target_port) == (*CLIENT, *SERVER)
    assert (one.method, one.user, one.uri_host) == ("OPTIONS", "agent0001", "pbx.example")
    assert (one.from_user, one.from_host, one.contact_host) == ("planner", "wfm.example", "10.0.0.7")
    assert (one.via_host, one.user_agent, one.call_id) == ("192.0.2.7", "Shiftline/0.1", "c1@192.0.2.7")
    assert (one.status, one.reason, one.hints) == (403, "Forbidden", {"server": "Example PBX 1.2"})
    assert one.at == NOON
    assert one.answered_after == pytest.approx(0.25, abs=1e-6)
    assert one.size == len(request())
    assert [str(place) for place in one.places] == ["a.pcap#1", "a.pcap#2"]


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("nanoseconds", [False, True])
def test_pcap_of_both_orders_and_both_ticks(tmp_path: Path, order: str, *, nanoseconds: bool) -> None:
    one = the_one(tmp_path, pcap(framed(PAIR), order=order, nanoseconds=nanoseconds))
    assert one.at == pytest.approx(NOON, abs=1e-6)
    assert one.status == 403


@pytest.mark.parametrize(
    ("link", "head"),
    [
        (RAW, b""),
        (NULL, struct.pack("<I", 2)),
        (LOOP, struct.pack(">I", 2)),
        (COOKED, bytes(14) + b"\x08\x00"),
        (COOKED_2, b"\x08\x00" + bytes(18)),
    ],
)
def test_link_types(tmp_path: Path, link: int, head: bytes) -> None:
    assert the_one(tmp_path, pcap([(at, head + packet) for at, packet in PAIR], link)).status == 403


@pytest.mark.parametrize("tags", [(0x8100,), (0x88A8, 0x8100)])
def test_vlan_tags(tmp_path: Path, tags: tuple[int, ...]) -> None:
    assert the_one(tmp_path, pcap(framed(PAIR, *tags))).status == 403


def test_ipv6_behind_extension_headers(tmp_path: Path) -> None:
    def extended(packet: bytes) -> bytes:
        hop, destination = bytes([60, 0]) + bytes(6), bytes([17, 0]) + bytes(6)
        payload = hop + destination + packet[40:]
        return packet[:4] + struct.pack("!HB", len(payload), 0) + packet[7:40] + payload

    there, back = udp(request(), CLIENT_6, SERVER_6), udp(response(), SERVER_6, CLIENT_6)
    one = the_one(tmp_path, pcap([(1.0, ethernet(extended(there))), (2.0, ethernet(back))]))
    assert (one.source, one.target, one.status) == (CLIENT_6[0], SERVER_6[0], 200)


@pytest.mark.parametrize(("source", "target"), [(CLIENT, SERVER), (CLIENT_6, SERVER_6)])
def test_fragments_in_any_order(tmp_path: Path, source: tuple[str, int], target: tuple[str, int]) -> None:
    payload = struct.pack("!HHHH", source[1], target[1], 8 + len(request()), 0) + request()
    first = ip(17, payload[:200], source[0], target[0], more=True)
    second = ip(17, payload[200:], source[0], target[0], offset=200)
    back = udp(response(), target, source)
    for order in ([first, second], [second, first], [first, first, second]):
        frames = [(1.0 + number, ethernet(packet)) for number, packet in enumerate([*order, back])]
        assert the_one(tmp_path, pcap(frames)).size == len(request())


def test_a_missing_fragment_is_said(tmp_path: Path) -> None:
    lost = ip(17, udp(request())[20:60], *("192.0.2.7", "198.51.100.1"), more=True)
    _, reading = read(tmp_path, pcap([(1.0, ethernet(lost))]))
    assert reading.ledger.skipped == {"IP packets of which a fragment is missing or lies": 1}


def test_pcapng_with_sections_interfaces_and_resolutions(tmp_path: Path) -> None:
    there, back = (packet for _, packet in PAIR)
    content = section(">") + interface(RAW, ">", resolution=9) + enhanced(there, 10**9, order=">")
    content += section("<") + interface() + interface(RAW, resolution=0x80 | 10)
    content += enhanced(back, 2 * 2**10, number=1)
    one = the_one(tmp_path, content)
    assert (one.at, one.answered_after) == (1.0, 1.0)


def test_sip_inside_hep(tmp_path: Path) -> None:
    def seen(data: bytes, at: float, direction: Direction) -> bytes:
        message = TracedMessage(
            at=at, direction=direction, local=CLIENT, peer=SERVER, transport=Transport.UDP, data=data
        )
        return udp(encode_hep(message, epoch_offset=NOON, capture_id=1), ("10.0.0.1", 1), ("10.0.0.2", 9060))

    frames = [seen(request(), 1.0, Direction.SENT), seen(response(), 1.5, Direction.RECEIVED)]
    one = the_one(tmp_path, pcap([(5.0, ethernet(packet)) for packet in frames]))
    assert (one.source, one.target, one.at, one.answered_after) == (CLIENT[0], SERVER[0], NOON + 1.0, 0.5)


def test_our_own_captures_over_tls_are_read(tmp_path: Path) -> None:
    trace = [
        TracedMessage(
            at=0.5 * number,
            direction=direction,
            local=CLIENT,
            peer=SERVER,
            transport=Transport.TLS,
            data=data,
        )
        for number, (direction, data) in enumerate(
            [(Direction.SENT, request()), (Direction.RECEIVED, response())]
        )
    ]
    write_pcap(tmp_path / "ours.pcap", trace, epoch_offset=NOON)
    one = the_one(tmp_path, (tmp_path / "ours.pcap").read_bytes())
    assert (one.transport, one.status, one.answered_after) == ("TCP", 200, 0.5)


def test_gzip_and_other_ports(tmp_path: Path) -> None:
    client, server = ("192.0.2.7", 40_123), ("198.51.100.1", 15_777)
    frames = [
        (1.0, ethernet(udp(request(), client, server))),
        (2.0, ethernet(udp(response(), server, client))),
    ]
    one = the_one(tmp_path, gzip.compress(pcap(frames)))
    assert (one.source_port, one.target_port) == (40_123, 15_777)


def test_padding_of_short_frames_is_no_part_of_a_message(tmp_path: Path) -> None:
    frames = [(at, ethernet(packet) + bytes(7)) for at, packet in PAIR]
    assert the_one(tmp_path, pcap(frames)).size == len(request())


class TestTcp:
    """Segments to messages."""

    def exchanges(self, tmp_path: Path, *segments: bytes) -> list[Exchange]:
        frames = [(1.0 + number / 100, ethernet(segment)) for number, segment in enumerate(segments)]
        return read(tmp_path, pcap(frames))[0]

    @pytest.mark.parametrize("start", [1000, 2**32 - 100])
    def test_out_of_order_repeated_and_cut_anywhere(self, tmp_path: Path, start: int) -> None:
        stream = request(body="v=0 of many") + request(branch="z9hG4bK2", cseq=2)
        cut = [0, 10, 150, 420, len(stream)]
        pieces = [tcp(stream[begin:end], start + 1 + begin) for begin, end in pairwise(cut)]
        syn = tcp(b"", start, flags=0x02)
        answers = response() + response(branch="z9hG4bK2", cseq=2)
        back = tcp(answers, 1, SERVER, CLIENT)
        order = [syn, pieces[2], pieces[0], pieces[0], pieces[3], pieces[1], back]
        assert [one.status for one in self.exchanges(tmp_path, *order)] == [200, 200]

    def test_a_capture_that_begins_in_the_middle(self, tmp_path: Path) -> None:
        stream = b"and the rest of a body\r\n" + request()
        (one,) = self.exchanges(tmp_path, tcp(stream, 1), tcp(response(), 1, SERVER, CLIENT))
        assert one.status == 200

    def test_a_gap_costs_what_it_swallowed_and_no_more(self, tmp_path: Path) -> None:
        later = request(branch="z9hG4bK2", cseq=2)
        frames = [
            (1.0, tcp(request()[:100], 1)),
            (2.0, tcp(later, 1 + len(request()))),
            (8.0, tcp(b"\r\n\r\n", 1 + len(request()) + len(later))),
            (8.1, tcp(response(branch="z9hG4bK2", cseq=2), 1, SERVER, CLIENT)),
        ]
        exchanges, reading = read(tmp_path, pcap([(at, ethernet(frame)) for at, frame in frames]))
        assert [one.places[0].number for one in exchanges] == [3]
        assert reading.ledger.skipped["gaps in TCP connections"] == 1

    def test_an_encrypted_connection_is_said(self, tmp_path: Path) -> None:
        frames = [(1.0, ethernet(tcp(b"\x16\x03\x01" + bytes(200), 1)))]
        _, reading = read(tmp_path, pcap(frames))
        assert reading.ledger.skipped["TCP connections that are encrypted"] == 1


@pytest.mark.parametrize(
    ("protocol", "head", "ends"),
    [(1, bytes((3, 3)), (CLIENT, SERVER)), (58, bytes((1, 4)), (CLIENT_6, SERVER_6))],
)
def test_an_icmp_error_is_told_of_the_request_that_it_quotes(
    tmp_path: Path, protocol: int, head: bytes, ends: tuple[tuple[str, int], tuple[str, int]]
) -> None:
    there = udp(request(), *ends)
    error = ip(protocol, head + bytes(6) + there[:548], ends[1][0], ends[0][0])
    one = the_one(tmp_path, pcap([(1.0, ethernet(there)), (1.001, ethernet(error))]))
    assert (one.status, one.hints) == (None, {"icmp": "port unreachable"})
    assert outcome_of(one) is Outcome.ICMP


@pytest.mark.parametrize(
    ("alert", "sender", "kind"),
    [
        (48, CLIENT, "tls.untrusted"),
        (45, CLIENT, "tls.expired"),
        (116, SERVER, "tls.client-certificate"),
        (48, SERVER, "tls.client-certificate"),
        (70, SERVER, "tls.version"),
        (112, SERVER, "tls.name"),
    ],
)
def test_a_tls_alert_in_the_clear_is_a_remark(
    tmp_path: Path, alert: int, sender: tuple[str, int], kind: str
) -> None:
    client, server = ("192.0.2.7", 40_000), ("198.51.100.1", 5061)
    data = bytes((0x15, 3, 3, 0, 2, 2, alert))
    packet = tcp(data, 9, client, server) if sender == CLIENT else tcp(data, 9, server, client)
    (tmp_path / "a.pcap").write_bytes(pcap([(NOON, ethernet(packet))]))
    (one,) = Reading([tmp_path / "a.pcap"])
    assert isinstance(one, Remark)
    assert (one.kind, one.source, one.at, str(one.place)) == (kind, "192.0.2.7", NOON, "a.pcap#1")
