"""A wait that we were told (Retry-After) hides how long the window is: it is found nonetheless."""

from __future__ import annotations

from random import Random
from statistics import median

import pytest
from tests.unit.governor.journeys import checks_refused, drive, trunk

from shiftline.governor.controller import Answer
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


@pytest.mark.parametrize("seconds", [35, 60])
def test_a_wait_of_more_than_half_a_minute_is_no_cliff(seconds: int) -> None:
    """Each costs what it says, and teaches as much as a shorter one: 0.25 and 0.5 were used."""
    limit = trunk(f"retry-after:50/1s,seconds={seconds}s", answers=(0.02, 0.06))
    _, journey = drive(limit, until=TEN_MINUTES)
    assert journey.passed_between(0.0, TEN_MINUTES) >= 0.7 * 50 * TEN_MINUTES
    assert len(checks_refused(journey)) <= 0.001 * len(journey.requests)


@pytest.mark.parametrize("seconds", [35, 60])
def test_a_ban_that_names_its_end_is_not_prolonged(seconds: int) -> None:
    """Nothing leaves in it but what was in flight when it began."""
    ban = f"ban={seconds}s,longest=600s,prolonged=yes,retry-after={seconds + 2}"
    governor, journey = drive(trunk(f"escalating:20/2s,{ban}"), until=150.0)
    refused = journey.answered(Answer.REFUSED)
    assert refused
    for first in refused:
        heard_at = first.at + first.reply.seconds
        assert not journey.between(heard_at + 0.001, heard_at + seconds + 1.9)
    assert not governor.has_stopped


def test_a_window_shorter_than_the_wait_explains_a_refusal() -> None:
    """Refused after ten, and open eight seconds later: a second is the shortest that explains it."""
    seen = [Observation(step / 20, True) for step in range(10)]
    seen += [Observation(0.5, False), Observation(8.5, True)]
    fit = fit_windows(seen, open_at=8.5)
    assert fit is not None
    assert fit.window_seconds == 1.0


def test_only_a_wait_that_was_told_hides_the_end() -> None:
    """Not one that was asked about meanwhile, nor a short one. Of a minute or more, it is no other."""
    assert Closure(0.0, 0.0, 8.0, was_told=True).is_hidden
    assert not Closure(0.0, 0.0, 8.0).is_hidden
    assert not Closure(0.0, 7.0, 8.0, was_told=True).is_hidden
    assert Closure(0.0, 0.0, 60.0, was_told=True).is_hidden
    assert not Closure(0.0, 59.0, 60.0, was_told=True).is_hidden
    assert not Closure(0.0, 0.0, 2.2, was_told=True).is_hidden


@pytest.mark.parametrize("answer_seconds", [0.001, 0.04])
def test_a_short_wait_is_met_as_a_window_is(answer_seconds: float) -> None:
    """The first minute at Kamailio's ratelimit, as the acceptance asks it."""
    used = []
    for seed in range(6):
        case = Case(parse_limiter("retry-after:40/2s,seconds=2,key=all"), answer_seconds, 0.002, 0.0)
        used.append(attempt("shiftline", case, Beginning.COLD, Random(seed).random, horizon=60.0).efficiency)
    assert min(used) >= 0.85
