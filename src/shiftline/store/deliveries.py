"""The outbox: decisions on their way to the WFM, until their fate is known."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, case, delete, func, or_, select, tuple_, update
from sqlalchemy.dialects.postgresql import array
from sqlalchemy.ext.asyncio import AsyncConnection

from shiftline.connector.records import Delivery, DeliveryFacts, DeliveryFate, DeliveryOutcome
from shiftline.store.audit import AuditEntry, add_entries
from shiftline.store.conditions import is_blocked
from shiftline.store.intake import take_turns
from shiftline.store.rows import among, recordset
from shiftline.store.schema import (
    MISSING,
    DeliveryRowState,
    TradeRowState,
    decision,
    delivery,
    trade,
    trade_wait,
)
from shiftline.trades.model import TradeState, Verdict

IN_EFFECT = {Verdict.APPROVE: TradeState.APPROVED, Verdict.DENY: TradeState.DENIED}
AFTER = {
    DeliveryFate.CONFIRMED: (DeliveryRowState.CONFIRMED, TradeRowState.SETTLED),
    DeliveryFate.OVERTAKEN: (DeliveryRowState.OVERTAKEN, TradeRowState.SETTLED),
    DeliveryFate.REFUSED: (DeliveryRowState.REFUSED, TradeRowState.REFERRED),
    DeliveryFate.RETRY: (DeliveryRowState.DUE, TradeRowState.DELIVERING),
    DeliveryFate.UNSENT: (DeliveryRowState.DUE, TradeRowState.DELIVERING),
    DeliveryFate.REVIEW: (DeliveryRowState.REFUSED, TradeRowState.OPEN),
}


class PostgresDeliveries:
    """The outbox of one WFM."""

    def __init__(self, connection: AsyncConnection, wfm: str) -> None:
        self._connection = connection
        self._wfm = wfm

    async def facts(self, now: datetime) -> DeliveryFacts:  # noqa: ARG002 - the port has it for others
        """What the planner needs."""
        still_deciding = (
            select(func.count())
            .select_from(trade)
            .where(
                trade.c.wfm == self._wfm,
                trade.c.state == TradeRowState.OPEN,
                ~trade.c.needs_evaluation,
                ~is_blocked(),
            )
            .scalar_subquery()
        )
        rows = await self._connection.execute(
            select(
                func.count().label("ready"),
                func.min(delivery.c.ready_at).label("oldest_ready_at"),
                func.min(trade.c.deadline).label("earliest_deadline"),
                still_deciding.label("still_deciding"),
            )
            .select_from(delivery.join(trade, trade.c.id == delivery.c.trade_id))
            .where(trade.c.wfm == self._wfm, delivery.c.state == DeliveryRowState.DUE)
        )
        return DeliveryFacts(**rows.mappings().one())

    async def claim(self, now: datetime, limit: int) -> list[Delivery]:
        """Mark due deliveries as sending, earliest deadline first; must commit before anything is sent."""
        chosen = (
            select(delivery.c.id)
            .select_from(delivery.join(trade, trade.c.id == delivery.c.trade_id))
            .where(trade.c.wfm == self._wfm, delivery.c.state == DeliveryRowState.DUE)
            .order_by(trade.c.deadline, delivery.c.id)
            .limit(limit)
            .with_for_update(of=delivery, skip_locked=True)
            .cte("chosen")
        )
        claimed = await self._connection.scalars(
            update(delivery)
            .where(delivery.c.id == chosen.c.id)
            .values(state=DeliveryRowState.SENDING, attempts=delivery.c.attempts + 1, sent_at=now)
            .returning(delivery.c.id)
        )
        return await self._read(among(delivery.c.id, claimed), limit)

    async def in_doubt(self, limit: int) -> list[Delivery]:
        """Deliveries left ``sending``: a crash or a lost answer hid their fate. Read it back."""
        return await self._read(delivery.c.state == DeliveryRowState.SENDING, limit)

    async def settle(self, outcomes: Sequence[DeliveryOutcome], now: datetime) -> None:
        """Record fates. An approval in effect makes open trades of its agents need evaluation.

        A delivery whose fate is known already keeps it. A trade that goes to review loses decision and
        delivery; the audit trail keeps both.
        """
        await take_turns(self._connection, self._wfm)
        verdicts = await self._settle_deliveries(outcomes, now)
        known = [outcome for outcome in outcomes if outcome.trade_id in verdicts]
        if not known:
            return
        settled = {outcome.trade_id: _final_state(outcome, verdicts[outcome.trade_id]) for outcome in known}
        await self._move_trades(known, settled, now)
        approved = [trade_id for trade_id, state in settled.items() if state == TradeState.APPROVED.lower()]
        await self._mark_for_evaluation(approved)
        await self._open_again([one.trade_id for one in known if one.fate is DeliveryFate.REVIEW])
        entries = [
            AuditEntry(
                kind=f"delivery.{outcome.fate}",
                trade_id=outcome.trade_id,
                detail={"reason": outcome.reason, "version": outcome.version, "state": outcome.state},
            )
            for outcome in known
        ]
        await add_entries(self._connection, entries, now)

    async def _read(self, condition: ColumnElement[bool], limit: int) -> list[Delivery]:
        rows = await self._connection.execute(
            select(
                delivery.c.trade_id,
                trade.c.external_id,
                trade.c.management_unit,
                trade.c.week_date,
                trade.c.initiating_agent,
                trade.c.receiving_agent,
                trade.c.version,
                decision.c.verdict,
                trade.c.deadline,
                delivery.c.attempts,
            )
            .select_from(
                delivery.join(trade, trade.c.id == delivery.c.trade_id).join(
                    decision, decision.c.trade_id == delivery.c.trade_id
                )
            )
            .where(trade.c.wfm == self._wfm, condition)
            .order_by(trade.c.deadline, delivery.c.id)
            .limit(limit)
        )
        return [
            Delivery(
                trade_id=row.trade_id,
                external_id=row.external_id,
                management_unit=row.management_unit,
                week_date=row.week_date,
                agents=(row.initiating_agent, row.receiving_agent),
                version=row.version,
                verdict=Verdict(row.verdict),
                deadline=row.deadline,
                attempts=row.attempts,
            )
            for row in rows
        ]

    async def _settle_deliveries(
        self, outcomes: Sequence[DeliveryOutcome], now: datetime
    ) -> dict[int, Verdict]:
        rows = [
            {
                "trade_id": outcome.trade_id,
                "state": AFTER[outcome.fate][0],
                "reason": outcome.reason,
                "attempts": -1 if outcome.fate is DeliveryFate.UNSENT else 0,
            }
            for outcome in outcomes
        ]
        incoming = recordset(
            rows, delivery.c.trade_id, delivery.c.state, delivery.c.reason, delivery.c.attempts
        )
        again = incoming.c.state == DeliveryRowState.DUE
        settled = await self._connection.execute(
            update(delivery)
            .where(
                delivery.c.trade_id == incoming.c.trade_id,
                delivery.c.trade_id == decision.c.trade_id,
                delivery.c.state.in_((DeliveryRowState.DUE, DeliveryRowState.SENDING)),
            )
            .values(
                state=incoming.c.state,
                reason=incoming.c.reason,
                attempts=delivery.c.attempts + incoming.c.attempts,
                ready_at=case((again, now), else_=delivery.c.ready_at),
                settled_at=case((again, None), else_=now),
            )
            .returning(delivery.c.trade_id, decision.c.verdict)
        )
        return {row.trade_id: Verdict(row.verdict) for row in settled}

    async def _move_trades(
        self, known: Sequence[DeliveryOutcome], settled: dict[int, str | None], now: datetime
    ) -> None:
        rows = [
            {
                "id": outcome.trade_id,
                "state": AFTER[outcome.fate][1],
                "outcome": settled[outcome.trade_id],
                "version": outcome.version,
                "settled_at": now if settled[outcome.trade_id] else None,
            }
            for outcome in known
        ]
        incoming = recordset(
            rows, trade.c.id, trade.c.state, trade.c.outcome, trade.c.version, trade.c.settled_at
        )
        await self._connection.execute(
            update(trade)
            .where(trade.c.id == incoming.c.id)
            .values(
                state=incoming.c.state,
                outcome=incoming.c.outcome,
                settled_at=incoming.c.settled_at,
                version=func.coalesce(incoming.c.version, trade.c.version),
            )
        )

    async def _mark_for_evaluation(self, approved: Sequence[int]) -> None:
        if not approved:
            return
        mover = trade.alias("mover")
        agents = select(func.unnest(array([mover.c.initiating_agent, mover.c.receiving_agent]))).where(
            among(mover.c.id, approved)
        )
        await self._connection.execute(
            update(trade)
            .where(
                trade.c.wfm == self._wfm,
                trade.c.state == TradeRowState.OPEN,
                or_(trade.c.initiating_agent.in_(agents), trade.c.receiving_agent.in_(agents)),
            )
            .values(needs_evaluation=True)
        )

    async def _open_again(self, reviewed: Sequence[int]) -> None:
        if not reviewed:
            return
        for table in (delivery, decision):
            await self._connection.execute(delete(table).where(among(table.c.trade_id, reviewed)))
        await self._connection.execute(
            update(trade).where(among(trade.c.id, reviewed)).values(needs_evaluation=True)
        )
        # Earlier trades that came while it was being delivered wait for it. Open, it will wait for them.
        waiting, waited_for = trade.alias("waiting"), trade.alias("waited_for")
        await self._connection.execute(
            delete(trade_wait).where(
                trade_wait.c.trade_id == waiting.c.id,
                trade_wait.c.earlier_id == waited_for.c.id,
                among(waited_for.c.id, reviewed),
                tuple_(waiting.c.matched_at, waiting.c.external_id)
                < tuple_(waited_for.c.matched_at, waited_for.c.external_id),
            )
        )


def _final_state(outcome: DeliveryOutcome, verdict: Verdict) -> str | None:
    if outcome.fate is DeliveryFate.CONFIRMED:
        return IN_EFFECT[verdict].lower()
    if outcome.fate is DeliveryFate.OVERTAKEN:
        return MISSING if outcome.state is None else outcome.state.lower()
    return None
