"""The climb: fast to where limits are, and no further before a window has judged it."""

from __future__ import annotations

from itertools import pairwise
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shiftline.governor.climb import JUDGED_SECONDS, STEP, UNJUDGED_RATE, Climb
from shiftline.governor.policy import GovernorPolicy
from shiftline.governor.simulation.bank import Beginning, case
from shiftline.governor.simulation.trial import HORIZON, attempt

LEARNING = GovernorPolicy(learn=True, max_rate=0.0)
TURN = 0.05  # seconds


def rates(policy: GovernorPolicy, seconds: float) -> list[float]:
    """The rate after each turn."""
    climb, rate, found = Climb(policy), policy.initial_rate, []
    for _ in range(round(seconds / TURN)):
        rate = climb.rate_after(rate, TURN)
        found.append(rate)
    return found


def test_it_doubles_to_where_it_rests() -> None:
    """Limits that judge at once are found on the way."""
    assert rates(LEARNING, 0.9)[-1] == pytest.approx(4 * LEARNING.initial_rate)
    assert rates(LEARNING, 3.0)[-1] == UNJUDGED_RATE


def test_it_goes_on_once_a_window_has_ended_there() -> None:
    """Before the end of the longest usual one nothing tells that the rate is bearable."""
    found = rates(LEARNING, 20.0)
    assert found.count(UNJUDGED_RATE) * TURN == pytest.approx(JUDGED_SECONDS, abs=2 * TURN)
    assert found[-1] == UNJUDGED_RATE * STEP
    assert rates(LEARNING, 60.0)[-1] == LEARNING.ceiling


@given(ceiling=st.floats(20.0, 1e4), turns=st.lists(st.floats(0.0, 0.25), max_size=300))
def test_it_never_falls_and_never_leaves_its_ceiling(ceiling: float, turns: list[float]) -> None:
    """However the turns come."""
    policy = GovernorPolicy(learn=True, max_rate=ceiling)
    climb, found = Climb(policy), [policy.initial_rate]
    for elapsed in turns:
        found.append(climb.rate_after(found[-1], elapsed))
    assert all(earlier <= later <= ceiling for earlier, later in pairwise(found))


def test_a_limiter_that_judges_late_is_not_flooded() -> None:
    """RED with a window of ten seconds was sent 70,000 requests before it had judged at all."""
    trunk = case("red:100/10s")
    outcome = attempt("shiftline", trunk, Beginning.COLD, Random(1).random)
    assert outcome.flooded_at is None
    assert outcome.arrivals < trunk.ideal(0.0, HORIZON) + 12.0 * UNJUDGED_RATE
