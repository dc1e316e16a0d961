"""Whatever the limiter: what short loads leave possible holds the truth, and nothing that they contradict."""

from __future__ import annotations

from collections.abc import Callable
from math import floor, inf

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shiftline.diagnosis.load_answers import LoadAnswer, LoadAnswers
from shiftline.diagnosis.possible_limits import PossibleLimits, possible_limits
from shiftline.diagnosis.wording import limit_in_short, limit_in_words
from shiftline.governor.limiters.counters import FixedWindow, SlidingWindow, TokenBucket
from shiftline.governor.window_fit import WINDOW_LENGTHS

Admits = Callable[[float], bool]
LADDER = ((10.0, 12, 0), (1e4, 20, 0), (50.0, 150, 0), (125.0, 250, 150), (200.0, 300, 0))
"""Requests a second, how many, and how many go on beyond the first refusal."""
RESTS = (4.0, 12.0)
"""Seconds after a load that passed whole, and after one that was refused."""

delays = st.lists(st.floats(0.0, 0.03), min_size=1, max_size=7)
"""How long requests are under way before they are decided: they overtake each other."""
lengths = st.sampled_from(WINDOW_LENGTHS)
limits = st.integers(3, 120)


def ladder(admits: Admits, delays: list[float]) -> tuple[LoadAnswers, list[tuple[float, int]]]:
    """What was seen, and the loads that passed whole: how long they took, and how many they were."""
    sent: list[tuple[float, float]] = []
    seen: list[LoadAnswer] = []
    whole: list[tuple[float, int]] = []
    begin = 100.0
    for rate, most, more in LADDER:
        sent = [(begin + number / rate, delays[number % len(delays)]) for number in range(most)]
        refused = 0
        stops_at = float("inf")
        answers = []
        for decided, at in sorted((at + delay, at) for at, delay in sent):
            if at > stops_at:
                continue
            passed = admits(decided)
            answers.append(LoadAnswer(at, decided + 0.001, passed))
            refused += not passed
            if not passed and stops_at == float("inf"):
                stops_at = decided + 0.001 + more / rate
        seen += answers
        if not refused:
            whole.append((most / rate, most))
        begin = max(one.answered_at for one in answers) + RESTS[refused > 0]
    return LoadAnswers(seen), whole


def is_not_contradicted(found: PossibleLimits, whole: list[tuple[float, int]]) -> bool:
    """No window in the told range would have refused a load that passed, wherever it began."""
    return all(
        many <= one.highest * (floor(seconds / one.window_seconds) + 2)
        and many <= (one.lowest + 3) * (floor(seconds / one.window_seconds) + 2)
        for one in found.windows
        for seconds, many in whole
    )


@settings(deadline=None, max_examples=40)
@given(limits, lengths, st.floats(0.0, 1.0), delays)
def test_a_fixed_window_is_among_what_is_possible(
    limit: int, length: float, share: float, delays: list[float]
) -> None:
    seen, whole = ladder(FixedWindow(limit, length, share * length).admits, delays)
    found = possible_limits(seen)
    holds_window(found, limit, length)
    assert is_not_contradicted(found, whole)


@settings(deadline=None, max_examples=40)
@given(limits, lengths, st.booleans(), delays)
def test_a_sliding_window_is_among_what_is_possible(
    limit: int, length: float, counts_refused: bool, delays: list[float]
) -> None:
    seen, whole = ladder(SlidingWindow(limit, length, counts_refused).admits, delays)
    found = possible_limits(seen)
    holds_window(found, limit, length)
    assert is_not_contradicted(found, whole)


def holds_window(found: PossibleLimits, limit: int, length: float) -> None:
    """The truth is told, as a window and as a rate."""
    assert any(one.window_seconds == length and one.lowest <= limit <= one.highest for one in found.windows)
    figures = found.figures
    assert figures["rate_lowest"] <= limit / length <= figures.get("rate_highest", inf)
    assert figures["limit_lowest"] <= limit <= figures["limit_highest"]
    assert figures["window_seconds_lowest"] <= length <= figures["window_seconds_highest"]
    assert "as far as a short load tells" in limit_in_words(figures)


