"""Limiters that judge a window by the one before it: how they are known, and what is tried at them."""

from __future__ import annotations

from math import inf
from random import Random

import pytest
from tests.unit.governor.journeys import LEARNING, drive, trunk

from shiftline.governor.late_windows import Beginning as LateBeginning
from shiftline.governor.late_windows import Bounds, LateWindows, _is_whole, _quiet, beginnings_in
from shiftline.governor.learner import Learner
from shiftline.governor.limiters.counters import FixedWindow, RedWindow, SlidingWindow, TokenBucket
from shiftline.governor.limiters.model import Counter
from shiftline.governor.simulation.bank import Beginning, case
from shiftline.governor.simulation.trial import attempt
from shiftline.governor.window_fit import Observation

CANARIES = 0.4  # seconds


def met(counter: Counter, rates: list[float]) -> list[Observation]:
    """Send at each rate until something is refused, and then canaries until two in a row pass."""
    seen: list[Observation] = []
    now = 0.0

    def sends(*, is_canary: bool = False) -> bool:
        seen.append(Observation(now, counter.admits(now), is_canary=is_canary))
        return seen[-1].passed

    for rate in rates:
        while sends():
            now += 1.0 / rate
        passed = 0
        while passed < 2:
            now += CANARIES
            passed = passed + 1 if sends(is_canary=True) else 0
        now += 1.0 / rate
    return seen


def explained(counter: Counter, rates: list[float]) -> LateWindows:
    late = LateWindows()
    late.explain(met(counter, rates))
    return late


@pytest.mark.parametrize("length", [1.0, 2.0, 5.0, 10.0])
def test_two_closures_tell_a_usual_length(length: float) -> None:
    late = explained(RedWindow(int(20 * length), length, 0.3 * length), [200.0, 90.0])
    assert late.length == length
    assert late.least < 2 * int(20 * length) <= late.most


@pytest.mark.parametrize(("limit", "length"), [(60, 3.0), (90, 4.3), (200, 10.8)])
def test_three_closures_tell_any(limit: int, length: float) -> None:
    rate = 2 * limit / length
    assert explained(RedWindow(limit, length, 0.3), [4 * rate, 2 * rate]).length is None
    late = explained(RedWindow(limit, length, 0.3), [4 * rate, 2 * rate, 1.2 * rate])
    assert late.length == pytest.approx(length, rel=0.01)
    assert late.least < 2 * limit <= late.most


@pytest.mark.parametrize(
    "counter",
    [
        FixedWindow(50, 1.0, 0.3),
        FixedWindow(200, 10.0, 3.0),
        FixedWindow(176, 8.8, 3.0),
        SlidingWindow(100, 5.0),
        TokenBucket(50.0, 20.0),
    ],
    ids=str,
)
def test_who_judges_at_once_is_not_taken_for_one(counter: Counter) -> None:
    assert explained(counter, [60.0, 57.0, 53.0, 54.0]).length is None


def test_few_requests_tell_nothing() -> None:
    """Their closures lie whole windows apart by chance as well."""
    assert explained(RedWindow(2, 1.0, 0.3), [10.0, 7.0, 6.0]).length is None


def test_a_closure_begins_where_several_had_passed() -> None:
    """In a shut window every second passes: what is refused behind one of those begins none."""
    verdicts = [True, True, True, False, True, False, True, True, False, True, True, True, False]
    seen = [Observation(float(at), passed) for at, passed in enumerate(verdicts)]
    assert [(one.passed_at, one.refused_at) for one in beginnings_in(seen)] == [(2.0, 3.0), (11.0, 12.0)]


class Told:
    """One that knows its window, of ten seconds, and is told what each closure bounds."""

    def __init__(self, *bounds: tuple[float, float]) -> None:
        self.late = LateWindows(length=10.0)
        for least, most in bounds:
            self.late._bound(Bounds(least, most))

    @property
    def count(self) -> float:
        return (self.late.rate or 0.0) * 10.0


class TestWhatIsTried:
    def test_far_from_the_limit_a_quarter(self) -> None:
        assert Told((0.0, 1000.0)).count == pytest.approx(250.0)

    def test_between_the_bounds_what_halves_them(self) -> None:
        assert Told((100.0, 400.0)).count == pytest.approx(200.0)
        assert Told((100.0, 400.0), (150.0, 200.0)).count == pytest.approx(173.0, abs=1)

    def test_near_it_what_passed_is_held(self) -> None:
        told = Told((195.0, 200.0))
        assert told.count == pytest.approx(195.0)
        assert not told.late.is_open

    @pytest.mark.parametrize("most", range(12, 60))
    def test_each_step_tells_something_or_it_was_the_last(self, most: int) -> None:
        """Between 19 and 21 it was 19 again and again: their mean is 19.97."""
        late = LateWindows(length=1.0, least=0.0, most=float(most))
        for _ in range(20):
            if not late.is_open:
                break
            cap = late.cap(late.rate or 0.0)
            assert cap is not None
            assert late.least < cap.count < late.most
            late.least = float(cap.count)
        assert not late.is_open
        assert late.most - late.least <= 2

    def test_a_timer_that_differs_a_little_costs_little(self) -> None:
        assert Told((195.0, 200.0), (0.0, 194.0)).count == pytest.approx(190.0, abs=1)

    def test_a_limit_that_has_come_down_is_found_in_few_steps(self) -> None:
        told, closures = Told((195.0, 200.0)), 0
        while told.count >= 20.0:
            told.late._bound(Bounds(0.0, told.count))
            closures += 1
        assert closures <= 7

    def test_a_limit_that_was_raised_is_looked_for_anew(self) -> None:
        told = Told((195.0, 200.0), (300.0, 400.0))
        assert (told.late.least, told.late.most) == (300.0, 400.0)


