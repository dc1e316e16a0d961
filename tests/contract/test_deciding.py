"""The decider and its books: nobody hears of a trade later than was promised."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncEngine

from shiftline.connector.deciding import REFER_MARGIN, Decider
from shiftline.connector.records import IntakeTrade, TrunkKey
from shiftline.connector.trunk_work import IDLE_SECONDS
from shiftline.store.read_model import ReadModel
from shiftline.store.unit_of_work import PostgresStore
from shiftline.trades.decision import DecisionPolicy

NOW = datetime(2026, 11, 2, 15, 0, tzinfo=UTC)
REFER_BY = NOW + timedelta(hours=1)
ROUND = timedelta(seconds=IDLE_SECONDS)


def decider(store: PostgresStore, at: datetime) -> Decider:
    return Decider(
        work=store.work,
        clock=lambda: at,
        policy=DecisionPolicy(),
        fresh_seconds=600.0,
        trunks=[TrunkKey(trunk="pbx", source="0.0.0.0", user="-")],
    )


async def test_a_trade_is_referred_before_its_refer_by(
    store: PostgresStore, engine: AsyncEngine, make_trade: Callable[..., IntakeTrade]
) -> None:
    """The round before the moment takes it, for the next may come after it; an earlier one leaves it open."""
    async with store.work() as work:
        await work.trades.record([make_trade("t1", refer_by=REFER_BY)], NOW)
    assert await decider(store, REFER_BY - REFER_MARGIN - ROUND).refer_overdue() == 0
    assert await decider(store, REFER_BY - ROUND).refer_overdue() == 1
    (row,) = await ReadModel(engine).trades()
    assert (row.decided_at, row.reasons[0]) == (REFER_BY - ROUND, "late.refer-by")
