"""Reading locked trades with all that the decision table looks at."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import RowMapping, Text, column, exists, func, literal, select, true
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncConnection

from shiftline.connector.records import OpenTrade
from shiftline.store.conditions import has_address
from shiftline.store.schema import evidence, working_hours
from shiftline.trades.model import Evaluation, Evidence, EvidenceKind, Shift, Standing, Trade


async def read_open_trades(
    connection: AsyncConnection,
    wfm: str,
    rows: Sequence[RowMapping],
    now: datetime,
    fresh_seconds: float | None,
) -> list[OpenTrade]:
    """Complete ``rows`` of the trade table; without ``fresh_seconds`` no evidence counts as fresh."""
    agents = {row[role] for row in rows for role in ("initiating_agent", "receiving_agent")}
    standings = await _standings(connection, wfm, agents, now, fresh_seconds)
    return [
        OpenTrade(
            id=row["id"],
            trade=_trade(row),
            evaluation=Evaluation(**{name: tuple(rules) for name, rules in row["evaluation"].items()}),
            deadline=row["deadline"],
            refer_by=row["refer_by"],
            initiating=standings[row["initiating_agent"]],
            receiving=standings[row["receiving_agent"]],
        )
        for row in rows
    ]


async def _standings(
    connection: AsyncConnection, wfm: str, agents: Iterable[str], now: datetime, fresh_seconds: float | None
) -> dict[str, Standing]:
    named = (
        func.unnest(literal([*agents], ARRAY(Text)))
        .table_valued(column("agent", Text), name="named")
        .render_derived()
    )
    newest = select(
        evidence.c.kind, evidence.c.method, evidence.c.taken_at, evidence.c.cause, evidence.c.status
    ).where(evidence.c.wfm == wfm, evidence.c.agent == named.c.agent)
    if fresh_seconds is None:
        newest = newest.where(~true())
    else:
        newest = newest.where(evidence.c.taken_at >= now - timedelta(seconds=fresh_seconds))
    found = newest.order_by(evidence.c.taken_at.desc(), evidence.c.id.desc()).limit(1).lateral("found")
    at_work = exists().where(
        working_hours.c.wfm == wfm,
        working_hours.c.agent == named.c.agent,
        working_hours.c.starts_at <= now,
        working_hours.c.ends_at > now,
    )
    rows = await connection.execute(
        select(
            named.c.agent,
            *found.c,
            has_address(wfm, named.c.agent).label("has_address"),
            at_work.label("scheduled_now"),
        ).select_from(named.outerjoin(found, true()))
    )
    return {row["agent"]: _standing(row) for row in rows.mappings()}


def _standing(row: RowMapping) -> Standing:
    found = None
    if row["kind"] is not None:
        found = Evidence(
            agent=row["agent"],
            kind=EvidenceKind(row["kind"]),
            method=row["method"],
            taken_at=row["taken_at"],
            cause=row["cause"],
            status=row["status"],
        )
    return Standing(
        agent=row["agent"],
        evidence=found,
        has_address=row["has_address"],
        scheduled_now=row["scheduled_now"],
    )


def _trade(row: RowMapping) -> Trade:
    return Trade(
        external_id=row["external_id"],
        version=row["version"],
        management_unit=row["management_unit"],
        week_date=row["week_date"],
        initiating_agent=row["initiating_agent"],
        receiving_agent=row["receiving_agent"],
        initiating_shift=_shift(row, "initiating"),
        receiving_shift=None if row["receiving_shift"] is None else _shift(row, "receiving"),
        matched_at=row["matched_at"],
        expires_at=row["expires_at"],
    )


def _shift(row: RowMapping, side: str) -> Shift:
    return Shift(
        external_id=row[f"{side}_shift"], starts_at=row[f"{side}_starts_at"], ends_at=row[f"{side}_ends_at"]
    )


def trade_columns(known: Trade) -> dict[str, Any]:
    """The values of ``known`` by column: the way back."""
    receiving = known.receiving_shift
    return {
        "external_id": known.external_id,
        "version": known.version,
        "management_unit": known.management_unit,
        "week_date": known.week_date,
        "initiating_agent": known.initiating_agent,
        "receiving_agent": known.receiving_agent,
        "initiating_shift": known.initiating_shift.external_id,
        "initiating_starts_at": known.initiating_shift.starts_at,
        "initiating_ends_at": known.initiating_shift.ends_at,
        "receiving_shift": receiving and receiving.external_id,
        "receiving_starts_at": receiving and receiving.starts_at,
        "receiving_ends_at": receiving and receiving.ends_at,
        "matched_at": known.matched_at,
        "expires_at": known.expires_at,
    }
