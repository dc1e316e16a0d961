"""Captures that lie or end too soon: read as far as they go, and what is missing is said."""

from __future__ import annotations

import gzip
import os
import struct
from collections import Counter
from pathlib import Path

import pytest
from tests.unit.doctor.captures import (
    block,
    enhanced,
    ethernet,
    interface,
    pcap,
    request,
    response,
    section,
    tcp,
    udp,
)
from tests.unit.doctor.test_captures import PAIR, framed, read

from shiftline.diagnosis.exchange import Remark
from shiftline.doctor.reading.pairing import EVICTED, NO_REQUEST, Pairing
from shiftline.doctor.reading.reading import Reading
from shiftline.doctor.reading.sighting import Flow, Sighting
from shiftline.doctor.reading.sources import files_of
from shiftline.sip.trace import Direction, Trace, TracedMessage
from shiftline.sip.trace_json import write_trace_json
from shiftline.sip.transport import Transport


def test_a_file_that_ends_within_a_packet(tmp_path: Path) -> None:
    exchanges, reading = read(tmp_path, pcap(framed([*PAIR, *PAIR]))[:-3])
    assert len(exchanges) == 1
    assert reading.ledger.files[0].notes == ["the file ends within packet 4"]


def test_a_packet_that_claims_four_gigabytes(tmp_path: Path) -> None:
    content = pcap(framed(PAIR)) + struct.pack("<IIII", 1, 0, 2**32 - 1, 2**32 - 1) + bytes(64)
    exchanges, reading = read(tmp_path, content)
    assert len(exchanges) == 1
    assert "packet 3 claims 4294967295 bytes" in reading.ledger.files[0].notes[0]


def test_blocks_that_lie(tmp_path: Path) -> None:
    for length in (0, 7, 2**32 - 4):
        content = section() + interface() + struct.pack("<II", 6, length) + bytes(40)
        _, reading = read(tmp_path, content)
        assert f"claims {length} bytes" in reading.ledger.files[0].notes[0]
    short = section() + interface() + block("<", 6, struct.pack("<IIIII", 0, 0, 0, 2**31, 2**31))
    assert read(tmp_path, short)[0] == []


def test_lengths_of_ip_and_udp_that_lie(tmp_path: Path) -> None:
    packet = bytearray(udp(request()))
    for place, value in ((2, 0xFFFF), (2, 21), (24, 0xFFFF), (24, 1), (0, 0x4F45), (0, 0x4145)):
        lying = bytearray(packet)
        lying[place : place + 2] = struct.pack("!H", value)
        read(tmp_path, pcap([(1.0, ethernet(bytes(lying)))]))  # raises nothing


