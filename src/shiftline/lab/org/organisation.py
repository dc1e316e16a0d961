"""The practice org's state machine (facts/genesys.md section 2.8).

Three rules of this file: a trade changes state only along `TRANSITIONS`; every change raises its
version; and shifts change hands in the same step as the approval, never before and never twice.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace
from datetime import date, datetime

from shiftline.errors import MisuseError
from shiftline.lab.org.entities import (
    SYSTEM,
    BusinessUnit,
    FailureReason,
    ManagementUnit,
    OrgShift,
    OrgTrade,
    Outcome,
    Presence,
    Review,
    User,
    Violation,
)
from shiftline.lab.org.rules import Side, review, sides_of
from shiftline.lab.org.schedules import Schedules
from shiftline.trades.model import TradeState

TRANSITIONS = frozenset(
    {
        (TradeState.UNMATCHED, TradeState.MATCHED),
        (TradeState.UNMATCHED, TradeState.CANCELED),
        (TradeState.UNMATCHED, TradeState.EXPIRED),
        (TradeState.MATCHED, TradeState.APPROVED),
        (TradeState.MATCHED, TradeState.DENIED),
        (TradeState.MATCHED, TradeState.CANCELED),
        (TradeState.MATCHED, TradeState.EXPIRED),
    }
)
DECISIONS = frozenset({TradeState.APPROVED, TradeState.DENIED})


class Organisation:
    """One business unit with its agents, shifts and trades."""

    def __init__(
        self,
        *,
        business_unit: BusinessUnit,
        management_units: Iterable[ManagementUnit],
        users: Iterable[User],
        schedules: Schedules,
    ) -> None:
        self.business_unit = business_unit
        self.management_units = {unit.id: unit for unit in management_units}
        self.users = {user.id: user for user in users}
        self.schedules = schedules
        self.presences: dict[str, Presence] = {}
        """What the adherence feed shows, by agent; those it does not show are missing."""
        self._trades: dict[str, OrgTrade] = {}
        self._decisions: dict[str, int] = {}
        self._repeats: dict[str, int] = {}

    def add(self, trade: OrgTrade) -> None:
        """Take in a trade; one that is Matched already counts as matched in the order it is added."""
        if trade.id in self._trades:
            raise MisuseError(f"The practice org has a trade {trade.id} already.")
        self._trades[trade.id] = trade
        self._decisions[trade.id] = 0
        self._repeats[trade.id] = 0

    def trade(self, trade_id: str) -> OrgTrade:
        """Return a trade; raises KeyError when there is none."""
        return self._trades[trade_id]

    def trades(self) -> list[OrgTrade]:
        """Return all trades, those matched first coming first, unmatched ones last."""
        matched = [trade for trade in self._trades.values() if trade.matched_at]
        matched.sort(key=lambda trade: trade.matched_at or trade.created_at)
        return [*matched, *(trade for trade in self._trades.values() if not trade.matched_at)]

    def in_weeks(self, management_units: Collection[str], weeks: Collection[date]) -> Iterator[OrgTrade]:
        """Yield the trades of these management units and weeks, first matched first."""
        units, dates = frozenset(management_units), frozenset(weeks)
        return (
            trade for trade in self.trades() if trade.management_unit in units and trade.week_date in dates
        )

    def agents(self, trade_id: str) -> tuple[str, ...]:
        """Return the agents of a trade, the initiating one first."""
        return self._trades[trade_id].agents

    def effective_decisions(self, trade_id: str) -> int:
        """Return how often this trade really became Approved or Denied; more than 1 would be a fault."""
        return self._decisions[trade_id]

    def repeated_decisions(self, trade_id: str) -> int:
        """Return how often somebody decided this trade although it was decided: what sending twice does."""
        return self._repeats[trade_id]

    def is_working(self, user: str, now: datetime) -> bool:
        """True if the agent has a published shift at this moment."""
        return any(
            shift.starts_at <= now < shift.ends_at and self.schedules.is_published(shift.week_date)
            for shift in self.schedules.of(user)
        )

    def sides(self, trade_id: str) -> tuple[Side, Side]:
        """Return both agents' views of a matched trade, by today's schedules."""
        return sides_of(self._trades[trade_id], self.users, self.schedules)

    def evaluate(self, trade_id: str) -> Review:
        """Review a trade against today's schedules and its management unit's rules."""
        trade = self._trades[trade_id]
        if trade.state is not TradeState.MATCHED:
            return Review(violations=(Violation(type="InvalidState"),))
        rules = self.management_units[trade.management_unit].rules
        if not rules.enabled:
            return Review(violations=(Violation(type="ShiftTradingNotEnabled"),))
        return review(trade, self.sides(trade_id), self.schedules, rules)

    def match(self, trade_id: str, user: str, shift: OrgShift | None, now: datetime) -> Outcome:
        """Let a receiving agent accept; with automatic review on, the org decides at once."""
        trade = self._trades[trade_id]
        if (trade.state, TradeState.MATCHED) not in TRANSITIONS:
            return Outcome(trade=trade, failure=FailureReason.TRANSITION_NOT_ALLOWED)
        matched = replace(trade, receiving_user=user, receiving_shift=shift, matched_at=now)
        matched = self._move(matched, TradeState.MATCHED, user, now)
        if not self.management_units[matched.management_unit].rules.auto_review:
            return Outcome(trade=matched)
        found = self.evaluate(trade_id)
        if found.admin_review or found.unevaluated:
            return Outcome(trade=matched)
        verdict = TradeState.DENIED if found.violations else TradeState.APPROVED
        return self.apply(trade_id, verdict, matched.version, SYSTEM, now)

    def apply(self, trade_id: str, state: TradeState, version: int, by: str, now: datetime) -> Outcome:
        """Approve or deny as an administrator; a broken rule does not stop an administrator.

        A stale version fails like an illegal move: the documented failure reasons have no word for it,
        and the outcome's trade shows the version to use (facts/genesys.md section 11, point 8).
        """
        trade = self._trades.get(trade_id)
        if trade and _has_lapsed(trade, now):
            trade = self._move(trade, TradeState.EXPIRED, SYSTEM, now)
        if trade and trade.state in DECISIONS:
            self._repeats[trade_id] += 1
        if trade is None or trade.version != version or state not in DECISIONS:
            return Outcome(trade=trade, failure=FailureReason.TRANSITION_NOT_ALLOWED)
        failure = self._obstacle(trade, state)
        if failure:
            return Outcome(trade=trade, failure=failure)
        if state is TradeState.APPROVED:
            self._swap(trade)
        self._decisions[trade_id] += 1
        reviewed = replace(trade, reviewed_by=by, reviewed_at=now)
        return Outcome(trade=self._move(reviewed, state, by, now))

    def cancel(self, trade_id: str, by: str, now: datetime) -> Outcome:
        """Let an agent take the trade back."""
        trade = self._trades[trade_id]
        if (trade.state, TradeState.CANCELED) not in TRANSITIONS:
            return Outcome(trade=trade, failure=FailureReason.TRANSITION_NOT_ALLOWED)
        return Outcome(trade=self._move(trade, TradeState.CANCELED, by, now))

    def amend(self, trade_id: str, by: str, now: datetime) -> OrgTrade:
        """Change a trade without moving it, as an agent's edited note does: its version rises."""
        trade = self._trades[trade_id]
        return self._move(trade, trade.state, by, now)

    def expire_due(self, now: datetime) -> int:
        """Expire every open trade whose expiration date has come; return how many did."""
        due = [trade for trade in self._trades.values() if _has_lapsed(trade, now)]
        for trade in due:
            self._move(trade, TradeState.EXPIRED, SYSTEM, now)
        return len(due)

    def _obstacle(self, trade: OrgTrade, state: TradeState) -> FailureReason:
        if (trade.state, state) not in TRANSITIONS:
            return FailureReason.TRANSITION_NOT_ALLOWED
        if state is TradeState.DENIED:
            return FailureReason.NONE
        if trade.receiving_user not in self.users:
            return FailureReason.RECEIVING_AGENT_NOT_FOUND
        given = [
            (trade.initiating_shift, trade.initiating_user, FailureReason.INITIATING_AGENT_SHIFT_NOT_FOUND)
        ]
        if trade.receiving_shift:
            receiving = (
                trade.receiving_shift,
                trade.receiving_user,
                FailureReason.RECEIVING_AGENT_SHIFT_NOT_FOUND,
            )
            given.append(receiving)
        if not all(self.schedules.is_published(shift.week_date) for shift, _, _ in given):
            return FailureReason.SCHEDULE_NOT_PUBLISHED
        missing = (reason for shift, user, reason in given if not self.schedules.belongs(shift.id, user))
        return next(missing, FailureReason.NONE)

    def _swap(self, trade: OrgTrade) -> None:
        if trade.receiving_user is None:
            raise MisuseError(f"The practice org approved trade {trade.id}, which nobody has matched.")
        self.schedules.hand_over(trade.initiating_shift.id, trade.receiving_user)
        if trade.receiving_shift:
            self.schedules.hand_over(trade.receiving_shift.id, trade.initiating_user)

    def _move(self, trade: OrgTrade, state: TradeState, by: str, now: datetime) -> OrgTrade:
        moved = replace(trade, state=state, version=trade.version + 1, modified_by=by, modified_at=now)
        self._trades[trade.id] = moved
        return moved


def _has_lapsed(trade: OrgTrade, now: datetime) -> bool:
    return trade.expires_at <= now and (trade.state, TradeState.EXPIRED) in TRANSITIONS
