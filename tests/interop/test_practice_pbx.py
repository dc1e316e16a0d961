"""The practice PBX as a process: real sockets, a log that can be followed, foreign clients."""

from __future__ import annotations

import asyncio
import json
import sys
from asyncio.subprocess import PIPE
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import TypeAdapter
from tests.support import started, token

from shiftline.lab.authorized import send_authorized
from shiftline.lab.campaign import CampaignConfig
from shiftline.lab.pbx.agents import Truth
from shiftline.lab.pbx.config import PracticePbxConfig
from shiftline.lab.pbx.faults import Faults, Throttle, ThrottleKey
from shiftline.lab.pbx.process import PracticePbxProcess
from shiftline.lab.pbx_log import PbxLog
from shiftline.lab.process import Child, write_private
from shiftline.net.endpoint import SipEndpoint
from shiftline.secrets import Secret
from shiftline.sip.digest import DigestAccount, DigestClient
from shiftline.sip.message import Request
from shiftline.sip.requests import options
from shiftline.sip.uri import SipUri

pytestmark = pytest.mark.interop

SCENARIOS = Path(__file__).parent / "sipp"
AGENTS = {"agent0001": Truth.AVAILABLE, "agent0002": Truth.BUSY, "agent0003": Truth.NOT_REGISTERED}
PASSWORD = Secret("secret")


def pbx_config(directory: Path, faults: Faults | None = None) -> PracticePbxConfig:
    return PracticePbxConfig(
        log_path=directory / "pbx.log", agents=AGENTS, password=PASSWORD, faults=faults or Faults()
    )


@asynccontextmanager
async def running(directory: Path, faults: Faults | None = None) -> AsyncIterator[PracticePbxProcess]:
    pbx = PracticePbxProcess(pbx_config(directory, faults))
    async with started(pbx):
        yield pbx


def ask_options(address: tuple[str, int], user: str | None) -> Request:
    host, port = address
    target = SipUri(scheme="sip", user=user, host=host, port=port)
    return options(target, from_uri=SipUri(scheme="sip", user="shiftline", host=host, port=port), token=token)


async def run(*command: str) -> tuple[int | None, str]:
    """A foreign program's exit code and output; it is killed after 20 s."""
    process = await asyncio.create_subprocess_exec(
        *command, stdin=PIPE, stdout=PIPE, stderr=asyncio.subprocess.STDOUT
    )
    try:
        async with asyncio.timeout(20):
            output, _ = await process.communicate()
    except TimeoutError:
        process.kill()
        output, _ = await process.communicate()
    return process.returncode, output.decode(errors="replace")


async def test_it_answers_and_its_log_can_be_followed(tmp_path: Path, connector: SipEndpoint) -> None:
    """Each answer comes with the truth, and its arrival is in the log before the answer is here."""
    async with running(tmp_path) as pbx:
        log = PbxLog(pbx.log_path)
        client = DigestClient(DigestAccount(username="shiftline", password=PASSWORD), token=token)
        for user, status in (("agent0001", 200), ("agent0002", 486), ("agent0003", 480), ("nobody", 404)):
            exchange = await send_authorized(connector, client, ask_options(pbx.address, user), pbx.address)
            assert exchange.response is not None
            assert exchange.response.status == status
            assert log.new_records()[-1].status == status


async def test_a_burst_is_counted_to_the_last_request(tmp_path: Path, connector: SipEndpoint) -> None:
    """2,000 requests at once: none is lost, all are logged, and no window lets more pass than its limit."""
    async with running(tmp_path, Faults(throttle=Throttle(limit=50))) as pbx:
        burst = [connector.request(ask_options(pbx.address, None), pbx.address) for _ in range(2000)]
        answers = [exchange.response for exchange in await asyncio.gather(*burst)]
    records = pbx.log_records()
    answered = Counter(response.status if response else None for response in answers)
    assert len(records) == 2000
    assert Counter(record.status for record in records) == answered
    assert set(answered) == {200, 403}
    span = max(record.at for record in records) - min(record.at for record in records)
    assert 50 <= answered[200] <= 50 * (2 + int(span))


async def test_a_taken_port_is_one_clear_sentence(tmp_path: Path, connector: SipEndpoint) -> None:
    """Exit code 1, and what to do about it."""
    host, port = connector.local
    path = tmp_path / "server.json"
    config = replace(pbx_config(tmp_path), host=host, port=port)
    write_private(path, TypeAdapter(PracticePbxConfig).dump_json(config))
    code, output = await run(sys.executable, "-m", "shiftline.lab.pbx.server", "--config", str(path))
    assert code == 1
    assert output == (
        f"The practice PBX cannot listen on {host}:{port}: Address already in use."
        " End the program that uses the port, or choose another port.\n"
    )


async def test_an_unreadable_configuration_is_exit_code_2(tmp_path: Path) -> None:
    """A file that is no configuration starts nothing."""
    path = tmp_path / "server.json"
    path.write_text("{}")
    code, output = await run(sys.executable, "-m", "shiftline.lab.pbx.server", "--config", str(path))
    assert code == 2
    assert "cannot be used" in output


