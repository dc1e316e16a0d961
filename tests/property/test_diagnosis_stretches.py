"""A limit is never refuted by a record of it, wherever the record begins."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from shiftline.diagnosis.load_answers import LoadAnswer, LoadAnswers
from shiftline.diagnosis.passive.stretches import _known, explained
from shiftline.diagnosis.possible_limits import possible_windows

GAPS = st.lists(st.floats(0.05, 3.0), min_size=20, max_size=150)
LENGTHS = st.sampled_from([1.0, 2.0, 5.0, 10.0])


def answers(gaps: list[float], limit: int, length: float, phase: float) -> list[LoadAnswer]:
    """Of a limiter with fixed windows, which decides as soon as a request leaves."""
    passed: dict[int, int] = {}
    found, at = [], 1000.0
    for gap in gaps:
        at += gap
        window = int((at - phase) // length)
        passed[window] = passed.get(window, 0) + 1
        found.append(LoadAnswer(at, at + 0.001, passed=passed[window] <= limit))
    return found


@given(GAPS, st.integers(1, 8), LENGTHS, st.floats(0.0, 10.0), st.integers(0, 100))
def test_the_limit_explains_what_it_refused(
    gaps: list[float], limit: int, length: float, phase: float, start: int
) -> None:
    known = LoadAnswers(_known(answers(gaps, limit, length, phase), min(start, len(gaps) - 1)))
    if known.refusals:
        windows = {one.window_seconds: one for one in possible_windows(known)}
        assert windows[length].lowest <= limit <= windows[length].highest


@given(GAPS, st.integers(1, 8), LENGTHS, st.floats(0.0, 10.0), st.integers(20, 100))
def test_what_was_refused_long_after_all_that_passed_met_no_limit(
    gaps: list[float], limit: int, length: float, phase: float, place: int
) -> None:
    line = answers(gaps, limit, length, phase)[:place]
    line.append(LoadAnswer(line[-1].answered_at + 10.5, line[-1].answered_at + 10.6, passed=False))
    assert explained([line]) is None