def test_broken_gzip_gives_what_came_before(tmp_path: Path) -> None:
    whole = gzip.compress(pcap(framed(PAIR)) + bytes(16) * 200_000, compresslevel=0)
    exchanges, reading = read(tmp_path, whole[: len(whole) // 2])
    assert len(exchanges) == 1
    assert "its compression is damaged: the rest is missing" in reading.ledger.files[0].notes


def test_a_short_capture_loses_nothing_that_came_before_its_gzip_was_cut(tmp_path: Path) -> None:
    frames = framed(PAIR * 50)
    blocks = b"".join(enhanced(frame, int(at * 1e6)) for at, frame in frames)
    for content in (pcap(frames), section() + interface() + blocks):
        packed = gzip.compress(content + os.urandom(4000), compresslevel=6)
        _, reading = read(tmp_path, packed[:-2000])
        assert reading.ledger.messages == 100
        assert "its compression is damaged: the rest is missing" in reading.ledger.files[0].notes


def test_a_gzip_that_is_cut_within_its_first_bytes_is_still_known_for_what_it_is(tmp_path: Path) -> None:
    _, reading = read(tmp_path, gzip.compress(pcap(framed(PAIR)), compresslevel=0)[:-8])
    assert reading.ledger.messages == 2


def test_an_endless_gap_holds_little(tmp_path: Path) -> None:
    frames = [(1.0, ethernet(tcp(request()[:20], 1)))]
    frames += [(1.0, ethernet(tcp(b"x" * 1000, 5000 + 1000 * number))) for number in range(1200)]
    _, reading = read(tmp_path, pcap(frames))
    assert reading.ledger.skipped["gaps in TCP connections"] >= 1
    assert reading.ledger.skipped["bytes on TCP that are no SIP"] > 1_000_000


def test_more_requests_than_there_is_room_for_are_said_and_never_called_silent() -> None:
    skipped: Counter[str] = Counter()
    flow = Flow("192.0.2.7", 5060, "198.51.100.1", 5060)
    flood: list[Sighting | Remark] = [
        (1000.0 + number / 1000, flow, request(branch=f"z9hG4bK{number}"), number) for number in range(1000)
    ]
    back = Flow("198.51.100.1", 5060, "192.0.2.7", 5060)
    flood.append((1001.0, back, response(branch="z9hG4bK5"), 1001))
    exchanges = list(Pairing("flood", skipped, most_pairs=100).pair(flood))
    assert exchanges == []
    assert skipped[EVICTED] >= 800
    assert skipped[NO_REQUEST] == 1


def test_what_is_no_capture_is_named_with_its_reason(tmp_path: Path) -> None:
    for content, why in (
        (b"", "it is empty"),
        (bytes(100), "neither a capture nor a text"),
        (b"\xfd7zXZ\0 and so on", "unpack it first"),
        (b"%PDF-1.4", "a PDF"),
        (b'{\n  "verdict": {\n    "cause": null,', "a verdict of the doctor's"),
        (b'{\n  "personality": "sbc",\n  "seed": 1,\n  "faults": [', "the lab's truth"),
    ):
        _, reading = read(tmp_path, content, "odd.bin")
        assert why in reading.ledger.files[0].passed_over


def test_a_pipe_is_passed_over_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (entry,) = Reading([tmp_path / "pipe"]).ledger.files
    assert entry.passed_over == "it is a pipe or a device: write it to a file first"


def test_times_that_no_calendar_has_are_left_out_and_counted(tmp_path: Path) -> None:
    frame = ethernet(udp(request()))
    head = struct.pack("<IIIII", 0, 0xFFFFFFFF, 0xFFFFFFFF, len(frame), len(frame))
    padded = frame + bytes(-len(frame) % 4)
    _, reading = read(tmp_path, section() + interface() + block("<", 6, head + padded))
    assert reading.ledger.files[0].notes == ["1 packets of times that no calendar has are left out"]
    (tmp_path / "t.json").write_text(
        write_trace_json(Trace([_traced(at=1e12)]), epoch_offset=1.0), encoding="utf-8"
    )
    reading = Reading([tmp_path / "t.json"])
    assert list(reading) == []
    assert "no time" in reading.ledger.files[0].passed_over


def _traced(at: float) -> TracedMessage:
    here, there = ("127.0.0.1", 5060), ("127.0.0.1", 5062)
    return TracedMessage(
        at=at, direction=Direction.SENT, local=here, peer=there, transport=Transport.UDP, data=request()
    )


def test_a_folder_that_may_not_be_looked_into_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "a.pcap").write_bytes(pcap(framed(PAIR)))
    scan = os.scandir

    def refuse(path: Path) -> object:
        if Path(path).name == "sub":
            raise PermissionError(13, "Permission denied")
        return scan(path)

    monkeypatch.setattr(os, "scandir", refuse)
    told = {entry.name: entry.passed_over for entry in Reading([tmp_path]).ledger.files}
    assert told == {"a.pcap": "", "sub": "it is a folder that may not be looked into"}


def test_folders_that_are_deep_or_link_to_themselves(tmp_path: Path) -> None:
    inner = tmp_path
    for _ in range(60):
        inner = inner / "inner"
    inner.mkdir(parents=True)
    (inner / "a.pcap").write_bytes(pcap(framed(PAIR)))
    (inner / ".hidden").write_bytes(b"x")
    (inner / "loop").symlink_to(tmp_path)
    assert files_of([tmp_path]) == [inner / "a.pcap", inner / "loop"]  # which is told, and not followed
