"""Who is foreseen to trade, and what the books say speaks for it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from sqlalchemy.ext.asyncio import AsyncEngine
from tests.contract.conftest import PUBLISHED_AT

from shiftline.connector.records import AgentProfile, DecidedTrade, IntakeTrade
from shiftline.store.foreseen import PostgresForesight
from shiftline.store.leases import PostgresLeases
from shiftline.store.unit_of_work import PostgresStore
from shiftline.trades.model import PLATFORM, Decision, Evidence, EvidenceKind, Verdict
from shiftline.trades.prefetch import Foreseen

NOW = PUBLISHED_AT
LONG_AGO = NOW - timedelta(days=60)
SINCE = NOW - timedelta(days=28)

MakeTrade = Callable[..., IntakeTrade]


async def test_what_speaks_for_each_agent(
    store: PostgresStore, engine: AsyncEngine, leases: PostgresLeases, make_trade: MakeTrade
) -> None:
    """Undecided trades, recent ones, and the newest evidence by SIP; nobody without an address."""
    lease = await leases.acquire("trunk:main", "worker", 60, 1)
    assert lease
    async with store.work() as work:
        await work.roster.save([profile(name) for name in ("ada", "ben", "cyd", "dan")], [], [])
        await work.roster.save(
            [AgentProfile(external_id="eve", name="Eve", address=None, trunk=None)], [], []
        )
        await work.trades.record([make_trade("old", "ada", "cyd")], LONG_AGO)
        await work.trades.record([make_trade("new", "ada", "ben"), make_trade("other", "eve", "ben")], NOW)
        await work.checks.record_evidence("main", lease, [seen("ada", hours=3), seen("ada", hours=2)])
        await work.checks.record_evidence("main", lease, [seen("ben", hours=1, method=PLATFORM)])
        trades = await work.trades.overdue(NOW + timedelta(hours=2), 60.0, 10)
        referral = Decision(verdict=Verdict.REFER, rule="out-of-time")
        chosen = [one.id for one in trades if one.trade.external_id == "old"]
        await work.trades.decide(
            [DecidedTrade(trade_id=one, decision=referral, detail={}) for one in chosen], NOW
        )
    found = await PostgresForesight(engine, wfm="org", trunk="main").foreseen(SINCE)
    assert sorted(found, key=lambda one: one.agent) == [
        foreseen("ada", undecided=2, recent=1, checked_at=NOW - timedelta(hours=2)),
        foreseen("ben", undecided=2, recent=2),
        foreseen("cyd", undecided=1, recent=0),
        foreseen("dan", undecided=0, recent=0),
    ]
    assert await PostgresForesight(engine, wfm="another", trunk="main").foreseen(SINCE) == []
    assert await PostgresForesight(engine, wfm="org", trunk="other").foreseen(SINCE) == []


async def test_a_trade_that_was_settled_is_recent_and_not_undecided(
    store: PostgresStore, engine: AsyncEngine, make_trade: MakeTrade
) -> None:
    """Who traded lately may trade again."""
    async with store.work() as work:
        await work.roster.save([profile("ada"), profile("ben")], [], [])
        trade = make_trade("gone")
        await work.trades.record([trade], NOW)
        await work.trades.settle_missing([], [(trade.trade.management_unit, trade.trade.week_date)], NOW)
    found = await PostgresForesight(engine, wfm="org", trunk="main").foreseen(SINCE)
    assert {(one.undecided, one.recent) for one in found} == {(0, 1)}


def profile(name: str) -> AgentProfile:
    return AgentProfile(external_id=name, name=name, address=f"sip:{name}@lab", trunk="main")


def seen(name: str, *, hours: float, method: str = "options") -> Evidence:
    taken_at = NOW - timedelta(hours=hours)
    return Evidence(agent=name, kind=EvidenceKind.AVAILABLE, method=method, taken_at=taken_at)


def foreseen(name: str, **what: object) -> Foreseen:
    return Foreseen(agent=name, address=f"sip:{name}@lab", **what)  # type: ignore[arg-type]
