"""The knee search: it ends, keeps to its bounds, and finds what there is; and its runs in virtual time."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.storm.examinations import PLAN
from tests.unit.storm.virtual import NO_LIMIT, VirtualServer

from shiftline.storm.examine import Examination
from shiftline.storm.knee import KneeSearch
from shiftline.storm.knee_run import find_knee, reason_not_to_search
from shiftline.storm.verdict.arrivals import Key
from shiftline.storm.verdict.judge import invalid_verdict
from shiftline.storm.verdict.verdict import Kind, Limit, Verdict

RATES = st.floats(min_value=0.01, max_value=50_000.0)


@settings(max_examples=40, deadline=None)
@given(limit=RATES, start=RATES, highest=RATES)
def test_the_search_ends_within_its_bounds_and_just_below_the_limit(
    limit: float, start: float, highest: float
) -> None:
    search = KneeSearch(start=start, highest=highest, lowest=min(0.5, highest))
    passed, failed = 0.0, float("inf")
    while (attempt := search.attempt()) is not None:
        assert search.lowest <= attempt.rate <= highest
        assert not attempt.is_confirmation or attempt.rate == search.passed
        search.tell(attempt, passed=attempt.rate <= limit)
        assert passed <= search.passed
        assert (search.failed or float("inf")) <= failed
        passed, failed = search.passed, search.failed or float("inf")
        assert passed < failed
    assert search.steps <= 60
    if limit < search.lowest:
        assert search.confirmed is None
    else:
        assert search.confirmed is not None
        assert search.confirmed <= limit
        assert search.confirmed >= min(limit, highest) * (1.0 - 1.5 * search.precision)


@settings(max_examples=40, deadline=None)
@given(limit=st.integers(min_value=20, max_value=2000), seconds=st.sampled_from([1.0, 5.0, 10.0, 30.0]))
def test_a_limit_that_a_short_step_cannot_see_is_found_by_the_confirmation(
    limit: int, seconds: float
) -> None:
    search = KneeSearch(start=10.0, highest=20_000.0)
    while (attempt := search.attempt()) is not None:
        search.tell(attempt, passed=attempt.rate * min(attempt.seconds, seconds) <= limit)
    assert search.confirmed is not None
    assert 0.93 * limit / seconds <= search.confirmed <= limit / seconds


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.floats(0.0, 1.0)), max_size=80))
def test_the_search_ends_whatever_it_is_told(answers: list[tuple[bool, float]]) -> None:
    search = KneeSearch(start=10.0, highest=1000.0)
    told = iter(answers)
    while (attempt := search.attempt()) is not None:
        assert search.lowest <= attempt.rate <= search.highest
        passed, share = next(told, (False, 1.0))
        search.tell(attempt, passed=passed, failed_share=share)
    assert search.steps <= 60


def test_a_candidate_that_nearly_held_is_lowered_by_a_twentieth_and_confirmed() -> None:
    search = KneeSearch(start=10.0, highest=1000.0)
    confirmed = []
    while (attempt := search.attempt()) is not None:
        holds = attempt.rate <= (98.0 if attempt.is_confirmation else 100.0)
        search.tell(attempt, passed=holds, failed_share=0.01)
        confirmed += [attempt.rate] if attempt.is_confirmation else []
    assert confirmed == [pytest.approx(99.5, rel=0.01), pytest.approx(94.5, rel=0.01)]
    assert search.confirmed == confirmed[1]


def test_a_server_with_a_window_has_its_knee_at_half_the_window() -> None:
    server = VirtualServer("window:40/1s,key=all", rate=2000.0)
    plan = replace(PLAN, fresh_challenge=True)
    knee = find_knee(plan, server.ask, server.rest, start=5.0, highest=500.0)
    assert knee.rate == pytest.approx(20.0, rel=0.06)
    assert knee.steps[-1].attempt.is_confirmation
    assert knee.steps[-1].failed == 0
    assert "The knee is at" in knee.sentence


def test_a_search_that_meets_nothing_says_so() -> None:
    server = VirtualServer(NO_LIMIT, rate=100_000.0)
    knee = find_knee(PLAN, server.ask, server.rest, start=50.0, highest=60.0)
    assert knee.rate == 60.0
    assert "highest rate" in knee.sentence


def test_a_limiter_that_bans_is_not_searched_again_and_again() -> None:
    limit = Limit(model="", spec="pike:9/2s", count=9, seconds=2.0, key=Key.SOURCE, agreement=1.0)
    verdict = Verdict(kind=Kind.LIMITER, sentence="", advice="", limit=limit)
    assert reason_not_to_search(Examination([], verdict)) == ""
    banned = replace(verdict, limit=replace(limit, ban_seconds=20.0))
    assert "shut out" in reason_not_to_search(Examination([], banned))
    assert "invalid" in reason_not_to_search(Examination([], invalid_verdict(["it was late"])))
    assert reason_not_to_search(Examination()) == ""
