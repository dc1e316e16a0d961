"""The program as a user runs it: arguments in; exit code, output and words of error out."""

from __future__ import annotations

import socket
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import structlog
from tests import support
from tests.unit.cli.practice import AGENTS

from shiftline.cli.app import main
from shiftline.lab.pbx.config import PracticePbxConfig
from shiftline.secrets import Secret

GOOD = """
[trunk]
address = "sip:127.0.0.1:5060"
username = "shiftline"
control_present = "1001"
control_absent = "1099"

[wfm]
api_url = "https://api.example"
login_url = "https://login.example"
client_id = "client"
business_unit = "unit"
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How a run of the program ended."""

    code: int | str | None
    out: str
    err: str


Shiftline = Callable[..., Ended]


@pytest.fixture
def shiftline(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Shiftline]:
    """Run ``shiftline ARGS`` in this process."""
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("TERM", "dumb")

    def run(*args: str | Path) -> Ended:
        monkeypatch.setattr(sys, "argv", ["shiftline", *map(str, args)])
        with pytest.raises(SystemExit) as ended:
            main()
        words = capsys.readouterr()
        return Ended(code=ended.value.code, out=words.out, err=words.err)

    yield run
    structlog.reset_defaults()  # a verb's log goes to this test's captured output


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """Write a configuration, by default a good one; its secrets are set."""
    monkeypatch.setenv("SHIFTLINE_TRUNK_PASSWORD", "of the trunk")
    monkeypatch.setenv("SHIFTLINE_WFM_SECRET", "of the client")

    def write(text: str = "", *, instead_of: str = "") -> Path:
        path = tmp_path / "shiftline.toml"
        content = GOOD.replace(instead_of, text) if instead_of else GOOD + text
        path.write_text(content, encoding="utf-8")
        return path

    return write


@pytest.fixture
def free_port() -> int:
    """A TCP port on which nobody listens."""
    return support.free_port(socket.SOCK_STREAM)


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> PracticePbxConfig:
    """A healthy and quick PBX, and the password that it knows."""
    monkeypatch.setenv("LAB_PASSWORD", "secret")
    return PracticePbxConfig(
        log_path=tmp_path / "pbx.jsonl",
        agents=AGENTS,
        password=Secret("secret"),
        answer_seconds=(0.001, 0.002),
    )
