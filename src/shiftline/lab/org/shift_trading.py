"""The administrators' four shift-trading jobs: what they ask, do and answer (facts, section 2.2)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic.alias_generators import to_camel

from shiftline.lab.org.accounts import EDIT, VIEW
from shiftline.lab.org.answers import Json, bulk_answer, evaluated_answer, trade_answer
from shiftline.lab.org.entities import FailureReason, Outcome
from shiftline.lab.org.organisation import Organisation
from shiftline.lab.org.refusals import bad_request, not_found
from shiftline.trades.model import TradeState


class _Body(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, frozen=True)


class WeeksRequest(_Body):
    """Which management units and weeks a job concerns."""

    management_unit_ids: list[str]
    week_dates: list[date]


class QueryRequest(WeeksRequest):
    """Whose trades to list; empty means everybody's."""

    user_ids: list[str] = []


class Version(_Body):
    """The optimistic lock of an entity."""

    version: int


class StateChange(_Body):
    """One line of a bulk state job."""

    id: str
    state: TradeState
    metadata: Version


class BulkRequest(WeeksRequest):
    """State changes to make."""

    entities: list[StateChange]


def _summarise(org: Organisation, asked: WeeksRequest, by: str, now: datetime) -> Json:  # noqa: ARG001
    weeks: list[Json] = []
    for week in sorted(asked.week_dates):
        matched = _matched(org, asked.management_unit_ids, [week])
        crossing = _crossing(org, asked, week)
        if matched or crossing:
            counts = {"initiatingMatchedCount": len(matched), "crossWeekReceivingMatchedCount": crossing}
            weeks.append({"weekDate": week.isoformat()} | counts)
    return {"weeks": weeks}


def _matched(org: Organisation, units: list[str], weeks: list[date]) -> list[str]:
    trades = org.in_weeks(units, weeks)
    return [trade.id for trade in trades if trade.state is TradeState.MATCHED]


def _crossing(org: Organisation, asked: WeeksRequest, week: date) -> int:
    return sum(
        trade.state is TradeState.MATCHED
        and trade.management_unit in asked.management_unit_ids
        and trade.receiving_shift is not None
        and trade.receiving_shift.week_date == week != trade.week_date
        for trade in org.trades()
    )


def _evaluate(org: Organisation, asked: WeeksRequest, by: str, now: datetime) -> Json:  # noqa: ARG001
    matched = _matched(org, asked.management_unit_ids, asked.week_dates)
    return {"entities": [evaluated_answer(org.trade(trade), org) for trade in matched]}


def _query(org: Organisation, asked: QueryRequest, by: str, now: datetime) -> Json:  # noqa: ARG001
    users = frozenset(asked.user_ids)
    trades = org.in_weeks(asked.management_unit_ids, asked.week_dates)
    wanted = (trade for trade in trades if not users or users & set(trade.agents))
    return {"entities": [trade_answer(trade, org.business_unit) for trade in wanted]}


def _update_states(org: Organisation, asked: BulkRequest, by: str, now: datetime) -> Json:
    named = {trade.id for trade in org.in_weeks(asked.management_unit_ids, asked.week_dates)}
    refused = Outcome(trade=None, failure=FailureReason.TRANSITION_NOT_ALLOWED)
    entities = []
    for change in asked.entities:
        known = change.id in named
        outcome = org.apply(change.id, change.state, change.metadata.version, by, now) if known else refused
        entities.append(bulk_answer(change.id, outcome))
    return {"entities": entities}


@dataclass(frozen=True, slots=True, kw_only=True)
class JobKind:
    """A kind of job; ``name`` is its type on the wire. ``do(org, request, by, now)`` returns its result."""

    path: str
    name: str
    result: str
    permissions: frozenset[str]
    model: type[WeeksRequest]
    do: Callable[[Organisation, Any, str, datetime], Json]


JOB_KINDS: Mapping[str, JobKind] = {
    kind.path: kind
    for kind in (
        JobKind(
            path="weeks/summary",
            name="QueryWeekSummaries",
            result="queryWeekSummariesResult",
            permissions=frozenset({VIEW, EDIT}),
            model=WeeksRequest,
            do=_summarise,
        ),
        JobKind(
            path="trades/evaluate",
            name="EvaluateTrades",
            result="evaluateTradesResult",
            permissions=frozenset({VIEW, EDIT}),
            model=WeeksRequest,
            do=_evaluate,
        ),
        JobKind(
            path="trades/query",
            name="QueryTrades",
            result="queryTradesResult",
            permissions=frozenset({VIEW, EDIT}),
            model=QueryRequest,
            do=_query,
        ),
        JobKind(
            path="trades/state/bulk",
            name="BulkUpdateTradeStates",
            result="bulkUpdateTradeStatesResult",
            permissions=frozenset({EDIT}),
            model=BulkRequest,
            do=_update_states,
        ),
    )
}


def read_request(kind: JobKind, body: bytes, org: Organisation) -> WeeksRequest:
    """Read and check a job's request; raises ApiError 400 or 404.

    A date that is not the first day of a week of this business unit is refused: that is how a week
    date derived from UTC shows.
    """
    try:
        asked = kind.model.model_validate_json(body)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise bad_request(f"The request body is not valid: {where}: {first['msg']}") from error
    unknown = [unit for unit in asked.management_unit_ids if unit not in org.management_units]
    if unknown:
        raise not_found(f"Management unit {unknown[0]}")
    if not asked.management_unit_ids or not asked.week_dates:
        raise bad_request("managementUnitIds and weekDates must not be empty.")
    start = org.business_unit.calendar.start_day_of_week
    for week in asked.week_dates:
        if week.strftime("%A") != start:
            raise bad_request(f"weekDate {week} is not a {start}.", "invalid.date")
    return asked
