"""The verbs that run until they are told to end, as processes of their own: how they start and end."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine
from tests.contract.floor import Floor, lay_floor, pbx_of

from shiftline.clock import VARIABLE
from shiftline.lab.org.faults import Fault, FaultName
from shiftline.lab.org.server import serve
from shiftline.store.read_model import ReadModel

SECRETS = {"SHIFTLINE_TRUNK_PASSWORD": "secret", "SHIFTLINE_WFM_SECRET": "secret"}


@pytest.fixture
def floor(tmp_path: Path, database_url: str, engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch) -> Floor:
    """What a worker needs; the programs live by its clock."""
    laid = lay_floor(tmp_path, database_url, ReadModel(engine))
    monkeypatch.setenv(VARIABLE, laid.civil_start)
    return laid


async def start(*arguments: str | Path, **variables: str) -> Process:
    """Run ``shiftline ARGUMENTS`` with the lab's secrets, unless they are given otherwise."""
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "shiftline", *map(str, arguments)),
        stdout=PIPE,
        stderr=PIPE,
        env={**os.environ, **SECRETS, **variables},
    )


async def ended(process: Process) -> tuple[int | None, str, str]:
    """Exit code, output and words of error of a process that ends by itself."""
    try:
        async with asyncio.timeout(20):
            out, err = await process.communicate()
    except TimeoutError:
        process.kill()
        await process.communicate()
        raise
    return process.returncode, out.decode(), err.decode()


@asynccontextmanager
async def running(*arguments: str | Path, by: signal.Signals = signal.SIGTERM) -> AsyncIterator[str]:
    """Run until the block ends; gives the first line. A signal ends it, with exit code 0 and no outcry."""
    process = await start(*arguments)
    assert process.stdout is not None
    try:
        async with asyncio.timeout(20):
            line = (await process.stdout.readline()).decode().strip()
        yield line
    finally:
        if process.returncode is None:
            process.send_signal(by)
        code, _, err = await ended(process)
    assert (code, "Traceback" in err) == (0, False), err


async def test_a_wrong_oauth_secret_ends_the_worker(floor: Floor) -> None:
    """Exit code 1 and the sentence, before the work begins and without the secret; no trade is touched."""
    async with serve(floor.practice) as org:
        process = await start("worker", "-c", floor.config(org=org), SHIFTLINE_WFM_SECRET="hunter2")
        code, _, err = await ended(process)
    assert code == 1
    why = "401 invalid_client: client id or client secret is wrong"
    assert err.splitlines() == [
        f"error: Genesys refused the OAuth client 'shiftline' ({why}).",
        "next:  Check wfm.client_id, its secret, and that its grant type is client credentials.",
    ]
    assert await floor.books.trades() == []


async def test_a_wrong_business_unit_ends_the_worker(floor: Floor) -> None:
    """What the WFM does not have, a person has to correct."""
    async with serve(floor.practice) as org:
        config = floor.config(org=org)
        unit = floor.practice.org.business_unit.id
        config.write_text(config.read_text().replace(unit, "00000000-0000-4000-8000-000000000000"))
        code, _, err = await ended(await start("worker", "-c", config))
    assert code == 1
    assert err.count("\n") == 2
    assert "404" in err
    assert "Check the business unit and management unit ids in [wfm]." in err


async def test_a_worker_shows_its_status_while_it_works(floor: Floor) -> None:
    """`serve` is a worker with a page: trades come to their ends, the page counts them, a signal ends it."""
    async with (
        pbx_of(floor) as pbx,
        serve(floor.practice) as org,
        running("serve", "-c", floor.config(org=org, pbx=pbx.address), "--port", "0") as line,
        httpx.AsyncClient(base_url=line.removeprefix("Status page: ")) as browser,
    ):
        assert (await browser.get("/healthz")).status_code == 200
        await floor.until_as_truth_has_it()
        status = (await browser.get("/api/status")).json()
        assert status["trades"] == {
            "open": 0,
            "delivering": 0,
            "referred": status["trades"]["referred"],
            "settled": 10 - status["trades"]["referred"],
        }
        assert sum(status["outcomes"].values()) == status["trades"]["settled"]
        assert status["checks_due"] == 0
        (trunk,) = status["trunks"]
        assert (trunk["trunk"], trunk["auth_user"], trunk["disarmed_cause"]) == ("pbx", "shiftline", None)
        assert trunk["rate"] > 0
        assert "with a supervisor" in (await browser.get("/")).text


