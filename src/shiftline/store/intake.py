"""How trades come into the book, and how they line up behind each other.

An open trade waits for those that share an agent or a shift with it and were matched earlier, and for
those of them that are being delivered whatever their age. That is written down once, at intake, as rows
of ``trade_wait``; a row counts as long as the trade waited for is open or being delivered.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, case, exists, func, literal, literal_column, or_, select, tuple_
from sqlalchemy.dialects.postgresql import array, insert
from sqlalchemy.ext.asyncio import AsyncConnection

from shiftline.connector.records import IntakeTrade
from shiftline.store.conditions import UNDER_WAY
from shiftline.store.open_trades import trade_columns
from shiftline.store.rows import among, insert_rows
from shiftline.store.schema import MISSING, TradeRowState, decision, trade, trade_wait

# A trade keeps the place in the line that it was first seen with: waiting must never turn into a circle.
KEPT = {"wfm", "external_id", "state", "matched_at", "recorded_at"}


async def record_trades(
    connection: AsyncConnection, wfm: str, trades: Sequence[IntakeTrade], now: datetime
) -> int:
    """Store new trades, refresh open ones, line them up; return how many were new.

    One that was settled only because the WFM did not show it, and now does, comes back.
    """
    newest = {known.trade.external_id: known for known in trades}
    if not newest:
        return 0
    await take_turns(connection, wfm)
    await _wait_for_deciders(connection, wfm)
    known = await connection.scalar(
        select(func.count()).where(trade.c.wfm == wfm, among(trade.c.external_id, newest))
    )
    await _upsert(connection, [_row(wfm, one, now) for one in newest.values()])
    await _line_up(connection, wfm, newest)
    return len(newest) - (known or 0)


def _row(wfm: str, known: IntakeTrade, now: datetime) -> dict[str, object]:
    return {
        **trade_columns(known.trade),
        "wfm": wfm,
        "state": TradeRowState.OPEN,
        "deadline": known.deadline,
        "refer_by": known.refer_by,
        "evaluation": {
            "violations": known.evaluation.violations,
            "admin_review": known.evaluation.admin_review,
            "unevaluated": known.evaluation.unevaluated,
        },
        "needs_evaluation": False,
        "recorded_at": now,
    }


async def take_turns(connection: AsyncConnection, wfm: str) -> None:
    """Wait until no other transaction writes to trades that it has not locked before, as this one will.

    Such writers (intake, settling) touch many trades in no common order and would deadlock. Those that
    decide are not among them: they pass over what is locked, so they never wait.
    """
    await connection.execute(
        select(func.pg_advisory_xact_lock(func.hashtextextended(f"shiftline.trades.{wfm}", 0)))
    )


async def _wait_for_deciders(connection: AsyncConnection, wfm: str) -> None:
    # Who has locked a trade to decide it commits before we look at the line around it, and nobody can
    # lock one from here until we commit.
    locked = (
        select(trade.c.id)
        .where(trade.c.wfm == wfm, trade.c.state == TradeRowState.OPEN)
        .with_for_update(key_share=True)
        .cte("locked")
    )
    await connection.execute(select(func.count()).select_from(locked))


async def _upsert(connection: AsyncConnection, rows: Sequence[dict[str, object]]) -> None:
    statement = insert_rows(trade, rows)
    # By name: inside ON CONFLICT the target row is no FROM item that SQLAlchemy could correlate with.
    was_referred = exists().where(decision.c.trade_id == literal_column("trade.id"))
    refreshed: dict[str, ColumnElement[Any]] = {
        name: statement.excluded[name] for name in rows[0] if name not in KEPT
    }
    # Read again, a trade has less time left, and half of that would move its refer-by ever later.
    refreshed["refer_by"] = func.least(trade.c.refer_by, statement.excluded.refer_by)
    returned = {
        "state": case((was_referred, TradeRowState.REFERRED), else_=TradeRowState.OPEN),
        "outcome": None,
        "settled_at": None,
    }
    await connection.execute(
        statement.on_conflict_do_update(
            index_elements=[trade.c.wfm, trade.c.external_id],
            set_=refreshed | returned,
            where=or_(trade.c.state == TradeRowState.OPEN, trade.c.outcome == MISSING),
        )
    )


async def _line_up(connection: AsyncConnection, wfm: str, recorded: Iterable[str]) -> None:
    shared = array(
        [
            literal("agent ") + trade.c.initiating_agent,
            literal("agent ") + trade.c.receiving_agent,
            literal("shift ") + trade.c.initiating_shift,
            literal("shift ") + trade.c.receiving_shift,
        ]
    )
    held = (
        select(
            trade.c.id,
            trade.c.state,
            trade.c.matched_at,
            trade.c.external_id,
            among(trade.c.external_id, recorded).label("recorded"),
            func.unnest(shared).label("shared"),
        )
        .where(trade.c.wfm == wfm, trade.c.state.in_(UNDER_WAY))
        .cte("held")
    )
    waiting, earlier = held.alias("waiting"), held.alias("earlier")
    pairs = (
        select(waiting.c.id, earlier.c.id)
        .distinct()
        .where(
            waiting.c.shared == earlier.c.shared,
            waiting.c.id != earlier.c.id,
            waiting.c.state == TradeRowState.OPEN,
            or_(waiting.c.recorded, earlier.c.recorded),
            or_(
                earlier.c.state == TradeRowState.DELIVERING,
                tuple_(earlier.c.matched_at, earlier.c.external_id)
                < tuple_(waiting.c.matched_at, waiting.c.external_id),
            ),
        )
    )
    await connection.execute(
        insert(trade_wait).from_select(["trade_id", "earlier_id"], pairs).on_conflict_do_nothing()
    )
