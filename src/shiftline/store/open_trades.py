"""Reading locked trades with all that the decision table looks at."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    RowMapping,
    Text,
    and_,
    column,
    exists,
    false,
    func,
    literal,
    select,
    true,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql.selectable import LateralFromClause

from shiftline.connector.records import OpenTrade
from shiftline.store.conditions import BY_PLATFORM, BY_SIP, CLOCK_SLACK
from shiftline.store.schema import agent, evidence, working_hours
from shiftline.trades.model import Evaluation, Evidence, EvidenceKind, Shift, Standing, Trade

SHOWN = ("kind", "method", "taken_at", "cause", "status", "said")


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """Which evidence counts: none that is older, and the platform's only if it is to be used."""

    fresh_seconds: float
    platform: bool = False


async def read_open_trades(
    connection: AsyncConnection,
    wfm: str,
    rows: Sequence[RowMapping],
    now: datetime,
    known: Known | None,
) -> list[OpenTrade]:
    """Complete ``rows`` of the trade table; None means that no evidence counts."""
    agents = {row[role] for row in rows for role in ("initiating_agent", "receiving_agent")}
    standings = await _standings(connection, wfm, agents, now, known)
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
    connection: AsyncConnection, wfm: str, agents: Iterable[str], now: datetime, known: Known | None
) -> dict[str, Standing]:
    named = (
        func.unnest(literal([*agents], ARRAY(Text)))
        .table_valued(column("agent", Text), name="named")
        .render_derived()
    )

    def newest(name: str, by: ColumnElement[bool]) -> LateralFromClause:
        since = now - timedelta(seconds=known.fresh_seconds if known is not None else 0.0)
        return (
            select(*(evidence.c[column].label(f"{name}_{column}") for column in SHOWN))
            .where(
                evidence.c.wfm == wfm,
                evidence.c.agent == named.c.agent,
                evidence.c.taken_at.between(since, now + CLOCK_SLACK),
                by,
            )
            .order_by(evidence.c.taken_at.desc(), evidence.c.id.desc())
            .limit(1)
            .lateral(name)
        )

    by_sip = newest("sip", BY_SIP if known is not None else false())
    by_platform = newest("platform", BY_PLATFORM if known is not None and known.platform else false())
    at_work = exists().where(
        working_hours.c.wfm == wfm,
        working_hours.c.agent == named.c.agent,
        working_hours.c.starts_at <= now,
        working_hours.c.ends_at > now,
    )
    rows = await connection.execute(
        select(
            named.c.agent,
            *by_sip.c,
            *by_platform.c,
            agent.c.address,
            agent.c.trunk,
            at_work.label("scheduled_now"),
        ).select_from(
            named.outerjoin(agent, and_(agent.c.wfm == wfm, agent.c.external_id == named.c.agent))
            .outerjoin(by_sip, true())
            .outerjoin(by_platform, true())
        )
    )
    return {row["agent"]: _standing(row) for row in rows.mappings()}


def _standing(row: RowMapping) -> Standing:
    return Standing(
        agent=row["agent"],
        evidence=_evidence(row, "sip"),
        platform=_evidence(row, "platform"),
        has_address=row["address"] is not None,
        is_served=row["trunk"] is not None,
        trunk=row["trunk"],
        scheduled_now=row["scheduled_now"],
    )


def _evidence(row: RowMapping, name: str) -> Evidence | None:
    kind, *rest = (row[f"{name}_{column}"] for column in SHOWN)
    if kind is None:
        return None
    return Evidence(agent=row["agent"], kind=EvidenceKind(kind), **dict(zip(SHOWN[1:], rest, strict=True)))


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
