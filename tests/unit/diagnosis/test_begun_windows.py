"""Counters that begin with a request and expire by whole seconds, as Kamailio's htable has them."""

from __future__ import annotations

import random
from collections.abc import Iterator
from math import floor

import pytest

from shiftline.diagnosis.begun_windows import may_begin_with_requests
from shiftline.diagnosis.load_answers import LoadAnswer, LoadAnswers


def logins(count: int, *, seed: int) -> Iterator[float]:
    """When single logins leave, two requests each, a second or so apart."""
    chance = random.Random(seed)
    at = 100.0 + chance.random()
    for _ in range(count):
        yield at
        yield at + 0.01
        at += 1.0 + 0.02 * chance.random()


def counted(limit: int, seconds: int, *, seed: int, timer_phase: float) -> LoadAnswers:
    """`$sht(rate=>$si) = $sht(rate=>$si) + 1` with autoexpire, updateexpire=0 and a timer of one second.

    What has expired reads as nothing; only a new entry is given a time to live, once the timer took the old.
    """
    stamp, count, seen = -1, 0, []
    previous = 0.0
    for at in logins(40, seed=seed):
        now = floor(at)
        tick = floor(at - timer_phase) + timer_phase
        if stamp < floor(tick) and tick > previous:
            stamp = -1  # the timer took it
        if stamp < 0:
            stamp, count = now + seconds, 0
        elif stamp < now:
            count = 0
        count += 1
        seen.append(LoadAnswer(at - 0.002, at + 0.002, passed=count <= limit))
        previous = at
    return LoadAnswers(seen)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize(("limit", "seconds"), [(3, 2), (2, 1), (6, 5)])
def test_such_a_counter_is_one_whenever_its_seconds_begin(limit: int, seconds: int, seed: int) -> None:
    seen = counted(limit, seconds, seed=seed, timer_phase=(seed * 0.37) % 1.0)
    assert seen.refusals
    assert may_begin_with_requests(seen)


def test_chance_is_none() -> None:
    """Of twenty records of forty logins not one is explained."""
    for seed in range(20):
        chance = random.Random(seed)
        fates = [LoadAnswer(at, at + 0.004, passed=chance.random() > 0.3) for at in logins(40, seed=seed)]
        assert not may_begin_with_requests(LoadAnswers(fates))


def test_what_passes_soon_after_a_refusal_is_none() -> None:
    """Of the shortest time that is looked at a window lasts longer than a second."""
    fates = (True, True, False, True, False, True, True, True)
    asked = [(100.0 + 0.1 * number, fate) for number, fate in enumerate(fates)]
    seen = [LoadAnswer(at, at + 0.005, passed=fate) for at, fate in asked]
    assert not may_begin_with_requests(LoadAnswers(seen))


def test_nothing_asked_contradicts_nothing() -> None:
    assert not may_begin_with_requests(LoadAnswers([]))
