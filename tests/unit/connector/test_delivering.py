"""What the state that was read back makes of a delivery whose answer was lost."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from shiftline.connector.delivering import ATTEMPTS, judge_read_back
from shiftline.connector.records import BulkResult, Delivery, DeliveryFate
from shiftline.trades.model import TradeState, Verdict

SENT = Delivery(
    trade_id=1,
    external_id="t1",
    management_unit="north",
    week_date=date(2026, 11, 9),
    agents=("ada", "ben"),
    version=2,
    verdict=Verdict.APPROVE,
    deadline=datetime(2026, 11, 2, 15, 0, tzinfo=UTC),
    attempts=1,
)


@pytest.mark.parametrize(
    ("state", "version", "attempts", "fate"),
    [
        (TradeState.APPROVED, 3, ATTEMPTS, DeliveryFate.CONFIRMED),
        (TradeState.DENIED, 3, 1, DeliveryFate.OVERTAKEN),
        (TradeState.EXPIRED, 3, 1, DeliveryFate.OVERTAKEN),
        (TradeState.MATCHED, 2, 1, DeliveryFate.RETRY),
        (TradeState.MATCHED, 2, ATTEMPTS - 1, DeliveryFate.RETRY),
        (TradeState.MATCHED, 2, ATTEMPTS, DeliveryFate.REFUSED),
        (TradeState.MATCHED, 3, 1, DeliveryFate.REVIEW),
        (TradeState.UNMATCHED, 3, 1, DeliveryFate.REFUSED),
        (None, None, 1, DeliveryFate.REFUSED),
    ],
)
def test_the_state_that_was_read_back_decides(
    state: TradeState | None, version: int | None, attempts: int, fate: DeliveryFate
) -> None:
    """Only what is as it was is sent again, and not for ever; what has changed is decided anew."""
    read = BulkResult(external_id="t1", state=state, version=version)
    (outcome,) = judge_read_back([replace(SENT, attempts=attempts)], [read])
    assert (outcome.fate, outcome.version, outcome.state) == (fate, version, state)
    assert bool(outcome.reason) is (fate is DeliveryFate.REFUSED)


def test_what_the_wfm_no_longer_shows_was_overtaken() -> None:
    """There is nothing left to decide."""
    (outcome,) = judge_read_back([SENT], [])
    assert (outcome.fate, outcome.state) == (DeliveryFate.OVERTAKEN, None)
