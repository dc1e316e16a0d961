"""What people ask the books: read only, no locks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Text, and_, func, select
from sqlalchemy.dialects.postgresql import ARRAY, aggregate_order_by
from sqlalchemy.ext.asyncio import AsyncEngine

from shiftline.connector.records import TrunkKey, TrunkSample
from shiftline.store.database import outages_translated
from shiftline.store.schema import (
    CheckRowState,
    DeliveryRowState,
    TradeRowState,
    agent,
    agent_check,
    audit_entry,
    decision,
    delivery,
    lease,
    trade,
    trunk_record,
    trunk_sample,
)
from shiftline.trades.model import Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class TradeRow:
    """One trade as a list shows it; ``verdict`` is None while it is open."""

    external_id: str
    state: str
    outcome: str | None
    verdict: str | None
    reasons: Sequence[str]
    delivery: str | None
    initiating_agent: str
    receiving_agent: str
    refer_by: datetime
    deadline: datetime
    decided_at: datetime | None
    delivery_settled_at: datetime | None = None
    """When the WFM had taken or refused the decision."""

    @property
    def is_referred(self) -> bool:
        """True if a person was asked; stays true when nobody answered and the trade expired."""
        return self.verdict == Verdict.REFER or self.delivery == DeliveryRowState.REFUSED


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditRow:
    """One line of a trade's audit trail."""

    at: datetime
    kind: str
    detail: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class TrunkRow:
    """What is kept about a trunk, per source address and auth user."""

    trunk: str
    source: str
    auth_user: str
    governor: dict[str, Any]
    disarmed_cause: str | None
    disarmed_at: datetime | None
    saved_at: datetime
    owner: str | None = None
    """The worker that holds the trunk's lease now, as HOST:PID; None without one."""

    @property
    def key(self) -> TrunkKey:
        """By what its time series is found."""
        return TrunkKey(trunk=self.trunk, source=self.source, user=self.auth_user)


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """How much there is of everything."""

    trades: Mapping[str, int]
    """Trades by state; every state is named."""
    outcomes: Mapping[str, int]
    """Settled trades by outcome."""
    checks_due: int
    """Checks that are due or claimed."""


