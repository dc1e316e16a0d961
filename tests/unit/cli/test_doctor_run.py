"""``shiftline doctor run`` as it is typed: what it refuses, what it would ask, and what it finds."""

from __future__ import annotations

import asyncio
import html
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from zipfile import ZipFile

import pytest
from rich.console import Console
from tests.unit.doctor.trunk import PASSWORD
from typer.testing import CliRunner

from shiftline.bootstrap import new_token
from shiftline.cli.app import app
from shiftline.cli.doctor import plan as plan_module
from shiftline.cli.doctor.findings import addressed, print_hanging
from shiftline.cli.doctor.plan import plan_run
from shiftline.cli.doctor.report import material_of_examination
from shiftline.cli.doctor.run_report import as_json, print_plan, print_result
from shiftline.cli.doctor.screen import screen
from shiftline.cli.doctor.wishes import Wishes
from shiftline.diagnosis.as_json import as_json as diagnosis_as_json
from shiftline.diagnosis.experiment import Risk
from shiftline.diagnosis.finding import Separation
from shiftline.diagnosis.separation import DOCTOR_RUN
from shiftline.doctor.report.bundle import write_bundle
from shiftline.doctor.report.material import Material
from shiftline.doctor.run import Run, RunPlan, open_run
from shiftline.errors import ConfigurationError, UnavailableError
from shiftline.lab.pbx.agents import Truth
from shiftline.lab.pbx.config import PracticePbxConfig
from shiftline.lab.pbx.server import serve
from shiftline.net.tls import TlsSettings
from shiftline.sip.trace import Direction, Trace, TracedMessage

AGENTS = {"agent0001": Truth.AVAILABLE, "agent0002": Truth.AVAILABLE, "agent0003": Truth.NOT_REGISTERED}


def wishes(**changes: object) -> Wishes:
    usual: dict[str, object] = {
        "trunk": None, "server": None, "user": "shiftline", "password_env": "SIP_PASSWORD",
        "known_good": "agent0002", "known_good_password_env": "SIP_PASSWORD",
        "sources": [], "allow": "harmless", "budget": 100, "patience_seconds": 60.0,
        "present": "agent0001", "absent": "agent0003", "domains": ["lab"], "caller": "",
        "public_address": "", "headers": [], "agent": "", "subscribes": False, "tls": TlsSettings(),
        "may_load": "", "dry_run": False, "path": Path("shiftline.toml"),
    }  # fmt: skip
    return Wishes(**{**usual, **changes})  # type: ignore[arg-type]


@asynccontextmanager
async def practice_pbx(tmp_path: Path, *faults: str, personality: str = "kamailio") -> AsyncIterator[str]:
    """A practice PBX on sockets, in this loop."""
    told, ready = asyncio.Event(), asyncio.get_running_loop().create_future()
    config = PracticePbxConfig(
        log_path=tmp_path / "pbx.log",
        agents=AGENTS,
        password=PASSWORD,
        personality=personality,
        fault_ids=faults,
    )
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(serve(config, told, ready.set_result))
        try:
            yield f"sip:{await ready}"
        finally:
            told.set()


async def examined(plan: RunPlan, messages: list[TracedMessage] | None = None) -> Run:
    run = await open_run(
        plan, token=new_token, on_message=messages.append if messages is not None else lambda _: None
    )
    try:
        await run.until_over()
    finally:
        await run.aclose()
    return run


@pytest.mark.parametrize(
    ("faults", "verdict"), [((), "healthy"), (("credentials.wrong-password",), "credentials.wrong-password")]
)
async def test_a_pbx_on_sockets_is_examined(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, faults: tuple[str, ...], verdict: str
) -> None:
    """Harmless questions alone; places are those of the trace; nothing secret is in the result."""
    monkeypatch.setenv("SIP_PASSWORD", "secret")
    async with practice_pbx(tmp_path, *faults) as server:
        found = await plan_run(wishes(server=server))
        assert found.plan.permission.risk is Risk.HARMLESS
        messages: list[TracedMessage] = []
        plan = RunPlan(
            case=found.plan.case, permission=found.plan.permission, ends=found.plan.ends,
            budget=found.plan.budget, pause_seconds=0.02,
        )  # fmt: skip
        examination = (await examined(plan, messages)).examination
    diagnosis = examination.diagnosis()
    named = {diagnosis.findings[0].cause, *diagnosis.findings[0].indistinguishable_from}
    assert verdict in named
    for exchange in examination.exchanges:
        message = messages[exchange.places[0].number - 1]
        assert message.direction is Direction.SENT
        assert message.data.startswith(exchange.method.encode())
    written = json.dumps(as_json(found, examination))
    assert "secret" not in written
    console = Console(record=True, width=120)
    print_result(found, examination, console)
    console.print(screen("a trunk", examination))
    assert verdict in console.export_text()


