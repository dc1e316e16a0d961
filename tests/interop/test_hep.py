"""Our HEP packets, taken by Kamailio's ``sipcapture``: HOMER's own collector module, a real second reader."""

from __future__ import annotations

import asyncio
import socket
from asyncio.subprocess import DEVNULL
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from shiftline.lab.process import end_process, leashed
from shiftline.net.hep import HepSender
from shiftline.secrets import Secret
from shiftline.sip.events import Address
from shiftline.sip.trace import Direction, TracedMessage
from shiftline.sip.transport import Transport

pytestmark = pytest.mark.interop

READY_SECONDS = 15.0
CONFIGURATION = """#!KAMAILIO
debug=1
log_stderror=yes
children=1
disable_tcp=yes
listen=udp:127.0.0.1:{port}
loadmodule "pv.so"
loadmodule "db_flatstore.so"
loadmodule "sipcapture.so"
modparam("sipcapture", "db_url", "flatstore://{rows}")
modparam("sipcapture", "capture_on", 1)
modparam("sipcapture", "hep_capture_on", 1)
request_route {{ sip_capture(); drop; }}
onreply_route {{ sip_capture(); drop; }}
"""
COLUMNS = {  # where sipcapture writes what, in the one line a message that db_flatstore makes of it
    1: "micros", 2: "method", 3: "reason", 12: "user", 13: "call_id", 17: "cseq", 22: "source",
    23: "source_port", 24: "target", 25: "target_port", 30: "protocol", 31: "family", 34: "node",
    35: "correlation_id",
}  # fmt: skip
UDP, TCP, INET, INET6 = "1", "2", "2", "10"
REQUEST = (
    b"OPTIONS sip:agent0001@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.2:5070;branch=z9hG4bK1\r\n"
    b"From: <sip:shiftline@127.0.0.1>;tag=1\r\nTo: <sip:agent0001@127.0.0.1>\r\nCall-ID: %s\r\n"
    b'CSeq: 7 OPTIONS\r\nAuthorization: Digest username="shiftline", realm="lab", nonce="n", '
    b'uri="sip:127.0.0.1", response="9d5b4f"\r\nContent-Length: 0\r\n\r\n'
)
MESSAGE = TracedMessage(
    at=0.25,
    direction=Direction.SENT,
    local=("127.0.0.2", 5070),
    peer=("127.0.0.1", 5060),
    transport=Transport.UDP,
    data=REQUEST % b"call-1",
)


@asynccontextmanager
async def collector(program: str, directory: Path) -> AsyncIterator[Address]:
    """A Kamailio that writes every message it is sent to a file below ``rows``."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as claim:
        claim.bind(("127.0.0.1", 0))
        port = claim.getsockname()[1]
    rows = directory / "rows"
    rows.mkdir()
    path = directory / "kamailio.cfg"
    path.write_text(CONFIGURATION.format(port=port, rows=rows), encoding="utf-8")
    command = [program, "-f", str(path), "-DD", "-E", "-m", "64", "-M", "8"]
    command += ["-w", str(directory), "-Y", str(directory)]
    with (directory / "log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            *leashed(command), stdin=DEVNULL, stdout=log, stderr=log
        )
    try:
        yield "127.0.0.1", port
    finally:
        await end_process(process)


def rows(directory: Path) -> list[dict[str, str]]:
    """What the collector has written so far, in the order of its coming."""
    lines = [
        line.split("|")
        for file in sorted((directory / "rows").iterdir())
        for line in file.read_text(encoding="utf-8").splitlines()
    ]
    return [{name: line[at] for at, name in COLUMNS.items()} | {"line": "|".join(line)} for line in lines]


async def until_it_takes(sender: HepSender, directory: Path) -> None:
    """Send a first message again and again until the collector is up."""
    async with asyncio.timeout(READY_SECONDS):
        while not rows(directory):
            sender.send(replace(MESSAGE, data=REQUEST % b"ready"))
            await asyncio.sleep(0.1)


async def taken(directory: Path, number: int) -> list[dict[str, str]]:
    """What the collector wrote of everything but that, once it has written so much."""
    async with asyncio.timeout(READY_SECONDS):
        while True:
            found = [row for row in rows(directory) if row["call_id"] != "ready"]
            if len(found) >= number:
                return found
            await asyncio.sleep(0.05)


@pytest.fixture
def directory() -> Iterator[Path]:
    """One with a short name: db_flatstore cuts long ones, and then its Kamailio dies of it."""
    with TemporaryDirectory(prefix="hep-") as name:
        yield Path(name)


async def test_homers_own_module_takes_our_packets(directory: Path, kamailio: str) -> None:
    """Ends, time to the microsecond, protocol, family, our id and the Call-ID; requests and responses.

    TLS is told as TCP. No response of the digest gets there.
    """
    response = REQUEST.replace(b"OPTIONS sip:agent0001@127.0.0.1 SIP/2.0", b"SIP/2.0 403 Forbidden", 1)
    said = [
        MESSAGE,
        replace(MESSAGE, at=0.5, direction=Direction.RECEIVED, data=response % b"call-1"),
        replace(
            MESSAGE,
            local=("2001:db8::9", 40_000),
            peer=("2001:db8::1", 5061),
            transport=Transport.TLS,
            data=REQUEST % b"call-2",
        ),
    ]
    async with collector(kamailio, directory) as address:
        with HepSender.open(
            address, epoch_offset=lambda: 1_763_910_000.5, capture_id=77, auth_key=Secret("key")
        ) as sender:
            await until_it_takes(sender, directory)
            for message in said:
                sender.send(message)
            found = await taken(directory, len(said))
    assert not any("9d5b4f" in row.pop("line") for row in found)
    common = {"user": "shiftline", "cseq": "7 OPTIONS", "node": "homer01:77"}
    ours = {"source": "127.0.0.2", "source_port": "5070", "target": "127.0.0.1", "target_port": "5060"}
    theirs = {"source": "127.0.0.1", "source_port": "5060", "target": "127.0.0.2", "target_port": "5070"}
    ipv6 = {"source": "2001:db8::9", "source_port": "40000", "target": "2001:db8::1", "target_port": "5061"}
    options, forbidden = {"method": "OPTIONS", "reason": ""}, {"method": "403", "reason": "Forbidden"}
    assert found == [
        common | ours | options | _told("call-1", "1763910000750000", UDP, INET),
        common | theirs | forbidden | _told("call-1", "1763910001000000", UDP, INET),
        common | ipv6 | options | _told("call-2", "1763910000750000", TCP, INET6),
    ]


def _told(call: str, micros: str, protocol: str, family: str) -> dict[str, str]:
    return {
        "call_id": call,
        "correlation_id": call,
        "micros": micros,
        "protocol": protocol,
        "family": family,
    }
