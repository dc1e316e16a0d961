"""Files of verbs are written whole or not at all, and what cannot be written hides nothing else."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from io import FileIO
from pathlib import Path
from typing import Any

import pytest

from shiftline.cli.writing import do_all, put_json, require_apart, write_text
from shiftline.errors import ConfigurationError

FULL = OSError(errno.ENOSPC, "No space left on device")


def test_of_a_full_disk_nothing_cut_off_remains(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither a part of the new text, nor a draft; what was there before stays."""
    path = tmp_path / "r.json"
    path.write_text("before")

    class Half(FileIO):
        def write(self, content: Any) -> int:
            super().write(content[: len(content) // 2])
            raise FULL

    monkeypatch.setattr(os, "fdopen", Half)
    with pytest.raises(ConfigurationError, match="No space left"):
        write_text(path, "after" * 1000)
    monkeypatch.undo()
    assert path.read_text() == "before"
    assert list(tmp_path.iterdir()) == [path]
    write_text(path, "after")
    assert path.read_text() == "after"
    assert list(tmp_path.iterdir()) == [path]


def test_a_result_is_its_owners_alone(tmp_path: Path) -> None:
    """It may name users; also where a file that all could read is written anew."""
    path = tmp_path / "r.json"
    path.write_text("{}")
    path.chmod(0o644)
    put_json(path, {"a": 1})
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.read_text() == '{\n  "a": 1\n}\n'


def test_each_step_is_done_though_one_failed() -> None:
    """And what failed is raised in the end."""
    done: list[int] = []

    def fail() -> None:
        raise ConfigurationError("r.json cannot be written.", remedy="Give another file.")

    with pytest.raises(ConfigurationError):
        do_all(fail, lambda: done.append(1))
    assert done == [1]
    with pytest.raises(ExceptionGroup):
        do_all(fail, fail, lambda: done.append(2))
    assert done == [1, 2]


def test_a_file_in_a_directory_that_is_not_ours_is_written_in_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It could be written to when that was asked, before the work: the result is not lost after it."""
    path = tmp_path / "r.json"
    path.write_text("before")

    def refuse(*_: object) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(os, "access", lambda *_: False)
    monkeypatch.setattr(Path, "replace", refuse)
    write_text(path, "after")
    assert path.read_text() == "after"
    assert list(tmp_path.iterdir()) == [path]


def test_one_place_for_two_results_is_told(tmp_path: Path) -> None:
    """Only the last of them would remain there; also where it is written otherwise."""
    path = tmp_path / "x"
    require_apart(path, tmp_path / "y", None, None, Path("-"))
    require_apart(Path(os.devnull), Path(os.devnull))
    for other in (path, tmp_path / "d" / ".." / "x"):
        with pytest.raises(ConfigurationError, match="/x is given for 2 results"):
            require_apart(path, None, other)
    path.write_text("before")
    with pytest.raises(ConfigurationError, match="2 results"):
        require_apart(path, path)
    with pytest.raises(ConfigurationError, match="Standard output is given for 2 results"):
        require_apart(Path("-"), path, Path("-"))


@pytest.mark.parametrize(
    "verb",
    [
        ("doctor", "run", "--server", "sip:127.0.0.1:9"),
        ("doctor", "read", "nothing.pcap"),
        ("storm", "127.0.0.1:9"),
        ("simulate",),
        ("demo",),
    ],
)
def test_two_results_need_two_places(
    shiftline: Callable[..., Any], tmp_path: Path, verb: tuple[str, ...]
) -> None:
    """Before anything is sent or read."""
    ended = shiftline(*verb, "--report", tmp_path / "x", "--json", tmp_path / "x")
    assert ended.code == 2
    assert ended.err.startswith(f"error: {tmp_path}/x is given for 2 results.")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("verb", "options"),
    [
        (("doctor", "read", "{file}"), ("--json", "--report", "--bundle")),
        (("doctor", "read", "{folder}"), ("--json", "--report", "--bundle")),
        (("trace", "{file}"), ("--mermaid", "--pcap")),
        (("storm", "127.0.0.1:9", "--users-file", "{file}"), ("--json", "--csv", "--report")),
    ],
)
def test_no_result_replaces_what_is_read(
    shiftline: Callable[..., Any], tmp_path: Path, verb: tuple[str, ...], options: tuple[str, ...]
) -> None:
    """Also where another name leads to it; a capture of an outage cannot be taken again."""
    folder = tmp_path / "outage"
    folder.mkdir()
    file = folder / "trunk.pcap"
    file.write_bytes(b"a capture")
    link = tmp_path / "link"
    link.symlink_to(file)
    for option in options:
        ended = shiftline(*(word.format(file=file, folder=folder) for word in verb), option, link)
        assert ended.code == 2
        assert ended.err.startswith(f"error: {file} is read, and a result would replace it.")
        assert file.read_bytes() == b"a capture"
