"""Conditions that several books share, as SQL over the row at hand."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, DateTime, and_, exists, extract, false, func, literal, or_, select

from shiftline.connector.records import Fallback
from shiftline.store.schema import TradeRowState, agent, evidence, trade, trade_wait
from shiftline.trades.model import CLOCK_SLACK_SECONDS, PLATFORM, EvidenceKind

# A clock that was set back has left evidence ahead of it, whose age nobody knows.
CLOCK_SLACK = timedelta(seconds=CLOCK_SLACK_SECONDS)
UNDER_WAY = (TradeRowState.OPEN, TradeRowState.DELIVERING)
BY_SIP = evidence.c.method != PLATFORM
BY_PLATFORM = evidence.c.method == PLATFORM


def is_blocked() -> ColumnElement[bool]:
    """True for a trade that waits for another one which is open or being delivered."""
    earlier = trade.alias("earlier")
    return exists(
        select(1)
        .select_from(trade_wait.join(earlier, earlier.c.id == trade_wait.c.earlier_id))
        .where(trade_wait.c.trade_id == trade.c.id, earlier.c.state.in_(UNDER_WAY))
        .correlate(trade)
    )


def is_needed(wfm: str, name: ColumnElement[str]) -> ColumnElement[bool]:
    """True if an open trade has the agent called ``name``; nobody waits for another agent's check."""

    # Both sets are read once a statement and hashed. Look-ups by an index of their own would cost less, but
    # before tables that a burst has just filled are analysed, the planner takes another index for them.
    initiating, receiving = (
        exists(select(1).where(trade.c.wfm == wfm, trade.c.state == TradeRowState.OPEN, party == name))
        for party in (trade.c.initiating_agent, trade.c.receiving_agent)
    )
    return or_(initiating, receiving)


def has_fresh_evidence(
    wfm: str, name: ColumnElement[str], now: datetime, fresh_seconds: float
) -> ColumnElement[bool]:
    """True if the newest SIP evidence about the agent called ``name`` is no older than ``fresh_seconds``."""
    # A scalar subquery stays one index look-up an agent. As EXISTS it may become a join, and the planner
    # knows so little of tables that a burst has just filled that it has joined all with all.
    newest = (
        select(func.max(evidence.c.taken_at))
        .where(
            evidence.c.wfm == wfm, evidence.c.agent == name, evidence.c.taken_at <= now + CLOCK_SLACK, BY_SIP
        )
        .scalar_subquery()
    )
    return func.coalesce(newest >= now - timedelta(seconds=fresh_seconds), false())


def is_served(wfm: str, name: ColumnElement[str]) -> ColumnElement[bool]:
    """True if the roster gives the agent called ``name`` a SIP URI, and a trunk serves it."""
    return exists(
        select(1).where(agent.c.wfm == wfm, agent.c.external_id == name, agent.c.trunk.is_not(None))
    )


def newest_kind(
    wfm: str,
    name: ColumnElement[str],
    now: datetime,
    fresh_seconds: float,
    by: ColumnElement[bool],
) -> ColumnElement[str | None]:
    """The kind of the newest fresh evidence about the agent called ``name``; NULL when there is none."""
    return (
        select(evidence.c.kind)
        .where(
            evidence.c.wfm == wfm,
            evidence.c.agent == name,
            evidence.c.taken_at.between(now - timedelta(seconds=fresh_seconds), now + CLOCK_SLACK),
            by,
        )
        .order_by(evidence.c.taken_at.desc(), evidence.c.id.desc())
        .limit(1)
        .scalar_subquery()
    )


def is_last_resort(fallback: Fallback, now: datetime) -> ColumnElement[bool]:
    """True for a trade so near to its refer-by that the platform is asked where SIP has said nothing yet."""
    gone = extract("epoch", literal(now, DateTime(timezone=True)) - trade.c.recorded_at)
    there_was = extract("epoch", trade.c.refer_by - trade.c.recorded_at)
    return and_(trade.c.refer_by <= now + fallback.lead, gone >= fallback.patience * there_was)


def needs_platform(
    wfm: str, name: ColumnElement[str], now: datetime, fresh_seconds: float, fallback: Fallback
) -> ColumnElement[bool]:
    """True if the trade at hand cannot be decided by SIP evidence about the agent called ``name``."""
    by_sip = newest_kind(wfm, name, now, fresh_seconds, BY_SIP)
    silent = and_(by_sip.is_(None), is_last_resort(fallback, now))
    return func.coalesce(or_(by_sip == EvidenceKind.UNVERIFIABLE, silent), false())


def is_complete(
    wfm: str, now: datetime, fresh_seconds: float, fallback: Fallback | None = None
) -> ColumnElement[bool]:
    """True for a trade of which each agent has fresh evidence, or no address that a trunk serves.

    With a ``fallback``, what SIP could not tell is complete once the platform has spoken. Where SIP has
    said nothing at all yet, the platform must have something to say: otherwise SIP keeps its chance.
    """

    def is_known(name: ColumnElement[str]) -> ColumnElement[bool]:
        if fallback is None:
            return has_fresh_evidence(wfm, name, now, fresh_seconds)
        by_sip = newest_kind(wfm, name, now, fresh_seconds, BY_SIP)
        by_platform = newest_kind(wfm, name, now, fresh_seconds, BY_PLATFORM)
        unverifiable = EvidenceKind.UNVERIFIABLE
        instead = and_(by_sip.is_(None), is_last_resort(fallback, now), by_platform != unverifiable)
        return func.coalesce(
            or_(by_sip != unverifiable, and_(by_sip == unverifiable, by_platform.is_not(None)), instead),
            false(),
        )

    initiating, receiving = (
        or_(is_known(name), ~is_served(wfm, name))
        for name in (trade.c.initiating_agent, trade.c.receiving_agent)
    )
    return initiating & receiving
