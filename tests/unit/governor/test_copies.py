"""When a request is sent again, and whose turn it is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shiftline.governor.copies import Turns, t1_for


@pytest.mark.parametrize(
    ("answer_seconds", "t1"), [(0.0, 0.5), (0.04, 0.5), (0.3, 0.5), (0.6, 0.9), (1.5, 2.25), (60.0, 2.5)]
)
def test_a_copy_waits_until_the_answer_is_late(answer_seconds: float, t1: float) -> None:
    """Half as long again as answers take, never before T1 of RFC 3261."""
    assert t1_for(answer_seconds) == pytest.approx(t1)


@given(others=st.lists(st.booleans(), min_size=2, max_size=30))
def test_neither_goes_twice_while_the_other_waits(others: list[bool]) -> None:
    """A copy that is due leaves at once, or after one that is new."""
    turns = Turns()
    went = [turns.is_copys(1.0, 1.0, other_may=other_may) for other_may in others]
    assert all(copy or other for copy, other in zip(went, others, strict=True))
    for number in range(1, len(others)):
        if others[number] and others[number - 1]:
            assert went[number] != went[number - 1]


@pytest.mark.parametrize("copy_at", [None, 1.5])
def test_nothing_leaves_before_there_is_room(copy_at: float | None) -> None:
    """Or while there is nothing to be sent again."""
    assert not Turns().is_copys(copy_at, 1.0, other_may=False)
