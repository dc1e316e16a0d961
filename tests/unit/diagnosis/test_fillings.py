"""What a load that goes on beyond a limit tells of it, though timers come late."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

import pytest

from shiftline.diagnosis.fillings import Fillings, fillings
from shiftline.diagnosis.load_answers import LoadAnswer, LoadAnswers
from shiftline.governor.limiters.counters import SlidingWindow, TokenBucket

Admits = Callable[[float], bool]


def kept_up(admits: Admits, rate: float, seconds: float, *, at_once: int = 1) -> LoadAnswers:
    """A load of so many requests a second, each answered after 4 ms."""
    times = [100.0 + number // at_once * at_once / rate for number in range(round(rate * seconds))]
    return LoadAnswers([LoadAnswer(at, at + 0.004, admits(at + 0.002)) for at in times])


def late_windows(limit: int, length: float, seed: int) -> Admits:
    """Windows whose timer comes up to a fifth of a window late, and catches up."""
    random, begin, passed, number = Random(seed), 99.3, 0, 0
    ends = begin + length

    def admits(at: float) -> bool:
        nonlocal ends, passed, number
        while at >= ends:
            number += 1
            passed, ends = 0, begin + (number + 1) * length + random.uniform(0.0, 0.2) * length
        passed += 1
        return passed <= limit

    return admits


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("at_once", [1, 20])
@pytest.mark.parametrize(("limit", "length"), [(10, 1.0), (25, 1.0), (6, 2.0)])
def test_a_window_is_told_though_its_timer_comes_late(
    limit: int, length: float, at_once: int, seed: int
) -> None:
    rate = 200.0 if at_once > 1 else 2.5 * max(10.0, limit / length)
    found = fillings(kept_up(late_windows(limit, length, seed), rate, 4.0 * length, at_once=at_once))
    assert found is not None
    assert (found.figures["limit"], found.figures["window_seconds"]) == (limit, length)
    assert found.figures["rate_lowest"] == found.figures["rate_highest"] == limit / length


@pytest.mark.parametrize("rate", [4.0, 10.0, 25.0])
def test_of_a_bucket_the_rate_is_told(rate: float) -> None:
    found = fillings(kept_up(TokenBucket(rate, 10).admits, 2.5 * rate, 6.0))
    assert found is not None
    assert found.figures["limit"] == pytest.approx(rate, rel=0.1)
    assert found.figures["rate_lowest"] <= rate <= found.figures["rate_highest"]
    assert "window_seconds" not in found.figures


@pytest.mark.parametrize(
    ("admits", "rate", "seconds"),
    [
        (lambda _: Random(7).random() < 2.0, 25.0, 6.0),  # nothing is refused
        (SlidingWindow(10, 1.0, counts_refused=True).admits, 25.0, 6.0),  # it never passes again
        (late_windows(10, 1.0, 1), 25.0, 2.2),  # one whole window
        (late_windows(10, 1.0, 1), 2.0, 9.0),  # single questions fill nothing
    ],
)
def test_where_a_limit_did_not_fill_up_again_and_again_nothing_is_told(
    admits: Admits, rate: float, seconds: float
) -> None:
    assert fillings(kept_up(admits, rate, seconds)) is None


@pytest.mark.parametrize("seed", range(5))
def test_chance_is_no_limit(seed: int) -> None:
    """Half is refused, whatever the rate."""
    random = Random(seed)
    assert fillings(kept_up(lambda _: random.random() < 0.5, 50.0, 6.0)) is None


def test_of_several_readings_the_one_with_equal_counts_is_taken() -> None:
    """What a limit does not count passes beside it, now and then."""
    counted = kept_up(late_windows(10, 1.0, 1), 25.0, 5.0)
    beside = [LoadAnswer(at, at + 0.004, passed=True) for at in (100.1, 100.15, 102.0, 102.5, 104.0)]
    found = fillings(LoadAnswers([*counted.seen, *beside]), counted)
    assert found is not None
    assert set(found.counts) == {10}


@pytest.mark.parametrize(
    ("counts", "periods", "is_regular"),
    [
        ((10, 10), (1.0, 1.1), True),
        ((10, 10), (1.0, 0.41), False),  # what passes beside a limit looks like the next filling
        ((10, 10, 10, 10, 20), (1.0, 1.0, 1.3, 1.1, 1.6), True),  # a timer that came late
        ((3, 10, 6), (1.0, 1.0, 1.0), False),
    ],
)
def test_equal_counts_in_like_times_are_regular(
    counts: tuple[int, ...], periods: tuple[float, ...], is_regular: bool
) -> None:
    assert Fillings(counts, periods, 0.01).is_regular is is_regular
