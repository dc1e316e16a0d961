"""``shiftline storm``: figures, exit codes, and clear errors."""

from __future__ import annotations

import inspect
import io
import json
import os
import subprocess
import sys
from contextlib import redirect_stdout
from pathlib import Path

import pytest
from tests.unit.storm.servers import Behaviour, registrar
from typer.testing import CliRunner

from shiftline.cli.app import app
from shiftline.cli.storm import load as storm
from shiftline.cli.storm.plan import Wishes, make_plan
from shiftline.cli.storm.run import Wanted, carry_out
from shiftline.errors import ShiftlineError
from shiftline.net.tls import TlsSettings

COMMON = ("--source", "127.0.0.2", "--users", "30", "--concurrency", "20", "--timeout", "2")


def test_the_figures_of_the_contract_are_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """On standard output and nothing beside them; all went well, so the exit code is 0."""
    monkeypatch.setenv("PBX_PASSWORD", "secret")
    with registrar() as (port, _):
        arguments = ("storm", f"127.0.0.1:{port}", "--requests", "150", "--password-env", "PBX_PASSWORD")
        result = CliRunner().invoke(app, [*arguments, *COMMON, "--json", "-"], catch_exceptions=False)
    figures = json.loads(result.stdout)
    assert (figures["flows"], figures["ok"], figures["statuses"]) == (150, 150, {"200": 150})
    assert figures["answers"] == {"200": 150, "401": 150}
    assert set(figures["latency_ms"]) == {"p50", "p95", "p99", "max"}
    assert figures["flows_per_second"] > 0
    assert figures["cpu_us_per_flow"] > 0
    assert result.exit_code == (0 if figures["valid"] else 1)


def test_a_mix_is_loaded_and_refusals_are_a_fault(tmp_path: Path) -> None:
    """Without a password a challenged flow fails: exit code 1, with the status in the table."""
    path = tmp_path / "figures.json"
    with registrar(Behaviour()) as (port, seen):
        arguments = (
            "storm",
            f"sip:127.0.0.1:{port}",
            "--requests",
            "120",
            "--method",
            "register=1,options=2",
        )
        result = CliRunner().invoke(app, [*arguments, *COMMON, "--json", str(path)], catch_exceptions=False)
    assert result.exit_code == 1
    assert json.loads(path.read_text())["statuses"] == {"200": 80, "401": 40}
    assert "401 40" in result.stdout
    assert seen.methods["OPTIONS"] >= 80


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("192.0.2.300",), "no address"),
        (("8.8.8.8",), "no private address"),
        (("8.8.8.8", "--i-may-load", "8.8.4.4"), "no private address"),
        (("203.0.113.7",), "no private address"),
        (("127.0.0.1:0",), "port 0"),
        (("sip:127.0.0.1;maddr=10.0.0.1",), "maddr"),
        (("127.0.0.1", "--shape", "publish-day:1000000000000/60s"), "more than storm takes"),
        (("127.0.0.1", "--user-template", "a{n:999999999}"), "cannot be filled"),
        (("sip:bob@127.0.0.1",), "names a user"),
        (("127.0.0.1", "--method", "register=0"), "no mix"),
        (("127.0.0.1", "--method", "refer"), "no method"),
        (("127.0.0.1", "--rate", "5", "--shape", "constant:5"), "exclude each other"),
        (("127.0.0.1", "--shape", "constant:0"), "sends nothing"),
        (("127.0.0.1", "--shape", "sawtooth:1"), "no load shape"),
        (("127.0.0.1", "--shape", "replay:/nowhere"), "cannot be read"),
        (("127.0.0.1", "--scenario", "/nowhere"), "cannot be read"),
        (("127.0.0.1", "--users-file", "/nowhere"), "cannot be read"),
        (("127.0.0.1", "--password-env", "NOT_SET"), "NOT_SET is not set"),
        (("127.0.0.1", "--concurrency", "60000"), "more than storm ever does"),
    ],
)
def test_what_cannot_be_done_is_said_before_anything_is_sent(arguments: tuple[str, ...], said: str) -> None:
    with pytest.raises(ShiftlineError, match=said):
        CliRunner().invoke(app, ["storm", *arguments], catch_exceptions=False)


def test_a_public_target_is_refused_before_any_load_is_announced(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ShiftlineError, match="no private address"):
        CliRunner().invoke(app, ["storm", "8.8.8.8"], catch_exceptions=False)
    assert "load" not in capfd.readouterr().err


