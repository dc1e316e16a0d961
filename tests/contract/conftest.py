"""One real server for the whole run, one fresh database for each test that asks for it."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from datetime import UTC, date, datetime, timedelta

import psycopg
import pytest
from sqlalchemy import make_url, text
from sqlalchemy.ext.asyncio import AsyncEngine

from shiftline.connector.records import IntakeTrade, Lease
from shiftline.store.database import open_engine, upgrade
from shiftline.store.embedded import EmbeddedPostgres
from shiftline.store.leases import PostgresLeases
from shiftline.store.unit_of_work import PostgresStore
from shiftline.trades.model import Evaluation, Shift, Trade

PUBLISHED_AT = datetime(2026, 11, 2, 15, 0, tzinfo=UTC)


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedPostgres]:
    """Start the embedded server once, with a migrated database called ``pattern``."""
    server = EmbeddedPostgres(tmp_path_factory.mktemp("postgres"))
    server.start()
    # This server's data is thrown away: waiting for the disk would only slow down a hundred new databases.
    _administer(server, "ALTER SYSTEM SET fsync = off")
    _administer(server, "SELECT pg_reload_conf()")
    _administer(server, "CREATE DATABASE pattern")
    asyncio.run(upgrade(_url(server, "pattern")))
    yield server
    server.stop()


@pytest.fixture(scope="session")
def database_names() -> Iterator[str]:
    """Names for databases, each used once."""
    return (f"t{number}" for number in itertools.count())


@pytest.fixture
def database_url(postgres: EmbeddedPostgres, database_names: Iterator[str]) -> Iterator[str]:
    """Give a database of its own with the newest schema."""
    name = next(database_names)
    _administer(postgres, f"CREATE DATABASE {name} TEMPLATE pattern")
    yield _url(postgres, name)
    _administer(postgres, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def empty_database_url(postgres: EmbeddedPostgres, database_names: Iterator[str]) -> Iterator[str]:
    """Give a database without a schema."""
    name = next(database_names)
    _administer(postgres, f"CREATE DATABASE {name}")
    yield _url(postgres, name)
    _administer(postgres, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
async def engine(database_url: str) -> AsyncIterator[AsyncEngine]:
    """An engine on the database of the test."""
    opened = await open_engine(database_url)
    yield opened
    await opened.dispose()


@pytest.fixture
def waiting(engine: AsyncEngine) -> Callable[[], Awaitable[None]]:
    """Give a function that returns as soon as some transaction waits for a lock."""

    async def until_somebody_waits() -> None:
        async with engine.connect() as connection:
            query = text("SELECT count(*) FROM pg_locks WHERE NOT granted")
            while not await connection.scalar(query):  # noqa: ASYNC110 - the event is in the server
                await asyncio.sleep(0.01)

    return until_somebody_waits


@pytest.fixture
def store(engine: AsyncEngine) -> PostgresStore:
    """The store under test."""
    return PostgresStore(engine, wfm="org")


@pytest.fixture
def leases(engine: AsyncEngine) -> PostgresLeases:
    """The lease keeper under test."""
    return PostgresLeases(engine)


@pytest.fixture
async def ours(leases: PostgresLeases) -> Lease:
    """A lease that the test holds: what it saves of trunks, it saves as their owner."""
    lease = await leases.acquire("ours", "me", 60.0, 1.0)
    assert lease is not None
    return lease


@pytest.fixture
def make_trade() -> Callable[..., IntakeTrade]:
    """Build a trade between two agents, each with a shift of his own, matched ``minute`` minutes on."""

    def build(
        name: str,
        initiating: str = "ada",
        receiving: str = "ben",
        *,
        minute: int = 0,
        version: int = 1,
        one_sided: bool = False,
        evaluation: Evaluation | None = None,
        management_unit: str = "north",
        refer_by: datetime = PUBLISHED_AT + timedelta(hours=1),
        shifts: tuple[str, str] | None = None,
    ) -> IntakeTrade:
        given, taken = shifts or (f"shift of {initiating} in {name}", f"shift of {receiving} in {name}")
        return IntakeTrade(
            trade=Trade(
                external_id=name,
                version=version,
                management_unit=management_unit,
                week_date=date(2026, 11, 9),
                initiating_agent=initiating,
                receiving_agent=receiving,
                initiating_shift=_shift(given),
                receiving_shift=None if one_sided else _shift(taken),
                matched_at=PUBLISHED_AT + timedelta(minutes=minute),
                expires_at=PUBLISHED_AT + timedelta(days=2),
            ),
            evaluation=evaluation or Evaluation(),
            deadline=refer_by + timedelta(hours=2),
            refer_by=refer_by,
        )

    return build


def _shift(name: str) -> Shift:
    starts_at = PUBLISHED_AT + timedelta(days=7)
    return Shift(external_id=name, starts_at=starts_at, ends_at=starts_at + timedelta(hours=8))


def _url(server: EmbeddedPostgres, database: str) -> str:
    return make_url(server.url).set(database=database).render_as_string(hide_password=False)


def _administer(server: EmbeddedPostgres, statement: str) -> None:
    address = make_url(_url(server, "postgres")).set(drivername="postgresql")
    with psycopg.connect(address.render_as_string(hide_password=False), autocommit=True) as connection:
        connection.execute(statement.encode())
