"""The platform's word: of which agents it is needed, and what it was."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import func, select, union_all
from sqlalchemy.ext.asyncio import AsyncConnection

from shiftline.connector.records import Fallback, Lease
from shiftline.store.conditions import (
    BY_PLATFORM,
    is_blocked,
    is_served,
    needs_platform,
    newest_kind,
)
from shiftline.store.evidence import insert_evidence
from shiftline.store.schema import TradeRowState, trade
from shiftline.trades.model import Evidence


class PostgresPlatform:
    """Evidence of one WFM's own feed; it bears the name of the trunk that it stands in for."""

    def __init__(self, connection: AsyncConnection, wfm: str) -> None:
        self._connection = connection
        self._wfm = wfm

    async def to_ask(
        self, now: datetime, fresh_seconds: float, fallback: Fallback, limit: int
    ) -> Sequence[str]:
        """Agents that hold up an open trade and of whom the platform must tell, earliest refer-by first.

        Nobody whom no trunk serves: those trades go to a person whatever the platform says.
        """
        held_up = (
            trade.c.wfm == self._wfm,
            trade.c.state == TradeRowState.OPEN,
            ~trade.c.needs_evaluation,
            ~is_blocked(),
        )
        concerned = union_all(
            *(
                select(name.label("name"), trade.c.refer_by).where(
                    *held_up, needs_platform(self._wfm, name, now, fresh_seconds, fallback)
                )
                for name in (trade.c.initiating_agent, trade.c.receiving_agent)
            )
        ).subquery()
        known = newest_kind(self._wfm, concerned.c.name, now, fresh_seconds, BY_PLATFORM)
        found = await self._connection.scalars(
            select(concerned.c.name)
            .where(is_served(self._wfm, concerned.c.name), known.is_(None))
            .group_by(concerned.c.name)
            .order_by(func.min(concerned.c.refer_by), concerned.c.name)
            .limit(limit)
        )
        return found.all()

    async def record(self, lease: Lease, evidence: Sequence[Evidence]) -> None:
        """Store what the platform said; ignored if the WFM's lease has passed on.

        The checks stay as they are: the platform has not answered them.
        """
        if evidence:
            await self._connection.execute(insert_evidence(self._wfm, lease, evidence))
