"""No window ever holds more than a cap allows, however late the wake-ups come."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from shiftline.governor.pacer import Cap, Pacer

RATES = st.floats(0.3, 300.0)
CAPS = st.builds(Cap, st.integers(1, 40), st.sampled_from([1.0, 2.0, 10.0]))
LATENESS = st.lists(st.floats(0.0, 0.3) | st.just(0.0) | st.floats(0.0, 5.0), min_size=1, max_size=80)
ROUNDING = 1e-6


def departures(pacer: Pacer, lateness: list[float]) -> list[float]:
    now, left = pacer.now, []
    for late in lateness:
        now = max(now, pacer.free_at(now)) + late
        assert pacer.free_at(now) <= now
        pacer.take(now)
        left.append(now)
    return left


def most_within(moments: list[float], seconds: float) -> int:
    """The largest count in any half-open window of that length."""
    return max(sum(start <= moment < start + seconds for moment in moments) for start in moments)


@given(RATES, CAPS, st.none() | CAPS, LATENESS)
def test_no_window_holds_more_than_a_cap(
    rate: float, cap: Cap, ceiling: Cap | None, lateness: list[float]
) -> None:
    """A cap bounds every sliding window of its length, wherever the far end's window begins."""
    left = departures(Pacer(rate, 0.0, ceiling=ceiling, cap=cap), lateness)
    for bound in (cap, ceiling or cap):
        assert most_within(left, bound.seconds) <= bound.count


@given(RATES, CAPS, st.integers(2, 200))
def test_on_time_no_gap_is_shorter_than_the_rate_asks(rate: float, cap: Cap, count: int) -> None:
    """Whatever a cap holds back: a bucket of one token refuses the first short gap."""
    left = departures(Pacer(rate, 0.0, cap=cap), [0.0] * count)
    assert min(later - sooner for sooner, later in pairwise(left)) >= 1 / rate - ROUNDING


@given(st.integers(1, 60_000), st.sampled_from([1.0, 10.0, 30.0]), st.booleans())
@settings(max_examples=15, deadline=None)
def test_a_cap_of_any_size_binds(count: int, seconds: float, is_ceiling: bool) -> None:
    """Thousands within it are counted as well; also where it is learned when they have left."""
    cap = Cap(count, seconds)
    pacer = Pacer(1e6, 0.0, ceiling=cap if is_ceiling else None)
    for _ in range(count):
        pacer.take(pacer.free_at(0.0))
    pacer.cap = cap
    assert pacer.free_at(0.5 * seconds) >= seconds


@given(RATES, st.integers(1, 200))
def test_on_time_the_rate_is_met_exactly(rate: float, count: int) -> None:
    """Without caps and lateness the pacer loses nothing and gains nothing."""
    left = departures(Pacer(rate, 0.0), [0.0] * count)
    assert abs(left[-1] - (count - 1) / rate) < ROUNDING * count


@given(RATES, LATENESS)
def test_late_or_not_the_rate_is_never_exceeded_for_long(rate: float, lateness: list[float]) -> None:
    """Over any stretch the count is at most the rate's, plus what may be caught up, plus one."""
    left = departures(Pacer(rate, 0.0), lateness)
    for index, start in enumerate(left):
        for after, end in enumerate(left[index:], start=1):
            assert after <= (end - start + 0.2) * rate + 1 + ROUNDING


@given(RATES, CAPS, LATENESS, st.floats(0.0, 30.0))
def test_free_is_free(rate: float, cap: Cap, lateness: list[float], wait: float) -> None:
    """Asking twice changes nothing, and waiting until the told moment is enough."""
    pacer = Pacer(rate, 0.0, cap=cap)
    now = departures(pacer, lateness)[-1] + wait
    free_at = pacer.free_at(now)
    assert pacer.free_at(now) == free_at
    later = max(now, free_at)
    assert pacer.free_at(later) <= later
