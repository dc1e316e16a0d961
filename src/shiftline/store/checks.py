"""The check queue: which agents must be checked on which trunk, and what the checks brought.

Whoever works for a lease that has passed on changes nothing here: each statement asks for its epoch.
Who writes to several checks locks them in the order of their agents' ids, by code point, so that writers
wait for each other and never deadlock; `PostgresChecks.claim` passes over what is locked.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, exists, func, literal, or_, select, update
from sqlalchemy.dialects.postgresql import Insert, array, insert
from sqlalchemy.ext.asyncio import AsyncConnection

from shiftline.connector.records import DueCheck, Lease, WantedCheck
from shiftline.store.conditions import CLOCK_SLACK, has_fresh_evidence, is_blocked, is_needed
from shiftline.store.evidence import insert_evidence
from shiftline.store.leases import holds
from shiftline.store.rows import among, recordset
from shiftline.store.schema import CheckRowState, TradeRowState, agent, agent_check, trade
from shiftline.trades.model import Evidence

KEY = (agent_check.c.wfm, agent_check.c.trunk, agent_check.c.agent)
WANTED = ("agent", "address", "needed_by", "trunk")
PENDING = agent_check.c.state.in_((CheckRowState.DUE, CheckRowState.CLAIMED))


class PostgresChecks:
    """The queues of all trunks for the agents of one WFM."""

    def __init__(self, connection: AsyncConnection, wfm: str) -> None:
        self._connection = connection
        self._wfm = wfm

    async def want(self, wanted: Sequence[WantedCheck], now: datetime, fresh_seconds: float) -> int:
        """Make checks due, one row an agent, earliest need kept; return how many became due.

        An agent with evidence younger than ``fresh_seconds`` is not checked again.
        """
        earliest: dict[str, WantedCheck] = {}
        for check in sorted(wanted, key=lambda check: check.needed_by):
            earliest.setdefault(check.agent, check)
        rows = [
            {"agent": name, "address": check.address, "needed_by": check.needed_by, "trunk": check.trunk}
            for name, check in sorted(earliest.items())
        ]
        incoming = recordset(rows, *(agent_check.c[name] for name in WANTED))
        missing = select(incoming).where(~has_fresh_evidence(self._wfm, incoming.c.agent, now, fresh_seconds))
        became_due = await self._make_due(missing, now, fresh_seconds)
        await self._hasten(missing)
        return became_due

    async def renew(self, now: datetime, fresh_seconds: float) -> int:
        """Make checks due for open trades that are held up by stale evidence only, or by none.

        Checks that no open trade needs any more are over, answered or not, and so are those on a trunk that
        no longer serves the agent.
        """
        over = or_(~is_needed(self._wfm, agent_check.c.agent), self._has_moved())
        await self._put(PENDING & over, state=CheckRowState.DONE)
        both = func.unnest(array([trade.c.initiating_agent, trade.c.receiving_agent]))
        concerned = (
            select(both.label("name"), trade.c.refer_by)
            .where(
                trade.c.wfm == self._wfm,
                trade.c.state == TradeRowState.OPEN,
                ~trade.c.needs_evaluation,
                ~is_blocked(),
            )
            .subquery()
        )
        missing = (
            select(concerned.c.name, agent.c.address, func.min(concerned.c.refer_by), agent.c.trunk)
            .join(agent, and_(agent.c.wfm == self._wfm, agent.c.external_id == concerned.c.name))
            .where(
                agent.c.trunk.is_not(None),
                ~has_fresh_evidence(self._wfm, concerned.c.name, now, fresh_seconds),
            )
            .group_by(concerned.c.name, agent.c.id)
            .order_by(concerned.c.name.collate("C"))
        )
        return await self._make_due(missing, now, fresh_seconds)

    async def claim(self, trunk: str, lease: Lease, limit: int, held: Collection[int]) -> list[DueCheck]:
        """Claim pending checks of this trunk that the owner does not hold already, earliest need first.

        Only those that an open trade needs: a check whose trades were all referred or settled meanwhile
        would be the oldest need of all, and delay the others.
        """
        chosen = (
            select(agent_check.c.id)
            .where(
                self._ours(),
                agent_check.c.trunk == trunk,
                PENDING,
                agent_check.c.id.not_in(held),
                is_needed(self._wfm, agent_check.c.agent),
                exists().where(holds(lease)),
            )
            .order_by(agent_check.c.needed_by, agent_check.c.id)
            .limit(limit)
            .with_for_update(skip_locked=True)
            .cte("chosen")
        )
        claimed = await self._connection.execute(
            update(agent_check)
            .where(agent_check.c.id == chosen.c.id)
            .values(state=CheckRowState.CLAIMED, claimed_epoch=lease.epoch)
            .returning(agent_check.c.id, agent_check.c.agent, agent_check.c.address, agent_check.c.needed_by)
        )
        checks = [DueCheck(**row) for row in claimed.mappings()]
        return sorted(checks, key=lambda check: (check.needed_by, check.id))

    async def record_evidence(self, trunk: str, lease: Lease, evidence: Sequence[Evidence]) -> None:
        """Store what this trunk's checks brought and mark them done; ignored if the lease has passed on."""
        if not evidence:
            return
        await self._connection.execute(insert_evidence(self._wfm, lease, evidence, trunk))
        owned = exists().where(holds(lease))
        mine = and_(PENDING, agent_check.c.trunk == trunk)
        answered = and_(mine, among(agent_check.c.agent, {found.agent for found in evidence}), owned)
        oldest = min(found.taken_at for found in evidence)
        await self._put(answered, state=CheckRowState.DONE, answered_at=oldest)

    async def pending(self) -> int:
        """How many checks are due or claimed, on all trunks."""
        counted = select(func.count()).select_from(agent_check).where(self._ours(), PENDING)
        return await self._connection.scalar(counted) or 0

    async def _put(self, which: ColumnElement[bool], **values: object) -> None:
        locked = (
            select(agent_check.c.id)
            .where(self._ours(), which)
            .order_by(agent_check.c.agent.collate("C"))
            .with_for_update()
            .cte("locked")
        )
        await self._connection.execute(
            update(agent_check).where(agent_check.c.id == locked.c.id).values(claimed_epoch=None, **values)
        )

    async def _make_due(self, missing: Select[Any], now: datetime, fresh_seconds: float) -> int:
        # ``missing`` was read from a snapshot; the row's own moment is current when the row is locked, so
        # an answer that came in between is not asked for again.
        stale = or_(
            agent_check.c.answered_at.is_(None),
            agent_check.c.answered_at < now - timedelta(seconds=fresh_seconds),
            agent_check.c.answered_at > now + CLOCK_SLACK,
        )
        statement = self._insert(missing)
        became_due = await self._connection.scalars(
            statement.on_conflict_do_update(
                index_elements=KEY,
                set_={name: statement.excluded[name] for name in ("state", "address", "needed_by")},
                where=and_(agent_check.c.state == CheckRowState.DONE, stale),
            ).returning(agent_check.c.id)
        )
        return len(became_due.all())

    async def _hasten(self, missing: Select[Any]) -> None:
        statement = self._insert(missing)
        wish = statement.excluded
        await self._connection.execute(
            statement.on_conflict_do_update(
                index_elements=KEY,
                set_={
                    "address": wish.address,
                    "needed_by": func.least(agent_check.c.needed_by, wish.needed_by),
                },
                where=PENDING
                & or_(agent_check.c.needed_by > wish.needed_by, agent_check.c.address != wish.address),
            )
        )

    def _insert(self, missing: Select[Any]) -> Insert:
        names = [*WANTED, "wfm", "state"]
        rest = literal(self._wfm), literal(CheckRowState.DUE)
        return insert(agent_check).from_select(names, missing.add_columns(*rest))

    def _ours(self) -> ColumnElement[bool]:
        return agent_check.c.wfm == self._wfm

    def _has_moved(self) -> ColumnElement[bool]:
        """True for a check whose agent is served by another trunk now, or by none."""
        return exists(
            select(1).where(
                agent.c.wfm == self._wfm,
                agent.c.external_id == agent_check.c.agent,
                agent.c.address.is_not(None),
                agent.c.trunk.is_distinct_from(agent_check.c.trunk),
            )
        )
