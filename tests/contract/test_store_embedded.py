"""Our own server: made, started, found again, started again after a kill, stopped, refused."""

from __future__ import annotations

import asyncio
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import make_url, text

from shiftline.errors import ConfigurationError, UnavailableError
from shiftline.store.database import open_database
from shiftline.store.embedded import EmbeddedPostgres, supervise

STARTER = """
import sys
from pathlib import Path
from shiftline.store.embedded import EmbeddedPostgres
server = EmbeddedPostgres(Path(sys.argv[1]))
server.start()
print(server.status().pid, flush=True)
if len(sys.argv) > 2:
    sys.stdin.read()
"""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[EmbeddedPostgres]:
    """A server that is not started yet, and is stopped at the end."""
    made = EmbeddedPostgres(tmp_path / "data")
    yield made
    made.stop()


def run(server: EmbeddedPostgres, statement: str) -> list[tuple[object, ...]]:
    address = make_url(server.url).set(drivername="postgresql").render_as_string()
    with psycopg.connect(address, autocommit=True) as connection:
        cursor = connection.execute(statement.encode())
        return cursor.fetchall() if cursor.description else []


def pid_of(server: EmbeddedPostgres) -> int:
    pid = server.status().pid
    assert pid
    return pid


def starter(server: EmbeddedPostgres, *more: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", STARTER, str(server.data_dir), *more],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def kill(server: EmbeddedPostgres) -> None:
    pid = pid_of(server)
    os.kill(pid, signal.SIGKILL)
    while server.status().pid == pid:
        time.sleep(0.01)


def test_the_first_start_makes_a_private_database(server: EmbeddedPostgres) -> None:
    """It listens on a socket that only we can enter, keeps fsync on, and leaves parents as they are."""
    parent = server.data_dir.parent
    before = parent.stat()
    server.start()
    after = parent.stat()
    assert (after.st_mode, after.st_uid, after.st_gid) == (before.st_mode, before.st_uid, before.st_gid)
    assert stat.S_IMODE((server.data_dir / "cluster").stat().st_mode) == 0o700
    settings = "SELECT name, setting FROM pg_settings WHERE name IN ('fsync', 'listen_addresses', 'TimeZone')"
    assert dict(run(server, settings)) == {"fsync": "on", "listen_addresses": "", "TimeZone": "UTC"}  # type: ignore[arg-type]
    assert run(
        server, "SELECT pg_encoding_to_char(encoding) FROM pg_database WHERE datname = 'shiftline'"
    ) == [("UTF8",)]


def test_a_running_server_is_found_again(server: EmbeddedPostgres) -> None:
    """Starting twice is harmless, and another object for the same directory sees the same server."""
    assert server.status().pid is None
    server.start()
    first = pid_of(server)
    server.start()
    other = EmbeddedPostgres(server.data_dir)
    other.start()
    assert pid_of(other) == first
    found = other.status()
    assert (found.ready, found.version, found.url) == (True, 18, server.url)


def test_a_killed_server_is_started_again(server: EmbeddedPostgres) -> None:
    """After a SIGKILL of the postmaster in the middle of the work what was committed is there."""
    server.start()
    run(server, "CREATE TABLE kept AS SELECT 1 AS one")
    assert server.ensure_running() is False
    address = make_url(server.url).set(drivername="postgresql").render_as_string()
    with psycopg.connect(address) as busy:
        busy.execute("INSERT INTO kept VALUES (2)")
        kill(server)
        assert server.ensure_running() is True
        with pytest.raises(psycopg.OperationalError):
            busy.execute("SELECT 1")
    assert run(server, "SELECT one FROM kept") == [(1,)]
    assert server.ensure_running() is False


async def test_the_supervisor_restarts_it(server: EmbeddedPostgres) -> None:
    """While it is supervised a server that dies comes back by itself."""
    await asyncio.to_thread(server.start)
    first = pid_of(server)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(supervise(server, interval_seconds=0.05))
        kill(server)
        while server.status().pid in {None, first} or not server.status().ready:  # noqa: ASYNC110 - a process
            await asyncio.sleep(0.02)
        task.cancel()
    assert run(server, "SELECT 1") == [(1,)]


def test_a_stopped_server_stays_down(server: EmbeddedPostgres) -> None:
    """Supervision does not undo a stop; starting does."""
    assert server.stop() is False
    server.start()
    assert server.stop() is True
    assert server.stop() is False
    assert server.status().pid is None
    with pytest.raises(UnavailableError, match="stopped"):
        server.ensure_running()
    server.start()
    assert server.ensure_running() is False


def test_a_lost_database_is_not_replaced(server: EmbeddedPostgres) -> None:
    """Supervision never puts an empty database in the place of one that was there."""
    server.data_dir.mkdir()
    with pytest.raises(ConfigurationError, match="no database"):
        server.ensure_running()


def test_it_outlives_its_starter(server: EmbeddedPostgres) -> None:
    """The server serves on after a SIGKILL of the process that started it, with its whole group."""
    with starter(server, "wait") as process:
        assert process.stdout
        pid = int(process.stdout.readline())
        os.killpg(process.pid, signal.SIGKILL)
    assert pid_of(server) == pid
    assert run(server, "SELECT 1") == [(1,)]


def test_several_processes_may_start_it(server: EmbeddedPostgres) -> None:
    """Of processes that come together on a new directory one makes the database, and all find one server."""
    processes = [starter(server) for _ in range(3)]
    pids = {process.communicate(timeout=60)[0] for process in processes}
    assert pids == {f"{pid_of(server)}\n"}


def test_a_half_made_database_is_made_anew(server: EmbeddedPostgres) -> None:
    """What a kill during the first start left behind is thrown away."""
    (server.data_dir / "cluster.new").mkdir(parents=True)
    (server.data_dir / "cluster.new" / "PG_VERSION").write_text("18\n")
    server.start()
    assert run(server, "SELECT 1") == [(1,)]
    assert not (server.data_dir / "cluster.new").exists()


@pytest.mark.parametrize("holder", ["living", "dead"])
def test_a_stale_pid_file_does_not_matter(server: EmbeddedPostgres, holder: str) -> None:
    """A file left by a crash is seen through, also when its number belongs to a stranger by now."""
    server.start()
    server.stop()
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as stranger:
        if holder == "dead":
            stranger.communicate()
        pid_file = server.data_dir / "cluster" / "postmaster.pid"
        pid_file.write_text(f"{stranger.pid}\n{server.data_dir}/cluster\n1\n5432\n\n\n  1  1\nready\n")
        assert server.status().pid is None
        assert server.stop() is False
        server.start()
        assert pid_of(server) != stranger.pid
        if holder == "living":
            assert stranger.poll() is None
            stranger.communicate()


def test_a_long_path_gets_a_short_private_socket(tmp_path: Path) -> None:
    """A socket path is at most 107 bytes: beyond that it lives in a directory of its own."""
    server = EmbeddedPostgres(tmp_path / ("deep $HOME, \"quoted\" and 'spaced' " * 4) / "data")
    try:
        server.start()
        assert run(server, "SELECT 1") == [(1,)]
        socket_dir = Path(str(make_url(server.url).query["host"]))
        assert not socket_dir.is_relative_to(tmp_path)
        assert stat.S_IMODE(socket_dir.stat().st_mode) == 0o700
    finally:
        server.stop()
    socket_dir.rmdir()


def test_a_trap_in_the_temporary_directory_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A socket directory that others can enter is not used, whoever made it."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    server = EmbeddedPostgres(tmp_path / ("x" * 100) / "data")
    socket_dir = Path(str(make_url(server.url).query["host"]))
    socket_dir.mkdir(mode=0o755)
    with pytest.raises(ConfigurationError, match="only we can enter"):
        server.start()


def test_data_of_another_major_version_is_refused(server: EmbeddedPostgres) -> None:
    """Old data is never touched; the message says what to do with it."""
    server.start()
    server.stop()
    version = server.data_dir / "cluster" / "PG_VERSION"
    version.write_text("17\n")
    with pytest.raises(ConfigurationError, match="pg_dump"):
        server.start()
    version.write_text("18\n")


def test_data_that_does_not_tell_its_version_is_refused(server: EmbeddedPostgres) -> None:
    """A directory that has lost its PG_VERSION, or holds something else, is no database of ours."""
    version = server.data_dir / "cluster" / "PG_VERSION"
    version.parent.mkdir(parents=True)
    for spoil in (version.touch, version.unlink):
        spoil()
        with pytest.raises(ConfigurationError, match="is no PostgreSQL data"):
            server.start()
    assert server.status().version is None


def test_a_server_that_cannot_start_says_why(server: EmbeddedPostgres) -> None:
    """The reason in the server's log is part of the error."""
    server.start()
    server.stop()
    with (server.data_dir / "cluster" / "postgresql.auto.conf").open("a") as settings:
        settings.write("no_such_setting = 1\n")
    with pytest.raises(UnavailableError, match="configuration file"):
        server.start()


def test_an_unusable_data_directory_is_told(tmp_path: Path) -> None:
    """A file where the directory should be is a matter of configuration."""
    (tmp_path / "data").write_text("")
    with pytest.raises(ConfigurationError, match="cannot be used"):
        EmbeddedPostgres(tmp_path / "data").start()


async def test_open_database_starts_it_and_leaves_it_running(server: EmbeddedPostgres) -> None:
    """Without a URL the data directory's own server is started, migrated, and kept."""
    for _ in range(2):
        async with open_database(None, server.data_dir) as engine, engine.connect() as connection:
            assert await connection.scalar(text("SELECT count(*) FROM trade")) == 0
    assert server.status().ready
