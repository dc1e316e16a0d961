"""The directory of a demo, and what demos that were killed left in theirs.

A demo holds a lock on its directory's mark for as long as it lives; the system takes the lock from the
dead, whatever killed them. PostgreSQL outlives its starter, so the next demo stops what a dead one left.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from shiftline.errors import ShiftlineError
from shiftline.store.embedded import EmbeddedPostgres

PREFIX = "demo-"
MARK = "owner"
SERVER = "postgres"


def new_directory(home: Path) -> tuple[TextIO, tempfile.TemporaryDirectory[str]]:
    """Remove what dead demos left in ``home`` and make a directory there; give its lock and itself.

    Close the lock after the directory has gone. Raises OSError.
    """
    with _alone_in(home):
        _sweep(home)
        temporary = tempfile.TemporaryDirectory(prefix=PREFIX, dir=home)
        owner = (Path(temporary.name) / MARK).open("w", encoding="utf-8")
        fcntl.flock(owner, fcntl.LOCK_EX)
    return owner, temporary


@contextmanager
def _alone_in(home: Path) -> Iterator[None]:
    """Between the making of a directory and its lock, nobody may take it for a dead demo's."""
    handle = os.open(home, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _sweep(home: Path) -> None:
    for mark in home.glob(f"{PREFIX}*/{MARK}"):
        with mark.open("a", encoding="utf-8") as owner:
            try:
                fcntl.flock(owner, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue  # it lives
            _remove(mark.parent)


def _remove(directory: Path) -> None:
    try:
        EmbeddedPostgres(directory / SERVER).stop()  # the one whose pid file lies there, and no other
    except ShiftlineError:
        return  # a server that does not stop keeps its files; the next demo tries again
    shutil.rmtree(directory, ignore_errors=True)  # what stays is tried again as well