async def test_a_page_without_a_worker_only_looks(floor: Floor) -> None:
    """`--no-worker` needs neither the WFM nor the trunk, and takes no trade in."""
    async with (
        running("serve", "-c", floor.config(org="http://127.0.0.1:9"), "--port", "0", "--no-worker") as line,
        httpx.AsyncClient(base_url=line.removeprefix("Status page: ")) as browser,
    ):
        assert (await browser.get("/api/status")).json()["trades"]["open"] == 0
        assert "no worker has run" in (await browser.get("/")).text


@pytest.mark.parametrize("verb", ["rearm", "show"])
async def test_a_trunk_that_does_not_exist_is_an_error_with_the_nearest_name(floor: Floor, verb: str) -> None:
    """A slip of the keyboard must not look like a trunk that is well."""
    code, out, err = await ended(
        await start("trunk", verb, "pxb", "-c", floor.config(org="http://127.0.0.1:9"))
    )
    assert (code, out) == (2, "")
    assert "There is no trunk 'pxb'." in err
    assert "Did you mean 'pbx'?" in err


async def test_the_practice_pbx_says_how_to_use_it_and_ends_at_ctrl_c() -> None:
    """Address, account, password, agents, and how to stop it, in the first line."""
    async with running("lab", "pbx", "--port", "0", "--agents", "30", by=signal.SIGINT) as line:
        assert line.startswith("Practice PBX: sip:127.0.0.1:")
        for words in ("account shiftline, password secret", "agent0001 to agent0030", "Stop it with Ctrl-C."):
            assert words in line


async def test_the_practice_org_serves_what_its_first_line_says() -> None:
    """Address, client, secret; the client gets a token there."""
    async with running("lab", "org", "--port", "0", "--trades", "20", by=signal.SIGINT) as line:
        assert "OAuth client shiftline, secret secret, 20 matched trades. Stop it with Ctrl-C." in line
        url = line.removeprefix("Practice org: ").partition(",")[0]
        async with httpx.AsyncClient(base_url=url) as client:
            answer = await client.post(
                "/oauth/token", data={"grant_type": "client_credentials"}, auth=("shiftline", "secret")
            )
            assert answer.status_code == 200
            assert len((await client.get("/lab/truth")).json()["trades"]) == 20


async def test_a_worker_that_waits_for_the_wfm_can_be_ended(floor: Floor) -> None:
    """At any moment of its start, too."""
    process = await start("worker", "-c", floor.config(org="http://127.0.0.1:9"))
    assert process.stderr is not None
    async with asyncio.timeout(20):
        line = (await process.stderr.readline()).decode()
    assert "waiting for the WFM" in line
    process.send_signal(signal.SIGTERM)
    code, _, err = await ended(process)
    assert (code, "Traceback" in err) == (0, False)


async def test_the_check_names_the_permission_that_a_fallback_lacks(floor: Floor) -> None:
    """Exit code 1 and the sentence; while the fallback is switched off, nobody misses it."""
    floor.practice.faults.replace({FaultName.FORBIDDEN_403: Fault()})
    async with serve(floor.practice) as org:
        check = ("config", "check", "--online", "-c", floor.config(org=org))
        on, off = await asyncio.gather(
            ended(await start(*check, SHIFTLINE_POLICY__PLATFORM_FALLBACK="true", COLUMNS="400")),
            ended(await start(*check)),
        )
    assert (on[0], off[0]) == (1, 0), on[2]
    (finding,) = [line for line in on[1].splitlines() if "!!" in line]
    assert "http.permission: The OAuth client may not read the adherence feed" in finding
    assert "it lacks wfm:realtimeAdherence:view." in finding
