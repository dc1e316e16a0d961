"""What is lost a little at a time: by our rate, or by a network at any rate."""

from __future__ import annotations

from itertools import pairwise
from random import Random

import pytest

from shiftline.governor.loss import Loss
from shiftline.governor.simulation.bank import Beginning, case
from shiftline.governor.simulation.trial import attempt


def held(loss: Loss, rate: float, share: float, count: int, *, seed: int = 1, start: float = 0.0) -> float:
    """Hold a rate, and whatever is said instead, at a trunk that loses that share; return the last rate."""
    draw = Random(seed).random
    for number in range(count):
        rate = loss.note(rate, start + number / 50.0, is_lost=draw() < share) or rate
    return rate


def dropping(loss: Loss, rate: float, limit: float, count: int) -> float:
    """The same at one that drops what is more than its limit."""
    owed = 0.0
    for number in range(count):
        owed += max(0.0, 1.0 - limit / rate)
        is_lost = owed >= 1.0
        owed -= is_lost
        rate = loss.note(rate, number / rate, is_lost=is_lost) or rate
    return rate


def test_what_a_rate_has_lost_it_loses_no_longer() -> None:
    loss = Loss()
    assert 47.0 <= dropping(loss, 54.0, 50.0, 2000) <= 50.0
    assert loss.bounded(54.0) == loss.clear
    assert loss.bounded(45.0) == 45.0


def test_a_limit_that_was_raised_bounds_no_longer() -> None:
    loss = Loss()
    dropping(loss, 54.0, 50.0, 2000)
    assert loss.bounded(70.0) == 70.0
    assert loss.bounded(54.0) == 54.0


@pytest.mark.parametrize("seed", range(5))
def test_what_a_network_loses_is_given_back(seed: int) -> None:
    """It is tried for 320 requests, and after that seldom."""
    loss = Loss()
    assert held(loss, 50.0, 0.05, 2500, seed=seed) == pytest.approx(50.0)
    assert loss.clear is None


def test_little_is_borne() -> None:
    assert held(Loss(), 50.0, 0.005, 5000) == 50.0


def test_what_left_before_a_rate_does_not_count() -> None:
    """What is lost is told half a second late."""
    loss = Loss()
    loss.note(60.0, 10.0, is_lost=False)
    for _ in range(20):
        assert loss.note(50.0, 9.9, is_lost=True) is None


class TestGrowth:
    def test_it_ends_where_it_loses(self) -> None:
        loss, rate = Loss(), 50.0
        for _ in range(100):
            assert loss.tried(rate, is_lost=False) is None
        told = [loss.tried(rate, is_lost=number % 10 == 0) for number in range(80)]
        assert [one for one in told if one] == [pytest.approx(rate * 0.98 * (1 - 8 / 71), rel=0.01)]

    def test_it_goes_on_where_a_network_loses_as_much(self) -> None:
        loss = Loss()
        held(loss, 50.0, 0.05, 2500)
        draw = Random(3).random
        assert not any(loss.tried(50.0, is_lost=draw() < 0.05) for _ in range(500))


@pytest.mark.parametrize(
    "limiter",
    ["bucket:50/s,burst=2,status=silent", "cpu:50/s,queue=100ms", "bucket:20/s,burst=5,status=silent"],
)
def test_a_shallow_limiter_that_drops_silently_is_not_held_above(limiter: str) -> None:
    """It was, for good: 5 to 8 per cent were lost."""
    outcome = attempt("shiftline", case(limiter), Beginning.COLD, Random(0).random, horizon=300.0)
    assert outcome.refused_share <= 0.025
    assert outcome.efficiency >= 0.95


def lose(loss: Loss, rate: float, lost: int, of: int, *, start: float) -> float:
    """Of so many at a rate, lose the last ones; return what is held then."""
    for number in range(of):
        rate = loss.note(rate, start + number / 50.0, is_lost=number >= of - lost) or rate
    return rate


def test_another_rate_ends_the_trial() -> None:
    """What was lost at the rate before says nothing of it: it is held, however much it loses at first."""
    loss = Loss()
    assert lose(loss, 50.0, 8, 100, start=0.0) < 50.0
    assert loss.note(30.0, 100.0, is_lost=False) is None
    for number in range(400):
        assert loss.note(30.0, 100.0 + number / 30.0, is_lost=False) is None
    assert loss.clear is None


def test_rests_are_doubled_with_each_trial_in_vain() -> None:
    """A network's loss costs a trial ever less often."""
    loss, rate, begun = Loss(), 50.0, []
    for number in range(30_000):
        said = loss.note(rate, number / 50.0, is_lost=number % 20 == 0)
        if said is not None and said < 50.0:
            begun.append(number)
        rate = said or rate
    gaps = [later - one for one, later in pairwise(begun)]
    assert len(gaps) >= 2
    assert all(later > 1.5 * one for one, later in pairwise(gaps))


def test_one_that_helped_ends_the_doubling() -> None:
    loss = Loss()
    loss._in_vain = 5
    dropping(loss, 54.0, 50.0, 2000)
    assert loss.clear is not None
    assert loss._in_vain == 0


def test_what_a_growth_lost_does_not_count_in_the_next() -> None:
    loss = Loss()
    for _ in range(7):
        assert loss.tried(50.0, is_lost=True) is None
    loss.note(50.0, 0.0, is_lost=False)  # held in between
    assert loss.tried(50.0, is_lost=True) is None


def test_less_than_what_is_borne_begins_no_trial() -> None:
    """Eight of a thousand are less than two of a hundred."""
    loss = Loss()
    assert not any(loss.note(50.0, number / 50.0, is_lost=number % 110 == 109) for number in range(3000))
