"""A roster file that cannot be used: the line is named, and the remedy."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Shiftline = Callable[..., Any]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", ["does not begin with the columns agent,address"]),
        ("agent;address\nAda;sip:1@pbx", ["Make its first line: agent,address"]),
        ("agent,address\nAda,sip:1@pbx\nBen,5551234", ["line 3", "'5551234'", "sip:4711@pbx.example"]),
        ("agent,address\nAda,sip:pbx", ["line 2", "not the SIP URI of a user"]),
        ("agent,address\nAda,sip:@pbx", ["line 2", "not the SIP URI of a user"]),
        ("agent,address\n,sip:1@pbx", ["line 2", "the agent is missing"]),
        ("agent,address\nAda,sip:1@pbx\nAda,sip:2@pbx", ["line 3", "'Ada' has two addresses"]),
        ("agent,address\nAda," + "1" * 200_000, ["line 2", "not CSV", "field larger than field limit"]),
    ],
)
def test_a_wrong_line_is_named(shiftline: Shiftline, tmp_path: Path, content: str, words: list[str]) -> None:
    """Exit code 2; the same by `roster import`, which only tries, and by the worker."""
    path = tmp_path / "roster.csv"
    path.write_text(content, encoding="utf-8")
    ended = shiftline("roster", "import", path)
    assert ended.code == 2
    assert [line[:7] for line in ended.err.splitlines()] == ["error: ", "next:  "]
    assert str(path) in ended.err
    for word in words:
        assert word in ended.err


def test_a_worker_does_not_start_on_a_wrong_roster(
    shiftline: Shiftline, config: Callable[..., Path], tmp_path: Path
) -> None:
    """Nothing is started: the database's directory is not even made."""
    path = tmp_path / "roster.csv"
    path.write_text("agent,address\nAda,nonsense\n", encoding="utf-8")
    ended = shiftline(
        "worker", "-c", config(f"roster_file = '{path}'\n[database]\ndirectory = '{tmp_path}/postgres'")
    )
    assert ended.code == 2
    assert "roster.csv, line 2: 'nonsense' is not the SIP URI of a user." in ended.err
    assert not (tmp_path / "postgres").exists()


@pytest.mark.parametrize(
    ("content", "why"), [(None, "No such file or directory"), (b"\xff\xfe\x00", "it is not UTF-8")]
)
def test_a_file_that_cannot_be_read_is_told(
    shiftline: Shiftline, tmp_path: Path, content: bytes | None, why: str
) -> None:
    """In the system's words, without its numbers."""
    path = tmp_path / "roster.csv"
    if content is not None:
        path.write_bytes(content)
    ended = shiftline("roster", "import", path)
    assert ended.code == 2
    assert ended.err == (
        f"error: The roster file {path} cannot be read: {why}.\nnext:  Give a UTF-8 CSV file.\n"
    )


def test_a_good_roster_is_counted(shiftline: Shiftline, tmp_path: Path) -> None:
    """Further columns, quotes, a byte-order mark and a known gap are no faults."""
    path = tmp_path / "roster.csv"
    path.write_text(
        '\ufeffagent,team,address\n"Ada ""A"" Brown",north,sip:1@pbx\nBen,south,\nCem,,sip:3@pbx\n',
        encoding="utf-8",
    )
    ended = shiftline("roster", "import", path)
    assert ended.code == 0
    assert ended.out.startswith("2 agents have an address.")
