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
        # Two statements and no join: before tables that a burst has just filled are analysed, the planner
        # has joined each agent with all trades, which took half a minute.
        with outages_translated():
            async with self._engine.connect() as connection:
                agents = (await connection.execute(self._agents())).mappings().all()
                counted = (await connection.execute(self._trades(since))).mappings().all()
        trades = {row["name"]: {key: row[key] for key in ("undecided", "recent")} for row in counted}
        return [Foreseen(**row, **trades.get(row["agent"], {})) for row in agents]

    def _agents(self) -> Select[Any]:
        """Name, address and newest SIP evidence."""
        checked_at = (
            select(func.max(evidence.c.taken_at))
            .where(evidence.c.wfm == self._wfm, evidence.c.agent == agent.c.external_id, BY_SIP)
            .scalar_subquery()
        )
        columns = agent.c.external_id.label("agent"), agent.c.address, checked_at.label("checked_at")
        return select(*columns).where(
            agent.c.wfm == self._wfm, agent.c.trunk == self._trunk, agent.c.address.is_not(None)
        )

    def _trades(self, since: datetime) -> Select[Any]:
        """Name, undecided and recent trades of whoever has any."""
        parties = union_all(
            *(
                select(party.label("name"), trade.c.state, trade.c.recorded_at).where(
                    trade.c.wfm == self._wfm, or_(trade.c.state.in_(UNDECIDED), trade.c.recorded_at >= since)
                )
                for party in (trade.c.initiating_agent, trade.c.receiving_agent)
            )
        ).subquery()
        return select(
            parties.c.name,
            func.count().filter(parties.c.state.in_(UNDECIDED)).label("undecided"),
            func.count().filter(parties.c.recorded_at >= since).label("recent"),
        ).group_by(parties.c.name)
