"""The figures that loads leave possible: a range that holds the truth, or none."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.unit.doctor.test_load_habits import first, sent

from shiftline.diagnosis.exchange import Exchange
from shiftline.diagnosis.wording import limit_in_short
from shiftline.doctor.examination.limits import limit_mark

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
    """Only what set it off."""
    after = sent("p8.pause", 114.0, 1.0, 1, lambda _: status)
    mark = limit_mark([*LOAD, *after])
    assert mark is not None
    assert ("limit" in mark.figures) is is_told
    if not is_told:
        assert (mark.figures["set_off_lowest"], mark.figures["set_off_highest"]) == (LIMIT, LIMIT)
        assert limit_in_short(mark.figures) == "it began after 30 requests within 2 s, 50 within a minute"


@pytest.mark.parametrize(
    ("seconds", "passed_beside", "is_told"), [(1.5, 0, True), (4.0, 0, False), (4.0, 2, True)]
)
def test_what_is_refused_as_long_as_a_load_goes_on_has_no_rate_that_is_known(
    seconds: float, passed_beside: int, is_told: bool
) -> None:
    """Pike counts what it refuses, in units of two seconds (K2). What is asked beside may fill a window."""
    load = sent("p8.during.source", 115.0, 125.0, round(125 * seconds), first(LIMIT, 503))
    beside = sent("p8.during.options", 117.2, 10.0, 2, first(passed_beside, 503))
    mark = limit_mark([*LOAD, *load, *(beside if passed_beside else ())])
    assert mark is not None
    assert ("limit" in mark.figures) is is_told


def exempt(one: Exchange) -> Exchange:
    """The same as a REGISTER, which the limit does not count."""
    return replace(one, method="REGISTER")


def about(one: Exchange) -> Exchange:
    """The same about a user, which it counts."""
    return replace(one, user="199")


def test_what_the_limit_does_not_count_makes_it_no_higher() -> None:
    """REGISTER is exempt, and the server itself is answered ahead of it: ten a second, and not twenty-two."""
    logins = sent("p9.register", 60.0, 200.0, 22, first(22, None), at_once=22)
    burst = sent("p9.users", 70.0, 200.0, 20, first(10, 403), at_once=20)
    load = sent("p8.during.user.source", 100.05, 200.0, 200, lambda number: 200 if number < 10 else 403)
    again = sent("p8.during.user.source", 101.05, 200.0, 120, first(10, 403))
    itself = sent("p8.during.options", 101.2, 5.0, 2, first(2, None))
    asked = [*map(exempt, logins), *map(about, [*burst, *load, *again]), *itself]
    mark = limit_mark(asked)
    assert mark is not None
    assert mark.figures["limit_lowest"] <= mark.figures["limit_highest"] == 10


@pytest.mark.parametrize(("lost", "is_told"), [(2, True), (20, False)])
def test_where_refusals_are_said_silence_is_none(lost: int, is_told: bool) -> None:
    """Much of it leaves no figure that is honest."""
    beside = sent("p8.during.source", 100.65, 50.0, 20 + lost, first(20, None))
    told = [one if one.status else replace(one, answered_after=None) for one in beside]
    assert (limit_mark([*LOAD, *told]) is not None) is is_told