async def test_it_ends_with_the_lab_that_started_it(tmp_path: Path) -> None:
    """A lab that was killed closes the child's stdin; the child does not outlive it."""
    path = tmp_path / "server.json"
    write_private(path, TypeAdapter(PracticePbxConfig).dump_json(pbx_config(tmp_path)))
    command = (sys.executable, "-m", "shiftline.lab.pbx.server", "--config", str(path))
    process = await asyncio.create_subprocess_exec(*command, stdin=PIPE, stdout=PIPE)
    assert process.stdin is not None
    assert process.stdout is not None
    assert (await process.stdout.readline()).startswith(b"ready 127.0.0.1:")
    process.stdin.close()
    async with asyncio.timeout(5):
        await process.communicate()
    assert process.returncode == 0


@pytest.mark.parametrize("throttled", [False, True])
async def test_the_campaign_counts_its_calls(tmp_path: Path, *, throttled: bool) -> None:
    """All calls go through a healthy PBX and end with BYE; on a spent trunk all are refused."""
    faults = Faults(throttle=Throttle(limit=0, key=ThrottleKey.TRUNK)) if throttled else Faults()
    counts_path = tmp_path / "campaign-counts.json"
    async with running(tmp_path, faults) as pbx:
        config = CampaignConfig(
            pbx=pbx.address,
            password=PASSWORD,
            counts_path=counts_path,
            calls_per_second=20,
            call_seconds=0.1,
        )
        campaign = await Child.start("shiftline.lab.campaign", config, tmp_path)
        await asyncio.sleep(1.2)
        written_while_running = json.loads(counts_path.read_text())
        await campaign.stop()
    counts = json.loads(counts_path.read_text())
    assert counts["calls"] >= written_while_running["calls"] >= 10
    assert counts["refused"] == (counts["calls"] if throttled else 0)
    assert counts["outcomes"] == {"403" if throttled else "200": counts["calls"]}
    records = pbx.log_records()
    assert {record.source for record in records} == {"127.0.0.3"}
    if not throttled:
        assert sum(record.method == "BYE" for record in records) == counts["calls"]


@pytest.mark.parametrize(
    ("scenario", "user", "account", "passes"),
    [
        ("options", "agent0001", "shiftline", ["OPTIONS"]),
        ("register", "agent0003", "agent0003", ["REGISTER"]),
        ("call", "call0001", "campaign", ["INVITE", "BYE"]),
    ],
)
async def test_sipp_gets_through(
    tmp_path: Path, sipp: str, scenario: str, user: str, account: str, passes: list[str]
) -> None:
    """SIPp's own digest and its own idea of a transaction agree with the PBX's."""
    async with running(tmp_path) as pbx:
        host, port = pbx.address
        # SIPp's digest names host and port only, which is not the Request-URI of an OPTIONS or INVITE.
        uri = f"{host}:{port}" if scenario == "register" else f"{user}@{host}:{port}"
        command = [sipp, f"{host}:{port}", "-sf", str(SCENARIOS / f"{scenario}.xml"), "-s", user]
        command += [
            "-auth_uri",
            uri,
            "-i",
            "127.0.0.2",
            "-m",
            "20",
            "-r",
            "100",
            "-timeout",
            "10",
            "-nostdin",
        ]
        code, output = await run(*command, "-nostdin")
    assert code == 0, output
    passed = Counter(record.method for record in pbx.log_records() if record.status == 200)
    assert passed == dict.fromkeys(passes, 20)
    assert {record.auth_user for record in pbx.log_records() if record.carried_credentials} == {account}


async def test_sipsak_gets_through(tmp_path: Path, sipsak: str) -> None:
    """sipsak asks by OPTIONS with digest, and by REGISTER for an agent who was not registered."""
    async with running(tmp_path) as pbx:
        host, port = pbx.address
        common = ["--auth-username", "agent0003", "--password", "secret", "--hostname", host]
        asked, output = await run(sipsak, "-s", f"sip:agent0001@{host}:{port}", *common)
        assert asked == 0, output
        registration = ["--usrloc-mode", "--expires", "60", "-C", f"sip:agent0003@{host}:5999"]
        registered, output = await run(sipsak, *registration, "-s", f"sip:agent0003@{host}:{port}", *common)
        assert registered == 0, output
    statuses = [(record.method, record.status) for record in pbx.log_records()]
    assert ("OPTIONS", 200) in statuses
    assert ("REGISTER", 200) in statuses


async def test_sipp_verifies_our_digest(tmp_path: Path, sipp: str, connector: SipEndpoint) -> None:
    """SIPp as the PBX challenges our OPTIONS and finds our credentials right."""
    address = ("127.0.0.5", 5099)
    command = [sipp, "-sf", str(SCENARIOS / "uas.xml"), "-i", address[0], "-p", str(address[1])]
    async with asyncio.TaskGroup() as group:
        pbx = group.create_task(run(*command, "-m", "1", "-timeout", "15", "-nostdin"))
        client = DigestClient(DigestAccount(username="shiftline", password=PASSWORD), token=token)
        exchange = await send_authorized(connector, client, ask_options(address, "agent0002"), address)
    assert exchange.response is not None
    assert exchange.response.status == 486
    assert pbx.result()[0] == 0, pbx.result()[1]