@settings(deadline=None, max_examples=40)
@given(st.floats(0.5, 90.0), st.integers(2, 60), delays)
def test_a_bucket_is_among_what_is_possible(rate: float, burst: int, delays: list[float]) -> None:
    seen, whole = ladder(TokenBucket(rate, burst).admits, delays)
    found = possible_limits(seen)
    assert found.buckets is not None
    assert found.buckets.lowest_rate <= rate <= found.buckets.highest_rate
    assert burst <= found.buckets.highest_burst
    assert found.figures["rate_lowest"] <= rate <= found.figures.get("rate_highest", inf)
    assert is_not_contradicted(found, whole)


def test_what_is_under_way_together_is_decided_in_any_order() -> None:
    """Twenty at once with 20 in a second: two of 22 that left first are refused, by another worker."""
    seen = [LoadAnswer(10.0 + number * 1e-4, 10.01, passed=number not in (2, 5)) for number in range(22)]
    for begin in (30.37, 50.21):  # and a load that goes on beyond refusals shows a window's end
        seen += [LoadAnswer(at, at + 0.004, passed=number % 50 < 20) for number, at in _each(begin, 170)]
    found = possible_limits(LoadAnswers(seen))
    assert [one.window_seconds for one in found.windows] == [1.0]
    assert found.buckets is None
    assert 19 <= found.windows[0].lowest <= 20 <= found.windows[0].highest <= 21
    told = "requests pass in each window of 1 s, as far as a short load tells"
    assert limit_in_words(found.figures).endswith(told)


def _each(begin: float, count: int) -> list[tuple[int, float]]:
    return [(number, begin + number / 50.0) for number in range(count)]


def test_one_refused_load_says_no_more_than_rates() -> None:
    """A bucket explains it as well as windows do."""
    seen = [LoadAnswer(at, at + 0.004, passed=number < 30) for number, at in _each(10.0, 33)]
    told = limit_in_words(possible_limits(LoadAnswers(seen)).figures)
    assert told.startswith("0 to ")
    assert "requests a second pass" in told
    assert "at once" in told


def test_of_a_limit_that_counts_less_the_narrower_reading_is_taken() -> None:
    """What it does not count passes beside it, and would contradict every limit."""
    counted = [LoadAnswer(at, at + 0.004, passed=number % 50 < 20) for number, at in _each(10.0, 70)]
    others = [LoadAnswer(at, at + 0.004, passed=True) for _, at in _each(10.61, 20)]
    found = possible_limits(LoadAnswers([*counted, *others]), LoadAnswers(counted))
    assert not possible_limits(LoadAnswers([*counted, *others]))
    assert any(one.lowest <= 20 <= one.highest for one in found.windows if one.window_seconds == 1.0)


def test_without_a_refusal_nothing_is_said() -> None:
    found = possible_limits(LoadAnswers([LoadAnswer(at, at + 0.1, passed=True) for _, at in _each(1.0, 40)]))
    assert not found
    assert found.figures == {}
    assert limit_in_words({}) == ""


def test_where_the_search_ends_is_no_bound() -> None:
    """Twenty at once, of which some are refused, say nothing of a rate: no thousand a second is named."""
    burst = [LoadAnswer(10.0 + number * 1e-4, 10.02, passed=number < 18) for number in range(20)]
    found = possible_limits(LoadAnswers(burst))
    assert found.buckets is not None
    assert found.buckets.highest_rate == inf
    assert "rate_highest" not in found.figures
    assert limit_in_short(found.figures) == ""
    told = limit_in_words(found.figures)
    assert "a second" not in told
    assert "requests pass in a window of 1 to 10 s or at most" in told
    without_windows = {"rate_lowest": 25.16, "burst_highest": 6.0}
    assert limit_in_words(without_windows).startswith(
        "at least 25.2 requests a second pass, at most 6 at once"
    )
    assert limit_in_short(without_windows) == ""


@pytest.mark.parametrize(
    ("rate", "told"), [(1035.36, "1,035"), (999.9, "1,000"), (101.2, "101"), (0.4, "0.4")]
)
def test_a_rate_is_told_without_powers_of_ten(rate: float, told: str) -> None:
    bounds = {"rate_lowest": 0.0, "rate_highest": rate, "burst_highest": 9.0}
    assert limit_in_short(bounds) == f"at most about {told} requests a second pass"
