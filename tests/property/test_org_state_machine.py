"""Whatever is done to a trade, in whatever order, it is decided at most once."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from shiftline.lab.org.organisation import DECISIONS, TRANSITIONS
from shiftline.lab.scenario import ScenarioSettings, build_scenario
from shiftline.trades.model import TradeState

NINE = datetime(2026, 11, 23, 9, tzinfo=ZoneInfo("America/Chicago"))
SETTINGS = ScenarioSettings(published_at=NINE, trades=12, contested=0.4, agents=30)

ACTS = st.tuples(
    st.integers(0, 11),
    st.one_of(st.sampled_from(list(TradeState)), st.sampled_from(["amend", "cancel", "expire"])),
    st.integers(-1, 1),
    st.integers(0, 20),
)
"""Which trade, what happens to it, how far the version is off, and how many seconds pass."""


@given(st.lists(ACTS, max_size=60))
def test_at_most_one_decision_takes_effect(acts: list[tuple[int, str, int, int]]) -> None:
    """States follow the table, versions never fall, no shift is lost, and a decision counts once."""
    org = build_scenario(SETTINGS).org
    names = [trade.id for trade in org.trades()]
    shifts = sorted(shift.id for user in org.users for shift in org.schedules.of(user))
    now = NINE
    for number, act, off, seconds in acts:
        name, now = names[number], now + timedelta(seconds=seconds)
        before = org.trade(name)
        if act == "amend":
            org.amend(name, "agent", now)
        elif act == "cancel":
            org.cancel(name, "agent", now)
        elif act == "expire":
            org.expire_due(now)
        else:
            counted = org.effective_decisions(name)
            outcome = org.apply(name, TradeState(act), before.version + off, "admin", now)
            assert (org.effective_decisions(name) == counted + 1) is (not outcome.failure)
        after = org.trade(name)
        assert after.state is before.state or (before.state, after.state) in TRANSITIONS
        assert after.version >= before.version
    for name in names:
        assert org.effective_decisions(name) == (org.trade(name).state in DECISIONS)
    assert sorted(shift.id for user in org.users for shift in org.schedules.of(user)) == shifts
