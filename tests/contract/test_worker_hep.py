"""A worker whose trunk is traced to HOMER: the collector gets everything, and can take nothing away."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine
from tests.contract.floor import Floor, lay_floor, lines, pbx_of, working
from tests.support import free_port

from shiftline.lab.org.server import serve
from shiftline.sip.glance import Kind, glance
from shiftline.store.read_model import ReadModel


@pytest.fixture
def floor(tmp_path: Path, database_url: str, engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch) -> Floor:
    """A worker's surroundings, with its secrets."""
    for name in ("SHIFTLINE_TRUNK_PASSWORD", "SHIFTLINE_WFM_SECRET"):
        monkeypatch.setenv(name, "secret")
    monkeypatch.setenv("SHIFTLINE_HEP_KEY", "homers-key")
    monkeypatch.setenv("SHIFTLINE_TRUNK__HEP_KEY_ENV", "SHIFTLINE_HEP_KEY")
    return lay_floor(tmp_path, database_url, ReadModel(engine))


async def test_every_message_of_the_trunk_is_traced(floor: Floor, monkeypatch: pytest.MonkeyPatch) -> None:
    """Requests and answers, challenge included; the digest response and the nonce are not in them."""
    packets: list[bytes] = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as collector:
        collector.bind(("127.0.0.1", 0))
        collector.settimeout(0)
        asyncio.get_running_loop().add_reader(collector, lambda: packets.append(collector.recv(65_535)))
        monkeypatch.setenv("SHIFTLINE_TRUNK__HEP", f"127.0.0.1:{collector.getsockname()[1]}")
        async with serve(floor.practice) as org, pbx_of(floor) as pbx:
            async with working(floor.config(org=org, pbx=pbx.address), floor.clock) as log:
                await floor.until_as_truth_has_it()
            asked = len(pbx.log_records())
        asyncio.get_running_loop().remove_reader(collector)
    seen = [glance(_payload(packet)) for packet in packets]
    assert sum(one.kind is Kind.REQUEST for one in seen) >= asked
    assert sum(one.has_challenge for one in seen) >= 1
    credentials = [packet for packet, one in zip(packets, seen, strict=True) if one.has_credentials]
    assert credentials
    assert all(b'response="redacted"' in packet and b'nonce="redacted-' in packet for packet in credentials)
    assert all(b"homers-key" in packet for packet in packets)
    assert lines(log, "messages were not traced") == []


async def test_a_collector_that_is_down_costs_no_trade(floor: Floor, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every trade ends as the truth has it, and the log says at the end what was not traced."""
    monkeypatch.setenv("SHIFTLINE_TRUNK__HEP", f"127.0.0.1:{free_port(socket.SOCK_DGRAM)}")
    async with (
        serve(floor.practice) as org,
        pbx_of(floor) as pbx,
        working(floor.config(org=org, pbx=pbx.address), floor.clock) as log,
    ):
        await floor.until_as_truth_has_it()
    [line] = lines(log, "messages were not traced")
    assert line["dropped"] > 0


def _payload(packet: bytes) -> bytes:
    """The chunk of type 15."""
    at = 6
    while int.from_bytes(packet[at + 2 : at + 4]) != 15:
        at += int.from_bytes(packet[at + 4 : at + 6])
    return packet[at + 6 : at + int.from_bytes(packet[at + 4 : at + 6])]