GIVEN = {
    "user": "gw-chicago", "known_good": "agent0002", "present": "agent0001",
    "absent": "sip:13125550147@lab.example", "caller": "alice.jones", "domains": ["acme.example"],
    "agent": "AcmeDialer/7", "headers": ["X-Tenant: acme-tenant-9"], "password_env": "GW_CHICAGO_PASSWORD",
    "known_good_password_env": "AGENT0002_PASSWORD",
}  # fmt: skip


async def test_nobody_who_was_given_stands_in_a_bundle_under_pseudonyms(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In no file of it: the command that would settle it has each of them, and the excerpt most."""
    monkeypatch.setenv("GW_CHICAGO_PASSWORD", "secret")
    monkeypatch.setenv("AGENT0002_PASSWORD", "secret")
    trace = Trace()
    async with practice_pbx(tmp_path, "credentials.wrong-password") as server:
        found = await plan_run(wishes(server=server, **GIVEN))
        run = await open_run(replace(found.plan, pause_seconds=0.02), token=new_token, on_message=trace.add)
        try:
            await run.until_over()
        finally:
            await run.aclose()
    material = material_of_examination(found, run.examination, trace, 0.0)
    settles = Separation(experiment="x", sentence="It tells.", command=f"{DOCTOR_RUN} --allow may-trip")
    diagnosis = addressed(replace(material.diagnosis, separation=settles), found.arguments)
    material = replace(material, diagnosis=diagnosis)
    result = as_json(found, run.examination) | diagnosis_as_json(diagnosis)
    files = bundled(tmp_path / "plain.zip", material, result, pseudonyms=False)
    names = ("gw-chicago", "agent0001", "agent0002", "13125550147", "alice.jones", "acme.example",
             "AcmeDialer", "acme-tenant-9", "GW_CHICAGO", "AGENT0002")  # fmt: skip
    assert [one for one in names if one in files["report.html"]] == list(names)
    assert all(any(one in text for text in files.values()) for one in names)
    hidden = bundled(tmp_path / "hidden.zip", material, result, pseudonyms=True)
    leaks = [(one, name) for one in names for name, text in hidden.items() if one.lower() in text.lower()]
    assert not leaks
    command = json.loads(hidden["diagnosis.json"])["separating_experiment"]["command"]
    assert f"--server {server} --user user1 --password-env VAR --known-good user2" in command
    assert "--domain domain1" in command
    assert "--header 'X-Tenant: value1'" in command
    assert command in html.unescape(hidden["report.html"])


def bundled(path: Path, material: Material, result: dict[str, object], *, pseudonyms: bool) -> dict[str, str]:
    write_bundle(path, material, result, pseudonyms=pseudonyms)
    with ZipFile(path) as opened:
        return {name: opened.read(name).decode("latin-1") for name in opened.namelist()}


async def test_a_name_without_an_address_is_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not a usage error: it is what the trunk suffers from."""
    monkeypatch.setenv("SIP_PASSWORD", "secret")
    found = await plan_run(wishes(server="sip:nosuch.invalid"))
    examination = (await examined(found.plan)).examination
    assert examination.diagnosis().cause == "dns.failure"


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"server": "sip:8.8.8.8"}, "--i-may-load 8.8.8.8"),
        ({"server": "sip:192.168.9.9", "allow": "everything"}, "harmless"),
        ({"trunk": "pbx"}, "--server"),
        ({"password_env": ""}, "SIP_PASSWORD"),
        ({"known_good_password_env": ""}, "that account's password"),
        ({"known_good": ""}, "that account's password"),
        ({"absent": ""}, "--absent"),
        ({"public_address": "here"}, "192.0.2.10"),
        ({"headers": ["nonsense"]}, "X-Tenant"),
    ],
)
async def test_what_cannot_be_done_is_said_with_a_remedy(
    monkeypatch: pytest.MonkeyPatch, changes: dict[str, object], word: str
) -> None:
    """In one sentence, before anything is sent."""
    monkeypatch.setenv("SIP_PASSWORD", "secret")
    with pytest.raises(ConfigurationError) as error:
        await plan_run(wishes(**{"server": "sip:127.0.0.1:5060", **changes}))
    assert word in error.value.remedy


async def test_the_loopback_may_be_loaded_and_a_real_target_not(monkeypatch: pytest.MonkeyPatch) -> None:
    """Unless that is allowed; the plan says what each question wants."""
    monkeypatch.setenv("SIP_PASSWORD", "secret")
    here = await plan_run(wishes(server="sip:127.0.0.1:5060", allow=None))
    assert here.plan.permission.risk is Risk.MAY_TRIP
    assert here.plan.ends is not None
    assert (here.plan.ends.own, here.plan.ends.second) == ("127.0.0.2", "127.0.0.4")
    real = await plan_run(wishes(server="sip:192.168.9.9", allow=None))
    assert real.plan.permission.risk is Risk.HARMLESS
    console = Console(record=True, width=160)
    print_plan(real, console)
    text = console.export_text()
    assert "- wants --allow may-trip: p7.bind, " in text
    assert "Nothing was sent." in text