def test_a_window_that_was_followed_by_an_open_one_was_not_too_full() -> None:
    late = LateWindows(length=10.0, least=50.0, most=200.0)
    left = [number / 10.0 for number in range(200)]  # ten a second, for twenty seconds

    def left_since(moment: float) -> int:
        return sum(at > moment for at in left)

    assert not late.judged(9.9, left_since)
    assert late.judged(20.05, left_since)
    assert late.least == pytest.approx(100, abs=1)
    assert not late.judged(20.1, left_since)


def test_one_that_passes_more_than_was_too_much_has_been_raised() -> None:
    late = LateWindows(length=1.0, least=50.0, most=55.0)
    assert late.judged(5.1, lambda moment: 100 if moment < 4.5 else 0)
    assert late.most == inf
    assert not late.is_open


def test_a_closure_lasts_until_its_window_ends() -> None:
    """Nothing is asked meanwhile, unless it began in the middle of a window: then it is another's."""
    late = explained(RedWindow(100, 5.0, 1.0), [200.0, 90.0])
    began = late._boundary + 15.0
    assert late.ends_at(began + 0.01) == pytest.approx(began + 5.0, abs=0.1)
    assert late.ends_at(began + 2.5) is None
    assert LateWindows().ends_at(3.0) is None


@pytest.mark.parametrize("seed", [0, 2, 3])
def test_a_small_limit_that_comes_down_and_rises_is_followed(seed: int) -> None:
    """Its search went on for ever at the lower one, between 9 and 11: 0.58 to 0.59."""
    limiter = "changing:20/1s,10/1s@60s,20/1s@120s,of=red"
    outcome = attempt("shiftline", case(limiter), Beginning.COLD, Random(seed).random, horizon=420.0)
    assert outcome.efficiency >= 0.75


@pytest.mark.parametrize(
    "limiter",
    ["red:100/10s", "red:40/5s", "shared:100/5s,others=5/s,of=red", "changing:50/5s,25/5s@240s,of=red"],
)
def test_red_with_a_long_window_is_learned(limiter: str) -> None:
    """What the bars ask for, of ten minutes; it was 0.81, 0.58, 0.08 and 0.72."""
    outcome = attempt("shiftline", case(limiter), Beginning.COLD, Random(0).random)
    assert outcome.efficiency >= 0.88
    assert outcome.refused_share <= 0.02


def test_never_more_leave_in_a_window_than_was_not_too_much() -> None:
    cap = LateWindows(length=10.0, least=195.0, most=200.0).cap(19.5)
    assert cap is not None
    assert (cap.count, cap.seconds) == (195, 10.0)


def test_a_window_that_was_followed_by_a_shut_one_is_not_called_quiet() -> None:
    """Between two closures the fullest that an open one followed counts."""
    sent = sorted([number / 10.0 for number in range(100)] + [3.0 + number / 40.0 for number in range(40)])
    assert _quiet(sent, [4.1, 4.3, 4.6], 1.0, 0.0, 10.0) == 10
    assert _quiet(sent, [], 1.0, 0.0, 10.0) == 50


def test_two_closures_lie_two_windows_apart_at_least() -> None:
    """One window was open between them: neighbours are no two closures of such a limiter."""
    one, other = LateBeginning(0.98, 1.0), LateBeginning(1.98, 2.0)
    assert not _is_whole(one, other, 1.0)
    assert _is_whole(one, LateBeginning(2.98, 3.0), 1.0)


def test_a_rate_whose_window_is_known_is_not_halved_after_a_silence() -> None:
    learner = Learner(LEARNING, 0.0, None)
    learner._late = LateWindows(length=1.0, least=99.0, most=100.0)
    learner._hold(99.0)
    learner.slacken()
    assert learner.pacer.rate == 99.0


def test_a_restart_in_the_middle_of_the_search_goes_on_soon() -> None:
    """What was just tried is a guess: it was kept for a hundred times its price, 12/s where 40 pass."""
    first, _ = drive(trunk("red:100/5s", seed=0), until=30.0)
    known = first.knowledge()
    assert known["guessed"]
    assert known["model"] == "fixed-window"
    again, journey = drive(trunk("red:100/5s", seed=0), until=200.0, known=known | {"age_seconds": 1.0})
    assert journey.passed_between(150.0, 200.0) / 50.0 >= 34.0
    assert not again.knowledge()["guessed"]
