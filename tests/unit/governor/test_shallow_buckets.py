"""Buckets one or two tokens deep refuse each gap that is shorter than a token takes."""

from __future__ import annotations

from statistics import median

import pytest
from tests.unit.governor.journeys import checks_refused, drive, trunk

TEN_MINUTES = 600.0


@pytest.mark.parametrize(
    ("limiter", "rate", "share"),
    [("bucket:50/s,burst=1", 50, 0.8), ("bucket:20/s,burst=1", 20, 0.7), ("bucket:11/s,burst=2", 11, 0.9)],
)
def test_the_search_does_not_stall_at_a_shallow_bucket(limiter: str, rate: int, share: float) -> None:
    """Cold, in three phases: a cap that held for a moment made a short gap, and each was a cut."""
    journeys = [drive(trunk(limiter, seed=seed), until=TEN_MINUTES)[1] for seed in range(3)]
    passed = [journey.passed_between(0.0, TEN_MINUTES) / TEN_MINUTES for journey in journeys]
    assert median(passed) >= share * rate
    assert all(len(checks_refused(one)) <= 0.01 * len(one.requests) for one in journeys)
