"""The register of workers: who lives, and who holds what."""

from __future__ import annotations

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from shiftline.clock import boot_time
from shiftline.connector.records import Holdings
from shiftline.store.leases import PostgresLeases
from shiftline.store.workers import PostgresWorkers

TIMES = {"live_seconds": 3.0, "ttl_seconds": 3.0, "grace_seconds": 1.0}


@pytest.fixture
def workers(engine: AsyncEngine) -> PostgresWorkers:
    """The register under test."""
    return PostgresWorkers(engine)


async def pass_seconds(engine: AsyncEngine, seconds: float) -> None:
    """Move all moments back, which is what the passing of time amounts to."""
    async with engine.begin() as connection:
        for statement in (
            "UPDATE lease SET expires_at = expires_at - make_interval(secs => :seconds)",
            "UPDATE worker SET seen_at = seen_at - make_interval(secs => :seconds)",
        ):
            await connection.execute(text(statement), {"seconds": seconds})


async def test_a_worker_lives_while_it_says_so(workers: PostgresWorkers, engine: AsyncEngine) -> None:
    """One that is late counts no more, and counts again when it is heard of; one that left does not."""
    await workers.beat("one")
    await pass_seconds(engine, 2)
    await workers.beat("other")
    assert set((await workers.look([], **TIMES)).workers) == {"one", "other"}
    await pass_seconds(engine, 2)
    assert set((await workers.look([], **TIMES)).workers) == {"other"}
    await workers.beat("one")
    assert set((await workers.look([], **TIMES)).workers) == {"one", "other"}
    await workers.leave("one")
    assert set((await workers.look([], **TIMES)).workers) == {"other"}


async def test_a_lease_is_held_until_it_can_be_taken(
    workers: PostgresWorkers, leases: PostgresLeases, engine: AsyncEngine
) -> None:
    """In its grace it is still the late owner's; nobody asked about another trunk's."""
    names = ["trunk:a", "trunk:b", "trunk:c"]
    for name in (*names[:2], "trunk:z"):
        assert await leases.acquire(name, "one", 3, 1)
    before = boot_time()
    assert (await workers.look(names, **TIMES)).held == {"trunk:a": "one", "trunk:b": "one"}
    free_in = (await workers.look(names, **TIMES)).free_in
    assert free_in is not None
    assert 4.0 - (boot_time() - before) <= free_in <= 4.0
    await pass_seconds(engine, 3.5)
    late = await leases.acquire("trunk:c", "other", 3, 1)
    assert late
    held = {"trunk:a": "one", "trunk:b": "one", "trunk:c": "other"}
    assert (await workers.look(names, **TIMES)).held == held
    await pass_seconds(engine, 1)
    await leases.release(late)
    assert (await workers.look(names, **TIMES)).held == {"trunk:a": "one", "trunk:b": "one"}
    assert await PostgresWorkers(engine).look(names, **TIMES) == Holdings(workers=frozenset(), held={})


async def test_the_dead_are_forgotten(workers: PostgresWorkers, engine: AsyncEngine) -> None:
    """Their rows do not pile up."""
    await workers.beat("one")
    await pass_seconds(engine, 3601)
    await workers.beat("other")
    assert set((await workers.look([], **(TIMES | {"live_seconds": 1e6}))).workers) == {"other"}
