"""The limiter models, arrival by arrival."""

from __future__ import annotations

import pytest

from shiftline.governor.limiters.counters import FixedWindow, RedWindow, SlidingWindow, TokenBucket
from shiftline.governor.limiters.model import Counter


def admitted(limiter: Counter, *arrivals: float) -> list[bool]:
    return [limiter.admits(now) for now in arrivals]


def test_a_fixed_window_passes_the_first_of_each_window() -> None:
    """The window turns with the clock, not with the first arrival."""
    limiter = FixedWindow(2, 1.0, phase_seconds=0.25)
    assert admitted(limiter, 0.9, 1.0, 1.1, 1.24) == [True, True, False, False]
    assert admitted(limiter, 1.25, 1.3, 1.4) == [True, True, False]


def test_a_fixed_window_begins_before_its_phase() -> None:
    """Time before the first boundary is a window like any other."""
    limiter = FixedWindow(1, 2.0, phase_seconds=1.5)
    assert admitted(limiter, 0.0, 1.4, 1.5, 3.4, 3.5) == [True, False, True, False, True]


def test_a_sliding_window_frees_a_place_when_its_oldest_is_a_window_old() -> None:
    """A refused arrival takes no place, so that asking again does not prolong the wait."""
    limiter = SlidingWindow(2)
    assert admitted(limiter, 0.0, 0.5, 0.9, 0.99) == [True, True, False, False]
    assert admitted(limiter, 1.0, 1.4, 1.5) == [True, False, True]


def test_a_sliding_window_that_counts_refusals_is_never_free_for_who_does_not_slow_down() -> None:
    """3 a second against 2: nothing passes after the first two, until there is a second with room."""
    limiter = SlidingWindow(2, counts_refused=True)
    assert admitted(limiter, *(n / 3 for n in range(30))) == [True, True] + [False] * 28
    assert admitted(limiter, 11.0, 11.9) == [True, True]


def test_a_token_bucket_spends_its_burst_and_then_its_rate() -> None:
    """It starts full, refills with time and holds no more than its burst (RFC 7415 section 3.5.1)."""
    limiter = TokenBucket(rate=2.0, burst=3.0)
    assert admitted(limiter, 5.0, 5.0, 5.0, 5.0) == [True, True, True, False]
    assert admitted(limiter, 5.5, 5.5) == [True, False]
    assert admitted(limiter, 60.0, 60.0, 60.0, 60.0) == [True, True, True, False]


def test_red_passes_every_nth_after_a_window_that_held_the_limit_n_times() -> None:
    """Kamailio 5.6.3 refuses nothing below twice the limit, whatever its README says of every n-th."""
    limiter = RedWindow(2)
    assert admitted(limiter, 0.0, 0.1, 0.2) == [True] * 3  # the window before was empty
    assert admitted(limiter, 1.0, 1.1, 1.2, 1.3, 1.4, 1.5) == [True] * 6  # 3 of 2: n is 1
    assert admitted(limiter, 2.0, 2.1, 2.2, 2.3) == [False, False, True, False]  # 6 of 2: n is 3
    assert admitted(limiter, 3.0, 3.1) == [False, True]  # what was refused counts: 4 of 2
    assert admitted(limiter, 5.0) == [True]  # a window without anybody


@pytest.mark.parametrize("limiter", [FixedWindow(0), SlidingWindow(0), TokenBucket(0.0, 0.0)])
def test_a_limit_of_nothing_admits_nothing(limiter: Counter) -> None:
    """The policy world of the tests: no pace is slow enough."""
    assert admitted(limiter, 0.0, 10.0, 1000.0) == [False, False, False]
