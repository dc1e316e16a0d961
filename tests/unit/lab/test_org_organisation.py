"""The practice org's state machine and its own review of a match."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from shiftline.errors import MisuseError
from shiftline.lab.org.entities import (
    SYSTEM,
    BusinessUnit,
    FailureReason,
    ManagementUnit,
    OrgShift,
    OrgTrade,
    Review,
    RuleAction,
    TradingRules,
    User,
    Violation,
)
from shiftline.lab.org.organisation import Organisation
from shiftline.lab.org.schedules import Schedules
from shiftline.trades.model import TradeState
from shiftline.wfm.weeks import WeekCalendar

NOW = datetime(2026, 11, 23, 15, tzinfo=UTC)
WEEK = date(2026, 11, 23)
LATER = timedelta(minutes=3)


def shift(name: str, user: str, day: int, hours: int = 8) -> OrgShift:
    """A shift that starts at 15:00 UTC, ``day`` days after NOW."""
    start = NOW + timedelta(days=day)
    return OrgShift(
        id=name, user=user, starts_at=start, ends_at=start + timedelta(hours=hours), week_date=WEEK
    )


ALICE_TUESDAY = shift("alice-1", "alice", 1)
ALICE_FRIDAY = shift("alice-4", "alice", 4)
BOB_WEDNESDAY = shift("bob-2", "bob", 2)
CAROL_TUESDAY = shift("carol-1", "carol", 1)


def organisation(
    *shifts: OrgShift, rules: TradingRules | None = None, weekly_max: int = 48 * 60
) -> Organisation:
    """Three agents in one management unit."""
    everything = shifts or (ALICE_TUESDAY, ALICE_FRIDAY, BOB_WEDNESDAY, CAROL_TUESDAY)
    return Organisation(
        business_unit=BusinessUnit(
            id="bu", name="BU", calendar=WeekCalendar(time_zone="America/Chicago", start_day_of_week="Monday")
        ),
        management_units=[ManagementUnit(id="mu", name="MU", rules=rules or TradingRules())],
        users=[
            User(id=name, name=name, management_unit="mu", address=None, weekly_max_paid_minutes=weekly_max)
            for name in ("alice", "bob", "carol")
        ],
        schedules=Schedules(everything),
    )


def trade(name: str, going: OrgShift, taker: str, coming: OrgShift | None, minute: int = 0) -> OrgTrade:
    """A matched trade."""
    return OrgTrade(
        id=name,
        management_unit="mu",
        initiating_user=going.user,
        initiating_shift=going,
        receiving_user=taker,
        receiving_shift=coming,
        state=TradeState.MATCHED,
        version=2,
        created_at=NOW,
        matched_at=NOW + timedelta(minutes=minute),
        modified_at=NOW,
        modified_by=taker,
        expires_at=NOW + LATER,
    )


SWAP = trade("swap", ALICE_TUESDAY, "bob", BOB_WEDNESDAY)


def approve(org: Organisation, name: str) -> FailureReason:
    """Approve with the version that the org has now."""
    return org.apply(name, TradeState.APPROVED, org.trade(name).version, "admin", NOW).failure


def types(org: Organisation, name: str) -> tuple[str, ...]:
    """The violations of a trade, by name."""
    return org.evaluate(name).evaluation.violations


def test_an_approval_swaps_the_owners_of_both_shifts() -> None:
    """Shifts change hands with the approval, and the version rises."""
    org = organisation()
    org.add(SWAP)
    outcome = org.apply("swap", TradeState.APPROVED, 2, "admin", NOW)
    assert (outcome.failure, org.trade("swap").state, org.trade("swap").version) == (
        "",
        TradeState.APPROVED,
        3,
    )
    assert org.trade("swap").reviewed_by == "admin"
    assert org.schedules.belongs("alice-1", "bob")
    assert org.schedules.belongs("bob-2", "alice")
    assert org.effective_decisions("swap") == 1


def test_a_one_sided_trade_moves_one_shift() -> None:
    """Nothing comes back for a shift that is given away."""
    org = organisation()
    org.add(trade("gift", ALICE_TUESDAY, "bob", None))
    assert approve(org, "gift") is FailureReason.NONE
    assert [mine.id for mine in org.schedules.of("bob")] == ["alice-1", "bob-2"]


def test_a_denial_moves_no_shift() -> None:
    """A denied trade leaves the schedules alone, even when its shift is gone."""
    org = organisation()
    org.add(SWAP)
    org.schedules.remove("bob-2")
    assert org.apply("swap", TradeState.DENIED, 2, "admin", NOW).failure is FailureReason.NONE
    assert org.schedules.belongs("alice-1", "alice")


def test_a_second_decision_is_refused_and_does_not_count() -> None:
    """A decision takes effect once, whatever is sent after it."""
    org = organisation()
    org.add(SWAP)
    approve(org, "swap")
    assert approve(org, "swap") is FailureReason.TRANSITION_NOT_ALLOWED
    again = org.apply("swap", TradeState.DENIED, 3, "admin", NOW)
    assert (again.failure, org.trade("swap").state) == ("TransitionNotAllowed", TradeState.APPROVED)
    assert org.effective_decisions("swap") == 1


def test_a_second_decision_leaves_its_trace() -> None:
    """It changes nothing, so its sender would never be found out: the org counts it, whatever its version."""
    org = organisation()
    org.add(SWAP)
    approve(org, "swap")
    assert org.repeated_decisions("swap") == 0
    approve(org, "swap")
    org.apply("swap", TradeState.DENIED, 3, "admin", NOW)
    assert org.repeated_decisions("swap") == 2


def test_a_stale_version_fails_and_shows_the_new_one() -> None:
    """Who decides on an old version learns the version to use."""
    org = organisation()
    org.add(SWAP)
    org.amend("swap", "alice", NOW)
    outcome = org.apply("swap", TradeState.APPROVED, 2, "admin", NOW)
    assert outcome.failure is FailureReason.TRANSITION_NOT_ALLOWED
    assert outcome.trade is not None
    assert (outcome.trade.state, outcome.trade.version) == (TradeState.MATCHED, 3)


@pytest.mark.parametrize(
    "state", [TradeState.MATCHED, TradeState.EXPIRED, TradeState.CANCELED, TradeState.UNMATCHED]
)
def test_an_administrator_can_only_approve_and_deny(state: TradeState) -> None:
    """The shared enum names more states than an administrator may ask for."""
    org = organisation()
    org.add(SWAP)
    assert org.apply("swap", state, 2, "admin", NOW).failure is FailureReason.TRANSITION_NOT_ALLOWED


def test_an_unknown_trade_fails_by_itself() -> None:
    """A bulk job with a wrong id still answers for every line."""
    assert organisation().apply("none", TradeState.DENIED, 1, "admin", NOW).trade is None


def test_a_trade_expires_at_its_date() -> None:
    """At the expiration date the trade is Expired and can no longer be decided."""
    org = organisation()
    org.add(SWAP)
    assert org.expire_due(NOW + LATER - timedelta(seconds=1)) == 0
    late = org.apply("swap", TradeState.APPROVED, 2, "admin", NOW + LATER)
    assert late.failure is FailureReason.TRANSITION_NOT_ALLOWED
    assert org.trade("swap").state is TradeState.EXPIRED
    assert org.expire_due(NOW + LATER) == 0


def test_a_canceled_trade_stays_canceled() -> None:
    """An agent may take a matched trade back, once."""
    org = organisation()
    org.add(SWAP)
    assert org.cancel("swap", "alice", NOW).failure is FailureReason.NONE
    assert org.cancel("swap", "alice", NOW).failure is FailureReason.TRANSITION_NOT_ALLOWED
    assert approve(org, "swap") is FailureReason.TRANSITION_NOT_ALLOWED


def test_a_shift_that_was_traded_away_blocks_the_later_trade() -> None:
    """Two trades about one shift: after the first approval the second has nothing to give."""
    org = organisation()
    org.add(SWAP)
    org.add(trade("second", ALICE_TUESDAY, "carol", CAROL_TUESDAY, minute=1))
    assert types(org, "second") == ()
    approve(org, "swap")
    assert types(org, "second") == ("InitiatingShiftDoesNotExist",)
    assert approve(org, "second") is FailureReason.INITIATING_AGENT_SHIFT_NOT_FOUND


def test_a_missing_receiving_shift_is_named_as_such() -> None:
    """The reason tells whose shift is gone."""
    org = organisation()
    org.add(SWAP)
    org.schedules.remove("bob-2")
    assert types(org, "swap") == ("ReceivingShiftDoesNotExist",)
    assert approve(org, "swap") is FailureReason.RECEIVING_AGENT_SHIFT_NOT_FOUND


def test_an_incoming_shift_may_not_overlap_a_kept_one() -> None:
    """Carol works on Tuesday already; a swap of the very shift in the way is fine."""
    org = organisation()
    org.add(trade("clash", ALICE_TUESDAY, "carol", None))
    org.add(trade("same day", ALICE_TUESDAY, "carol", CAROL_TUESDAY))
    assert types(org, "clash") == ("InitiatingShiftOverlapsExisting",)
    assert types(org, "same day") == ()


def test_an_overlap_at_the_initiating_agent_is_named_after_the_receiving_shift() -> None:
    """Alice would work twice on Tuesday."""
    org = organisation()
    org.add(trade("clash", ALICE_FRIDAY, "carol", CAROL_TUESDAY))
    assert types(org, "clash") == ("ReceivingShiftOverlapsExisting",)


def test_a_week_that_gets_too_long_breaks_the_weekly_maximum() -> None:
    """Bob has 8 hours and a maximum of 12: one more shift is too much, a swap is not."""
    org = organisation(weekly_max=12 * 60)
    org.add(trade("gift", ALICE_TUESDAY, "bob", None))
    assert types(org, "gift") == ("ReceivingWeeklyMaxPaidTime",)


def test_rules_choose_between_violation_review_and_nothing() -> None:
    """A rule at AdminReview asks a person; a rule at Allow says nothing."""
    asking = organisation(rules=TradingRules(one_sided=RuleAction.ADMIN_REVIEW))
    asking.add(trade("gift", ALICE_TUESDAY, "bob", None))
    assert asking.evaluate("gift").evaluation.admin_review == ("OneSidedTradeCreation",)
    uneven = shift("bob-2", "bob", 2, hours=4)
    strict = organisation(ALICE_TUESDAY, uneven, rules=TradingRules(unequal_paid=RuleAction.DISALLOW))
    strict.add(trade("uneven", ALICE_TUESDAY, "bob", uneven))
    assert types(strict, "uneven") == ("UnequalPaidTime",)


def test_scripted_findings_come_on_top() -> None:
    """What a scenario scripts is reported beside what the org finds itself."""
    org = organisation()
    scripted = Review(violations=(Violation(type="AgentCapabilityMismatch"),), unevaluated=("Rule",))
    org.add(replace(trade("clash", ALICE_TUESDAY, "carol", None), scripted=scripted))
    found = org.evaluate("clash").evaluation
    assert found.violations == ("InitiatingShiftOverlapsExisting", "AgentCapabilityMismatch")
    assert found.unevaluated == ("Rule",)


def test_a_broken_rule_does_not_stop_an_administrator() -> None:
    """Violations block agents; an administrator may override them."""
    org = organisation()
    org.add(trade("clash", ALICE_TUESDAY, "carol", None))
    assert approve(org, "clash") is FailureReason.NONE


def test_an_unpublished_week_cannot_be_traded_in() -> None:
    """Until the planner publishes, approvals fail and the review says why."""
    org = organisation()
    org.schedules = Schedules([ALICE_TUESDAY, BOB_WEDNESDAY], unpublished=[WEEK])
    org.add(SWAP)
    assert types(org, "swap") == ("WeekScheduleUnpublished", "WeekScheduleUnpublished")
    assert approve(org, "swap") is FailureReason.SCHEDULE_NOT_PUBLISHED
    org.schedules.publish(WEEK)
    assert approve(org, "swap") is FailureReason.NONE


def test_a_decided_trade_and_a_unit_without_trading_are_reviewed_as_such() -> None:
    """InvalidState and ShiftTradingNotEnabled stand alone."""
    org = organisation(rules=TradingRules(enabled=False))
    org.add(SWAP)
    assert types(org, "swap") == ("ShiftTradingNotEnabled",)
    org.apply("swap", TradeState.DENIED, 2, "admin", NOW)
    assert types(org, "swap") == ("InvalidState",)


def test_automatic_review_decides_at_the_match() -> None:
    """With automatic review on, nobody is asked unless a rule wants a person."""
    unmatched = replace(
        SWAP, state=TradeState.UNMATCHED, matched_at=None, receiving_user=None, receiving_shift=None
    )
    for rules, coming, expected in (
        (TradingRules(), BOB_WEDNESDAY, TradeState.MATCHED),
        (TradingRules(auto_review=True), BOB_WEDNESDAY, TradeState.APPROVED),
        (TradingRules(auto_review=True, one_sided=RuleAction.DISALLOW), None, TradeState.DENIED),
        (TradingRules(auto_review=True, one_sided=RuleAction.ADMIN_REVIEW), None, TradeState.MATCHED),
    ):
        org = organisation(rules=rules)
        org.add(unmatched)
        org.match("swap", "bob", coming, NOW)
        assert org.trade("swap").state is expected
        assert (org.trade("swap").reviewed_by == SYSTEM) is (expected is not TradeState.MATCHED)
        assert org.match("swap", "bob", coming, NOW).failure is FailureReason.TRANSITION_NOT_ALLOWED


def test_trades_are_listed_in_the_order_of_their_matches() -> None:
    """First matched, first listed; trades that nobody has matched come last."""
    org = organisation()
    org.add(trade("late", ALICE_FRIDAY, "bob", None, minute=2))
    org.add(replace(SWAP, id="open", state=TradeState.UNMATCHED, matched_at=None))
    org.add(SWAP)
    assert [entry.id for entry in org.trades()] == ["swap", "late", "open"]
    assert org.agents("swap") == ("alice", "bob")
    with pytest.raises(MisuseError):
        org.add(SWAP)


def test_working_now_follows_the_shift() -> None:
    """An agent works from a shift's start until just before its end, wherever the shift went."""
    org = organisation()
    org.add(SWAP)
    tuesday = NOW + timedelta(days=1)
    assert org.is_working("alice", tuesday)
    approve(org, "swap")
    assert not org.is_working("alice", tuesday)
    assert org.is_working("bob", tuesday + timedelta(hours=7))
    assert not org.is_working("bob", tuesday + timedelta(hours=8))