class ReadModel:
    """Reads of one database."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def trades(self, *, state: str | None = None, limit: int | None = None) -> list[TradeRow]:
        """Trades, the earliest deadline first."""
        wanted = (
            select(
                trade.c.external_id,
                trade.c.state,
                trade.c.outcome,
                decision.c.verdict,
                decision.c.reasons,
                delivery.c.state.label("delivery"),
                trade.c.initiating_agent,
                trade.c.receiving_agent,
                trade.c.refer_by,
                trade.c.deadline,
                decision.c.decided_at,
                delivery.c.settled_at.label("delivery_settled_at"),
            )
            .select_from(
                trade.outerjoin(decision, decision.c.trade_id == trade.c.id).outerjoin(
                    delivery, delivery.c.trade_id == trade.c.id
                )
            )
            .order_by(trade.c.deadline, trade.c.id)
            .limit(limit)
        )
        if state is not None:
            wanted = wanted.where(trade.c.state == state)
        with outages_translated():
            async with self._engine.connect() as connection:
                rows = (await connection.execute(wanted)).mappings().all()
        return [TradeRow(**{**row, "reasons": tuple(row["reasons"] or ())}) for row in rows]

    async def totals(self) -> Totals:
        """Trades by state and by outcome, and the checks that are due."""
        by_state = select(trade.c.state, trade.c.outcome, func.count().label("trades"))
        due = select(func.count()).select_from(agent_check).where(agent_check.c.state != CheckRowState.DONE)
        with outages_translated():
            async with self._engine.connect() as connection:
                rows = (await connection.execute(by_state.group_by(trade.c.state, trade.c.outcome))).all()
                checks_due = await connection.scalar(due) or 0
        states = dict.fromkeys(map(str, TradeRowState), 0)
        for row in rows:
            states[row.state] += row.trades
        outcomes = {row.outcome: row.trades for row in rows if row.outcome is not None}
        return Totals(trades=states, outcomes=outcomes, checks_due=checks_due)

    async def audit_trail(self, external_id: str) -> list[AuditRow]:
        """All that was ever noted about a trade, oldest first."""
        wanted = (
            select(audit_entry.c.recorded_at.label("at"), audit_entry.c.kind, audit_entry.c.detail)
            .join(trade, trade.c.id == audit_entry.c.trade_id)
            .where(trade.c.external_id == external_id)
            .order_by(audit_entry.c.id)
        )
        with outages_translated():
            async with self._engine.connect() as connection:
                rows = (await connection.execute(wanted)).mappings().all()
        return [AuditRow(**row) for row in rows]

    async def trunks(self, name: str | None = None) -> list[TrunkRow]:
        """What is known about trunks."""
        held = and_(lease.c.name == "trunk:" + trunk_record.c.trunk, lease.c.expires_at > func.now())
        columns = [trunk_record.c[name] for name in TrunkRow.__dataclass_fields__ if name != "owner"]
        wanted = select(*columns, lease.c.owner).select_from(trunk_record.outerjoin(lease, held))
        if name is not None:
            wanted = wanted.where(trunk_record.c.trunk == name)
        with outages_translated():
            async with self._engine.connect() as connection:
                rows = (
                    (await connection.execute(wanted.order_by(trunk_record.c.trunk, trunk_record.c.id)))
                    .mappings()
                    .all()
                )
        return [TrunkRow(**{**row, "owner": _worker_of(row["owner"])}) for row in rows]

    async def trunk_samples(
        self, since: datetime, *, trunk: str | None = None, bucket_seconds: float | None = None
    ) -> dict[TrunkKey, list[TrunkSample]]:
        """The time series after ``since``, oldest first; with a bucket, one sample for each so many seconds.

        A bucket's rate is the average, its mode the last one, its refusal the newest.
        """
        shown = _averages() if bucket_seconds else [*trunk_sample.c]
        wanted = (
            select(*shown, trunk_record.c.trunk, trunk_record.c.source, trunk_record.c.auth_user)
            .join_from(trunk_sample, trunk_record)
            .where(trunk_sample.c.at > since)
        )
        if bucket_seconds:
            bucket = func.floor(func.extract("epoch", trunk_sample.c.at) / bucket_seconds)
            wanted = wanted.group_by(trunk_record.c.id, bucket)
        if trunk is not None:
            wanted = wanted.where(trunk_record.c.trunk == trunk)
        with outages_translated():
            async with self._engine.connect() as connection:
                rows = (await connection.execute(wanted.order_by("at"))).mappings().all()
        found: dict[TrunkKey, list[TrunkSample]] = {}
        for row in rows:
            key = TrunkKey(trunk=row["trunk"], source=row["source"], user=row["auth_user"])
            fields = {name: row[name] for name in TrunkSample.__dataclass_fields__}
            found.setdefault(key, []).append(TrunkSample(**fields))
        return found

    async def agents_without_address(self) -> list[tuple[str, str]]:
        """(WFM id, name) of agents that cannot be checked."""
        wanted = select(agent.c.external_id, agent.c.name).where(agent.c.address.is_(None))
        with outages_translated():
            async with self._engine.connect() as connection:
                rows = await connection.execute(wanted.order_by(agent.c.name))
                return [(row.external_id, row.name) for row in rows]

    async def agents_without_trunk(self) -> list[tuple[str, str, str]]:
        """(WFM id, name, SIP URI) of agents whose address no trunk serves."""
        unserved = agent.c.address.is_not(None) & agent.c.trunk.is_(None)
        wanted = select(agent.c.external_id, agent.c.name, agent.c.address).where(unserved)
        with outages_translated():
            async with self._engine.connect() as connection:
                rows = await connection.execute(wanted.order_by(agent.c.name))
                return [(row.external_id, row.name, row.address) for row in rows]


def _worker_of(owner: str | None) -> str | None:
    """Which process an owner is: without the token that tells two of its lives apart."""
    return None if owner is None else owner.rpartition(":")[0]


def _averages() -> list[ColumnElement[Any]]:
    """What one bucket of samples shows."""
    sample = trunk_sample.c
    newest_first, words = sample.at.desc(), ARRAY(Text)
    modes = func.array_agg(aggregate_order_by(sample.mode, newest_first), type_=words)
    refusals = func.array_agg(aggregate_order_by(sample.refusal, newest_first), type_=words)
    return [
        func.max(sample.at).label("at"),
        func.sum(sample.seconds).label("seconds"),
        (func.sum(sample.rate * sample.seconds) / func.sum(sample.seconds)).label("rate"),
        *(func.sum(sample[name]).label(name) for name in ("sent", "passed", "refused")),
        modes[1].label("mode"),
        func.array_remove(refusals, None, type_=words)[1].label("refusal"),
    ]
