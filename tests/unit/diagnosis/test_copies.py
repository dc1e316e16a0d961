"""Which copy was answered, and which a limiter dropped."""

from __future__ import annotations

import pytest

from shiftline.diagnosis.copies import arrivals_of


@pytest.mark.parametrize(
    ("copied_after", "answered_after", "answered", "dropped"),
    [
        ((), 0.1, 0.0, ()),
        ((), None, 0.0, ()),
        ((0.5, 1.5), 1.52, 1.5, (0.0, 0.5)),
        ((0.5, 1.5), None, 0.0, (0.5, 1.5)),
        ((0.5, 1.5), 1.4, 0.0, ()),  # slow, or an answer to the first copy: nothing is known to be dropped
        ((0.5, 1.5), 0.6, 0.5, (0.0, 1.5)),
    ],
)
def test_arrivals(
    copied_after: tuple[float, ...], answered_after: float | None, answered: float, dropped: tuple[float, ...]
) -> None:
    assert arrivals_of(copied_after, answered_after) == (answered, dropped)
