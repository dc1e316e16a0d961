"""The demo's verb: what cannot be written is told first, and signals leave nothing behind."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import pytest

from shiftline.cli.writing import require_writable
from shiftline.errors import ConfigurationError
from shiftline.lab.demo import run

Shiftline = Callable[..., Any]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's data directory, of this test alone; a demo that would be played fails."""

    async def play(*_: object) -> NoReturn:
        pytest.fail("the demo was played")

    monkeypatch.setattr(run, "run_demo", play)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    return tmp_path / "data" / "shiftline"


@pytest.mark.parametrize("option", ["--json", "--report"])
def test_a_file_that_cannot_be_written_is_told_before_the_run(
    shiftline: Shiftline, home: Path, tmp_path: Path, option: str
) -> None:
    """Not after a minute of playing."""
    ended = shiftline("demo", "--exit", option, tmp_path / "no" / "out")
    assert ended.code == 2
    assert ended.err.splitlines()[0].endswith("/no/out cannot be written: No such file or directory.")
    assert not home.exists()


def test_a_file_to_keep_in_is_told(shiftline: Shiftline, home: Path, tmp_path: Path) -> None:
    """--keep wants a directory."""
    (tmp_path / "taken").write_text("")
    report = tmp_path / "report.html"
    ended = shiftline("demo", "--keep", tmp_path / "taken", "--report", report)
    assert ended.code == 2
    assert "/taken cannot be written: File exists." in ended.err
    assert "next:  Give another directory to --keep." in ended.err
    assert not home.exists()
    assert not report.exists()


def test_a_home_that_cannot_be_used_is_told(
    shiftline: Shiftline, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the variable that names another."""
    monkeypatch.setenv("XDG_DATA_HOME", "/dev/null")
    ended = shiftline("demo", "--exit")
    assert ended.code == 2
    assert ended.err.startswith(
        "error: /dev/null/shiftline cannot be written: Not a directory.\nnext:  Set XDG"
    )
    assert not home.exists()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_ends_the_demo_and_its_directory(
    shiftline: Shiftline, home: Path, monkeypatch: pytest.MonkeyPatch, number: signal.Signals
) -> None:
    """Whoever ends it, it cleans up first; a closed terminal that says so twice does not cut that short."""
    cleaned = []

    async def play(_settings: object, _screen: object, directory: Path) -> NoReturn:
        assert directory.parent == home
        try:
            os.kill(os.getpid(), number)
            await asyncio.sleep(30.0)
            pytest.fail("nobody was told")
        finally:
            if number is not signal.SIGINT:
                os.kill(os.getpid(), number)
            await asyncio.sleep(0.01)
            cleaned.append(directory)

    monkeypatch.setattr(run, "run_demo", play)
    assert shiftline("demo", "--exit").code == 130
    assert len(cleaned) == 1
    assert list(home.iterdir()) == []


def test_a_report_that_cannot_even_be_looked_for(tmp_path: Path) -> None:
    """A name that the system refuses (or a closed folder) is one sentence, before anything starts."""
    with pytest.raises(ConfigurationError, match="cannot be written"):
        require_writable(tmp_path / ("x" * 300))
