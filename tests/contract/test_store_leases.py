"""Leases: one owner at a time, whatever the database's clock is set to."""

from __future__ import annotations

import asyncio

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from shiftline.connector.records import Lease
from shiftline.store.leases import PostgresLeases

NAME = "trunk:main"


async def pass_seconds(engine: AsyncEngine, seconds: float) -> None:
    """Move the lease's end back, which is what the passing of time amounts to."""
    async with engine.begin() as connection:
        await connection.execute(
            text("UPDATE lease SET expires_at = expires_at - make_interval(secs => :seconds)"),
            {"seconds": seconds},
        )


async def test_a_held_lease_is_not_given_away(leases: PostgresLeases) -> None:
    """One owner holds it, others get nothing; another name is another lease."""
    mine = await leases.acquire(NAME, "me", 30, 1)
    assert mine == Lease(name=NAME, owner="me", epoch=1)
    assert await leases.acquire(NAME, "you", 30, 1) is None
    assert await leases.acquire("trunk:backup", "you", 30, 1)


async def test_ones_own_live_lease_keeps_its_epoch(leases: PostgresLeases, engine: AsyncEngine) -> None:
    """Acquiring again while it lives prolongs it and changes nothing else."""
    mine = await leases.acquire(NAME, "me", 30, 1)
    await pass_seconds(engine, 29)
    assert await leases.acquire(NAME, "me", 30, 1) == mine
    await pass_seconds(engine, 29)
    assert await leases.acquire(NAME, "you", 30, 0) is None


async def test_takeover_waits_out_the_grace(leases: PostgresLeases, engine: AsyncEngine) -> None:
    """Whoever starts takes a lease that has been over for the grace, with a higher epoch."""
    mine = await leases.acquire(NAME, "me", 30, 10)
    assert mine
    await pass_seconds(engine, 35)
    assert await PostgresLeases(engine).acquire(NAME, "you", 30, 10) is None
    await pass_seconds(engine, 10)
    assert await PostgresLeases(engine).acquire(NAME, "you", 30, 10) == Lease(name=NAME, owner="you", epoch=2)
    assert await leases.renew(mine, 30) is False


async def test_ones_own_expired_lease_is_like_anybody_elses(
    leases: PostgresLeases, engine: AsyncEngine
) -> None:
    """A second process of the same name must not slip in while the first may still send."""
    await leases.acquire(NAME, "me", 30, 10)
    await pass_seconds(engine, 35)
    assert await PostgresLeases(engine).acquire(NAME, "me", 30, 10) is None
    await pass_seconds(engine, 10)
    assert await PostgresLeases(engine).acquire(NAME, "me", 30, 10) == Lease(name=NAME, owner="me", epoch=2)


async def test_renewal_holds_it(leases: PostgresLeases, engine: AsyncEngine) -> None:
    """A renewed lease lives on; one that expired is renewed as long as nobody took it."""
    mine = await leases.acquire(NAME, "me", 30, 0)
    assert mine
    await pass_seconds(engine, 29)
    assert await leases.renew(mine, 30)
    await pass_seconds(engine, 29)
    assert await leases.acquire(NAME, "you", 30, 0) is None
    await pass_seconds(engine, 2)
    assert await leases.renew(mine, 30)
    assert await leases.acquire(NAME, "you", 30, 0) is None


async def test_a_released_lease_is_free_at_once(leases: PostgresLeases) -> None:
    """Release needs no grace, cannot be undone by a late renewal, and raises the epoch for whoever comes."""
    mine = await leases.acquire(NAME, "me", 30, 10)
    assert mine
    await leases.release(mine)
    assert await leases.renew(mine, 30) is False
    yours = await leases.acquire(NAME, "you", 30, 10)
    assert yours == Lease(name=NAME, owner="you", epoch=2)
    await leases.release(mine)
    assert await leases.renew(yours, 30)


async def test_of_many_one_wins(engine: AsyncEngine) -> None:
    """Whether the lease is new or expired, exactly one of those who ask at once gets it."""
    for epoch in (1, 2):
        leases = PostgresLeases(engine)
        taken = await asyncio.gather(*(leases.acquire(NAME, f"{epoch}-{i}", 30, 1) for i in range(8)))
        (winner,) = (lease for lease in taken if lease)
        assert winner.epoch == epoch
        await pass_seconds(engine, 60)
