"""A trunk that passes from one worker to another: the second knows what the first has learned."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine
from tests.contract.floor import lay_floor

from shiftline.bootstrap import open_trunk, plan_trunk, trunk_key
from shiftline.config import load_settings
from shiftline.connector.checking import Checker
from shiftline.connector.records import Lease
from shiftline.store.leases import PostgresLeases
from shiftline.store.read_model import ReadModel
from shiftline.store.unit_of_work import PostgresStore

LEARNED = {"rate": 47.5, "limit": 50, "window_seconds": 1.0, "learned": True}


async def test_a_standby_knows_what_happened_since_its_start(
    tmp_path: Path, database_url: str, engine: AsyncEngine, ours: Lease, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was started before the trunk was learned, disarmed and re-armed; each takeover reads anew."""
    monkeypatch.setenv("SHIFTLINE_TRUNK_PASSWORD", "secret")
    floor = lay_floor(tmp_path, database_url, ReadModel(engine))
    settings = load_settings(floor.config(org="http://127.0.0.1:9"))
    (trunk_settings,) = settings.trunks
    plan = await plan_trunk(settings, trunk_settings)
    store = PostgresStore(engine, wfm="genesys")
    leases, key = PostgresLeases(engine), trunk_key(trunk_settings)
    async with open_trunk(plan, store, leases, "standby", floor.clock) as trunk:
        ownership, driver = trunk.ownership, trunk.driver
        async with store.work() as books:
            await books.trunks.save(key, ours, LEARNED, floor.clock())
            await books.trunks.disarm(key, "credentials.wrong-password", floor.clock())
        assert driver.stopped_by() is None
        assert await ownership.keep()
        assert driver.stopped_by() == "credentials.wrong-password"
        assert (driver.knowledge()["learned"], driver.knowledge()["rate"]) == (True, 47.5)
        await ownership.give_up()
        async with store.work() as books:
            await books.trunks.rearm(trunk_settings.name, floor.clock())
        assert await ownership.keep()
        assert driver.stopped_by() is None
        assert driver.asked == 0
        assert ownership.lease is not None
        await trunk.rearmed(ownership.lease)
        assert driver.asked == 1  # the present control, at once


async def test_an_owner_keeps_what_it_learned_until_it_is_overtaken(
    tmp_path: Path, database_url: str, engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A pause between its look at the lease and the books: they refuse what it has in mind."""
    monkeypatch.setenv("SHIFTLINE_TRUNK_PASSWORD", "secret")
    floor = lay_floor(tmp_path, database_url, ReadModel(engine))
    settings = load_settings(floor.config(org="http://127.0.0.1:9"))
    (trunk_settings,) = settings.trunks
    store, leases = PostgresStore(engine, wfm="genesys"), PostgresLeases(engine)
    key = trunk_key(trunk_settings)
    async with open_trunk(
        await plan_trunk(settings, trunk_settings), store, leases, "me", floor.clock
    ) as trunk:
        checker = Checker(
            work=store.work,
            clock=floor.clock,
            runner=trunk.driver,
            ownership=trunk.ownership,
            trunk=key,
            recall=trunk.rearmed,
        )
        assert await trunk.ownership.keep()
        await checker.save_knowledge()
        async with store.work() as books:
            kept = await books.trunks.load(key)
        assert kept is not None
        assert kept.governor["mode"] == "proving"
        lease = trunk.ownership.lease
        assert lease is not None
        await leases.release(lease)
        after = await leases.acquire(lease.name, "after", 30.0, 1.0)
        assert after is not None
        async with store.work() as books:
            assert await books.trunks.save(key, after, LEARNED, floor.clock())
        assert trunk.ownership.holds()  # by its own clock
        await checker.save_knowledge()
        async with store.work() as books:
            found = await books.trunks.load(key)
        assert found is not None
        assert found.governor == LEARNED
