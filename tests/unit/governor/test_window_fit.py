"""What the answers tell about a hidden window."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from shiftline.governor.limiters.counters import FixedWindow
from shiftline.governor.window_fit import Observation, WindowFit, fit_windows


def observed(limiter: FixedWindow, moments: Iterable[float]) -> list[Observation]:
    return [Observation(moment, passed=limiter.admits(moment)) for moment in moments]


def steps(start: float, end: float, rate: float) -> list[float]:
    return [start + step / rate for step in range(round((end - start) * rate))]


def test_nothing_seen_means_nothing_known() -> None:
    """No observation, no fit."""
    assert fit_windows([]) is None


@pytest.mark.parametrize("passed", [True, False])
def test_one_kind_of_answer_pins_nothing(passed: bool) -> None:
    """Passes alone leave the limit open, refusals alone are a policy or a ban."""
    assert fit_windows([Observation(step / 10, passed=passed) for step in range(50)]) is None


def test_a_refusal_without_a_later_pass_pins_nothing() -> None:
    """Until the trunk answers again nobody knows where the window ended."""
    seen = observed(FixedWindow(5), steps(0.0, 0.9, 10.0))
    assert not seen[-1].passed
    assert fit_windows(seen) is None


def test_two_full_windows_pin_limit_and_phase() -> None:
    """At twice the limit each window shows its count and its boundary."""
    fit = fit_windows(observed(FixedWindow(20, 1.0, 0.37), steps(0.0, 3.0, 40.0)))
    assert fit is not None
    assert (fit.window_seconds, fit.lowest_limit, fit.highest_limit) == (1.0, 20, 20)
    assert fit.is_pinned
    assert fit.rate == 20.0
    assert all(phase == pytest.approx(0.37, abs=1 / 40) for phase in fit.phases)


def test_a_two_second_window_is_told_from_a_one_second_window() -> None:
    """A second without any pass contradicts the shorter window."""
    fit = fit_windows(observed(FixedWindow(20, 2.0, 0.31), steps(0.0, 8.0, 40.0)))
    assert fit is not None
    assert (fit.window_seconds, fit.lowest_limit, fit.highest_limit) == (2.0, 20, 20)
    assert fit.rate == 10.0


def test_two_limits_contradict_each_other() -> None:
    """A window full at 20 and the next one full at 8 are not one fixed window."""
    seen = observed(FixedWindow(20), steps(0.0, 1.0, 40.0)) + observed(FixedWindow(8), steps(1.0, 3.0, 40.0))
    assert fit_windows(seen, lengths=(1.0,)) is None


def test_passing_between_refusals_contradicts_a_window() -> None:
    """A limiter that passes every second request is no window of any length."""
    assert fit_windows([Observation(step / 20, passed=step % 2 == 0) for step in range(400)]) is None


def test_an_old_limit_is_forgotten() -> None:
    """Six windows after the change the new limit is all that counts."""
    seen = observed(FixedWindow(20), steps(0.0, 3.0, 40.0)) + observed(FixedWindow(8), steps(3.0, 9.9, 40.0))
    fit = fit_windows(seen)
    assert fit is not None
    assert (fit.lowest_limit, fit.highest_limit) == (8, 8)


def test_a_window_whose_beginning_is_forgotten_does_not_count() -> None:
    """Cut in the middle, a full window would show too low a limit; the true one is found all the same."""
    for cut in range(1, 10):
        seen = observed(FixedWindow(20, 1.0, cut / 10 + 0.01), steps(0.0, 7.3, 40.0))
        fit = fit_windows(seen)
        assert fit is not None
        assert (fit.lowest_limit, fit.highest_limit) == (20, 20)


def test_one_overtaken_refusal_is_forgiven() -> None:
    """Datagrams overtake each other; one pass after the first refusal of a window is no contradiction."""
    seen = observed(FixedWindow(20, 1.0, 0.0), steps(0.0, 3.0, 40.0))
    first = next(index for index, one in enumerate(seen) if not one.passed)
    earlier, later = seen[first - 1], seen[first]
    seen[first - 1 : first + 1] = [
        Observation(earlier.sent_at, passed=False),
        Observation(later.sent_at, passed=True),
    ]
    fit = fit_windows(seen)
    assert fit is not None
    assert fit.window_seconds == 1.0
    assert fit.lowest_limit - 1 <= 20 <= fit.highest_limit + 1
    assert fit_windows(seen, tolerance=0, lengths=(1.0,)) is None


def test_the_next_boundary_is_the_earliest_of_all_hypotheses() -> None:
    """A canary at that moment may come too early, never a whole window too late."""
    fit = WindowFit(1.0, 20, 20, (0.25, 0.75))
    assert fit.next_boundary(0.0) == pytest.approx(0.25)
    assert fit.next_boundary(0.25) == pytest.approx(0.75)
    assert fit.next_boundary(7.8) == pytest.approx(8.25)
    assert WindowFit(10.0, 20, 20, (9.0,)).next_boundary(9.0) == pytest.approx(19.0)


@pytest.mark.parametrize(("lowest", "highest", "pinned"), [(20, 20, True), (19, 20, True), (18, 20, False)])
def test_pinned_is_give_or_take_one(lowest: int, highest: int, pinned: bool) -> None:
    """One request more or less is the jitter of arrivals, not ignorance."""
    assert WindowFit(1.0, lowest, highest, (0.0,)).is_pinned is pinned


@pytest.mark.parametrize(
    ("earlier", "highest"),
    [
        (WindowFit(1.0, 50, 51, (0.0,)), 51),
        (WindowFit(1.0, 43, 58, (0.0,)), 54),
        (WindowFit(1.0, 40, 49, (0.0,)), 54),  # the limit has been raised
        (WindowFit(1.0, 55, 60, (0.0,)), 54),  # or has come down
        (WindowFit(2.0, 50, 51, (0.0,)), 54),
    ],
)
def test_what_was_known_of_a_limit_still_holds_if_it_may_be_the_same(
    earlier: WindowFit, highest: int
) -> None:
    """A try ends beyond the limit: it alone would leave open what was pinned before."""
    fit = WindowFit(1.0, 50, 54, (0.25,), 2)
    assert fit.narrowed_by(earlier) == WindowFit(1.0, 50, highest, (0.25,), 2)
