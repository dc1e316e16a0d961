"""Whatever the openings, the suggested lengths are lengths, and the true one is among them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from tests.unit.governor.test_rhythm import openings

from shiftline.governor.rhythm import LONGEST, LOOSE, Opening, lengths_between


@given(
    st.floats(1.0, LONGEST - 1.0),
    st.lists(st.integers(1, 30), min_size=1, max_size=4),
    st.floats(0.01, 0.4),
)
def test_the_true_length_is_within_what_is_suggested(length: float, gaps: list[int], late: float) -> None:
    """If two windows followed each other: not farther off than the openings are known.

    Unless they are known so badly that it may be twice as long as it may be short: that is no length.
    """
    times = [1, 2]
    for gap in gaps:
        times.append(times[-1] + gap)
    suggested = lengths_between(openings(length, times, late=late))
    if not suggested:
        assert length + late > LOOSE * (length - late)
        return
    assert min(abs(one - length) for one in suggested) <= late


@given(st.lists(st.tuples(st.floats(0.0, 1e6), st.floats(0.0, 1e3)), max_size=6))
def test_no_openings_are_too_odd(pairs: list[tuple[float, float]]) -> None:
    """In any order, of any length: every suggestion is a length."""
    lengths = lengths_between([Opening(at, at + wide) for at, wide in pairs])
    assert all(0.0 < length <= LONGEST for length in lengths)
