"""Who may need to be checked soon: the agents that a trunk can ask, with what speaks for each of them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Select, func, or_, select, union_all
from sqlalchemy.ext.asyncio import AsyncEngine

from shiftline.store.conditions import BY_SIP
from shiftline.store.database import outages_translated
from shiftline.store.schema import TradeRowState, agent, evidence, trade
from shiftline.trades.prefetch import Foreseen

UNDECIDED = (TradeRowState.OPEN, TradeRowState.REFERRED)


class PostgresForesight:
    """Reads what the books of one WFM know of the agents that one trunk serves, without locks."""

    def __init__(self, engine: AsyncEngine, *, wfm: str, trunk: str) -> None:
        self._engine = engine
        self._wfm = wfm
        self._trunk = trunk

    async def foreseen(self, since: datetime) -> list[Foreseen]:
        """Agents that the trunk serves, their undecided trades, and those recorded from ``since`` on."""
        with outages_translated():
            async with self._engine.connect() as connection:
                rows = await connection.execute(_foreseen(self._wfm, self._trunk, since))
                return [Foreseen(**row) for row in rows.mappings()]


def _foreseen(wfm: str, trunk: str, since: datetime) -> Select[tuple[str, str | None, int, int, Any]]:
    parties = union_all(
        *(
            select(party.label("name"), trade.c.state, trade.c.recorded_at).where(
                trade.c.wfm == wfm, or_(trade.c.state.in_(UNDECIDED), trade.c.recorded_at >= since)
            )
            for party in (trade.c.initiating_agent, trade.c.receiving_agent)
        )
    ).subquery()
    counted = (
        select(
            parties.c.name,
            func.count().filter(parties.c.state.in_(UNDECIDED)).label("undecided"),
            func.count().filter(parties.c.recorded_at >= since).label("recent"),
        )
        .group_by(parties.c.name)
        .subquery()
    )
    checked_at = (
        select(func.max(evidence.c.taken_at))
        .where(evidence.c.wfm == wfm, evidence.c.agent == agent.c.external_id, BY_SIP)
        .scalar_subquery()
    )
    return (
        select(
            agent.c.external_id.label("agent"),
            agent.c.address,
            func.coalesce(counted.c.undecided, 0).label("undecided"),
            func.coalesce(counted.c.recent, 0).label("recent"),
            checked_at.label("checked_at"),
        )
        .select_from(agent)
        .outerjoin(counted, counted.c.name == agent.c.external_id)
        .where(agent.c.wfm == wfm, agent.c.trunk == trunk, agent.c.address.is_not(None))
    )
