"""What one refusal teaches, given what was seen."""

from __future__ import annotations

import pytest

from shiftline.governor.learner import Learner
from shiftline.governor.limiters.counters import FixedWindow
from shiftline.governor.policy import GovernorPolicy
from shiftline.governor.search import BACK_OFF, PINNED_PEACE, Closure
from shiftline.governor.window_fit import Observation

LEARNING = GovernorPolicy(learn=True, max_rate=0)


def taught(learner: Learner, limit: int, *, rate: float = 41.0, until: float = 3.0) -> Learner:
    """Let it see a fixed window at a steady rate, and conclude."""
    limiter = FixedWindow(limit, 1.0, 0.3)
    for step in range(int(until * rate)):
        now = step / rate
        learner.observe(Observation(now, passed=limiter.admits(now)), now)
    learner.overshot(until)
    learner.settle(until)
    return learner


def test_a_learner_holds_what_every_fit_allows() -> None:
    """Twenty passed in each full window: twenty a second, and never more in any second."""
    learner = taught(Learner(LEARNING, 0.0, None), 20)
    assert learner.pacer.rate == 20.0
    assert learner.pacer.cap is not None
    assert (learner.pacer.cap.count, learner.pacer.cap.seconds) == (20, 1.0)
    assert learner.learned


def test_headroom_is_left_to_others() -> None:
    """A quarter of the limit is not ours, and the rate does not creep into it."""
    learner = taught(Learner(GovernorPolicy(learn=True, max_rate=0, headroom=0.25), 0.0, None), 20)
    learner.creep(60.0, 1e6)
    assert learner.pacer.rate == 15.0


@pytest.mark.parametrize("limit", [12, 18, 19, 20])
def test_a_declared_rate_comes_down_by_a_step_at_least(limit: int) -> None:
    """Even where the limit lies just below the declared rate: it is not ours to try out."""
    learner = taught(Learner(GovernorPolicy(max_rate=20), 0.0, None), limit)
    assert learner.pacer.rate <= min(limit, 0.85 * 20)


def test_the_ceiling_is_stronger_than_the_fit() -> None:
    """A limit above what the operator declared is none of our business."""
    learner = taught(Learner(GovernorPolicy(learn=True, max_rate=10), 0.0, None), 20)
    assert learner.pacer.rate == 10.0


def test_without_a_fit_the_rate_follows_what_was_let_through() -> None:
    """Every second request refused: no window explains it, so what passed, less a step."""
    learner = Learner(LEARNING, 0.0, None)
    learner.climb(0.9)
    assert learner.pacer.rate == pytest.approx(80.0)
    for step in range(160):
        learner.observe(Observation(step / 80, passed=step % 2 == 0), step / 80)
    learner.overshot(2.0)
    learner.settle(2.0)
    assert learner.pacer.rate == pytest.approx(40 * BACK_OFF, rel=0.05)
    assert learner.pacer.cap is None


def test_nothing_is_settled_twice() -> None:
    """Without a new refusal a conclusion stands."""
    learner = taught(Learner(LEARNING, 0.0, None), 20)
    learner.creep(1.0, 3.0 + PINNED_PEACE)
    rate = learner.pacer.rate
    learner.settle(9.0)
    assert learner.pacer.rate == rate > 20.0


def test_the_end_of_a_known_window_is_told() -> None:
    """With the phase known, the next window begins within its grain; unknown, there is nothing to tell."""
    assert Learner(LEARNING, 0.0, None).window_ends_at(5.0) is None
    learner = taught(Learner(LEARNING, 0.0, None), 20)
    assert learner.window_ends_at(5.7) == pytest.approx(6.3, abs=0.06)


def test_a_silence_halves_an_unknown_rate_and_no_known_one() -> None:
    """A trunk may drop what is too much; where the limit is known it was something else."""
    climbing = Learner(LEARNING, 0.0, None)
    climbing.slacken()
    assert climbing.pacer.rate == LEARNING.initial_rate / 2
    settled = taught(Learner(LEARNING, 0.0, None), 20)
    settled.slacken()
    assert settled.pacer.rate == 20.0
    declared = Learner(GovernorPolicy(max_rate=7), 0.0, None)
    declared.slacken()
    assert declared.pacer.rate == 7.0


def test_no_search_runs_away() -> None:
    """On a trunk without any limit the climb ends somewhere."""
    learner = Learner(LEARNING, 0.0, None)
    for _ in range(10_000):
        learner.climb(0.25)
    assert learner.pacer.rate == LEARNING.ceiling


@pytest.mark.parametrize("late", [1.0, 4.0, 10.0])
def test_a_refusal_that_was_long_on_its_way_is_only_a_refusal(late: float) -> None:
    """It left before the last conclusion, and came after it: the rate stays near what passed since."""
    learner = Learner(LEARNING, 0.0, {"learned": True, "rate": 20.0, "met": 1, "price_seconds": 100.0})
    for step in range(200):
        learner.observe(Observation(step / 20, passed=True), step / 20)
    learner.observe(Observation(10.0, passed=False), 10.0)
    learner.overshot(10.0)
    learner.settle(10.0 + late, Closure(-late, 10.0, 10.0 + late))
    assert 5.0 <= learner.pacer.rate <= 20.0


def test_two_conclusions_at_one_moment_are_one() -> None:
    """A clock that stands still divides nothing."""
    learner = Learner(LEARNING, 10.0, {"learned": True, "rate": 20.0, "met": 1, "price_seconds": 100.0})
    learner.overshot(10.0)
    learner.settle(10.0, Closure(0.0, 5.0, 10.0))
    assert learner.pacer.rate >= 0.5


def test_the_peace_after_a_trial_in_vain_begins_with_the_answer() -> None:
    """It began when the request left: where answers take long, it was over before it began."""
    known = {"rate": 50.0, "learned": True, "price_seconds": 0.2, "met": 1, "guessed": True}  # a second
    learner = Learner(LEARNING, 0.0, known)
    rates, was_lost, now = [50.0], False, 0.0
    while min(rates) == 50.0 or rates[-1] < 50.0:
        sent_at, now = len(rates) / 50, len(rates) / 50 + 3.0
        was_lost = len(rates) % 20 == 3
        if was_lost:
            learner.lost(sent_at, now)
        else:
            learner.observe(Observation(sent_at, passed=True), now)
        rates.append(learner.pacer.rate)
    assert not was_lost
    learner.creep(0.25, now + 0.9)
    assert learner.pacer.rate == 50.0
    learner.creep(0.25, now + 1.1)
    assert learner.pacer.rate > 50.0
