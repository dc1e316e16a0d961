"""Records of limits of how many are under way at a time, and of limits of a rate before slow work."""

from __future__ import annotations

import random
from heapq import heappop, heappush

import pytest
from tests.unit.diagnosis.records import BEGIN, Answer, Fault, Pbx, Window
from tests.unit.diagnosis.test_rows import diagnosed, reported

from shiftline.diagnosis.exchange import Exchange
from shiftline.diagnosis.observe import observe
from shiftline.diagnosis.wording import limit_in_short

BUSY = Answer(503, "Service Unavailable", 0.0005)
RATES = {"throttle.source", "throttle.shared", "throttle.user", "throttle.method"}


class Places:
    """At most so many questions under way, each of which takes as long as it is told."""

    def __init__(self, places: int, seconds: float) -> None:
        self._places, self._seconds = places, seconds
        self._ends: list[float] = []

    def __call__(self, request: Exchange) -> Answer | None:
        while self._ends and self._ends[0] <= request.at:
            heappop(self._ends)
        if len(self._ends) >= self._places:
            return BUSY
        heappush(self._ends, request.at + self._seconds)
        return Answer(200, "OK", self._seconds)


def slowly(seconds: float) -> Fault:
    """Every question takes so long."""
    return lambda _: Answer(200, "OK", seconds)


def asked(*faults: Fault, apart: float = 1.5, each: int = 200, rate: float = 40.0) -> list[Exchange]:
    """Single questions, so many seconds apart, with two bursts among them."""
    chance, pbx = random.Random(4), Pbx(*faults)
    at = [BEGIN + apart * number + chance.random() for number in range(int(60.0 / apart))]
    for start in (BEGIN + 13.0, BEGIN + 38.0):
        at += [start + (number + 0.5 * chance.random()) / rate for number in range(each)]
    return [
        one for number, moment in enumerate(sorted(at)) for one in pbx.ask(moment, user=f"agent{number:04d}")
    ]


def kinds(exchanges: list[Exchange]) -> set[str]:
    """What was noticed about the whole."""
    return {mark.kind for mark in observe(exchanges)[0].marks}


@pytest.mark.parametrize(("places", "seconds"), [(3, 0.3), (5, 0.2), (8, 0.25), (12, 0.5)])
def test_places_that_become_free_at_a_steady_pace_are_no_rate(places: int, seconds: float) -> None:
    diagnosis = diagnosed(asked(Places(places, seconds)))
    assert diagnosis.cause == "throttle.concurrency"
    assert diagnosis.findings[0].figures["places"] == places
    assert "limit" not in diagnosis.findings[0].figures
    assert limit_in_short(diagnosis.findings[0].figures) == f"about {places} are under way at most"


@pytest.mark.parametrize(("limit", "seconds"), [(5, 1.0), (20, 2.0), (40, 5.0)])
def test_a_limit_of_a_rate_before_slow_work_is_none_of_places(limit: int, seconds: float) -> None:
    exchanges = asked(Window(limit, seconds, status=503), slowly(0.3))
    assert not kinds(exchanges) & {"traffic.follows-concurrency", "traffic.follows-either"}
    diagnosis = diagnosed(exchanges)
    assert reported(diagnosis) & RATES
    assert "throttle.concurrency" not in reported(diagnosis)


@pytest.mark.parametrize("fault", [Window(10, status=503), Places(10, 1.5)], ids=["rate", "places"])
def test_a_burst_that_is_over_before_anything_is_answered_leaves_both_open(fault: Fault) -> None:
    exchanges = asked(fault, slowly(1.5), apart=5.0, each=60, rate=400.0)
    diagnosis = diagnosed(exchanges)
    assert "traffic.follows-either" in kinds(exchanges)
    assert diagnosis.cause is None
    assert reported(diagnosis) >= {"throttle.concurrency", "throttle.source"}
