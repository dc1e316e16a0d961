"""The org's own review of a match: which shift-trade rules would it break?

An overlap is named after the shift that would come in; a weekly maximum after the agent whose week
would be too long (facts/genesys.md section 2.4 gives the names, this reading of them is ours).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date

from shiftline.lab.org.entities import (
    OrgShift,
    OrgTrade,
    Review,
    RuleAction,
    TradingRules,
    User,
    Violation,
)
from shiftline.lab.org.schedules import Schedules

Finding = tuple[RuleAction, Violation]


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One agent's view of a match: what would go and what would come."""

    name: str
    user: User
    gives: OrgShift | None
    takes: OrgShift | None
    shifts: list[OrgShift]

    def kept(self) -> Iterator[OrgShift]:
        """Shifts that stay with the agent."""
        return (shift for shift in self.shifts if self.gives is None or shift.id != self.gives.id)

    def paid_minutes(self, week: date) -> int:
        """Paid time of a week before the trade."""
        return sum(shift.paid_minutes for shift in self.shifts if shift.week_date == week)

    def paid_minutes_after(self, week: date) -> int:
        """Paid time of a week after the trade."""
        coming = self.takes.paid_minutes if self.takes and self.takes.week_date == week else 0
        return coming + sum(shift.paid_minutes for shift in self.kept() if shift.week_date == week)


def sides_of(trade: OrgTrade, users: Mapping[str, User], schedules: Schedules) -> tuple[Side, Side]:
    """Return both agents' views of a matched trade, the initiating one first."""
    if trade.receiving_user is None:
        raise LookupError(f"trade {trade.id} has no receiving agent")
    initiating, receiving = trade.initiating_shift, trade.receiving_shift
    giver, taker = users[trade.initiating_user], users[trade.receiving_user]
    return (
        Side(name="Initiating", user=giver, gives=initiating, takes=receiving, shifts=schedules.of(giver.id)),
        Side(name="Receiving", user=taker, gives=receiving, takes=initiating, shifts=schedules.of(taker.id)),
    )


def review(trade: OrgTrade, sides: tuple[Side, Side], schedules: Schedules, rules: TradingRules) -> Review:
    """Review a matched trade against today's schedules."""
    findings = list(_missing(sides, schedules)) or [
        *_overlaps(sides),
        *_weekly_maximum(sides, rules),
        *_balance(trade, rules),
    ]
    found = Review(
        violations=tuple(violation for action, violation in findings if action is RuleAction.DISALLOW),
        admin_review=tuple(violation for action, violation in findings if action is RuleAction.ADMIN_REVIEW),
    )
    return found.plus(trade.scripted)


def _missing(sides: tuple[Side, Side], schedules: Schedules) -> Iterator[Finding]:
    for side in sides:
        if side.gives is None:
            continue
        if not schedules.is_published(side.gives.week_date):
            week = side.gives.week_date.isoformat()
            yield RuleAction.DISALLOW, Violation(type="WeekScheduleUnpublished", params={"weekDate": week})
        if not schedules.belongs(side.gives.id, side.user.id):
            yield (
                RuleAction.DISALLOW,
                Violation(type=f"{side.name}ShiftDoesNotExist", params={"shiftId": side.gives.id}),
            )


def _overlaps(sides: tuple[Side, Side]) -> Iterator[Finding]:
    for side, other in (sides, sides[::-1]):
        if side.takes and any(side.takes.overlaps(shift) for shift in side.kept()):
            yield (
                RuleAction.DISALLOW,
                Violation(type=f"{other.name}ShiftOverlapsExisting", params={"shiftId": side.takes.id}),
            )


def _weekly_maximum(sides: tuple[Side, Side], rules: TradingRules) -> Iterator[Finding]:
    for side in sides:
        if side.takes is None:
            continue
        minutes, limit = side.paid_minutes_after(side.takes.week_date), side.user.weekly_max_paid_minutes
        if minutes > limit:
            params = {"weeklyMaximumPaidMinutes": str(limit), "postTradeSchedulePaidMinutes": str(minutes)}
            yield rules.weekly_max_paid, Violation(type=f"{side.name}WeeklyMaxPaidTime", params=params)


def _balance(trade: OrgTrade, rules: TradingRules) -> Iterator[Finding]:
    if trade.receiving_shift is None:
        yield rules.one_sided, Violation(type="OneSidedTradeCreation")
    elif trade.receiving_shift.paid_minutes != trade.initiating_shift.paid_minutes:
        yield rules.unequal_paid, Violation(type="UnequalPaidTime")