def test_the_help_fits_a_narrow_terminal() -> None:
    """No option's name is cut, and the usage is what one types."""
    said = subprocess.run(
        [sys.executable, "-m", "shiftline", "storm", "--help"],
        env={**os.environ, "COLUMNS": "80"}, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    assert "Usage: shiftline storm [OPTIONS] {SERVER}" in said
    for name in inspect.signature(storm.run, eval_str=True).parameters:
        written = {"may_load": "i-may-load", "asserted": "assert"}.get(name, name.removesuffix("_file"))
        assert name == "server" or f"--{written.replace('_', '-')}" in said
    assert max(map(len, said.splitlines())) <= 80


@pytest.mark.parametrize(
    ("option", "value", "bounds"),
    [
        ("--timeout", "0.01", "at least 0.1 and at most 64"), ("--rate", "nan", "at least 0.01"),
        ("--users", "1000001", "at most 1,000,000"), ("--ports", "0", "at least 1"),
        ("--expires", "0", "at least 1"), ("--metrics-port", "65536", "at most 65,535"),
    ],
)  # fmt: skip
def test_numbers_have_bounds(option: str, value: str, bounds: str) -> None:
    result = CliRunner().invoke(app, ["storm", "127.0.0.1:9", option, value], env={"COLUMNS": "200"})
    assert result.exit_code == 2
    assert option in result.output
    assert bounds in result.output


@pytest.mark.parametrize("option", ["--json", "--csv", "--report"])
def test_a_file_that_cannot_be_written_is_said_before_the_load(option: str, tmp_path: Path) -> None:
    for path in (tmp_path / "missing" / "file", tmp_path):
        with pytest.raises(ShiftlineError, match="cannot be written"):
            CliRunner().invoke(app, ["storm", "127.0.0.1:9", option, str(path)], catch_exceptions=False)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("option", ["--csv", "--report"])
def test_only_figures_go_to_standard_output(option: str) -> None:
    """The others were not written at all, and nobody said so."""
    with pytest.raises(ShiftlineError, match="standard output"):
        CliRunner().invoke(app, ["storm", "127.0.0.1:9", option, "-"], catch_exceptions=False)


def test_a_full_file_system_is_said_before_the_load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    full = os.statvfs_result((4096, 4096, 1000, 0, 0, 10, 10, 10, 0, 255))
    monkeypatch.setattr(os, "statvfs", lambda _: full)
    with pytest.raises(ShiftlineError, match="file system is full"):
        CliRunner().invoke(
            app, ["storm", "127.0.0.1:9", "--json", str(tmp_path / "f")], catch_exceptions=False
        )


def test_a_disk_that_fills_up_meanwhile_costs_the_file_and_not_the_answer() -> None:
    """The table is printed all the same."""
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full here")
    said = io.StringIO()
    wanted = Wanted(verdict=False, json_file=Path("/dev/full"))
    with registrar() as (port, _), redirect_stdout(said):
        plan = make_plan(wishes(f"127.0.0.1:{port}"))
        with pytest.raises(ShiftlineError, match="No space left"):
            carry_out(plan, wanted)
    assert "150, of which 150 succeeded" in said.getvalue()


def test_a_report_that_cannot_be_written_costs_no_other(tmp_path: Path) -> None:
    figures, table = tmp_path / "figures.json", tmp_path / "seconds.csv"
    gone = tmp_path / "gone" / "report.html"
    with registrar() as (port, _), redirect_stdout(io.StringIO()) as said:
        plan = make_plan(wishes(f"127.0.0.1:{port}"))
        wanted = Wanted(verdict=False, json_file=gone, csv_file=table, report_file=tmp_path / "report.html")
        with pytest.raises(ShiftlineError, match=r"gone.*cannot be written") as caught:
            carry_out(plan, wanted)
    assert caught.value.exit_code == 2
    assert "150 succeeded" in said.getvalue()
    assert table.read_text().startswith("second,")
    page = (tmp_path / "report.html").read_text()
    assert '<table class="counts">' in page  # whose long cells wrap on a telephone
    assert ".counts td { white-space: normal;" in page
    assert not figures.exists()


def wishes(server: str) -> Wishes:
    return Wishes(
        server=server, method="options", scenario=None, concurrency=20, rate=None, shape=None, flows=150,
        seconds=None, users=30, user_template="agent{n}", users_file=None, password_env="",
        sources=("127.0.0.2",), ports=1, fresh_challenge=True, timeout_seconds=2.0, silence_seconds=10.0,
        processes=1, batches=True, tls=TlsSettings(),
    )  # fmt: skip


def test_moments_from_a_file_are_replayed(tmp_path: Path) -> None:
    path = tmp_path / "times"
    path.write_text("# of yesterday\n" + "".join(f"{1000 + number / 500}\n" for number in range(110)))
    with registrar() as (port, _):
        arguments = ("storm", f"127.0.0.1:{port}", "--method", "options", "--shape", f"replay:{path}")
        result = CliRunner().invoke(app, [*arguments, *COMMON, "--json", "-"], catch_exceptions=False)
    figures = json.loads(result.stdout)
    assert (figures["flows"], figures["ok"], figures["load"]["shape"]) == (110, 110, "replay")
