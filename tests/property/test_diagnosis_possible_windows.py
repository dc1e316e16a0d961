"""Whatever the limit, the window and its phase: what a short load leaves possible holds the truth."""

from __future__ import annotations

from math import floor

from hypothesis import assume, given
from hypothesis import strategies as st

from shiftline.diagnosis.possible_windows import limit_figures, possible_windows
from shiftline.diagnosis.wording import limit_in_words
from shiftline.governor.window_fit import ROUNDING, WINDOW_LENGTHS, Observation

AT_ONCE = tuple(10.0 + number * 1e-4 for number in range(20))
BRISK = tuple(6.0 + number / 10.0 for number in range(12))


def ladder(limit: int, length: float, phase: float) -> list[Observation]:
    """A few questions, twenty at once, and 50 a second, twice, each time until the first refusals."""
    counts: dict[int, int] = {}
    seen: list[Observation] = []

    def ask(at: float) -> bool:
        window = floor((at - phase + ROUNDING) / length)
        counts[window] = counts.get(window, 0) + 1
        seen.append(Observation(at, counts[window] <= limit))
        return counts[window] <= limit

    for at in (*BRISK, *AT_ONCE):
        ask(at)
    for begin in (16.0, 30.0):
        refused = 0
        for number in range(150):
            refused += not ask(begin + number / 50.0)
            if refused == 4:
                break
    return seen


@given(
    st.integers(21, 120),
    st.sampled_from(WINDOW_LENGTHS),
    st.floats(0.0, 1.0),
)
def test_the_truth_is_among_what_is_possible(limit: int, length: float, share: float) -> None:
    seen = ladder(limit, length, share * length)
    possible = possible_windows(seen)
    assume(any(not one.passed for one in seen[32:]) and all(one.passed for one in seen[:32]))
    assert any(one.window_seconds == length and one.lowest <= limit <= one.highest for one in possible), (
        possible
    )
    figures = limit_figures(possible)
    assert figures["limit_lowest"] <= limit <= figures["limit_highest"]
    assert figures["window_seconds_lowest"] <= length <= figures["window_seconds_highest"]
    assert "requests pass in each window of" in limit_in_words(figures)


def test_without_a_refusal_nothing_is_said() -> None:
    assert possible_windows([Observation(at, passed=True) for at in BRISK]) == ()
    assert limit_figures(()) == {}
