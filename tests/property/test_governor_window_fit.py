"""The true window is always among those that the fit names."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from shiftline.governor.limiters.counters import FixedWindow
from shiftline.governor.window_fit import Observation, WindowFit, fit_windows

MOMENTS = st.floats(-1e9, 1e9, allow_nan=False)
ANYTHING = st.lists(st.builds(Observation, MOMENTS, passed=st.booleans()), max_size=60)
NEARBY = st.lists(st.builds(Observation, st.floats(0.0, 12.0), passed=st.booleans()), max_size=60)
# Gaps as a pacer makes them, bursts, and the silences of a governor that listens.
GAPS = st.lists(
    st.floats(0.001, 0.05) | st.sampled_from([0.001, 0.02, 0.15]) | st.floats(0.001, 1.5),
    min_size=2,
    max_size=150,
)
LIMITS = st.integers(1, 40)
SHARES = st.floats(0.0, 1.0, exclude_max=True)


def observations(limiter: FixedWindow, start: float, gaps: list[float]) -> list[Observation]:
    """What is known when a trunk answers again: the observations end with a pass."""
    now, seen = start, []
    for gap in gaps:
        seen.append(Observation(now, passed=limiter.admits(now)))
        now += gap
    while seen and not seen[-1].passed:
        seen.pop()
    return seen


@given(LIMITS, SHARES, SHARES, GAPS)
@settings(max_examples=300, deadline=None)
def test_a_one_second_window_is_found_with_its_limit(
    limit: int, phase: float, start: float, gaps: list[float]
) -> None:
    """Once a pass has followed a refusal there is a fit, of the true length, around the true limit."""
    seen = observations(FixedWindow(limit, 1.0, phase), start, gaps)
    fit = fit_windows(seen)
    if all(one.passed for one in seen):
        assert fit is None
    else:
        assert fit is not None
        assert fit.window_seconds == 1.0
        assert fit.lowest_limit - 1 <= limit <= fit.highest_limit + 1


@given(LIMITS, SHARES, SHARES, GAPS, st.sampled_from([2.0, 5.0, 10.0]))
@settings(deadline=None)
def test_a_longer_window_is_found_when_it_is_the_length_asked_for(
    limit: int, phase: float, start: float, gaps: list[float], length: float
) -> None:
    """The true length is never contradicted by what its own limiter answered."""
    seen = observations(FixedWindow(limit, length, phase * length), start, gaps)
    fit = fit_windows(seen, lengths=(length,))
    if any(not one.passed for one in seen):
        assert fit is not None
        assert fit.lowest_limit - 1 <= limit <= fit.highest_limit + 1


@given(LIMITS, SHARES, SHARES, GAPS, st.sampled_from([2.0, 5.0, 10.0]))
@settings(deadline=None)
def test_no_longer_window_than_the_true_one_is_believed(
    limit: int, phase: float, start: float, gaps: list[float], length: float
) -> None:
    """A shorter one may explain as much, until it is contradicted; a longer one is never reached."""
    seen = observations(FixedWindow(limit, length, phase * length), start, gaps)
    fit = fit_windows(seen)
    assert fit is None or fit.window_seconds <= length


@given(LIMITS, SHARES, SHARES, GAPS)
@settings(deadline=None)
def test_the_next_boundary_lies_within_a_window(
    limit: int, phase: float, start: float, gaps: list[float]
) -> None:
    """Whatever the phases, the next boundary is after now and at most one window away."""
    seen = observations(FixedWindow(limit, 1.0, phase), start, gaps)
    fit = fit_windows(seen)
    if fit is not None:
        now = seen[-1].sent_at
        assert now < fit.next_boundary(now) <= now + fit.window_seconds + 1e-6


@given(ANYTHING | NEARBY, st.integers(0, 3))
@settings(deadline=None)
def test_no_observations_break_it(seen: list[Observation], tolerance: int) -> None:
    """Any order, possible or not: no exception; in order, a limit that lets something pass."""
    fit_windows(seen, tolerance=tolerance)
    fit = fit_windows(sorted(seen, key=lambda one: one.sent_at), tolerance=tolerance)
    if fit is not None:
        assert 0 < fit.lowest_limit <= fit.highest_limit
        assert fit.phases


@given(ANYTHING | NEARBY)
@settings(deadline=None)
def test_a_pass_is_needed_before_a_refusal(seen: list[Observation]) -> None:
    """When the first refusal comes before any pass, no window of any length is believed."""
    ordered = sorted(seen, key=lambda one: one.sent_at)
    first = min((one.sent_at for one in ordered), default=0.0)
    contradicted = [Observation(first - 1e-3, passed=False), *ordered]
    recent = [one for one in contradicted if one.sent_at < first + 4.0]
    assert fit_windows(recent) is None


FITS = st.builds(
    lambda length, lowest, open_by: WindowFit(length, lowest, lowest + open_by, (0.0,)),
    st.sampled_from([1.0, 2.0]),
    LIMITS,
    st.integers(0, 10),
)


@given(FITS, FITS)
def test_an_earlier_fit_takes_away_only_what_it_excluded(fit: WindowFit, earlier: WindowFit) -> None:
    """The rate stays, and the limit that both allow is still allowed."""
    narrowed = fit.narrowed_by(earlier)
    assert narrowed.rate == fit.rate
    assert fit.lowest_limit <= narrowed.highest_limit <= fit.highest_limit
    in_both = set(range(fit.lowest_limit, fit.highest_limit + 1)) & set(
        range(earlier.lowest_limit, earlier.highest_limit + 1)
    )
    assert max(in_both, default=narrowed.highest_limit) <= narrowed.highest_limit
