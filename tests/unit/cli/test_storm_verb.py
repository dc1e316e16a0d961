"""``shiftline storm``: figures, exit codes, and clear errors."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.unit.storm.servers import Behaviour, registrar
from typer.testing import CliRunner

from shiftline.cli.app import app
from shiftline.errors import ShiftlineError

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
        (("8.8.8.8",), "public address"),
        (("8.8.8.8", "--i-may-load", "8.8.4.4"), "public address"),
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


def test_moments_from_a_file_are_replayed(tmp_path: Path) -> None:
    path = tmp_path / "times"
    path.write_text("# of yesterday\n" + "".join(f"{1000 + number / 500}\n" for number in range(110)))
    with registrar() as (port, _):
        arguments = ("storm", f"127.0.0.1:{port}", "--method", "options", "--shape", f"replay:{path}")
        result = CliRunner().invoke(app, [*arguments, *COMMON, "--json", "-"], catch_exceptions=False)
    figures = json.loads(result.stdout)
    assert (figures["flows"], figures["ok"], figures["load"]["shape"]) == (110, 110, "replay")
