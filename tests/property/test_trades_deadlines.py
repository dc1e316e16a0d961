"""What holds of every deadline."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from shiftline.trades.deadlines import DeadlinePolicy, deadlines_of
from shiftline.trades.model import Shift, Trade

NOW = datetime(2026, 3, 8, 7, tzinfo=UTC)
AROUND_NOW = st.timedeltas(timedelta(days=-10), timedelta(days=40)) | st.timedeltas(
    timedelta(0), timedelta(microseconds=9)
)
MOMENTS = AROUND_NOW.map(lambda offset: NOW + offset)
SHIFTS = MOMENTS.map(
    lambda start: Shift(external_id="s", starts_at=start, ends_at=start + timedelta(hours=8))
)
TRADES = st.builds(
    Trade,
    external_id=st.just("t"),
    version=st.just(1),
    management_unit=st.just("mu"),
    week_date=st.just(date(2026, 3, 2)),
    initiating_agent=st.just("a"),
    receiving_agent=st.just("b"),
    initiating_shift=SHIFTS,
    receiving_shift=st.none() | SHIFTS,
    matched_at=st.just(NOW),
    expires_at=MOMENTS,
)
SPANS = st.timedeltas(timedelta(0), timedelta(days=3))
POLICIES = st.builds(DeadlinePolicy, minimum_notice=SPANS, supervisor_lead=SPANS)


@given(TRADES, POLICIES)
def test_the_order_of_moments(trade: Trade, policy: DeadlinePolicy) -> None:
    """Refer-by is never after the deadline, and never in the past while the deadline is not."""
    found = deadlines_of(trade, NOW, policy)
    assert found.refer_by <= found.deadline
    assert found.refer_by >= NOW or found.deadline < NOW


@given(TRADES, POLICIES)
def test_the_lead_is_at_most_half_of_what_is_left(trade: Trade, policy: DeadlinePolicy) -> None:
    """The supervisor gets the whole lead time when twice of it is left, else half, to the microsecond."""
    found = deadlines_of(trade, NOW, policy)
    lead = found.deadline - found.refer_by
    left = max(found.deadline - NOW, timedelta(0))
    assert lead <= policy.supervisor_lead
    assert 2 * lead <= left
    assert lead == policy.supervisor_lead or left - 2 * lead <= timedelta(microseconds=1)


@given(TRADES, POLICIES)
def test_the_deadline_comes_before_all_that_makes_a_decision_useless(
    trade: Trade, policy: DeadlinePolicy
) -> None:
    """Not after the expiration, not after any shift's start less the notice, and as late as that allows."""
    found = deadlines_of(trade, NOW, policy)
    ends = [trade.expires_at, trade.initiating_shift.starts_at - policy.minimum_notice]
    if trade.receiving_shift is not None:
        ends.append(trade.receiving_shift.starts_at - policy.minimum_notice)
    assert all(found.deadline <= end for end in ends)
    assert found.deadline in ends


@given(TRADES, POLICIES, st.timedeltas(timedelta(0), timedelta(days=5)))
def test_waiting_never_brings_the_deadline_nearer(
    trade: Trade, policy: DeadlinePolicy, later: timedelta
) -> None:
    """Asked again later, the deadline is the same and refer-by is not earlier."""
    before, after = deadlines_of(trade, NOW, policy), deadlines_of(trade, NOW + later, policy)
    assert after.deadline == before.deadline
    assert after.refer_by >= before.refer_by
