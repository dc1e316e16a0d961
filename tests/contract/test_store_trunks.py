"""Trunk knowledge: the governor's state and the disarmed mark."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DataError
from sqlalchemy.ext.asyncio import AsyncEngine

from shiftline.connector.records import Lease, TrunkKey, TrunkRecord
from shiftline.store.leases import PostgresLeases
from shiftline.store.read_model import ReadModel
from shiftline.store.unit_of_work import PostgresStore

NOW = datetime(2026, 11, 2, 15, 0, tzinfo=UTC)
LATER = NOW + timedelta(seconds=1)
KEY = TrunkKey(trunk="main", source="127.0.0.2", user="shiftline")
SECOND = TrunkKey(trunk="main", source="127.0.0.3", user="shiftline")
APART = TrunkKey(trunk="backup", source="127.0.0.2", user="shiftline")


async def load(store: PostgresStore, key: TrunkKey = KEY) -> TrunkRecord | None:
    async with store.work() as work:
        return await work.trunks.load(key)


async def test_the_last_state_is_kept_by_key(store: PostgresStore, ours: Lease) -> None:
    """Each key has its own record; the newest state replaces the last."""
    async with store.work() as work:
        await work.trunks.save(KEY, ours, {"rate": 5.0}, NOW)
        await work.trunks.save(KEY, ours, {"rate": 47.5, "lanes": ["probe"]}, LATER)
    assert await load(store) == TrunkRecord(
        governor={"rate": 47.5, "lanes": ["probe"]}, disarmed_cause=None, disarmed_at=None, saved_at=LATER
    )
    assert await load(store, SECOND) is None


async def test_a_worker_that_was_overtaken_keeps_nothing(
    store: PostgresStore, leases: PostgresLeases
) -> None:
    """It was paused after it had looked at its lease; what the new owner has learned stays."""
    before = await leases.acquire("trunk:main", "before", 30.0, 1.0)
    assert before is not None
    async with store.work() as work:
        assert await work.trunks.save(KEY, before, {"rate": 5.0}, NOW)
    await leases.release(before)
    after = await leases.acquire("trunk:main", "after", 30.0, 1.0)
    assert after is not None
    async with store.work() as work:
        assert await work.trunks.save(KEY, after, {"rate": 47.5}, NOW)
    async with store.work() as work:
        assert not await work.trunks.save(KEY, before, {"rate": 6.0}, LATER)
        assert not await work.trunks.save(SECOND, before, {"rate": 6.0}, LATER)
    found = await load(store)
    assert found
    assert (found.governor, found.saved_at) == ({"rate": 47.5}, NOW)
    assert await load(store, SECOND) is None


async def test_saving_never_rearms(store: PostgresStore, ours: Lease) -> None:
    """The governor's periodic save leaves the disarmed mark alone, and the first cause stays."""
    async with store.work() as work:
        await work.trunks.disarm(KEY, "credentials.wrong-password", NOW)
        await work.trunks.disarm(KEY, "acl.source", LATER)
        await work.trunks.save(KEY, ours, {"rate": 1}, LATER)
    assert await load(store) == TrunkRecord(
        governor={"rate": 1},
        disarmed_cause="credentials.wrong-password",
        disarmed_at=NOW,
        saved_at=LATER,
    )


async def test_disarming_keeps_the_state(store: PostgresStore, ours: Lease) -> None:
    """What was learned about the trunk is still there when it is disarmed."""
    async with store.work() as work:
        await work.trunks.save(KEY, ours, {"rate": 47.5}, NOW)
        await work.trunks.disarm(KEY, "acl.source", LATER)
    found = await load(store)
    assert found
    assert (found.governor, found.disarmed_cause) == ({"rate": 47.5}, "acl.source")


