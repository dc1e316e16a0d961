"""Our digest against programs that compute it themselves: Kamailio as the server, SIPp as the client."""

from __future__ import annotations

import asyncio
import socket
from asyncio.subprocess import DEVNULL, PIPE, STDOUT
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from tests.support import started, token

from shiftline.lab.authorized import send_authorized
from shiftline.lab.pbx.agents import Truth
from shiftline.lab.pbx.config import PracticePbxConfig
from shiftline.lab.pbx.process import PracticePbxProcess
from shiftline.lab.process import end_process, leashed
from shiftline.net.endpoint import SipEndpoint
from shiftline.secrets import Secret
from shiftline.sip.digest import DigestAccount, DigestClient, ServerProof, parse_digest
from shiftline.sip.message import Request
from shiftline.sip.requests import options, register
from shiftline.sip.uri import SipUri

pytestmark = pytest.mark.interop

HERE = Path(__file__).parent
PASSWORD = Secret("secret")


def uri(address: tuple[str, int], user: str | None = None) -> SipUri:
    return SipUri(user=user, host=address[0], port=address[1])


@asynccontextmanager
async def kamailio_that_demands(
    program: str, directory: Path, endpoint: SipEndpoint, *, algorithm: str, nonce_seconds: int = 300
) -> AsyncIterator[tuple[str, int]]:
    """A Kamailio with ``digest.cfg``; gives its address once it answers."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as claim:
        claim.bind(("127.0.0.1", 0))
        address: tuple[str, int] = claim.getsockname()
    text = (HERE / "kamailio" / "digest.cfg").read_text()
    words = {
        "TEST_PORT": str(address[1]),
        "TEST_ALGORITHM": algorithm,
        "TEST_NONCE_SECONDS": str(nonce_seconds),
    }
    for word, value in words.items():
        text = text.replace(word, value)
    path = directory / "kamailio.cfg"
    path.write_text(text)
    where = ("-w", str(directory), "-Y", str(directory))
    command = leashed([program, "-f", str(path), "-DD", "-E", "-m", "32", "-M", "4", *where])
    process = await asyncio.create_subprocess_exec(*command, stdin=DEVNULL, stdout=DEVNULL, stderr=DEVNULL)
    try:
        ready = options(uri(address), from_uri=uri(endpoint.local), token=token)
        async with asyncio.timeout(10):
            while (await endpoint.request(ready, address, timeout_seconds=0.2)).response is None:
                continue
        yield address
    finally:
        await end_process(process)


def a_register(address: tuple[str, int], endpoint: SipEndpoint) -> Request:
    user = "agent0001"
    return register(uri(address, user), uri(endpoint.local, user), uri(address), 120, token)


@pytest.mark.parametrize("algorithm", ["MD5", "SHA-256"])
async def test_kamailio_accepts_our_counts_and_proves_itself(
    tmp_path: Path, kamailio: str, connector: SipEndpoint, algorithm: str
) -> None:
    """One challenge serves four requests; it checks that nc rises, and its rspauth is right each time."""
    client = DigestClient(DigestAccount(username="agent0001", password=PASSWORD), token=token)
    used = []
    async with kamailio_that_demands(kamailio, tmp_path, connector, algorithm=algorithm) as address:
        for _ in range(4):
            exchange = await send_authorized(connector, client, a_register(address, connector), address)
            assert exchange.response is not None
            assert exchange.response.status == 200
            assert client.accepted(exchange.response, exchange.request) is ServerProof.PROVEN
            used.append(parse_digest(exchange.request.headers.get("Authorization") or ""))
    assert {one["algorithm"] for one in used} == {algorithm}
    assert [one["nc"] for one in used] == [f"{use:08x}" for use in range(1, 5)]
    assert len({one["nonce"] for one in used}) == 1


async def test_sipp_meets_our_demand_for_auth_int(tmp_path: Path, sipp: str) -> None:
    """SIPp hashes the body as we do: its REGISTER is let in by a PBX that takes nothing else."""
    pbx = PracticePbxProcess(
        PracticePbxConfig(
            log_path=tmp_path / "pbx.log",
            agents={"agent0003": Truth.NOT_REGISTERED},
            password=PASSWORD,
            qop=("auth-int",),
        )
    )
    async with started(pbx):
        host, port = pbx.address
        command = [sipp, f"{host}:{port}", "-sf", str(HERE / "sipp" / "register.xml"), "-s", "agent0003"]
        command += ["-i", "127.0.0.2", "-m", "1", "-nostdin", "-timeout", "10s"]
        process = await asyncio.create_subprocess_exec(
            *command, cwd=tmp_path, stdin=DEVNULL, stdout=PIPE, stderr=STDOUT
        )
        async with asyncio.timeout(20):
            output, _ = await process.communicate()
    assert process.returncode == 0, output.decode(errors="replace")
    assert [record.reason for record in pbx.log_records()] == ["challenge", "ok"]
