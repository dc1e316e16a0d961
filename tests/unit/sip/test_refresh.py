"""When a refresh leaves, and how long a failure rests."""

from __future__ import annotations

import pytest

from shiftline.sip.refresh import GUARD_SECONDS, backoff_seconds, is_inside, plan_refresh


@pytest.mark.parametrize(
    ("granted", "jitter", "expected"),
    [(3600, 0.0, 3240.0), (3600, 1.0, 2880.0), (300, 0.0, 260.0), (300, 1.0, 230.0), (60, 0.0, 30.0)],
)
def test_a_refresh_leaves_time_for_a_lost_transaction(granted: int, jitter: float, expected: float) -> None:
    """40 s or a tenth before the end, at most half of it; jitter only brings it forward."""
    refresh = plan_refresh(granted, 1000.0, (), jitter)
    assert refresh.at == pytest.approx(1000.0 + expected)
    assert not refresh.in_window


def test_a_refresh_is_moved_before_the_window() -> None:
    """An hour's grant, a window over its last quarter: the refresh comes just before it opens."""
    refresh = plan_refresh(3600, 0.0, [(2700.0, 3300.0)], 0.0)
    assert (refresh.at, refresh.in_window) == (2700.0 - GUARD_SECONDS, False)
    assert plan_refresh(3600, 0.0, [(2700.0, 3300.0)], 1.0).at == 2700.0 - GUARD_SECONDS - 360.0


def test_a_refresh_fits_between_two_windows() -> None:
    """The last gap before the wish is taken, however small."""
    refresh = plan_refresh(3600, 0.0, [(2900.0, 3500.0), (1000.0, 2880.0)], 0.6)
    assert 2880.0 + GUARD_SECONDS <= refresh.at <= 2900.0 - GUARD_SECONDS
    assert not refresh.in_window


def test_a_refresh_waits_for_the_end_of_a_window_that_is_open() -> None:
    """Registered inside the window, which closes before the latest moment."""
    refresh = plan_refresh(300, 0.0, [(-50.0, 240.0)], 1.0)
    assert (refresh.at, refresh.in_window) == (260.0, False)


def test_a_window_longer_than_the_grant_is_not_avoided() -> None:
    """Registered inside it: the refresh comes at its time, and in the top lane."""
    refresh = plan_refresh(300, 0.0, [(-50.0, 3550.0)], 0.5)
    assert (refresh.at, refresh.in_window) == (245.0, True)


def test_a_window_is_open_at_both_its_ends() -> None:
    """Opening and closing belong to it."""
    assert [is_inside(now, [(10.0, 20.0)]) for now in (9.9, 10.0, 20.0, 20.1)] == [False, True, True, False]


@pytest.mark.parametrize(
    ("failures", "all_failed", "shortest", "longest"),
    [(1, True, 30, 60), (2, True, 60, 120), (4, True, 240, 480), (1, False, 90, 180), (3, False, 360, 720),
     (5, False, 900, 1800), (10_000, True, 900, 1800)],
)  # fmt: skip
def test_failures_rest_as_the_standard_says(
    failures: int, all_failed: bool, shortest: float, longest: float
) -> None:
    """RFC 5626 section 4.5: from half the upper bound to all of it, up to half an hour."""
    assert backoff_seconds(failures, 0.0, all_failed=all_failed) == shortest
    assert backoff_seconds(failures, 1.0, all_failed=all_failed) == longest
