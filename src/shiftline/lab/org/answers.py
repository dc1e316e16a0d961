"""The org's entities in Genesys's JSON (facts/genesys.md sections 2.3, 2.7 and 3.1)."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any
from uuid import NAMESPACE_OID, uuid5

from shiftline.lab.org.entities import (
    BusinessUnit,
    ManagementUnit,
    OrgShift,
    OrgTrade,
    Outcome,
    User,
    Violation,
)
from shiftline.lab.org.organisation import Organisation
from shiftline.lab.org.rules import Side

Json = dict[str, Any]
WFM = "/api/v2/workforcemanagement"


def instant(moment: datetime) -> str:
    """Write an aware moment as Genesys does: UTC, milliseconds, Z."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def schedule_id(unit: BusinessUnit, week: date) -> str:
    """Return the id of the week's published schedule."""
    return str(uuid5(NAMESPACE_OID, f"{unit.id}/{week.isoformat()}"))


def _shift(shift: OrgShift) -> Json:
    return {
        "id": shift.id,
        "startDate": instant(shift.starts_at),
        "endDate": instant(shift.ends_at),
        "weekDate": shift.week_date.isoformat(),
    }


def _metadata(trade: OrgTrade) -> Json:
    return {
        "version": trade.version,
        "modifiedBy": {"id": trade.modified_by},
        "dateModified": instant(trade.modified_at),
        "createdBy": {"id": trade.initiating_user},
        "dateCreated": instant(trade.created_at),
    }


def _reviewed(trade: OrgTrade) -> Json:
    if trade.reviewed_by is None or trade.reviewed_at is None:
        return {}
    return {"reviewedBy": {"id": trade.reviewed_by}, "reviewedDate": instant(trade.reviewed_at)}


def trade_answer(trade: OrgTrade, unit: BusinessUnit) -> Json:
    """Return a `ShiftTradeResponseItem`."""
    week = trade.week_date
    answer: Json = {
        "id": trade.id,
        "state": trade.state.value,
        "expirationDate": instant(trade.expires_at),
        "initiating": {
            "user": {"id": trade.initiating_user},
            "managementUnit": {"id": trade.management_unit},
            "schedule": {
                "id": schedule_id(unit, week),
                "weekDate": week.isoformat(),
                "businessUnit": {"id": unit.id},
            },
            "shift": _shift(trade.initiating_shift),
        },
        "acceptableIntervals": [],
        "oneSided": trade.matched_at is not None and trade.receiving_shift is None,
        "metadata": _metadata(trade),
    }
    if trade.receiving_user is not None:
        shift = _shift(trade.receiving_shift) if trade.receiving_shift else None
        answer["receiving"] = {"user": {"id": trade.receiving_user}, "shift": shift}
        answer["target"] = {"user": {"id": trade.receiving_user}}
    return answer | _reviewed(trade)


def _violations(violations: tuple[Violation, ...]) -> list[Json]:
    return [{"type": violation.type, "params": dict(violation.params)} for violation in violations]


def _reviewed_side(side: Side, week: date) -> Json:
    answer: Json = {
        "weeklyMinimumPaidMinutes": 0,
        "weeklyMaximumPaidMinutes": side.user.weekly_max_paid_minutes,
        "preTradeSchedulePaidMinutes": side.paid_minutes(week),
        "postTradeSchedulePaidMinutes": side.paid_minutes_after(week),
    }
    if side.takes:
        activity = {
            "startDate": instant(side.takes.starts_at),
            "lengthMinutes": side.takes.paid_minutes,
            "activityCodeId": "0",
            "countsAsPaidTime": True,
            "payableMinutes": side.takes.paid_minutes,
        }
        answer["postTradeNewShift"] = {"activities": [activity]}
    return answer


def evaluated_answer(trade: OrgTrade, org: Organisation) -> Json:
    """Return an `EvaluatedShiftTradeResponseItem`: a matched trade and the org's review of it."""
    review = org.evaluate(trade.id)
    initiating, receiving = org.sides(trade.id)
    return {
        "trade": trade_answer(trade, org.business_unit),
        "matchReview": {
            "initiatingUser": _reviewed_side(initiating, trade.week_date),
            "receivingUser": _reviewed_side(receiving, trade.week_date),
            "violations": _violations(review.violations),
            "adminReviewViolations": _violations(review.admin_review),
            "unevaluatedRules": list(review.unevaluated),
        },
    }


def bulk_answer(trade_id: str, outcome: Outcome) -> Json:
    """Return a `BulkUpdateShiftTradeStateResultItem`; state and version are those after the job."""
    answer: Json = {"id": trade_id}
    if outcome.trade:
        answer |= {"state": outcome.trade.state.value, "metadata": _metadata(outcome.trade)}
        answer |= _reviewed(outcome.trade)
    return answer | ({"failureReason": outcome.failure.value} if outcome.failure else {})


def business_unit_answer(unit: BusinessUnit, *, with_settings: bool) -> Json:
    """Return a `BusinessUnitResponse`."""
    answer: Json = {"id": unit.id, "name": unit.name, "selfUri": f"{WFM}/businessunits/{unit.id}"}
    calendar = unit.calendar
    settings = {"startDayOfWeek": calendar.start_day_of_week, "timeZone": calendar.time_zone}
    return answer | ({"settings": settings} if with_settings else {})


def management_unit_answer(unit: ManagementUnit, owner: BusinessUnit, *, with_settings: bool) -> Json:
    """Return a `ManagementUnit`."""
    rules = unit.rules
    answer: Json = {
        "id": unit.id,
        "name": unit.name,
        "businessUnit": {"id": owner.id},
        "startDayOfWeek": owner.calendar.start_day_of_week,
        "timeZone": owner.calendar.time_zone,
        "selfUri": f"{WFM}/managementunits/{unit.id}",
    }
    trading = {
        "enabled": rules.enabled,
        "autoReview": rules.auto_review,
        "minHoursInFuture": rules.min_hours_in_future,
        "oneSided": rules.one_sided.value,
        "unequalPaid": rules.unequal_paid.value,
        "weeklyMaxPaidViolations": rules.weekly_max_paid.value,
    }
    return answer | ({"settings": {"shiftTrading": trading}} if with_settings else {})


def user_answer(user: User, schema: str, field: str, *, with_attributes: bool) -> Json:
    """Return a `User`; custom attributes come as a list with one `UserCustomAttributes` per schema."""
    answer: Json = {
        "id": user.id,
        "name": user.name,
        "state": "active",
        "selfUri": f"/api/v2/users/{user.id}",
    }
    if not with_attributes:
        return answer
    attributes = {} if user.address is None else {field: user.address}
    entry = {"id": user.id, "userId": user.id, "schema": {"id": schema}, "attributes": attributes}
    return answer | {"customAttributes": [entry] if attributes else []}


def agent_schedule_answer(user: str, shifts: list[OrgShift], unit: BusinessUnit) -> Json:
    """Return a `BuAgentScheduleSearchResponse`: one agent's published shifts."""
    return {
        "user": {"id": user},
        "shifts": [
            {
                "id": shift.id,
                "startDate": instant(shift.starts_at),
                "lengthMinutes": shift.paid_minutes,
                "schedule": {
                    "id": schedule_id(unit, shift.week_date),
                    "weekDate": shift.week_date.isoformat(),
                },
            }
            for shift in shifts
        ],
    }
