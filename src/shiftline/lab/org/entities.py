"""What a practice org is made of, in Genesys's words. Values only; every time is an aware datetime."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum

from shiftline.trades.model import Evaluation, TradeState
from shiftline.wfm.weeks import WeekCalendar

SYSTEM = "System"
"""Who reviewed a trade when automatic review did (facts/genesys.md section 2.3)."""


class RuleAction(StrEnum):
    """What a management unit does about a broken shift-trade rule."""

    ALLOW = "Allow"
    DISALLOW = "Disallow"
    ADMIN_REVIEW = "AdminReview"


class FailureReason(StrEnum):
    """Why one line of a bulk state job did not take effect; ``NONE`` when it did."""

    NONE = ""
    INITIATING_AGENT_SHIFT_NOT_FOUND = "InitiatingAgentShiftNotFound"
    RECEIVING_AGENT_SHIFT_NOT_FOUND = "ReceivingAgentShiftNotFound"
    RECEIVING_AGENT_NOT_FOUND = "ReceivingAgentNotFound"
    SCHEDULE_NOT_PUBLISHED = "ScheduleNotPublished"
    TRANSITION_NOT_ALLOWED = "TransitionNotAllowed"


@dataclass(frozen=True, slots=True, kw_only=True)
class BusinessUnit:
    """A business unit and its calendar."""

    id: str
    name: str
    calendar: WeekCalendar


@dataclass(frozen=True, slots=True, kw_only=True)
class TradingRules:
    """A management unit's `ShiftTradeSettings`, as far as the practice org obeys them."""

    enabled: bool = True
    auto_review: bool = False
    min_hours_in_future: int = 1
    one_sided: RuleAction = RuleAction.ALLOW
    unequal_paid: RuleAction = RuleAction.ALLOW
    weekly_max_paid: RuleAction = RuleAction.DISALLOW


@dataclass(frozen=True, slots=True, kw_only=True)
class ManagementUnit:
    """A management unit with its shift-trade rules."""

    id: str
    name: str
    rules: TradingRules = TradingRules()


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """An agent. ``address`` is the SIP URI that the custom attribute carries, or None."""

    id: str
    name: str
    management_unit: str
    address: str | None
    weekly_max_paid_minutes: int = 48 * 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Presence:
    """What the adherence feed shows of an agent: ``system`` presence and ``routing`` status.

    ``since`` is when the presence was taken up.
    """

    system: str
    routing: str
    since: datetime
    out_of_office: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class OrgShift:
    """A shift and the agent who works it; ``week_date`` is its week in the business unit's time zone."""

    id: str
    user: str
    starts_at: datetime
    ends_at: datetime
    week_date: date

    @property
    def paid_minutes(self) -> int:
        """Paid time; the practice org's shifts have no unpaid breaks."""
        return int((self.ends_at - self.starts_at).total_seconds() // 60)

    def overlaps(self, other: OrgShift) -> bool:
        """True if both cover some common moment."""
        return self.starts_at < other.ends_at and other.starts_at < self.ends_at


@dataclass(frozen=True, slots=True, kw_only=True)
class Violation:
    """A broken rule, by its Genesys name (facts/genesys.md section 2.4)."""

    type: str
    params: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """What the org itself says about a match."""

    violations: tuple[Violation, ...] = ()
    admin_review: tuple[Violation, ...] = ()
    unevaluated: tuple[str, ...] = ()

    def plus(self, other: Review) -> Review:
        """Both reviews together."""
        return Review(
            violations=self.violations + other.violations,
            admin_review=self.admin_review + other.admin_review,
            unevaluated=self.unevaluated + other.unevaluated,
        )

    @property
    def evaluation(self) -> Evaluation:
        """The review in the words of the decision table: rule names only."""
        return Evaluation(
            violations=tuple(violation.type for violation in self.violations),
            admin_review=tuple(violation.type for violation in self.admin_review),
            unevaluated=self.unevaluated,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class OrgTrade:
    """A shift trade as the org keeps it. Shift snapshots are of the moment the trade was made."""

    id: str
    management_unit: str
    initiating_user: str
    initiating_shift: OrgShift
    created_at: datetime
    modified_at: datetime
    modified_by: str
    expires_at: datetime
    state: TradeState = TradeState.UNMATCHED
    version: int = 1
    receiving_user: str | None = None
    receiving_shift: OrgShift | None = None
    matched_at: datetime | None = None
    reviewed_by: str | None = None
    reviewed_at: datetime | None = None
    scripted: Review = Review()

    @property
    def agents(self) -> tuple[str, ...]:
        """The agents it concerns, the initiating one first."""
        return (self.initiating_user, *((self.receiving_user,) if self.receiving_user else ()))

    @property
    def week_date(self) -> date:
        """Its week: that of the initiating shift."""
        return self.initiating_shift.week_date


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of one requested state change; ``trade`` is None when the org has no such trade."""

    trade: OrgTrade | None
    failure: FailureReason = FailureReason.NONE
