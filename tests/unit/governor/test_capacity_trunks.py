"""Trunks that can do no more: one processor that queues, and places that are all taken."""

from __future__ import annotations

import pytest
from tests.unit.governor.journeys import changed_at, drive, trunk

from shiftline.governor.controller import Answer
from shiftline.governor.policy import GovernorPolicy
from shiftline.governor.refusals import RefusalClass
from shiftline.governor.state import Mode


class TestOneProcessor:
    """It refuses nothing: it answers later and later."""

    @pytest.mark.parametrize("rate", [20.0, 100.0])
    @pytest.mark.parametrize("seed", [1, 2])
    def test_its_rate_is_found_by_its_lateness(self, rate: float, seed: int) -> None:
        """At least nine tenths of what it can do; hardly anything is sent again.

        What its full queue loses in the first search may be given up: while the queue empties no copy leaves.
        """
        governor, journey = drive(trunk(f"cpu:{rate:.0f}/s", seed=seed), until=120.0)
        assert len(journey.passed()) >= 0.9 * 120 * rate
        assert 0.85 * rate <= governor.rate <= 1.35 * rate
        assert governor.refusal is RefusalClass.CAPACITY
        given_up = journey.answered(Answer.SILENT)
        assert all(one.at < 4.0 for one in given_up)
        assert len(given_up) <= 2 * rate
        assert sum(one.repeats for one in journey.requests) <= 0.03 * len(journey.requests)

    @pytest.mark.parametrize("rate", [6.0, 9.0, 13.0])
    @pytest.mark.parametrize("answers", [(0.003, 0.007), (0.05, 0.15)])
    def test_a_slow_one_is_not_climbed_away_from(self, rate: float, answers: tuple[float, float]) -> None:
        """Lateness tells after some seconds only: the climb waits for answers before that."""
        _, journey = drive(trunk(f"cpu:{rate:.0f}/s", answers=answers), until=120.0)
        assert len(journey.passed()) >= 0.85 * 120 * rate
        assert len(journey.between(0.0, 10.0)) <= 10 * rate + 40
        assert len(journey.answered(Answer.SILENT)) <= 60

    def test_most_answers_come_in_time(self) -> None:
        """The queue is kept short: it is met now and then, and emptied before sending goes on."""
        _, journey = drive(trunk("cpu:100/s"), until=120.0)
        took = sorted(one.answered_at - one.at for one in journey.requests if one.answered_at is not None)
        assert took[len(took) // 2] <= 0.15
        assert took[len(took) * 9 // 10] <= 1.5

    def test_one_that_becomes_slower_is_followed(self) -> None:
        """From 100 to 40 a second; half a minute later nothing waits long."""
        world = changed_at(60.0, trunk("cpu:100/s"), trunk("cpu:40/s"))
        governor, journey = drive(world, until=180.0)
        late = [one for one in journey.between(120.0, 178.0) if one.answered_at is None]
        assert journey.passed_between(100.0, 180.0) >= 0.85 * 80 * 40
        assert governor.rate <= 1.3 * 40
        assert not late


@pytest.mark.parametrize("answers", [(0.5, 0.7), (0.9, 1.1), (1.6, 2.4)])
def test_a_trunk_that_is_slow_by_nature_is_asked_once(answers: tuple[float, float]) -> None:
    """Copies of what would be answered anyway cost nothing of its rate, once its usual time is known."""
    policy = GovernorPolicy(learn=False, max_rate=20.0)
    _, journey = drive(trunk("window:20/1s", answers=answers), until=120.0, policy=policy)
    copies = [one.repeats for one in journey.between(10.0, 120.0)]
    assert sum(copies) <= 0.02 * len(copies)
    assert journey.passed_between(10.0, 115.0) >= 0.95 * 105 * 20


class TestPlaces:
    """It refuses what comes while all its places are taken."""

    @pytest.mark.parametrize("places", [5, 20])
    def test_they_are_counted_and_used(self, places: int) -> None:
        """Found by the first refusals, then one in a thousand is refused at most."""
        governor, journey = drive(trunk(f"concurrency:{places}"), until=60.0)
        assert governor.knowledge()["places"] == places
        assert governor.knowledge()["model"] == "concurrency"
        assert governor.refusal is RefusalClass.CAPACITY
        assert len(journey.passed()) >= 0.85 * 60 * places / 0.04
        assert len(journey.answered(Answer.REFUSED)) <= max(10, 0.001 * len(journey.requests))

    def test_two_are_found_within_a_minute(self) -> None:
        """So few look like a slow rate for a while."""
        governor, journey = drive(trunk("concurrency:2"), until=90.0)
        assert governor.knowledge()["places"] == 2
        assert journey.passed_between(60.0, 90.0) >= 0.85 * 30 * 2 / 0.04

    def test_never_more_are_in_flight(self) -> None:
        """Once they are known; a try for one more comes once in a peace."""
        _, journey = drive(trunk("concurrency:5"), until=60.0)
        flights = [(one.at, one.answered_at or 60.0) for one in journey.requests if one.at > 30.0]
        over = [
            at
            for number, (at, _) in enumerate(flights)
            if sum(answered > at for _, answered in flights[max(0, number - 10) : number]) >= 5
        ]
        assert len(over) <= 5

    def test_more_places_are_found(self) -> None:
        """From 2 to 4: one more after each peace."""
        world = changed_at(10.0, trunk("concurrency:2"), trunk("concurrency:4"))
        known = {"learned": True, "rate": 200.0, "places": 2, "met": 1, "price_seconds": 0.2}
        governor, _ = drive(world, until=120.0, known=known)
        assert governor.knowledge()["places"] == 4

    def test_fewer_places_are_noticed(self) -> None:
        """From 8 to 3: a handful of refusals, and three are used within ten seconds."""
        world = changed_at(20.0, trunk("concurrency:8"), trunk("concurrency:3"))
        governor, journey = drive(world, until=180.0)
        refused = [one for one in journey.answered(Answer.REFUSED) if one.at >= 20.0]
        assert journey.passed_between(30.0, 180.0) >= 0.9 * 150 * 3 / 0.04
        assert governor.knowledge()["places"] == 3
        assert governor.mode is Mode.HOLDING
        assert len(refused) <= 20
