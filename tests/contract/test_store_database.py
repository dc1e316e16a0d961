"""The database itself: migrations, units of work, outages."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, make_url, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from shiftline.connector.ownership import GRACE_SECONDS, TTL_SECONDS
from shiftline.connector.records import AgentProfile
from shiftline.errors import ConfigurationError, UnavailableError
from shiftline.store import database
from shiftline.store.database import migrate, open_database, open_engine, outages_translated, upgrade
from shiftline.store.leases import PostgresLeases
from shiftline.store.schema import metadata
from shiftline.store.unit_of_work import PostgresStore

NOW = datetime(2026, 11, 2, 15, 0, tzinfo=UTC)
ADA = AgentProfile(external_id="ada", name="Ada", address=None)

CATALOGUE = """
    SELECT 'column', concat_ws(' ', table_name, column_name, data_type, is_nullable, identity_generation)
      FROM information_schema.columns WHERE table_schema = 'public'
    UNION SELECT 'constraint', concat_ws(' ', conrelid::regclass, conname, pg_get_constraintdef(oid))
      FROM pg_constraint WHERE connamespace = 'public'::regnamespace
    UNION SELECT 'index', indexdef FROM pg_indexes WHERE schemaname = 'public'
"""


async def catalogue(engine: AsyncEngine) -> set[tuple[str, str]]:
    async with engine.connect() as connection:
        rows = await connection.execute(text(CATALOGUE))
        return {(kind, what) for kind, what in rows if "alembic_version" not in what}


async def unknown(store: PostgresStore) -> list[str]:
    async with store.work() as work:
        return await work.roster.unknown(["ada"])


async def end_other_sessions(engine: AsyncEngine) -> None:
    query = (
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    async with engine.connect() as connection:
        await connection.execute(text(query))


async def test_migrations_lead_to_the_schema(engine: AsyncEngine) -> None:
    """A migrated database is what the metadata says, as Alembic compares them."""

    def differences(connection: Connection) -> object:
        return compare_metadata(MigrationContext.configure(connection), metadata)

    async with engine.connect() as connection:
        assert await connection.run_sync(differences) == []


async def test_a_migrated_database_equals_a_fresh_one(engine: AsyncEngine, empty_database_url: str) -> None:
    """Checks and partial indexes, which Alembic does not compare, are the same as well."""
    fresh = await open_engine(empty_database_url)
    try:
        async with fresh.begin() as connection:
            await connection.run_sync(metadata.create_all)
        assert await catalogue(engine) == await catalogue(fresh)
    finally:
        await fresh.dispose()


async def test_a_slow_migration_is_not_given_up(engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    """It loads its revisions between two statements; other transactions are rolled back after 3 s of rest."""
    patience = text("SHOW idle_in_transaction_session_timeout")
    seen: list[str] = []
    monkeypatch.setattr(database, "_upgrade_to_head", lambda opened: seen.append(opened.scalar(patience)))
    await migrate(engine)
    async with engine.connect() as connection:
        seen.append(str(await connection.scalar(patience)))
    assert seen == ["1min", "3s"]


async def test_processes_may_migrate_at_once(empty_database_url: str) -> None:
    """Of several that come together one migrates and the others find it done."""
    await asyncio.gather(*(upgrade(empty_database_url) for _ in range(3)))
    engine = await open_engine(empty_database_url)
    try:
        assert await unknown(PostgresStore(engine, wfm="org")) == ["ada"]
    finally:
        await engine.dispose()


async def test_a_newer_schema_is_left_alone(engine: AsyncEngine) -> None:
    """A database that a newer Shiftline has migrated is refused with the remedy."""
    async with engine.begin() as connection:
        await connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(ConfigurationError, match="newer"):
        await migrate(engine)


async def test_a_user_without_rights_is_told(engine: AsyncEngine, empty_database_url: str) -> None:
    """Who may not create tables learns who has to."""
    async with engine.begin() as connection:
        await connection.execute(
            text("DO $$ BEGIN CREATE ROLE guest LOGIN; EXCEPTION WHEN duplicate_object THEN END $$")
        )
    guest = make_url(empty_database_url).set(username="guest").render_as_string()
    with pytest.raises(ConfigurationError, match="shiftline db upgrade"):
        await upgrade(guest)


async def test_open_database_takes_a_database_of_ones_own(empty_database_url: str, tmp_path: Path) -> None:
    """With a URL no server of ours is started, and the schema is there."""
    async with open_database(empty_database_url, tmp_path / "unused") as engine:
        assert await unknown(PostgresStore(engine, wfm="org")) == ["ada"]
    assert not (tmp_path / "unused").exists()


async def test_a_database_that_vanished_is_noticed(engine: AsyncEngine) -> None:
    """The kernel gives a silent connection up within about ten seconds, with data under way or without."""
    async with engine.connect() as connection:
        raw = (await connection.get_raw_connection()).driver_connection
        assert isinstance(raw, psycopg.AsyncConnection)
        asked = {name: int(value) for name, value in raw.info.get_parameters().items() if value.isdigit()}
    idle = asked["keepalives_idle"] + asked["keepalives_interval"] * asked["keepalives_count"]
    assert 5 <= idle <= 15
    assert 5_000 <= asked["tcp_user_timeout"] <= 15_000


async def test_a_failed_block_leaves_nothing(store: PostgresStore) -> None:
    """A unit of work rolls back whole, and the reason comes out as it was."""

    async def fail() -> None:
        async with store.work() as work:
            await work.roster.save([ADA], [], [])
            raise LookupError

    with pytest.raises(LookupError):
        await fail()
    assert await unknown(store) == ["ada"]


async def test_a_lost_connection_is_an_outage(store: PostgresStore, engine: AsyncEngine) -> None:
    """A session that the server ends raises UnavailableError, loses its work, and the next one is fine."""

    async def lose_the_connection() -> None:
        async with store.work() as work:
            await work.roster.save([ADA], [], [])
            await end_other_sessions(engine)
            await work.roster.unknown(["ada"])

    with pytest.raises(UnavailableError):
        await lose_the_connection()
    assert await unknown(store) == ["ada"]


async def test_pooled_connections_survive_an_outage(store: PostgresStore, engine: AsyncEngine) -> None:
    """A connection that died in the pool is replaced before anybody notices."""
    await unknown(store)
    await end_other_sessions(engine)
    assert await unknown(store) == ["ada"]


async def test_a_deadlock_is_worth_another_try(engine: AsyncEngine) -> None:
    """The transaction that PostgreSQL chooses as the victim raises UnavailableError."""

    async def lock(first: int, second: int, ready: asyncio.Barrier) -> None:
        with outages_translated():
            async with engine.begin() as connection:
                await connection.execute(text("SET LOCAL deadlock_timeout = '10ms'"))
                await connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": first})
                await ready.wait()
                await connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": second})

    ready = asyncio.Barrier(2)
    ends = await asyncio.gather(lock(1, 2, ready), lock(2, 1, ready), return_exceptions=True)
    assert [type(end) for end in ends if end] == [UnavailableError]


async def test_our_own_defects_are_not_outages(engine: AsyncEngine) -> None:
    """A statement that the schema forbids passes through: trying it again would change nothing."""
    with pytest.raises(DBAPIError, match="state"), outages_translated():
        async with engine.begin() as connection:
            await connection.execute(
                text(
                    "INSERT INTO agent_check (wfm, trunk, agent, address, state, needed_by)"
                    " VALUES ('w', 't', 'a', 'sip:a', 'lost', now())"
                )
            )


@pytest.mark.parametrize(
    "statement", ["UPDATE audit_entry SET kind = 'x'", "DELETE FROM audit_entry", "TRUNCATE audit_entry"]
)
async def test_the_audit_trail_is_append_only(engine: AsyncEngine, statement: str) -> None:
    """Not even we can change or remove an entry."""
    with pytest.raises(DBAPIError, match="append-only"):
        async with engine.begin() as connection:
            await connection.execute(text(statement))


async def test_leases_use_the_same_door(engine: AsyncEngine, database_url: str) -> None:
    """A lease that cannot be reached in the time that the URL's own options give is an outage as well."""
    url = make_url(database_url).update_query_dict({"options": "-c lock_timeout=20ms"})
    impatient = await open_engine(url.render_as_string())
    try:
        async with engine.begin() as holder:
            await holder.execute(text("LOCK TABLE lease"))
            with pytest.raises(UnavailableError, match="lock timeout"):
                await PostgresLeases(impatient).acquire("trunk", "me", 1, 1)
    finally:
        await impatient.dispose()


async def test_a_stopped_process_does_not_keep_its_locks(engine: AsyncEngine, store: PostgresStore) -> None:
    """Its open transaction is rolled back while its leases still live, and it is told so as of an outage."""
    async with store.work() as work:
        await work.roster.save([ADA], [], [])
    locking = text("SELECT name FROM agent WHERE external_id = 'ada' FOR UPDATE NOWAIT")

    async def stop_in_the_middle() -> None:
        async with store.work() as work:
            await work.roster.save([ADA], [], [])
            await asyncio.sleep(TTL_SECONDS + GRACE_SECONDS / 2)
            async with engine.begin() as connection:
                await connection.execute(locking)
            await work.roster.save([ADA], [], [])

    with pytest.raises(UnavailableError):
        await stop_in_the_middle()
