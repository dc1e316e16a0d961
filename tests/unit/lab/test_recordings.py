"""Recordings of the lab: the same seed gives the same capture, and the truth beside it is true."""

from __future__ import annotations

import json
import struct
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from shiftline.lab.recordings import (
    CAMPAIGN,
    CONNECTOR,
    DESK,
    PUBLISHED_AT,
    Recording,
    Scene,
    incident,
    record,
)

SHORT = Scene(phones=5, trades=15, seconds=120.0, published_after_seconds=60.0, burst_per_second=40.0)


def outcomes(recording: Recording, source: str) -> Counter[str]:
    rows = recording.truth["actors"]
    assert isinstance(rows, list)
    (found,) = [row["outcomes"] for row in rows if row["source"] == source]
    return Counter(found)


def refused(recording: Recording) -> Counter[str]:
    found = recording.truth["refused_by_fault"]
    assert isinstance(found, dict)
    return Counter(found)


def test_the_same_seed_gives_the_same_capture() -> None:
    """Byte for byte; another seed does not."""
    scenes = [replace(SHORT, personality="pjsip", seed=seed) for seed in (4, 4, 5)]
    first, again, other = ([(m.at, m.data) for m in record(scene).messages] for scene in scenes)
    assert first == again != other


def test_a_healthy_hour_has_no_refusals() -> None:
    """Whoever asks is answered; the log agrees with the truth."""
    recording = record(SHORT)
    assert not refused(recording)
    assert recording.truth["requests"] == len(recording.records)
    assert {*outcomes(recording, CONNECTOR)} <= {"200", "486", "480"}
    assert {*outcomes(recording, CAMPAIGN)} == {"200"}


def test_a_lossy_road_is_in_the_capture() -> None:
    """As the copies that its clients had to send."""
    recording = record(replace(SHORT, road_loss=0.1))
    assert {*outcomes(recording, CAMPAIGN)} == {"200"}
    sent = Counter(message.data for message in recording.messages)
    assert max(sent.values()) > 1
    assert max(Counter(message.data for message in record(SHORT).messages).values()) == 1


@pytest.mark.parametrize(
    ("fault", "personality"),
    [
        ("acl.source", "freeswitch"),
        ("credentials.rotated", "chan_sip"),
        ("registrar.max-contacts", "pjsip"),
        ("schedule.time-of-day", "kamailio"),
        ("ban.source", "kamailio"),
        ("message.missing-metadata", "sbc"),
    ],
)
def test_a_fault_is_in_the_recording(fault: str, personality: str) -> None:
    """It strikes the connector, in the log of the PBX, and leaves the campaign alone."""
    recording = record(replace(SHORT, fault_ids=(fault,), personality=personality))
    assert refused(recording)[fault] > 0
    assert {*outcomes(recording, CAMPAIGN)} == {"200"}


def test_the_desk_locks_the_account_that_it_shares() -> None:
    """Its failures come first, from its own address; then the connector is refused as well."""
    scene = replace(SHORT, fault_ids=("credentials.shared-lockout",), personality="kamailio", seconds=300.0)
    recording = record(scene)
    struck = [one for one in recording.records if one.reason == "credentials.shared-lockout"]
    failed = [one for one in recording.records if one.reason == "wrong-password"]
    assert {one.source for one in failed} == {DESK}
    assert failed[0].at < struck[0].at
    assert CONNECTOR in {one.source for one in struck}


def test_the_incident_is_in_the_recording() -> None:
    """Only the burst of the connector is refused, within the publish window; its limit is in the truth."""
    scene = replace(incident(personality="kamailio", trades=30), seconds=120.0, published_after_seconds=60.0)
    recording = record(scene)
    struck = [one for one in recording.records if one.reason == "throttle.source"]
    assert {one.source for one in struck} == {CONNECTOR}
    since = [one.at + recording.epoch_offset - PUBLISHED_AT.timestamp() for one in struck]
    assert min(since) > 0
    assert max(since) < 240
    assert {*outcomes(recording, CAMPAIGN), *outcomes(recording, DESK)} == {"200"}


def test_the_incident_shows_that_an_address_is_limited_and_no_account() -> None:
    """Another program with an account of its own, behind the connector's address, is refused as well."""
    scene = replace(incident(personality="kamailio", trades=30), seconds=120.0, published_after_seconds=60.0)
    recording = record(scene)
    actors = recording.truth["actors"]
    assert isinstance(actors, list)
    rows = {row["name"]: row for row in actors if row["source"] == CONNECTOR}
    struck = Counter(one.auth_user for one in recording.records if one.reason == "throttle.source")
    assert struck[rows["queue display"]["account"]]
    assert rows["queue display"]["account"] != rows[f"connector {CONNECTOR}"]["account"]


def test_capture_and_truth_are_written(tmp_path: Path) -> None:
    """A pcap with a packet for each message, at the time of the day, and JSON beside it."""
    recording = record(SHORT)
    capture, truth = recording.write(tmp_path / "hour")
    assert json.loads(truth.read_text()) == recording.truth
    content, packets, place = capture.read_bytes(), 0, 24
    (began,) = struct.unpack_from("<I", content, place)
    while place < len(content):
        packets, place = packets + 1, place + 16 + struct.unpack_from("<I", content, place + 8)[0]
    assert packets == len(recording.messages)
    assert 0 <= PUBLISHED_AT.timestamp() - began <= 60
