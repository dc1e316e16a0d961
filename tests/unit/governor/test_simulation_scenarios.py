"""Whole scenarios: trades become checks, trunks share them, and a report sums up."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

import pytest
from hypothesis import given, reject, settings
from hypothesis import strategies as st

from shiftline.errors import ConfigurationError
from shiftline.governor.controllers.registry import CONTROLLERS, OURS
from shiftline.governor.limiters.spec import parse_limiter
from shiftline.governor.simulation import Scenario, simulate
from shiftline.governor.simulation.arrivals import Arrivals, wanted_checks
from shiftline.governor.simulation.bank import case
from shiftline.governor.simulation.trunk_run import ideal_moments, run_trunk
from shiftline.trades.publish_day import HOUR, PUBLISHED_AT


def scenario(throttle: str = "window:50/1s", **more: Any) -> Scenario:
    return Scenario(throttle=parse_limiter(throttle), **more)


def numbers(seed: int = 1) -> Callable[[int], Callable[[], float]]:
    return lambda trunk: Random(f"{seed}/{trunk}").random


@settings(deadline=None, max_examples=60)
@given(
    name=st.sampled_from(["window:{}/{}s", "red:{}/{}s", "pike:{}/{}s", "shared:{}/1s,others={}/s"]),
    count=st.integers(1, 9),
    other=st.sampled_from([0.001, 1, 2, 9, 1e5, 1e9]),
)
def test_whatever_is_simulated_comes_to_an_end(name: str, count: int, other: float) -> None:
    """Unless it is refused before it begins: no limiter divides by nought or runs for ever."""
    try:
        written = parse_limiter(name.format(count, f"{other:.10g}"))
        one = Scenario(throttle=written, trades=2, max_rate=1.0)
    except ConfigurationError:
        reject()
    assert simulate(one, numbers()).efficiency <= 1.0


class TestWantedChecks:
    """Two agents for each trade, and each of them asked about once."""

    def test_five_hundred_trades_of_the_demo_want_about_488_checks(self) -> None:
        """600 agents, of whom some trade twice."""
        counts = [len(wanted_checks(500, 600, Arrivals.BACKLOG, Random(seed).random)) for seed in range(20)]
        assert min(counts) >= 470
        assert max(counts) <= 506
        assert sum(counts) / len(counts) == pytest.approx(488, abs=6)

    @given(
        trades=st.integers(1, 200),
        agents=st.integers(2, 300),
        arrivals=st.sampled_from(Arrivals),
        seed=st.integers(0, 10_000),
    )
    def test_nobody_is_asked_about_twice(
        self, trades: int, agents: int, arrivals: Arrivals, seed: int
    ) -> None:
        """At least the two of the first trade; never more than there are; in the order of time."""
        wanted = wanted_checks(trades, agents, arrivals, Random(seed).random)
        assert 2 <= len(wanted) <= min(2 * trades, agents)
        assert wanted == sorted(wanted)
        assert wanted[0] >= 0.0

    def test_a_publish_day_has_its_surge_after_the_publish(self) -> None:
        """Few before, most within ten minutes after, all within the hour."""
        wanted = wanted_checks(5000, 100_000, Arrivals.PUBLISH_DAY, Random(1).random)
        before = sum(at < PUBLISHED_AT for at in wanted)
        surge = sum(PUBLISHED_AT <= at < PUBLISHED_AT + 600.0 for at in wanted)
        assert before == pytest.approx(0.1 * len(wanted), rel=0.1)
        assert surge > 0.7 * len(wanted)
        assert wanted[-1] <= HOUR


class TestIdeal:
    """When an all-knowing sender lets each check leave."""

    def test_it_sends_evenly_at_the_limit(self) -> None:
        """Ten at once at 10 per second: the last leaves after 0.9 s."""
        assert ideal_moments(case("window:10/1s"), [0.0] * 10)[-1] == pytest.approx(0.9)

    def test_it_waits_for_what_is_not_wanted_yet(self) -> None:
        """Nothing leaves before it is wanted."""
        assert ideal_moments(case("window:10/1s"), [0.0, 5.0]) == pytest.approx([0.0, 5.0])

    def test_it_empties_a_full_bucket_at_once(self) -> None:
        """A burst of 5, then the rate."""
        moments = ideal_moments(case("bucket:10/s,burst=5"), [0.0] * 7)
        assert moments == pytest.approx([0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.1])

    def test_it_knows_of_a_change(self) -> None:
        """From the change on, at the new rate."""
        moments = ideal_moments(case("changing:10/1s,5/1s@950ms"), [0.0] * 13)
        assert moments[-1] == pytest.approx(1.4)


class TestSimulate:
    """The library call."""

    @pytest.mark.parametrize("name", CONTROLLERS)
    def test_every_check_of_every_trunk_is_answered(self, name: str) -> None:
        """Each trunk has its share of the trades, and gets through with it."""
        report = simulate(scenario("window:20/1s", controller=name, trades=50, trunks=3), numbers())
        assert [run.trades for run in report.runs] == [17, 17, 16]
        assert all(run.answered == run.checks for run in report.runs)
        assert all(0.0 < run.efficiency <= 1.0 for run in report.runs)
        assert all(run.requests >= run.checks + run.refused for run in report.runs)

    @settings(max_examples=15, deadline=None)
    @given(seed=st.integers(0, 999), name=st.sampled_from(list(CONTROLLERS)))
    def test_the_numbers_tell_the_report(self, seed: int, name: str) -> None:
        """The same random numbers, the same report."""
        day = scenario("bucket:20/s,burst=5", controller=name, trades=40, trunks=2)
        assert simulate(day, numbers(seed)).as_json() == simulate(day, numbers(seed)).as_json()

    def test_a_trunk_is_the_same_whoever_simulates_it(self) -> None:
        """A trunk by itself is what it is in the whole."""
        day = scenario(trades=300, trunks=3)
        whole = simulate(day, numbers())
        assert run_trunk(day, 2, numbers()(2)) == whole.runs[2]

    def test_a_governor_learns_more_slowly_than_the_all_knowing(self) -> None:
        """The bars of the burst: at least 0.85 of the ideal, and at most 2 % refused."""
        report = simulate(scenario(trades=2000), numbers())
        assert 0.85 <= report.efficiency <= 1.0
        assert report.refused_share <= 0.02
        assert report.learned_after is not None
        assert report.learned_after <= 10.0

    def test_two_connectors_share_a_trunk(self) -> None:
        """Each has half of the checks; fairness tells how evenly they get through."""
        report = simulate(scenario(trades=300, connectors=2, controller="aimd"), numbers())
        assert 0.5 <= report.fairness <= 1.0
        assert report.runs[0].answered == report.runs[0].checks

    def test_a_course_is_kept_if_asked_for(self) -> None:
        """Second by second, and its sums are the trunk's."""
        report = simulate(scenario(trades=300, trunks=2), numbers(), record=True)
        first, second = report.runs
        assert sum(one.passed * one.seconds for one in first.course) == pytest.approx(first.checks)
        assert sum(one.refused * one.seconds for one in first.course) == pytest.approx(first.refused)
        assert not second.course

    def test_a_trunk_that_answers_nothing_is_given_up(self) -> None:
        """A ban that outlasts all patience: what was not answered lowers the efficiency."""
        day = scenario("escalating:5/1s,ban=200h,status=silent", trades=200, controller="aimd")
        report = simulate(day, numbers())
        assert report.runs[0].answered < report.runs[0].checks
        assert report.efficiency < 0.5


