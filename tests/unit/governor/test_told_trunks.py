"""A wait that we were told (Retry-After) hides how long the window is: it is found nonetheless."""

from __future__ import annotations

from random import Random
from statistics import median

import pytest
from tests.unit.governor.journeys import checks_refused, drive, trunk

from shiftline.governor.limiters.spec import parse_limiter
from shiftline.governor.search import Closure
from shiftline.governor.simulation.bank import Beginning, Case
from shiftline.governor.simulation.trial import attempt
from shiftline.governor.window_fit import Observation, fit_windows

TEN_MINUTES = 600.0


@pytest.mark.parametrize(
    ("limiter", "rate"),
    [
        ("retry-after:26/1s,seconds=8s", 26.0),
        ("retry-after:43/1.5s,seconds=10s", 28.7),
        ("retry-after:133/4.9s,seconds=7s", 27.1),
    ],
)
def test_a_wait_of_many_windows_costs_no_more_than_the_wait(limiter: str, rate: float) -> None:
    """Cold, in three phases: it was taken for a window of twice the length, at half of the limit."""
    journeys = [drive(trunk(limiter, seed=seed), until=TEN_MINUTES)[1] for seed in range(3)]
    assert median(one.passed_between(0.0, TEN_MINUTES) for one in journeys) >= 0.85 * rate * TEN_MINUTES
    assert all(len(checks_refused(one)) <= 0.01 * len(one.requests) for one in journeys)


def test_a_window_shorter_than_the_wait_explains_a_refusal() -> None:
    """Refused after ten, and open eight seconds later: a second is the shortest that explains it."""
    seen = [Observation(step / 20, True) for step in range(10)]
    seen += [Observation(0.5, False), Observation(8.5, True)]
    fit = fit_windows(seen, open_at=8.5)
    assert fit is not None
    assert fit.window_seconds == 1.0


def test_only_a_wait_that_was_told_hides_the_end() -> None:
    """Not one that was asked about meanwhile, nor one of a minute, which may be a ban, nor a short one."""
    assert Closure(0.0, 0.0, 8.0, was_told=True).is_hidden
    assert not Closure(0.0, 0.0, 8.0).is_hidden
    assert not Closure(0.0, 7.0, 8.0, was_told=True).is_hidden
    assert not Closure(0.0, 0.0, 60.0, was_told=True).is_hidden
    assert not Closure(0.0, 0.0, 2.2, was_told=True).is_hidden


@pytest.mark.parametrize("answer_seconds", [0.001, 0.04])
def test_a_short_wait_is_met_as_a_window_is(answer_seconds: float) -> None:
    """The first minute at Kamailio's ratelimit, as the acceptance asks it."""
    used = []
    for seed in range(6):
        case = Case(parse_limiter("retry-after:40/2s,seconds=2,key=all"), answer_seconds, 0.002, 0.0)
        used.append(attempt("shiftline", case, Beginning.COLD, Random(seed).random, horizon=60.0).efficiency)
    assert min(used) >= 0.85
