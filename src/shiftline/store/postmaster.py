"""Reading ``postmaster.pid``: is a server running on this data directory, and is it ready?"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from shiftline.errors import ConfigurationError

PID_FILE = "postmaster.pid"
SOCKET_NAME = ".s.PGSQL.5432"
SOCKET_LOCK_FILE = f"{SOCKET_NAME}.lock"


@dataclass(frozen=True, slots=True, kw_only=True)
class Postmaster:
    """A running server."""

    pid: int
    socket_dir: Path | None
    """None while it has not yet opened its socket."""
    ready: bool


def find_postmaster(cluster: Path) -> Postmaster | None:
    """The server that runs on ``cluster``, or None; a file left by a crash names nobody, or a stranger."""
    lines = _read(cluster / PID_FILE)
    if not lines or not _works_in(_pid(lines), cluster):
        return None
    # Line 5 is the socket's directory and line 8 the state; the server adds them as it comes up.
    lines += [""] * (8 - len(lines))
    return Postmaster(
        pid=_pid(lines),
        socket_dir=Path(lines[4]) if lines[4] else None,
        ready=lines[7] == "ready",
    )


def drop_stale_files(cluster: Path, socket_dir: Path) -> None:
    """Remove what a dead server left whose number belongs to another process now (or to a zombie).

    The server itself takes over the files of a process that is gone; it cannot see that a living one is a
    stranger, and would refuse to start for ever. Call it only when `find_postmaster` found nobody, under
    the lock of the data directory.
    """
    for left in (cluster / PID_FILE, socket_dir / SOCKET_LOCK_FILE):
        lines = _read(left)
        if lines and _exists(_pid(lines)):
            left.unlink()


def _read(file: Path) -> list[str]:
    try:
        return [line.strip() for line in file.read_text().splitlines()]
    except FileNotFoundError:
        return []


def _pid(lines: list[str]) -> int:
    try:
        return abs(int(lines[0]))  # negative: a server in single-user mode
    except ValueError as error:
        raise ConfigurationError(
            f"The PostgreSQL data directory's {PID_FILE} (or its socket's lock) holds no process number.",
            remedy="If no server works there (ps), remove that file.",
        ) from error


def _works_in(pid: int, cluster: Path) -> bool:
    if not _exists(pid):
        return False
    if not Path("/proc/self/cwd").exists():
        return True  # no /proc here: believe the file
    try:
        # A postmaster's working directory is its data directory.
        return Path(f"/proc/{pid}/cwd").samefile(cluster)
    except (FileNotFoundError, PermissionError):
        return False  # a zombie, or somebody else's process


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True
