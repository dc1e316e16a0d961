"""When to spend one of the WFM's few calls."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from shiftline.connector.planning import Call, DeliveryPolicy, next_call
from shiftline.connector.records import DeliveryFacts

NOW = datetime(2026, 11, 23, 15, 0, tzinfo=UTC)
POLICY = DeliveryPolicy(linger=timedelta(seconds=45), margin=timedelta(seconds=10))


def facts(
    *, ready: int = 0, waited: float = 0.0, deadline_in: float = 100.0, still_deciding: int = 0
) -> DeliveryFacts:
    """Facts with seconds instead of moments."""
    return DeliveryFacts(
        ready=ready,
        oldest_ready_at=NOW - timedelta(seconds=waited) if ready else None,
        earliest_deadline=NOW + timedelta(seconds=deadline_in) if ready else None,
        still_deciding=still_deciding,
    )


@pytest.mark.parametrize(
    ("found", "to_evaluate", "since_review", "call"),
    [
        (facts(), False, 0.0, Call.NOTHING),
        (facts(ready=9), False, 0.0, Call.DELIVER),
        (facts(ready=9, still_deciding=3), False, 0.0, Call.NOTHING),
        (facts(ready=9, still_deciding=3, waited=45), False, 0.0, Call.DELIVER),
        (facts(ready=9, still_deciding=3, deadline_in=10), False, 0.0, Call.DELIVER),
        (facts(ready=9), True, 0.0, Call.EVALUATE),
        (facts(ready=9, deadline_in=10), True, 0.0, Call.DELIVER),
        (facts(still_deciding=3), True, 0.0, Call.NOTHING),
        (facts(still_deciding=3), True, 45.0, Call.EVALUATE),
    ],
)
def test_the_call_that_helps_most(
    found: DeliveryFacts, to_evaluate: bool, since_review: float, call: Call
) -> None:
    """All aboard before a bulk job; a review before a job that can wait; a deadline before everything."""
    chosen = next_call(
        found,
        to_evaluate=to_evaluate,
        poll_overdue=False,
        since_review=timedelta(seconds=since_review),
        now=NOW,
        policy=POLICY,
    )
    assert chosen is call


@pytest.mark.parametrize(
    ("found", "call"),
    [
        (facts(), Call.POLL),
        (facts(ready=9, waited=45), Call.POLL),
        (facts(ready=9, deadline_in=10), Call.DELIVER),
    ],
)
def test_an_overdue_poll_waits_for_deadlines_only(found: DeliveryFacts, call: Call) -> None:
    """Neither decisions nor reviews under way may hide new trades for long."""
    chosen = next_call(
        found,
        to_evaluate=True,
        poll_overdue=True,
        since_review=timedelta(seconds=45),
        now=NOW,
        policy=POLICY,
    )
    assert chosen is call
