"""The trade book: which trades can be decided, and what was decided."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date, datetime, timedelta

from sqlalchemy import (
    ColumnElement,
    Interval,
    ScalarSelect,
    and_,
    case,
    exists,
    func,
    literal,
    literal_column,
    or_,
    select,
    tuple_,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from shiftline.connector.records import (
    ON_UNANSWERED,
    DecidedTrade,
    Fallback,
    IntakeTrade,
    OpenTrade,
    Progress,
)
from shiftline.store.audit import AuditEntry, add_entries
from shiftline.store.conditions import is_blocked, is_complete
from shiftline.store.intake import record_trades, take_turns
from shiftline.store.open_trades import Known, read_open_trades
from shiftline.store.rows import among, insert_rows, recordset
from shiftline.store.schema import (
    MISSING,
    CheckRowState,
    DeliveryRowState,
    TradeRowState,
    agent_check,
    decision,
    delivery,
    trade,
)
from shiftline.trades.model import Verdict

HALF_A_PERSONS_TIME = literal_column("(trade.deadline - trade.refer_by) / 2", Interval)


class PostgresTrades:
    """The trades of one WFM."""

    def __init__(self, connection: AsyncConnection, wfm: str) -> None:
        self._connection = connection
        self._wfm = wfm

    async def record(self, trades: Sequence[IntakeTrade], now: datetime) -> int:
        """Store new trades, refresh open ones; return how many were new (see `shiftline.store.intake`)."""
        return await record_trades(self._connection, self._wfm, trades, now)

    async def settle_missing(
        self, seen: Sequence[str], weeks: Sequence[tuple[str, date]], now: datetime
    ) -> int:
        """Settle open and referred trades of these pairs that the WFM no longer shows as Matched."""
        await take_turns(self._connection, self._wfm)
        settled = await self._connection.execute(
            update(trade)
            .where(
                trade.c.wfm == self._wfm,
                trade.c.state.in_((TradeRowState.OPEN, TradeRowState.REFERRED)),
                tuple_(trade.c.management_unit, trade.c.week_date).in_(weeks),
                ~among(trade.c.external_id, seen),
            )
            .values(state=TradeRowState.SETTLED, outcome=MISSING, settled_at=now)
        )
        return settled.rowcount

    async def forgo_review(self, illegible: Collection[str]) -> None:
        """Let open trades whose fresh review cannot be read go on without one: to a person."""
        unknown = {"violations": [], "admin_review": [], "unevaluated": ["MatchReviewIllegible"]}
        await take_turns(self._connection, self._wfm)
        await self._connection.execute(
            update(trade)
            .where(
                trade.c.wfm == self._wfm,
                trade.c.state == TradeRowState.OPEN,
                trade.c.needs_evaluation,
                among(trade.c.external_id, illegible),
            )
            .values(needs_evaluation=False, evaluation=unknown)
        )

    async def decidable(
        self, now: datetime, fresh_seconds: float, limit: int, *, fallback: Fallback | None = None
    ) -> list[OpenTrade]:
        """Lock open trades that wait for no other, need no evaluation, and whose evidence is complete."""
        ready = and_(
            trade.c.state == TradeRowState.OPEN,
            ~trade.c.needs_evaluation,
            ~is_blocked(),
            is_complete(self._wfm, now, fresh_seconds, fallback),
        )
        known = Known(fresh_seconds=fresh_seconds, platform=fallback is not None)
        return await self._lock(ready, trade.c.refer_by, limit, now, known)

    async def overdue(
        self,
        now: datetime,
        fresh_seconds: float,
        limit: int,
        *,
        margin: timedelta = timedelta(0),
        fallback: Fallback | None = None,
    ) -> list[OpenTrade]:
        """Lock open trades whose refer-by comes within ``margin``, with whatever fresh evidence there is."""
        late = and_(trade.c.state == TradeRowState.OPEN, trade.c.refer_by <= now + margin)
        known = Known(fresh_seconds=fresh_seconds, platform=fallback is not None)
        return await self._lock(late, trade.c.refer_by, limit, now, known)

    async def unanswered(self, now: datetime, margin: timedelta, limit: int) -> list[OpenTrade]:
        """Lock referred trades that nobody has answered and whose last moment has come.

        That is the deadline, and ``margin`` before the WFM's expiration: the answer must arrive there. The
        person keeps at least half of the time between refer-by and the deadline.

        One that was answered so already is referred because the WFM refused that: once is enough.
        """
        answered = exists().where(decision.c.trade_id == trade.c.id, decision.c.rule == ON_UNANSWERED)
        margin_kept = func.least(literal(margin, Interval), HALF_A_PERSONS_TIME)
        last_moment = func.least(trade.c.deadline, trade.c.expires_at - margin_kept)
        late = and_(trade.c.state == TradeRowState.REFERRED, last_moment <= now, ~answered)
        return await self._lock(late, trade.c.deadline, limit, now, None)

    async def decide(self, decided: Sequence[DecidedTrade], now: datetime) -> None:
        """Write decision, delivery and audit entry, and move the trade on.

        Only an open trade takes a decision. A referred one takes an approval or a denial besides, when
        nobody has answered: it replaces the referral (or the refused decision), which the audit trail keeps.
        """
        rows = [
            {
                "trade_id": one.trade_id,
                "verdict": one.decision.verdict,
                "rule": one.decision.rule,
                "reasons": one.decision.reasons,
                "detail": one.detail,
                "decided_at": now,
            }
            for one in decided
        ]
        moved = await self._move_on(rows)
        rows = [row for row in rows if row["trade_id"] in moved]
        if not rows:
            return
        await self._write_decisions(rows)
        await self._write_deliveries(
            [row["trade_id"] for row in rows if row["verdict"] != Verdict.REFER], now
        )
        entries = [
            AuditEntry(
                kind=f"decision.{one.decision.verdict}",
                trade_id=one.trade_id,
                detail={**one.detail, "rule": one.decision.rule, "reasons": one.decision.reasons},
            )
            for one in decided
            if one.trade_id in moved
        ]
        await add_entries(self._connection, entries, now)

    async def weeks_to_evaluate(self) -> list[tuple[str, date]]:
        """(management unit, week) of open trades that need evaluation and wait for no other trade."""
        rows = await self._connection.execute(
            select(trade.c.management_unit, trade.c.week_date)
            .where(
                trade.c.wfm == self._wfm,
                trade.c.state == TradeRowState.OPEN,
                trade.c.needs_evaluation,
                ~is_blocked(),
            )
            .distinct()
            .order_by(trade.c.management_unit, trade.c.week_date)
        )
        return [(row.management_unit, row.week_date) for row in rows]

    async def progress(self) -> Progress:
        """Counts by state; a decision that the WFM refused is neither approved nor denied."""
        stands = and_(delivery.c.trade_id.is_not(None), delivery.c.state != DeliveryRowState.REFUSED)
        counted = select(
            *(_count(trade.c.state == state).label(state) for state in TradeRowState),
            _count(stands & (decision.c.verdict == Verdict.APPROVE)).label("approved"),
            _count(stands & (decision.c.verdict == Verdict.DENY)).label("denied"),
            self._count_checks(agent_check.c.state != CheckRowState.DONE).label("checks_due"),
            self._count_checks(agent_check.c.state == CheckRowState.DONE).label("checks_done"),
        ).select_from(
            trade.outerjoin(decision, decision.c.trade_id == trade.c.id).outerjoin(
                delivery, delivery.c.trade_id == trade.c.id
            )
        )
        rows = await self._connection.execute(counted.where(trade.c.wfm == self._wfm))
        return Progress(**rows.mappings().one())

    async def _lock(
        self,
        condition: ColumnElement[bool],
        urgency: ColumnElement[datetime],
        limit: int,
        now: datetime,
        known: Known | None,
    ) -> list[OpenTrade]:
        locked = await self._connection.scalars(
            select(trade.c.id)
            .where(trade.c.wfm == self._wfm, condition)
            .order_by(urgency, trade.c.id)
            .limit(limit)
            .with_for_update(key_share=True, skip_locked=True)
        )
        # Asked again now that the rows are ours: an intake may have put an earlier trade before one of
        # them between the moment the first statement looked and the moment it locked.
        rows = await self._connection.execute(
            select(trade).where(among(trade.c.id, locked), condition).order_by(urgency, trade.c.id)
        )
        return await read_open_trades(self._connection, self._wfm, rows.mappings().all(), now, known)

    async def _move_on(self, rows: Sequence[dict[str, object]]) -> set[int]:
        incoming = recordset(rows, decision.c.trade_id, decision.c.verdict)
        refers = incoming.c.verdict == Verdict.REFER
        moved = await self._connection.scalars(
            update(trade)
            .where(
                trade.c.id == incoming.c.trade_id,
                or_(
                    trade.c.state == TradeRowState.OPEN,
                    and_(trade.c.state == TradeRowState.REFERRED, ~refers),
                ),
            )
            .values(state=case((refers, TradeRowState.REFERRED), else_=TradeRowState.DELIVERING))
            .returning(trade.c.id)
        )
        return set(moved)

    async def _write_decisions(self, rows: Sequence[dict[str, object]]) -> None:
        statement = insert_rows(decision, rows)
        renewed = {name: statement.excluded[name] for name in rows[0] if name != "trade_id"}
        await self._connection.execute(
            statement.on_conflict_do_update(index_elements=[decision.c.trade_id], set_=renewed)
        )

    async def _write_deliveries(self, trade_ids: Sequence[object], now: datetime) -> None:
        if trade_ids:
            fresh = {"state": DeliveryRowState.DUE, "attempts": 0, "ready_at": now, "reason": ""}
            statement = insert_rows(delivery, [{"trade_id": trade_id, **fresh} for trade_id in trade_ids])
            await self._connection.execute(
                statement.on_conflict_do_update(
                    index_elements=[delivery.c.trade_id],
                    set_={name: statement.excluded[name] for name in fresh} | {"settled_at": None},
                )
            )

    def _count_checks(self, condition: ColumnElement[bool]) -> ScalarSelect[int]:
        return (
            select(func.count())
            .select_from(agent_check)
            .where(agent_check.c.wfm == self._wfm, condition)
            .scalar_subquery()
        )


def _count(condition: ColumnElement[bool]) -> ColumnElement[int]:
    return func.count().filter(condition)