async def test_rearming_forgets_the_refusals(store: PostgresStore, ours: Lease) -> None:
    """What led to the mark goes with it; what was learned of the rate stays."""
    async with store.work() as work:
        refusals = {"strikes": 2, "locks": 1, "proven": True, "check_in": 300.0, "login_in": 8.0}
        await work.trunks.save(KEY, ours, {"rate": 47.5} | refusals, NOW)
        await work.trunks.disarm(KEY, "credentials.wrong-password", NOW)
        await work.trunks.rearm("main", LATER)
    found = await load(store)
    assert found is not None
    forgiven = {"strikes": 0, "locks": 0, "proven": False, "check_in": None, "login_in": None}
    assert found.governor == {"rate": 47.5, "rearmed": True} | forgiven


async def test_rearming_lets_every_method_be_tried_again(store: PostgresStore, ours: Lease) -> None:
    """One that had the refused credentials in it rests for 15 minutes; the right ones need not."""
    barred = {"method": "options", "barred": {"registration": NOW.isoformat()}}
    async with store.work() as work:
        await work.trunks.save(KEY, ours, {"qualification": barred}, NOW)
        await work.trunks.disarm(KEY, "credentials.wrong-password", NOW)
        await work.trunks.rearm("main", LATER)
    found = await load(store)
    assert found is not None
    assert found.governor["qualification"] == {"method": "options", "barred": {}}


async def test_rearming_lifts_every_mark_of_the_trunk(store: PostgresStore, engine: AsyncEngine) -> None:
    """All keys of one trunk are re-armed, other trunks are not, and each change is audited once."""
    async with store.work() as work:
        for key in (KEY, SECOND, APART):
            await work.trunks.disarm(key, "acl.source", NOW)
        assert await work.trunks.rearm("main", LATER) == 2
        assert await work.trunks.rearm("main", LATER) == 0
    lifted, kept = await load(store), await load(store, APART)
    assert lifted
    assert kept
    assert (lifted.disarmed_at, kept.disarmed_at) == (None, NOW)
    async with engine.connect() as connection:
        rows = await connection.execute(
            text("SELECT kind, detail ->> 'source' FROM audit_entry ORDER BY 1, 2")
        )
        assert [tuple(row) for row in rows] == [
            ("trunk.disarmed", "127.0.0.2"),
            ("trunk.disarmed", "127.0.0.2"),
            ("trunk.disarmed", "127.0.0.3"),
            ("trunk.rearmed", "127.0.0.2"),
            ("trunk.rearmed", "127.0.0.3"),
        ]


async def test_the_owner_of_a_trunk_is_shown(
    store: PostgresStore, engine: AsyncEngine, leases: PostgresLeases, ours: Lease
) -> None:
    """The worker that holds its lease, without its token; nobody once it has ended, and of no other trunk."""
    async with store.work() as work:
        for key in (KEY, APART):
            await work.trunks.save(key, ours, {}, NOW)
    held = await leases.acquire("trunk:main", "worker.example:17:token", 60.0, 1.0)
    assert held is not None
    books = ReadModel(engine)
    assert [row.trunk for row in await books.trunks()] == ["backup", "main"]  # by name
    assert {row.trunk: row.owner for row in await books.trunks()} == {
        "main": "worker.example:17",
        "backup": None,
    }
    await leases.release(held)
    assert [row.owner for row in await books.trunks("main")] == [None]


async def test_a_state_that_json_cannot_hold_is_refused(store: PostgresStore, ours: Lease) -> None:
    """An infinite rate is our own defect and never reaches the table."""
    with pytest.raises(DataError, match="json"):
        async with store.work() as work:
            await work.trunks.save(KEY, ours, {"rate": float("inf")}, NOW)
    assert await load(store) is None


async def test_a_bypass_leaves_an_audit_entry(store: PostgresStore, engine: AsyncEngine) -> None:
    """Which trunk, and when; whether or not anything is saved about it."""
    async with store.work() as work:
        await work.trunks.note(KEY, "trunk.trusts-unqualified", NOW)
    async with engine.connect() as connection:
        row = (await connection.execute(text("SELECT recorded_at, kind, detail FROM audit_entry"))).one()
    assert (row.recorded_at, row.kind) == (NOW, "trunk.trusts-unqualified")
    assert row.detail == {"trunk": "main", "source": "127.0.0.2", "auth_user": "shiftline"}
