"""The way to the database: the engine, the migrations, and the one door where its outages become ours."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from psycopg.errors import InsufficientPrivilege
from sqlalchemy import Connection, func, make_url, select, text
from sqlalchemy.engine import URL
from sqlalchemy.exc import (
    ArgumentError,
    DBAPIError,
    InterfaceError,
    OperationalError,
    ProgrammingError,
    TimeoutError,  # noqa: A004 - it is caught beside its siblings and nowhere else
)
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from shiftline.errors import ConfigurationError, UnavailableError
from shiftline.store.embedded import EmbeddedPostgres

# A process that is stopped in the middle of a transaction must not keep its locks from the others: it loses
# them before its leases can be taken over (3 s and a second's grace).
SESSION = "-c timezone=UTC -c jit=off -c idle_in_transaction_session_timeout=3s"
MIGRATION_LOCK = "shiftline.migrations"
# A migration holds no lease, and loads its revisions between two statements: on a busy machine, in seconds.
_MIGRATION_PATIENCE = text("SET LOCAL idle_in_transaction_session_timeout = '60s'")


@contextmanager
def outages_translated() -> Iterator[None]:
    """Turn a lost connection, a server going down, a deadlock or its like into UnavailableError.

    The transaction is rolled back by then; all of it may be tried again. Other database errors pass: they
    are our own defects.
    """
    try:
        yield
    except TimeoutError as fault:
        raise UnavailableError("All database connections are in use.", remedy="Try again.") from fault
    except DBAPIError as fault:
        if not (isinstance(fault, OperationalError | InterfaceError) or fault.connection_invalidated):
            raise
        raise UnavailableError(
            f"The database gave up the transaction: {_first_line(fault)}.",
            remedy="It may be tried again; if it lasts, see `shiftline db status`.",
        ) from fault


async def open_engine(url: str) -> AsyncEngine:
    """Return an engine that has reached its database once.

    Raises ConfigurationError for a URL that is none, UnavailableError when nothing answers there.
    """
    address = _read_url(url)
    options = " ".join(filter(None, [str(address.query.get("options", "")), SESSION]))
    engine = create_async_engine(
        address,
        pool_pre_ping=True,
        hide_parameters=True,
        connect_args={
            "application_name": "shiftline",
            "connect_timeout": 10,
            # A database that vanished without a word must surface while its leases still matter.
            "keepalives_idle": 5,
            "keepalives_interval": 2,
            "keepalives_count": 3,
            "tcp_user_timeout": 10_000,  # milliseconds
            "options": options,
            # Plans must see the values: they decide on the partial indexes and on the size of a batch.
            # It also lets a pooler stand between.
            "prepare_threshold": None,
        },
    )
    try:
        async with engine.connect() as connection:
            await connection.execute(text("SELECT 1"))
    except OperationalError as fault:
        await engine.dispose()
        raise UnavailableError(
            f"The database {address.render_as_string()} cannot be reached: {_first_line(fault)}.",
            remedy="Start it or correct database.url; without it Shiftline runs its own PostgreSQL.",
        ) from fault
    except ProgrammingError as fault:
        await engine.dispose()
        raise ConfigurationError(
            f"The database URL has an option that is not known: {_first_line(fault)}.",
            remedy="Correct what stands behind its question mark.",
        ) from fault
    return engine


async def migrate(engine: AsyncEngine) -> None:
    """Bring the schema to the newest revision; processes that come at once wait for the first.

    Raises ConfigurationError when the database is newer than this program, or forbids the change.
    """
    try:
        with outages_translated():
            async with engine.begin() as connection:
                await connection.execute(_MIGRATION_PATIENCE)
                await connection.execute(
                    select(func.pg_advisory_xact_lock(func.hashtextextended(MIGRATION_LOCK, 0)))
                )
                await connection.run_sync(_upgrade_to_head)
    except CommandError as fault:
        raise ConfigurationError(
            f"The database has a schema that this version does not know: {fault}.",
            remedy="Install the version of Shiftline that last used it, or a newer one.",
        ) from fault
    except ProgrammingError as fault:
        if not isinstance(fault.orig, InsufficientPrivilege):
            raise
        raise ConfigurationError(
            f"The database user may not change the schema: {_first_line(fault)}.",
            remedy="Run `shiftline db upgrade` once as a user that owns the database.",
        ) from fault


async def upgrade(url: str) -> None:
    """Open the database at ``url``, `migrate` it and close it again; raises as they do."""
    engine = await open_engine(url)
    try:
        await migrate(engine)
    finally:
        await engine.dispose()


@asynccontextmanager
async def open_database(url: str | None, data_dir: Path) -> AsyncIterator[AsyncEngine]:
    """Give an engine on a migrated database: the one at ``url``, or our own server's in ``data_dir``.

    Our own server is started if need be and keeps running afterwards; `shiftline.store.embedded.supervise`
    restarts it when it dies. Raises as `open_engine`, `migrate` and `EmbeddedPostgres.start` do.
    """
    if url is None:
        server = EmbeddedPostgres(data_dir)
        await asyncio.to_thread(server.start)
        url = server.url
    engine = await open_engine(url)
    try:
        await migrate(engine)
        yield engine
    finally:
        await engine.dispose()


def _read_url(url: str) -> URL:
    try:
        address = make_url(url)
    except (ArgumentError, ValueError) as fault:
        # The text is not repeated: it may hold a password.
        raise ConfigurationError(
            "The database URL cannot be read.", remedy="Write it as postgresql+psycopg://user@host/database."
        ) from fault
    if address.drivername not in {"postgresql", "postgresql+psycopg"}:
        raise ConfigurationError(
            f"Shiftline does not work on {address.drivername!r}.",
            remedy="Give a postgresql+psycopg:// URL, or none at all for our own PostgreSQL.",
        )
    return address.set(drivername="postgresql+psycopg")


def _upgrade_to_head(connection: Connection) -> None:
    config = Config()
    config.set_main_option("script_location", "shiftline.store:migrations")
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _first_line(fault: DBAPIError) -> str:
    # Never the statement or its parameters: those are people's names.
    lines = str(fault.orig).strip().splitlines()
    return (lines[0] if lines else type(fault.orig).__name__).rstrip(".")