def test_who_never_gets_an_answer_has_learned_nothing() -> None:
    """Also where an all-knowing sender would have little to do."""
    day = scenario("escalating:1/60s,ban=200h,status=silent", trades=50, controller="static")
    (run,) = simulate(day, numbers()).runs
    assert run.learned_after is None
    assert run.answered <= 1


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"trunks": 0}, "must be a trunk"),
        ({"connectors": 0}, "must be a trunk"),
        ({"trades": 2, "trunks": 3}, "2 trades cannot be shared out"),
        ({"agents": 3, "trunks": 2}, "3 agents are too few"),
        ({"answer_seconds": 0.0}, "takes some time"),
        ({"answer_seconds": float("nan")}, "takes some time"),
        ({"max_rate": float("nan")}, "nan is no rate"),
        ({"controller": "nobody"}, "no controller 'nobody'"),
        ({"learn": False}, "max_rate"),
        ({"settings": {"speed": 1.0}, "controller": OURS}, "no setting 'speed'"),
    ],
)
def test_what_cannot_be_simulated_is_said_in_a_sentence(wrong: dict[str, Any], says: str) -> None:
    """With the next step."""
    with pytest.raises(ConfigurationError, match=says):
        scenario(**wrong)


def test_a_flood_is_not_paid_however_soon_it_was_over() -> None:
    """RED's first window stops nobody: 8,000 checks passed in 4.4 s, and 1 was told for it."""
    one = scenario("red:20/5s", trades=8000, controller="aimd")
    (run,) = simulate(one, numbers(5)).runs
    assert run.beyond > 0.9 * run.checks
    assert run.efficiency <= 1.0 - run.beyond / run.checks + 0.001
