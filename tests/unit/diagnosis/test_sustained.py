"""The limits of buckets and sliding windows, found from what passed before each refusal."""

from __future__ import annotations

from random import Random

import pytest

from shiftline.diagnosis.passive.sustained import sustained_limit
from shiftline.governor.limiters.counters import SlidingWindow, TokenBucket
from shiftline.governor.limiters.model import Counter
from shiftline.governor.window_fit import Observation


def load(counter: Counter, rate: float, seconds: float, *, seed: int = 1) -> list[Observation]:
    """Requests at random moments, at this rate, each judged."""
    random, at, seen = Random(seed), 100.0, []
    while at < 100.0 + seconds:
        at += random.expovariate(rate)
        seen.append(Observation(at, counter.admits(at)))
    return seen


@pytest.mark.parametrize(("limit", "window"), [(29, 1.0), (10, 2.0), (255, 5.0), (190, 10.0)])
def test_a_sliding_window_is_found_with_its_length(limit: int, window: float) -> None:
    counter = SlidingWindow(limit=limit, window_seconds=window)
    found = sustained_limit(load(counter, 3.0 * limit / window, 3.0 * window + 3.0))
    assert found is not None
    assert found.is_window
    assert found.window_seconds == window
    assert found.passed == pytest.approx(limit, abs=1.0)


@pytest.mark.parametrize(("rate", "burst"), [(36.0, 90), (15.0, 7), (5.0, 40)])
def test_the_rate_of_a_bucket_is_found_whatever_it_holds(rate: float, burst: int) -> None:
    found = sustained_limit(load(TokenBucket(rate=rate, burst=burst), max(60.0, 3.0 * rate), 12.0))
    assert found is not None
    assert found.passed / found.window_seconds == pytest.approx(rate, rel=0.1)


def test_refusals_by_chance_have_no_limit() -> None:
    """An overloaded server refuses some at any moment: what passed before a refusal is any number."""
    random = Random(3)
    seen = [Observation(number * random.uniform(0.01, 0.03), random.random() < 0.3) for number in range(800)]
    found = sustained_limit(sorted(seen, key=lambda one: one.sent_at))
    assert found is None or not found.is_window


@pytest.mark.parametrize("passed", [True, False])
def test_what_is_never_or_always_refused_tells_no_limit(passed: bool) -> None:
    assert sustained_limit([Observation(number * 0.01, passed) for number in range(3000)]) is None
    assert sustained_limit([]) is None
