"""``shiftline storm`` is told to end, or killed: what is written, the exit code, and what is left running."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.unit.storm.servers import registrar


def storm(port: int, *options: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "shiftline", "storm", f"127.0.0.1:{port}", "--source", "127.0.0.2"]
    command += ["--users", "30", "--concurrency", "20", "--duration", "60", "--password-env", "PBX_PASSWORD"]
    return subprocess.Popen(
        [*command, *options],
        env={**os.environ, "PBX_PASSWORD": "secret"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        preexec_fn=hear_ctrl_c,  # noqa: PLW1509 - no threads here
    )


def hear_ctrl_c() -> None:
    """A job in the background has it ignored."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


def children_of(pid: int) -> list[int]:
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def until(condition: Callable[[], bool], seconds: float = 20.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("to_engine_too", [False, True])
def test_a_storm_that_is_told_to_end_writes_its_report(
    number: signal.Signals, to_engine_too: bool, tmp_path: Path
) -> None:
    """A terminal tells the whole group, a supervisor the first process alone."""
    figures_path, report_path = tmp_path / "figures.json", tmp_path / "report.html"
    with registrar() as (port, _):
        process = storm(port, "--json", str(figures_path), "--report", str(report_path))
        until(lambda: bool(children_of(process.pid)))
        engines = children_of(process.pid)
        time.sleep(1.5)
        for pid in [process.pid, *(engines if to_engine_too else [])]:
            os.kill(pid, number)
        assert process.wait(20.0) == 1
    figures = json.loads(figures_path.read_text())
    assert figures["stopped"] == "it was interrupted"
    assert figures["ok"] > 0
    assert figures["verdict"]["kind"] == "invalid"
    assert "it was interrupted" in report_path.read_text()
    assert not any(map(is_alive, engines))


def test_engines_die_with_the_one_that_started_them() -> None:
    with registrar() as (port, _):
        process = storm(port, "--processes", "2", "--no-verdict")
        until(lambda: len(children_of(process.pid)) == 2)
        engines = children_of(process.pid)
        time.sleep(1.0)
        process.kill()
        process.wait(5.0)
        until(lambda: not any(map(is_alive, engines)), 5.0)
