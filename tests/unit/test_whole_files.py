"""Files that are written whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path
from stat import S_IMODE

import pytest

from shiftline.whole_files import write_whole


def mode(path: Path) -> int:
    return S_IMODE(path.stat().st_mode)


def test_a_new_file_has_the_users_usual_mode(tmp_path: Path) -> None:
    """As if it had been opened and written."""
    usual, path = tmp_path / "usual", tmp_path / "r.json"
    usual.write_bytes(b"")
    write_whole(path, b"{}")
    assert path.read_bytes() == b"{}"
    assert mode(path) == mode(usual)


def test_a_replaced_file_keeps_its_mode_and_its_name(tmp_path: Path) -> None:
    """Through a link the file is replaced that it leads to."""
    path, link = tmp_path / "r.json", tmp_path / "link"
    path.write_bytes(b"before")
    path.chmod(0o640)
    link.symlink_to(path)
    write_whole(link, b"after")
    assert (path.read_bytes(), mode(path)) == (b"after", 0o640)
    assert link.is_symlink()


def test_a_private_file_is_its_owners_alone(tmp_path: Path) -> None:
    """Whatever was there before."""
    path = tmp_path / "trace"
    path.write_bytes(b"before")
    path.chmod(0o666)
    write_whole(path, b"after", private=True)
    assert (path.read_bytes(), mode(path)) == (b"after", 0o600)


def test_a_pipe_is_written_to(tmp_path: Path) -> None:
    """Whoever reads at its other end gets it."""
    path = tmp_path / "pipe"
    os.mkfifo(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    try:
        write_whole(path, b"told", private=True)
        assert os.read(reader, 10) == b"told"
    finally:
        os.close(reader)
    assert path.is_fifo()


@pytest.mark.parametrize("private", [True, False])
def test_what_cannot_be_renamed_leaves_no_draft(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, private: bool
) -> None:
    """And what was there before is as it was."""
    path = tmp_path / "r.json"
    path.write_bytes(b"before")

    def refuse(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(Path, "replace", refuse)
    with pytest.raises(PermissionError):
        write_whole(path, b"after", private=private)
    assert path.read_bytes() == b"before"
    assert list(tmp_path.iterdir()) == [path]
