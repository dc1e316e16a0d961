"""Leases on a database whose clock is set while workers run."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from sqlalchemy import make_url, text
from sqlalchemy.ext.asyncio import AsyncEngine

from shiftline.connector.lease_watch import LeaseWatch
from shiftline.connector.ownership import GRACE_SECONDS, TTL_SECONDS, Ownership
from shiftline.connector.records import Lease
from shiftline.store.database import open_engine
from shiftline.store.leases import PostgresLeases
from shiftline.store.workers import PostgresWorkers

NAME = "trunk:main"
REST_SECONDS = TTL_SECONDS + GRACE_SECONDS
CLOCK = (
    "CREATE FUNCTION stepped.clock_timestamp() RETURNS timestamptz LANGUAGE sql AS "
    "'SELECT pg_catalog.clock_timestamp() + seconds * interval ''1 s'' FROM stepped.step'"
)


class Machine:
    """A machine beside the database's: its clock only goes on, when the test says so."""

    def __init__(self, engine: AsyncEngine, name: str) -> None:
        self.now = 1000.0
        self.name = name
        watch = LeaseWatch(lambda: self.now)
        leases = PostgresLeases(engine, watch)
        self.register = PostgresWorkers(engine, watch)
        self.ownership = Ownership(leases, name=NAME, owner=name, boot_time=lambda: self.now)

    async def free_in(self) -> float | None:
        """What its worker sees of the lease each quarter of a second."""
        return (
            await self.register.look(
                [NAME], live_seconds=2.5, ttl_seconds=TTL_SECONDS, grace_seconds=GRACE_SECONDS
            )
        ).free_in

    async def take(self) -> Lease | None:
        await self.ownership.take()
        return self.ownership.lease


@pytest.fixture
async def stepped(database_url: str, engine: AsyncEngine) -> AsyncIterator[AsyncEngine]:
    """An engine whose sessions see the database's clock as far from the true one as `step` has put it."""
    async with engine.begin() as connection:
        for statement in (
            "CREATE SCHEMA stepped",
            "CREATE TABLE stepped.step AS SELECT 0 AS seconds",
            CLOCK,
        ):
            await connection.execute(text(statement))
    path = {"options": "-c search_path=stepped,public,pg_catalog"}
    opened = await open_engine(make_url(database_url).update_query_dict(path).render_as_string(False))
    yield opened
    await opened.dispose()


async def step(engine: AsyncEngine, seconds: int) -> None:
    """Set the database's clock."""
    async with engine.begin() as connection:
        await connection.execute(text("UPDATE stepped.step SET seconds = :seconds"), {"seconds": seconds})


async def test_a_clock_set_forward_takes_no_trunk_from_its_owner(stepped: AsyncEngine) -> None:
    """By it the lease is long over, and yet its owner sends."""
    owner, other = Machine(stepped, "owner"), Machine(stepped, "other")
    assert await owner.take()
    assert await other.free_in() == REST_SECONDS
    await step(stepped, 3600)
    other.now += 0.25
    assert await other.take() is None
    assert await other.free_in() == REST_SECONDS - 0.25
    assert owner.ownership.holds()
    assert await owner.ownership.renew()
    assert await other.free_in() == REST_SECONDS


async def test_a_clock_set_back_keeps_no_trunk_for_a_dead_owner(stepped: AsyncEngine) -> None:
    """By it the lease lives for another hour; whoever has watched it knows better."""
    await step(stepped, 3600)
    owner, other = Machine(stepped, "owner"), Machine(stepped, "other")
    assert await owner.take()
    await step(stepped, 0)
    assert await other.free_in() == REST_SECONDS
    other.now += REST_SECONDS - 0.01
    assert await other.take() is None
    other.now += 0.01
    assert await other.free_in() is None
    assert await other.take() == Lease(name=NAME, owner="other", epoch=2)


async def test_two_that_have_watched_take_it_once(stepped: AsyncEngine) -> None:
    """The second finds another row than it has watched."""
    owner, one, two = (Machine(stepped, name) for name in ("owner", "one", "two"))
    assert await owner.take()
    for machine in (one, two):
        await machine.free_in()
        machine.now += REST_SECONDS
    assert await one.take()
    assert await two.take() is None
