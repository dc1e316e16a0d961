"""A real exchange, written as a capture, read by tshark: every message is there, and nothing is amiss."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from tests.support import token

from shiftline.lab.authorized import send_authorized
from shiftline.lab.pbx.agents import Truth
from shiftline.lab.pbx.config import PracticePbxConfig
from shiftline.lab.pbx.process import PracticePbxProcess
from shiftline.net.capture import write_pcap
from shiftline.net.endpoint import SipEndpoint
from shiftline.secrets import Secret
from shiftline.sip.digest import DigestAccount, DigestClient
from shiftline.sip.message import Request, parse_message
from shiftline.sip.requests import options
from shiftline.sip.trace import Direction, Trace, TracedMessage
from shiftline.sip.transport import Transport
from shiftline.sip.uri import SipUri

pytestmark = pytest.mark.interop

AGENTS = {"agent0001": Truth.AVAILABLE, "agent0002": Truth.BUSY, "agent0003": Truth.UNKNOWN}
PASSWORD = Secret("secret")
CHECKED = ("ip.check_checksum", "udp.check_checksum", "tcp.check_checksum")
TIME = "frame.time_epoch"
SEEN = (
    "ip.src", "ipv6.src", "udp.srcport", "tcp.srcport", "ip.dst", "ipv6.dst",
    "udp.dstport", "tcp.dstport", "sip.Method", "sip.Status-Code", "sip.Call-ID", "sip.CSeq",
)  # fmt: skip
AMISS = ("_ws.malformed", "_ws.expert.message", "tcp.analysis.flags")
CHECKSUMS = ("ip.checksum.status", "udp.checksum.status", "tcp.checksum.status")
GOOD = "1"
SECRET = ("sip.auth.username", "sip.auth.digest.response")


def read_by(program: str, capture: Path, fields: Sequence[str]) -> list[list[str]]:
    """What tshark, with its own settings and checking checksums, reads in each packet; "" for what is not."""
    words = [word for name in CHECKED for word in ("-o", f"{name}:TRUE")]
    words += [word for name in fields for word in ("-e", name)]
    run = subprocess.run(
        [program, "-r", capture, "-T", "fields", "-E", "occurrence=f", *words],
        capture_output=True,
        check=True,
        timeout=60,
        text=True,
        env={"HOME": str(capture.parent), "PATH": os.environ["PATH"]},
    )
    return [line.split("\t") for line in run.stdout.splitlines()]


def expected(trace: Iterable[TracedMessage]) -> list[list[str]]:
    """What `SEEN` should show without its empty fields, as our own reader sees it."""
    rows = []
    for traced in trace:
        message = parse_message(traced.data)
        rows.append([
            traced.source[0],
            str(traced.source[1]),
            traced.target[0],
            str(traced.target[1]),
            message.method if isinstance(message, Request) else str(message.status),
            message.headers.get("Call-ID") or "",
            message.headers.get("CSeq") or "",
        ])  # fmt: skip
    return rows


async def real_exchange(directory: Path) -> Trace:
    """Three checks on the practice PBX: a challenge, a 200, a 486 and a 404."""
    pbx = PracticePbxProcess(
        PracticePbxConfig(log_path=directory / "pbx.log", agents=AGENTS, password=PASSWORD)
    )
    await pbx.start()
    trace = Trace()

    try:
        host, port = pbx.address
        digest = DigestClient(DigestAccount(username="shiftline", password=PASSWORD), token=token)
        async with await SipEndpoint.open(local_host="127.0.0.2", on_message=trace.add) as endpoint:
            for user in AGENTS:
                uri, own = (
                    SipUri(scheme="sip", user=name, host=host, port=port) for name in (user, "shiftline")
                )
                await send_authorized(endpoint, digest, options(uri, from_uri=own, token=token), pbx.address)
    finally:
        await pbx.stop()
    return trace


def moved(trace: Trace, hosts: Sequence[str], ports: Sequence[int], transport: Transport) -> Trace:
    """The same messages between other ends."""
    local, peer = zip(hosts, ports, strict=True)
    return Trace([replace(message, local=local, peer=peer, transport=transport) for message in trace])


async def test_tshark_reads_what_really_happened(tmp_path: Path, tshark: str) -> None:
    """Over every transport and both families: methods, statuses, calls, ends and times; all checksums right.

    TLS stands there as it was inside, on its own port. Nothing is malformed, no TCP byte is missing. The
    credentials are there, with their user and without their response.
    """
    real = await real_exchange(tmp_path)
    assert len(real) == 8
    ways = [
        real,
        moved(real, ("2001:db8::9", "2001:db8::1"), (5070, 5060), Transport.UDP),
        moved(real, ("192.0.2.9", "192.0.2.1"), (40_000, 5060), Transport.TCP),
        moved(real, ("2001:db8::9", "2001:db8::1"), (40_001, 5060), Transport.TCP),
        moved(real, ("192.0.2.9", "192.0.2.1"), (40_002, 5061), Transport.TLS),
    ]
    everything = Trace([message for way in ways for message in way])
    capture = tmp_path / "real.pcap"
    write_pcap(capture, everything, epoch_offset=1_763_910_000.25)
    read = read_by(tshark, capture, [*SEEN, *SECRET, *CHECKSUMS, *AMISS, TIME])
    seen = len(SEEN)
    assert [[field for field in row[:seen] if field] for row in read] == expected(everything)
    times = [message.at + 1_763_910_000.25 for message in everything]
    assert [float(row[-1]) for row in read] == pytest.approx(times, abs=2e-6)
    credentials = [row[seen : seen + 2] for row in read if row[seen]]
    assert credentials == [['"shiftline"', '"redacted"']] * 3 * len(ways)
    checksums = [[field for field in row[seen + 2 : seen + 5] if field] for row in read]
    assert sorted(checksums) == [[GOOD]] * 2 * len(real) + [[GOOD, GOOD]] * 3 * len(real)
    assert [row[seen + 5 : -1] for row in read if any(row[seen + 5 : -1])] == []


def test_tshark_puts_a_long_message_together(tmp_path: Path, tshark: str) -> None:
    """A message of 100 kB over TCP is one SIP message again; over UDP, what is lost is announced."""
    head = b"MESSAGE sip:a@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/TCP 192.0.2.9;branch=z9hG4bK1\r\n"
    head += b"From: <sip:b@x>;tag=1\r\nTo: <sip:a@x>\r\nCall-ID: long\r\nCSeq: 1 MESSAGE\r\n"
    data = head + b"Content-Type: text/plain\r\nContent-Length: 100000\r\n\r\n" + b"x" * 100_000
    long = TracedMessage(
        at=0.0,
        direction=Direction.SENT,
        local=("192.0.2.9", 5070),
        peer=("192.0.2.1", 5060),
        transport=Transport.TCP,
        data=data,
    )
    capture = tmp_path / "long.pcap"
    write_pcap(capture, [long, long, replace(long, transport=Transport.UDP)], epoch_offset=0.0)
    *segments, datagram = read_by(tshark, capture, ["sip.CSeq", "frame.len", "frame.cap_len", *AMISS[::2]])
    assert [row[0] for row in segments] == ["", "1 MESSAGE"] * 2
    assert [row[3:] for row in segments if any(row[3:])] == []
    assert int(datagram[1]) == 14 + 20 + 8 + len(data) > int(datagram[2])
