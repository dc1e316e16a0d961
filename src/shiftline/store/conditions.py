"""Conditions that several books share, as SQL over the row at hand."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, exists, false, func, or_, select

from shiftline.store.schema import TradeRowState, agent, evidence, trade, trade_wait

UNDER_WAY = (TradeRowState.OPEN, TradeRowState.DELIVERING)


def is_blocked() -> ColumnElement[bool]:
    """True for a trade that waits for another one which is open or being delivered."""
    earlier = trade.alias("earlier")
    return exists(
        select(1)
        .select_from(trade_wait.join(earlier, earlier.c.id == trade_wait.c.earlier_id))
        .where(trade_wait.c.trade_id == trade.c.id, earlier.c.state.in_(UNDER_WAY))
        .correlate(trade)
    )


def has_fresh_evidence(
    wfm: str, name: ColumnElement[str], now: datetime, fresh_seconds: float
) -> ColumnElement[bool]:
    """True if the newest evidence about the agent called ``name`` is no older than ``fresh_seconds``."""
    # A scalar subquery stays one index look-up an agent. As EXISTS it may become a join, and the planner
    # knows so little of tables that a burst has just filled that it has joined all with all.
    newest = (
        select(func.max(evidence.c.taken_at))
        .where(evidence.c.wfm == wfm, evidence.c.agent == name)
        .scalar_subquery()
    )
    return func.coalesce(newest >= now - timedelta(seconds=fresh_seconds), false())


def has_address(wfm: str, name: ColumnElement[str]) -> ColumnElement[bool]:
    """True if the roster gives the agent called ``name`` a SIP URI."""
    return exists(
        select(1).where(agent.c.wfm == wfm, agent.c.external_id == name, agent.c.address.is_not(None))
    )


def is_complete(wfm: str, now: datetime, fresh_seconds: float) -> ColumnElement[bool]:
    """True for a trade of which each agent has fresh evidence, or no address and so will never have any."""
    initiating, receiving = (
        or_(has_fresh_evidence(wfm, name, now, fresh_seconds), ~has_address(wfm, name))
        for name in (trade.c.initiating_agent, trade.c.receiving_agent)
    )
    return initiating & receiving