def test_a_dry_run_sends_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """It succeeds although nobody listens there."""
    monkeypatch.setenv("SIP_PASSWORD", "secret")
    ran = CliRunner().invoke(app, ["doctor", "run", "--server", "sip:127.0.0.1:9", "--dry-run"])
    assert ran.exit_code == 0
    assert "p0.options" in ran.stdout


@pytest.mark.parametrize("more", [(), ("--i-may-load", "192.0.2.10")])
def test_a_dry_run_needs_no_consent(monkeypatch: pytest.MonkeyPatch, more: tuple[str, ...]) -> None:
    """It asks nobody, and says that the run itself will need it."""
    monkeypatch.setenv("SIP_PASSWORD", "secret")
    monkeypatch.setattr(plan_module, "source_towards", lambda *_: "192.168.9.1")
    command = "doctor run --server sip:192.0.2.10 --user trunk --password-env SIP_PASSWORD --dry-run"
    ran = CliRunner().invoke(app, [*command.split(), *more])
    assert ran.exit_code == 0
    assert "Nothing was sent." in ran.stdout
    assert ("--i-may-load 192.0.2.10" in " ".join(ran.stdout.split())) is (not more)


@pytest.mark.parametrize(
    ("source", "why"), [("nonsense", "is no IP address"), ("203.0.113.9", "cannot be used here")]
)
def test_a_source_that_is_not_ours_is_laid_to_the_option(source: str, why: str) -> None:
    ran = CliRunner().invoke(app, ["doctor", "run", "--server", "sip:127.0.0.1:9", "--source", source])
    assert isinstance(ran.exception, ConfigurationError)
    assert why in str(ran.exception)
    assert str(ran.exception).startswith("--source is ")


def test_long_lines_go_on_under_their_first_word_in_a_terminal() -> None:
    """And stay whole in a file, where people search."""
    text = "SUBSCRIBE was refused [twice] " * 6
    console = Console(record=True, width=60, force_terminal=True)
    print_hanging("  + ", text, console)
    first, *more = console.export_text().splitlines()
    assert first.startswith("  + SUBSCRIBE was refused [twice]")
    assert more
    assert all(line.startswith("    ") and len(line) <= 60 for line in more)
    piped = Console(record=True, width=60, force_terminal=False)
    print_hanging("  + ", text, piped)
    assert piped.export_text().count("\n") == 1


async def test_what_may_be_asked_fits_into_80_columns() -> None:
    console = Console(record=True, width=80, force_terminal=True)
    nobody = dict.fromkeys(("user", "password_env", "known_good", "known_good_password_env"), "")
    print_plan(await plan_run(wishes(server="sip:127.0.0.1:5060", **nobody)), console)
    lines = console.export_text().splitlines()
    assert max(map(len, lines)) <= 80
    table = [line for line in lines if line.startswith("│")]
    rows = [line for line in table if line[2] != " "]
    assert len(table) <= 2 * len(rows)


async def test_what_fails_at_its_time_ends_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a lock that another process holds. Whoever waits for the end is told, and does not wait for ever."""

    def fail(now: float) -> None:
        raise UnavailableError(f"Nobody may log in at {now}.")

    monkeypatch.setenv("SIP_PASSWORD", "secret")
    async with practice_pbx(tmp_path) as server:
        found = await plan_run(wishes(server=server))
        run = await open_run(
            replace(found.plan, pause_seconds=0.02),
            token=new_token,
            on_change=lambda examination: monkeypatch.setattr(examination, "handle_timer", fail),
        )
        try:
            with pytest.raises(UnavailableError, match="Nobody may log in"):
                async with asyncio.timeout(30.0):
                    await run.until_over()
        finally:
            await run.aclose()


@pytest.mark.parametrize("again", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_in_mid_run_ends_with_what_was_found(tmp_path: Path, again: signal.Signals) -> None:
    """Without a traceback; it says so at once, and whoever repeats it does not lose the files."""
    result = tmp_path / "result.json"
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        silent.settimeout(120.0)
        port = silent.getsockname()[1]
        command = [sys.executable, "-m", "shiftline", "doctor", "run", "--server", f"sip:127.0.0.1:{port}"]
        command += ["--user", "trunk", "--password-env", "SIP_PASSWORD", "--json", str(result)]
        environment = os.environ | {
            "SIP_PASSWORD": "secret",
            "XDG_STATE_HOME": str(tmp_path),
            "COLUMNS": "120",
        }
        run = subprocess.Popen(
            command, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        try:
            while not silent.recv(4096).startswith(b"REGISTER"):  # the second question
                pass
            run.send_signal(again)
            assert run.stderr is not None
            assert run.stderr.readline().startswith("Ending: what was found so far is written.")
            run.send_signal(again)
            output, errors = run.communicate(timeout=120.0)
        finally:
            run.kill()
            run.wait()
    assert run.returncode == 1
    assert errors == ""
    assert "It was ended before it was over." in output
    assert "ask the server itself whether it is there" in output
    assert json.loads(result.read_text())["stopped"] is None
