"""From Genesys's answers to the connector's values and back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

from shiftline.connector.records import (
    AgentProfile,
    BulkItem,
    BulkResult,
    EvaluatedTrade,
    WorkingHours,
)
from shiftline.errors import PeerError
from shiftline.trades.model import Evaluation, Shift, Trade, TradeState
from shiftline.wfm import wire


def state_of(text: str | None) -> TradeState | None:
    """Return a state we know, None for one that a newer platform has."""
    try:
        return TradeState(text or "")
    except ValueError:
        return None


def _shift(shift: wire.WireShift) -> Shift:
    return Shift(
        external_id=shift.id,
        starts_at=shift.start_date.astimezone(UTC),
        ends_at=shift.end_date.astimezone(UTC),
    )


def matched_trade(trade: wire.WireTrade) -> Trade:
    """Translate a matched trade; raises PeerError when it has no receiving agent.

    Genesys does not say when a trade was matched. Until it is reviewed, its last modification is the
    match itself or an edit after it.
    """
    receiving = trade.receiving
    if receiving is None or receiving.user is None:
        raise PeerError(f"Genesys shows trade {trade.id} as Matched, but without a receiving agent.")
    if trade.metadata.date_modified is None:
        raise PeerError(f"Genesys shows trade {trade.id} without the date of its last change.")
    return Trade(
        external_id=trade.id,
        version=trade.metadata.version,
        management_unit=trade.initiating.management_unit.id,
        week_date=trade.initiating.shift.week_date,
        initiating_agent=trade.initiating.user.id,
        receiving_agent=receiving.user.id,
        initiating_shift=_shift(trade.initiating.shift),
        receiving_shift=_shift(receiving.shift) if receiving.shift else None,
        matched_at=trade.metadata.date_modified.astimezone(UTC),
        expires_at=trade.expiration_date.astimezone(UTC),
    )


def evaluated_trade(entry: wire.EvaluatedTrade) -> EvaluatedTrade:
    """Translate a matched trade with its review; without a review a person has to look at it."""
    review = entry.match_review
    if review is None:
        evaluation = Evaluation(unevaluated=("MatchReviewMissing",))
    else:
        evaluation = Evaluation(
            violations=tuple(violation.type for violation in review.violations),
            admin_review=tuple(violation.type for violation in review.admin_review_violations),
            unevaluated=tuple(review.unevaluated_rules),
        )
    return EvaluatedTrade(trade=matched_trade(entry.trade), evaluation=evaluation)


def bulk_item(item: BulkItem) -> dict[str, Any]:
    """Translate one line of a bulk state job."""
    return {"id": item.external_id, "state": item.state.value, "metadata": {"version": item.version}}


def bulk_result(result: wire.StateResult) -> BulkResult:
    """Translate the answer for one line; the failure reason stays the WFM's own word."""
    return BulkResult(
        external_id=result.id,
        state=state_of(result.state),
        version=result.metadata.version if result.metadata else None,
        failure_reason=result.failure_reason or "",
    )


def current_state(trade: wire.WireTrade) -> BulkResult:
    """Translate a trade that was read back."""
    return BulkResult(external_id=trade.id, state=state_of(trade.state), version=trade.metadata.version)


def profile(user: wire.User, schema: str, field: str) -> AgentProfile:
    """Translate a directory entry; an attribute that is empty or no text is no address."""
    values: Iterable[Mapping[str, Any]] = (
        entry.attributes for entry in user.custom_attributes if entry.schema_reference.id == schema
    )
    address = next((value[field] for value in values if isinstance(value.get(field), str)), "").strip()
    return AgentProfile(external_id=user.id, name=user.name, address=address or None)


def working_hours(schedule: wire.AgentSchedule) -> list[WorkingHours]:
    """Translate an agent's published shifts."""
    return [
        WorkingHours(
            agent=schedule.user.id,
            starts_at=shift.start_date.astimezone(UTC),
            ends_at=shift.start_date.astimezone(UTC) + timedelta(minutes=shift.length_minutes),
        )
        for shift in schedule.shifts
    ]


def instant(moment: datetime) -> str:
    """Write an aware moment as the API wants it."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def weeks_body(units: Iterable[str], weeks: Iterable[date]) -> dict[str, list[str]]:
    """Return the part of a request that names management units and weeks, in a steady order."""
    return {
        "managementUnitIds": sorted(set(units)),
        "weekDates": [week.isoformat() for week in sorted(set(weeks))],
    }


def pairs_body(pairs: Sequence[tuple[str, date]]) -> dict[str, list[str]]:
    """The same for (management unit, week) pairs; the API takes their product."""
    return weeks_body((unit for unit, _ in pairs), (week for _, week in pairs))
