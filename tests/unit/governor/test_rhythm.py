"""How long a window may be, going by when the limiter opened."""

from __future__ import annotations

import pytest

from shiftline.governor.rhythm import Opening, lengths_between


def openings(length: float, times: list[int], *, phase: float = 0.3, late: float = 0.4) -> list[Opening]:
    """The limiter opened at the end of these windows, and we saw it up to ``late`` seconds later."""
    ends = [phase + number * length for number in times]
    return [Opening(end - late / 2.0, end + late / 2.0) for end in ends]


def test_one_opening_tells_no_length() -> None:
    """Nor does none."""
    assert lengths_between([]) == ()
    assert lengths_between(openings(5.0, [1])) == ()


def test_whole_seconds_come_first() -> None:
    """People choose those."""
    assert lengths_between(openings(7.0, [1, 2]))[0] == 7.0


def test_each_opening_tells_more() -> None:
    """Four windows later the length is known four times as finely."""
    few, many = lengths_between(openings(8.8, [1, 2])), lengths_between(openings(8.8, [1, 2, 5]))

    def spread(lengths: tuple[float, ...]) -> float:
        near = [length for length in lengths if abs(length - 8.8) < 1.0]
        return max(near) - min(near)

    assert spread(many) < spread(few) / 2.0


def test_several_windows_may_have_ended_in_between() -> None:
    """Two openings at twice the length are explained by half of it as well."""
    assert any(length == pytest.approx(4.3, abs=0.1) for length in lengths_between(openings(4.3, [1, 3])))


def test_what_lies_far_apart_tells_nothing() -> None:
    """It would fit any length."""
    assert lengths_between(openings(2.0, [1, 40])) == ()


def test_a_length_that_is_known_to_a_factor_of_two_is_none() -> None:
    """A wait that was told hides when the limiter opened: our own would be taken for the window."""
    assert lengths_between(openings(4.0, [1, 2], late=3.0)) == ()
    assert lengths_between(openings(4.0, [1, 2], late=1.2)) != ()
