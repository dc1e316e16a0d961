"""Trunks of which something is known from a life before."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.unit.governor.journeys import LEARNING, checks_refused, drive, trunk

from shiftline.governor.controller import Answer
from shiftline.governor.governor import Governor
from shiftline.governor.policy import GovernorPolicy
from shiftline.governor.search import DEAREST, KNOWN_PEACE
from shiftline.governor.state import Mode

WEEK = 7 * 86_400.0
MONDAY = 2.5 * 86_400.0


def kept(governor: Governor, age: float = 0.0) -> dict[str, Any]:
    """What comes back from the database after so many seconds."""
    known: dict[str, Any] = json.loads(json.dumps(governor.knowledge()))
    return known | {"age_seconds": age}


def lived(limiter: str, until: float = 60.0) -> Governor:
    """One that has learned about such a trunk."""
    return drive(trunk(limiter), until=until)[0]


@pytest.mark.parametrize(
    "limiter", ["window:50/1s", "window:100/5s", "bucket:50/s,burst=10", "concurrency:5"]
)
def test_what_was_learned_comes_back(limiter: str) -> None:
    """Rate, window and its cap, places, price and how often it was met."""
    before = lived(limiter)
    after = Governor(LEARNING, 0.0, kept(before))
    names = ("rate", "limit", "window_seconds", "places", "price_seconds", "met", "learned", "model")
    old, new = before.knowledge(), after.knowledge()
    assert {name: new[name] for name in names} == {name: old[name] for name in names}


@pytest.mark.parametrize(
    "limiter", ["window:50/1s", "window:100/5s", "bucket:50/s,burst=10", "concurrency:5"]
)
def test_the_burst_after_the_weekend_does_not_begin_blind(limiter: str) -> None:
    """In its first minute as fast as the last one of Friday, and fewer than one in a hundred is refused."""
    before = lived(limiter)
    governor, journey = drive(trunk(limiter, seed=7), until=60.0, known=kept(before, MONDAY))
    _, friday = drive(trunk(limiter), until=60.0)
    assert len(journey.passed()) >= 0.95 * friday.passed_between(0.0, 60.0)
    assert len(checks_refused(journey)) <= 0.01 * len(journey.requests)
    assert governor.mode is Mode.HOLDING


def test_after_a_restart_there_is_peace_for_as_long_as_the_price_says() -> None:
    """A hundred times what the last refusal cost, whatever the rate."""
    known = {"learned": True, "rate": 40.0, "met": 1, "price_seconds": 2.0, "proven": True}
    _, journey = drive(trunk("window:50/1s"), until=DEAREST * 2.0, known=known)
    assert not journey.answered(Answer.REFUSED)
    governor, _ = drive(trunk("window:50/1s"), until=DEAREST * 2.0, known=known)
    assert governor.rate == 40.0


def test_where_the_price_was_not_kept_there_is_peace_for_a_quarter_of_an_hour() -> None:
    """An older version kept the rate alone; then more is tried."""
    known = {"learned": True, "rate": 10.0, "proven": True}
    quiet, _ = drive(trunk("window:50/1s"), until=KNOWN_PEACE - 1.0, known=known)
    assert quiet.rate == 10.0
    trying, _ = drive(trunk("window:50/1s"), until=KNOWN_PEACE + 30.0, known=known)
    assert trying.rate > 10.0


def test_a_known_cap_holds_in_any_window() -> None:
    """The count of the window is part of what is known."""
    known = {"learned": True, "rate": 20.0, "window_seconds": 5.0, "met": 1, "price_seconds": 5.0}
    _, journey = drive(trunk("window:1000/1s"), until=60.0, known=known)
    moments = [one.at for one in journey.requests]
    assert len(moments) >= 0.95 * 60 * 20
    for at in moments:
        assert sum(at <= other < at + 5.0 for other in moments) <= 100


def test_known_places_are_kept_from_the_first_second_on() -> None:
    """A warm start does not meet them."""
    known = {"learned": True, "rate": 500.0, "places": 5, "met": 3, "price_seconds": 1.0, "proven": True}
    _, journey = drive(trunk("concurrency:5"), until=50.0, known=known)
    assert not journey.answered(Answer.REFUSED)
    assert len(journey.passed()) >= 0.85 * 50 * 5 / 0.04


class TestAge:
    """How old it is, and how sure."""

    def test_it_grows_over_lives(self) -> None:
        """Learned ten seconds before the end, kept for an hour, and five seconds of the new life."""
        known = {"learned": True, "rate": 20.0, "learned_ago": 10.0, "age_seconds": 3600.0}
        governor = Governor(LEARNING, 500.0, known)
        governor.permission(505.0)
        assert governor.knowledge()["learned_ago"] == pytest.approx(3615.0)
        again = Governor(LEARNING, 0.0, kept(governor, 100.0))
        assert again.knowledge()["learned_ago"] == pytest.approx(3715.0)

    def test_confidence_halves_with_each_week(self) -> None:
        """Of a limit of places, which is known exactly; after a month little is left."""
        sure = {"learned": True, "rate": 100.0, "places": 5, "met": 3}
        by_age = [
            Governor(LEARNING, 0.0, sure | {"age_seconds": weeks * WEEK}).knowledge()["confidence"]
            for weeks in (0, 1, 2, 4)
        ]
        assert by_age == [pytest.approx(0.95 / 2**weeks, abs=0.006) for weeks in (0, 1, 2, 4)]

    def test_a_restart_does_not_forget_how_sure_it_was(self) -> None:
        """It was 0, and stayed so for as long as nothing was refused; it halves with each week from there."""
        governor, _ = drive(trunk("window:50/1s"), until=20.0)
        sure = governor.knowledge()["confidence"]
        assert sure >= 0.9
        again = Governor(LEARNING, 0.0, kept(governor, WEEK))
        assert again.knowledge()["confidence"] == pytest.approx(sure / 2, abs=0.02)
        third = Governor(LEARNING, 0.0, kept(again, WEEK))
        assert third.knowledge()["confidence"] == pytest.approx(sure / 4, abs=0.02)

    def test_a_clock_that_steps_back_makes_nothing_younger(self) -> None:
        """It stands still until it has caught up: what counts is the latest moment that was told."""
        governor = Governor(LEARNING, 0.0, {"learned": True, "rate": 45.0})
        governor.permission(500.0)
        governor.permission(100.0)
        assert governor.knowledge()["learned_ago"] == 500.0

    def test_what_is_learned_anew_is_as_sure_as_it_is(self) -> None:
        """A limit that was refused just now is not believed for what was known of another one."""
        known = {"learned": True, "rate": 45.0, "met": 1, "price_seconds": 0.3, "confidence": 1.0}
        governor = Governor(LEARNING, 0.0, known)
        assert governor.knowledge()["confidence"] == 1.0
        governor, _ = drive(trunk("bucket:10/s,burst=5"), until=20.0, known=known)
        assert governor.knowledge()["confidence"] < 1.0

    def test_a_new_conclusion_begins_anew(self) -> None:
        """What was refused a minute ago is not a weekend old."""
        known = {"learned": True, "rate": 80.0, "met": 1, "age_seconds": MONDAY, "price_seconds": 0.3}
        governor, _ = drive(trunk("window:50/1s"), until=20.0, known=known)
        assert governor.knowledge()["learned_ago"] <= 20.0
        assert governor.knowledge()["confidence"] >= 0.5


def test_without_leave_to_learn_what_was_learned_still_binds() -> None:
    """A rate that came down stays down; one above the declared rate is not ours."""
    declared = GovernorPolicy(max_rate=20.0)
    assert Governor(declared, 0.0, {"learned": True, "rate": 8.0}).rate == 8.0
    assert Governor(declared, 0.0, {"learned": True, "rate": 80.0}).rate == 20.0
