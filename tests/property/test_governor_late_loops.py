"""A driver that gets its turn late learns no worse rate, and never one that it did not send at."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.governor.journeys import LEARNING, MANY, trunk

from shiftline.governor.controller import Answer
from shiftline.governor.governor import Governor
from shiftline.governor.simulation.bank import Beginning, case
from shiftline.governor.simulation.engine import Sender, travel_together
from shiftline.governor.simulation.journey import Reply
from shiftline.governor.simulation.trial import attempt

LIMIT = 50
LATEST = 0.1  # seconds
SEEDS = st.integers(0, 10_000)
HIGHEST = 250.0  # requests per second: what a punctual climb reaches there, and half as much again


def lateness(mean: float, seed: int) -> Callable[[], float]:
    """From none to twice the mean (seconds)."""
    random = Random(seed)
    return lambda: 2.0 * mean * random.random()


@given(st.floats(0.0, LATEST), SEEDS)
@settings(max_examples=3, deadline=None)
def test_the_limit_is_learned_and_held_however_late(mean: float, seed: int) -> None:
    """Ten minutes from cold on a machine that is late by so much on average, and twice that at worst."""
    late = case(f"window:{LIMIT}/1s", late_ms=1000.0 * mean)
    outcome = attempt("shiftline", late, Beginning.COLD, Random(seed).random)
    assert outcome.efficiency >= 0.8
    assert outcome.refused_share <= 0.02


@given(st.floats(0.0, LATEST), SEEDS)
@settings(max_examples=6, deadline=None)
def test_the_rate_is_never_far_above_what_leaves(mean: float, seed: int) -> None:
    """It was 10,000/s after a minute. A turn that comes in time at last finds no rate that nobody tried."""
    governor = Governor(LEARNING, 0.0)
    fastest = 0.0
    world = trunk(f"window:{LIMIT}/1s", seed=seed)

    def watched(now: float, credentials: bool) -> Reply:
        nonlocal fastest
        fastest = max(fastest, governor.rate)
        return world(now, credentials)

    late = lateness(mean, seed)
    sender = Sender(governor, watched, MANY)
    travel_together([sender], until=60.0, late=late)
    assert fastest <= HIGHEST
    assert governor.knowledge()["learned"]
    lately = sender.journey.between(30.0, 60.0)
    assert sum(one.reply.answer is Answer.REFUSED for one in lately) <= 0.03 * len(lately)


@given(st.floats(0.0, LATEST), SEEDS)
@settings(max_examples=6, deadline=None)
def test_a_declared_rate_is_kept_however_late(mean: float, seed: int) -> None:
    """What a late turn missed is made good below the ceiling: it was 0.32 at a mean of 100 ms."""
    late = case(f"window:{LIMIT}/1s", late_ms=1000.0 * mean)
    outcome = attempt("shiftline", late, Beginning.DECLARED, Random(seed).random, horizon=60.0)
    assert outcome.efficiency >= 0.8
    assert outcome.refused_share == 0.0
