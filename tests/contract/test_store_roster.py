"""The roster: profiles, addresses, working hours."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from shiftline.connector.records import AgentProfile, WorkingHours
from shiftline.store.unit_of_work import PostgresStore

NOW = datetime(2026, 11, 2, 15, 0, tzinfo=UTC)
ADA = AgentProfile(external_id="ada", name="Ada", address="sip:ada@lab")
BEN = AgentProfile(external_id="ben", name="Ben", address=None)


def shift(agent: str, day: int) -> WorkingHours:
    starts_at = NOW + timedelta(days=day)
    return WorkingHours(agent=agent, starts_at=starts_at, ends_at=starts_at + timedelta(hours=8))


async def test_profiles_are_upserted(store: PostgresStore) -> None:
    """The last profile of an agent counts, in one batch as over time; others are unknown."""
    async with store.work() as work:
        await work.roster.save([BEN, AgentProfile(external_id="ada", name="Ada", address=None), ADA], [], [])
        assert await work.roster.unknown(["cy", "ada", "di", "cy"]) == ["cy", "di"]
        assert await work.roster.addresses(["ada", "ben", "cy"]) == {"ada": "sip:ada@lab"}
        assert await work.roster.without_address() == [BEN]
        await work.roster.save([AgentProfile(external_id="ben", name="Ben", address="sip:ben@lab")], [], [])
        assert await work.roster.without_address() == []


async def test_an_empty_roster_answers(store: PostgresStore) -> None:
    """Nothing asked, nothing saved, nothing known."""
    async with store.work() as work:
        await work.roster.save([], [], [])
        assert await work.roster.unknown([]) == []
        assert await work.roster.addresses([]) == {}
        assert await work.roster.without_address() == []


async def test_rosters_are_apart(store: PostgresStore, engine: AsyncEngine) -> None:
    """The same agent id in another WFM is another agent."""
    other = PostgresStore(engine, wfm="other")
    async with store.work() as work:
        await work.roster.save([ADA, BEN], [shift("ada", 0)], ["ada"])
    async with other.work() as work:
        assert await work.roster.unknown(["ada"]) == ["ada"]
        assert await work.roster.addresses(["ada"]) == {}
        assert await work.roster.without_address() == []


async def test_working_hours_are_replaced_for_the_agents_named(
    store: PostgresStore, engine: AsyncEngine
) -> None:
    """New hours take the place of an agent's old ones and leave everybody else's alone."""
    async with store.work() as work:
        await work.roster.save([], [shift("ada", 0), shift("ada", 1), shift("ben", 0)], ["ada", "ben"])
        await work.roster.save([], [shift("ada", 2)], ["ada"])
    async with engine.connect() as connection:
        rows = await connection.execute(text("SELECT agent, starts_at FROM working_hours ORDER BY agent"))
        assert [tuple(row) for row in rows] == [("ada", NOW + timedelta(days=2)), ("ben", NOW)]


async def test_an_agent_without_a_shift_any_more_keeps_no_hours(
    store: PostgresStore, engine: AsyncEngine
) -> None:
    """The WFM says nothing about him; that it was asked is enough."""
    async with store.work() as work:
        await work.roster.save([], [shift("ada", 0), shift("ben", 0)], ["ada", "ben"])
        await work.roster.save([], [shift("ben", 1)], ["ada", "ben"])
    async with engine.connect() as connection:
        rows = await connection.execute(text("SELECT agent FROM working_hours"))
    assert [row.agent for row in rows] == ["ben"]
