"""The figures that loads leave possible: a range that holds the truth, or none."""

from __future__ import annotations

import pytest
from tests.unit.doctor.test_load_habits import first, sent

from shiftline.doctor.examination.noticing import limit_mark

RAISED = "p8.options.raised"
LIMIT = 30
LOAD = [
    *sent("p9.options", 70.0, 200.0, 20, first(20, None), at_once=20),
    *sent(RAISED, 100.0, 50.0, 60, first(LIMIT, 503)),
]


def test_a_limit_is_that_of_the_load_and_not_of_others_whom_it_refused_meanwhile() -> None:
    """The second source asked three times, and passed once."""
    other = sent("p8.during.source", 101.3, 20.0, 3, first(1, None), source="b")
    mark = limit_mark([*LOAD, *other])
    assert mark is not None
    assert mark.figures["limit_lowest"] <= LIMIT <= mark.figures["limit_highest"]
    assert mark.figures["limit_lowest"] > 3


@pytest.mark.parametrize(("status", "is_told"), [(200, True), (503, False), (None, False)])
def test_what_is_still_refused_after_the_pause_has_no_window_that_is_known(
    status: int | None, is_told: bool
) -> None:
    after = sent("p8.pause", 114.0, 1.0, 1, lambda _: status)
    assert (limit_mark([*LOAD, *after]) is not None) is is_told
