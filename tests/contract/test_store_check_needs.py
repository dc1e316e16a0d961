"""Which checks there should be: those that open trades need, and no others."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from shiftline.connector.records import AgentProfile, DecidedTrade, DueCheck, IntakeTrade, Lease, WantedCheck
from shiftline.store.leases import PostgresLeases
from shiftline.store.read_model import ReadModel
from shiftline.store.unit_of_work import PostgresStore
from shiftline.trades.model import Decision, Evidence, EvidenceKind, Verdict

NOW = datetime(2026, 11, 2, 15, 0, tzinfo=UTC)
FRESH = 600.0

MakeTrade = Callable[..., IntakeTrade]


@pytest.fixture
async def lease(leases: PostgresLeases) -> Lease:
    """The trunk's lease, held by the worker of the test."""
    taken = await leases.acquire("trunk:main", "worker", 60, 1)
    assert taken
    return taken


async def want(store: PostgresStore, *agents: str, minutes: float = 30) -> int:
    needed_by = NOW + timedelta(minutes=minutes)
    wanted = [
        WantedCheck(agent=name, address=f"sip:{name}@lab", trunk="main", needed_by=needed_by)
        for name in agents
    ]
    async with store.work() as work:
        return await work.checks.want(wanted, NOW, FRESH)


async def claim(store: PostgresStore, lease: Lease) -> list[DueCheck]:
    async with store.work() as work:
        return await work.checks.claim("main", lease, 100, ())


async def bring(store: PostgresStore, lease: Lease, *agents: str) -> None:
    brought = [
        Evidence(agent=name, kind=EvidenceKind.AVAILABLE, method="options", taken_at=NOW) for name in agents
    ]
    async with store.work() as work:
        await work.checks.record_evidence("main", lease, brought)


async def refer(store: PostgresStore, name: str) -> None:
    """Give one trade to a person, as at its refer-by."""
    async with store.work() as work:
        trades = await work.trades.overdue(NOW + timedelta(hours=1), FRESH, 100)
        decision = Decision(verdict=Verdict.REFER, rule="out-of-time")
        chosen = [one.id for one in trades if one.trade.external_id == name]
        await work.trades.decide(
            [DecidedTrade(trade_id=one, decision=decision, detail={}) for one in chosen], NOW
        )


def names(checks: list[DueCheck]) -> list[str]:
    return [check.agent for check in checks]


async def test_a_check_that_no_open_trade_needs_is_not_made(
    store: PostgresStore, lease: Lease, make_trade: MakeTrade
) -> None:
    """Its trade was referred before its turn came: it does not go ahead of the others, nor at all."""
    async with store.work() as work:
        await work.trades.record(
            [make_trade("t1", "ada", "ben"), make_trade("t2", "cy", "ben", minute=1)], NOW
        )
    await want(store, "ada", minutes=1)
    await want(store, "ben", "cy")
    await refer(store, "t1")
    assert names(await claim(store, lease)) == ["ben", "cy"]


async def test_checks_of_another_organisations_trades_are_its_own(
    store: PostgresStore, lease: Lease, make_trade: MakeTrade
) -> None:
    """An agent's namesake in another WFM needs no check here."""
    async with PostgresStore(store._engine, wfm="other").work() as work:
        await work.trades.record([make_trade("t1", "ada", "ben")], NOW)
    await want(store, "ada")
    assert await claim(store, lease) == []


async def test_a_check_that_nobody_needs_any_more_is_over(
    store: PostgresStore, engine: AsyncEngine, lease: Lease, make_trade: MakeTrade
) -> None:
    """It is not shown as due for ever; the agent's next trade makes it due anew, at its own time."""
    async with store.work() as work:
        await work.trades.record([make_trade("t1", "ada", "ben")], NOW)
    await want(store, "ada", "ben", minutes=1)
    await claim(store, lease)
    await refer(store, "t1")
    async with store.work() as work:
        assert await work.checks.renew(NOW, FRESH) == 0
    assert (await ReadModel(engine).totals()).checks_due == 0
    async with store.work() as work:
        await work.trades.record([make_trade("t2", "ada", "cy", minute=1)], NOW)
    assert await want(store, "ada", minutes=20) == 1
    (check,) = await claim(store, lease)
    assert (check.agent, check.needed_by) == ("ada", NOW + timedelta(minutes=20))


async def test_stale_evidence_of_open_trades_is_renewed(
    store: PostgresStore, lease: Lease, make_trade: Callable[..., IntakeTrade]
) -> None:
    """A check is due again when nothing but its stale evidence holds up a trade, which is not blocked."""
    agents = ("ada", "ben", "cy", "di")
    profiles = [
        AgentProfile(external_id=name, name=name, address=f"sip:{name}@lab", trunk="main") for name in agents
    ]
    async with store.work() as work:
        await work.roster.save(profiles, [], [])
        blocked = make_trade("t2", "ada", "cy", minute=1)
        await work.trades.record([make_trade("t1", "ada", "ben"), blocked], NOW)
    await want(store, *agents)
    await claim(store, lease)
    await bring(store, lease, *agents)
    async with store.work() as work:
        assert await work.checks.renew(NOW + timedelta(seconds=FRESH), FRESH) == 0
        assert await work.checks.renew(NOW + timedelta(seconds=FRESH + 1), FRESH) == 2
        assert await work.checks.renew(NOW + timedelta(seconds=FRESH + 1), FRESH) == 0
    found = await claim(store, lease)
    assert [(check.agent, check.needed_by) for check in found] == [
        ("ada", NOW + timedelta(hours=1)),
        ("ben", NOW + timedelta(hours=1)),
    ]


async def test_renewal_makes_up_for_a_lost_wish(
    store: PostgresStore, lease: Lease, make_trade: Callable[..., IntakeTrade]
) -> None:
    """An agent that nobody wanted checked, because of a crash after intake, is checked all the same."""
    async with store.work() as work:
        ada = AgentProfile(external_id="ada", name="Ada", address="sip:ada@lab", trunk="main")
        await work.roster.save([ada], [], [])
        await work.trades.record([make_trade("t1", "ada", "nobody")], NOW)
        assert await work.checks.renew(NOW, FRESH) == 1
    assert names(await claim(store, lease)) == ["ada"]
