"""What the demo counts as late: a person must have had the trade by its refer-by, not a moment after."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from shiftline.lab.demo.watch import late_trades
from shiftline.store.read_model import TradeRow

REFER_BY = datetime(2026, 11, 23, 15, 0, tzinfo=UTC)
MOMENT = timedelta(milliseconds=1)
REFERRED = TradeRow(
    external_id="t1",
    state="referred",
    outcome=None,
    verdict="refer",
    reasons=("late.refer-by",),
    delivery=None,
    initiating_agent="ada",
    receiving_agent="ben",
    refer_by=REFER_BY,
    deadline=REFER_BY + timedelta(hours=1),
    decided_at=REFER_BY,
)


def test_a_decision_after_refer_by_is_late() -> None:
    """There is no slack; an open trade is not late yet, it is stuck."""
    assert late_trades([REFERRED, replace(REFERRED, decided_at=None)]) == 0
    assert late_trades([REFERRED, replace(REFERRED, decided_at=REFER_BY + MOMENT)]) == 1


def test_a_refusal_by_the_wfm_after_refer_by_is_late() -> None:
    """The decision was in time, but the person learnt too late that it did not hold."""
    refused = replace(REFERRED, delivery="refused", verdict="approve", delivery_settled_at=REFER_BY + MOMENT)
    assert late_trades([refused, replace(refused, delivery_settled_at=REFER_BY)]) == 1


def test_a_delivery_may_be_confirmed_after_refer_by() -> None:
    """Nobody has to act on what was decided in time."""
    confirmed = replace(REFERRED, delivery="confirmed", delivery_settled_at=REFER_BY + MOMENT)
    assert late_trades([confirmed]) == 0
