"""Reading ``postmaster.pid``."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from shiftline.errors import ConfigurationError
from shiftline.store.postmaster import Postmaster, drop_stale_files, find_postmaster

NOBODY = 2**22 + 1  # above the largest process number of Linux


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data directory that this very process works in, as a postmaster does."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(cluster: Path, *lines: object) -> Path:
    file = cluster / "postmaster.pid"
    file.write_text("".join(f"{line}\n" for line in lines))
    return file


def test_no_file_no_server(here: Path) -> None:
    """A directory without the file, or with an empty one, has no server."""
    assert find_postmaster(here) is None
    write(here)
    assert find_postmaster(here) is None


@pytest.mark.parametrize(("state", "ready"), [("ready   ", True), ("starting", False), ("stopping", False)])
def test_the_file_tells_socket_and_state(here: Path, state: str, ready: bool) -> None:
    """The fifth line is the socket's directory, the eighth the state, padded with blanks."""
    write(here, os.getpid(), here, 1, 5432, "/run/sockets", "", "  1  2", state)
    assert find_postmaster(here) == Postmaster(pid=os.getpid(), socket_dir=Path("/run/sockets"), ready=ready)


def test_a_server_that_comes_up_has_a_short_file(here: Path) -> None:
    """Before the socket is open the file has fewer lines."""
    write(here, os.getpid(), here, 1, 5432)
    assert find_postmaster(here) == Postmaster(pid=os.getpid(), socket_dir=None, ready=False)


def test_a_server_in_single_user_mode_counts(here: Path) -> None:
    """It writes its number with a minus sign."""
    write(here, -os.getpid(), here)
    found = find_postmaster(here)
    assert found
    assert found.pid == os.getpid()


@pytest.mark.parametrize("pid", [NOBODY, os.getppid()])
def test_a_file_left_by_a_crash_names_no_server(here: Path, pid: int) -> None:
    """The process is gone, or is a stranger that works elsewhere."""
    write(here, pid, here, 1, 5432, "", "", "", "ready")
    assert find_postmaster(here) is None


def test_files_of_the_dead_are_left_to_the_server(here: Path) -> None:
    """Only files that PostgreSQL would take for a living server's are removed."""
    dead = write(here, NOBODY)
    (here / ".s.PGSQL.5432.lock").write_text(f"{os.getppid()}\n")
    drop_stale_files(here, here)
    assert dead.exists()
    assert not (here / ".s.PGSQL.5432.lock").exists()
    drop_stale_files(here, here)


def test_a_file_that_holds_no_number_is_told(here: Path) -> None:
    """What a full disk or an editor left there is one sentence with the remedy."""
    write(here, "garbage", here)
    with pytest.raises(ConfigurationError, match="no process number"):
        find_postmaster(here)
