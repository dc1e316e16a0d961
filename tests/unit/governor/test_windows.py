"""Which windows are believed."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from shiftline.governor.limiters.counters import FixedWindow
from shiftline.governor.search import Closure
from shiftline.governor.window_fit import Observation, WindowFit
from shiftline.governor.windows import Windows


def met(limiter: FixedWindow, rate: float, closures: int) -> tuple[Windows, list[Observation], list[float]]:
    """A limiter that is met so often in windows that follow each other, and asked in tenths of a second then.

    With it, all that was seen and when it opened.
    """
    windows, seen, opened, now = Windows(), list[Observation](), list[float](), 0.0
    for _ in range(closures):
        while limiter.admits(now):
            seen.append(Observation(now, passed=True))
            now += 1.0 / rate
        began = shut = now
        seen.append(Observation(now, passed=False))
        while not limiter.admits(now := now + 0.1):
            shut = now
            seen.append(Observation(now, passed=False, is_canary=True))
        seen.append(Observation(now, passed=True, is_canary=True))
        opened.append(now)
        windows.explain(seen, Closure(began, shut, now), rate)
    return windows, seen, opened


@pytest.mark.parametrize(("limit", "length"), [(60, 3.0), (40, 4.3), (199, 8.8), (300, 13.6)])
def test_a_window_of_no_usual_length_is_found(limit: int, length: float) -> None:
    """The fourth time that it is met, at the latest."""
    windows, _, _ = met(FixedWindow(limit, length, 0.4 * length), 1.2 * limit / length, 4)
    assert windows.fit is not None
    assert windows.fit.window_seconds == pytest.approx(length, rel=0.02)
    assert windows.fit.lowest_limit == pytest.approx(limit, abs=2)


@pytest.mark.parametrize("length", [1.0, 2.0, 5.0, 10.0])
def test_a_usual_one_needs_no_rhythm(length: float) -> None:
    """One refusal is enough, and further ones change nothing."""
    limit = int(30 * length)
    for closures in (1, 4):
        windows, _, _ = met(FixedWindow(limit, length, 0.3 * length), 36.0, closures)
        assert windows.fit is not None
        assert windows.fit.window_seconds <= length


def shut_for(seconds: float, began: float) -> Closure:
    return Closure(began, began + seconds, began + seconds + 0.1)


def steady(rate: float, until: float) -> Sequence[Observation]:
    """All passed that left at that rate, then one was refused, and one passed a while later."""
    seen = [Observation(step / rate, passed=True) for step in range(int(until * rate))]
    return [*seen, Observation(until, passed=False), Observation(until + 0.9, passed=True)]


def test_a_length_that_broke_its_promise_needs_proofs() -> None:
    """Refused at what it allows, for most of its length: it is not believed for one refusal any more."""
    windows = Windows()
    windows.explain(steady(20.0, 5.0), shut_for(0.8, 5.0), 20.0)
    assert windows.fit is not None
    assert windows.fit.window_seconds == 1.0
    windows.explain(steady(windows.fit.rate, 9.0), shut_for(0.8, 9.0), windows.fit.rate)
    assert windows.width != 1.0


def test_a_measured_length_does_not_tell_when_it_ends() -> None:
    """After some windows the moment would be wrong, and nothing is asked until then."""
    windows, _, opened = met(FixedWindow(60, 3.0, 1.0), 24.0, 4)
    assert windows.fit is not None
    assert windows.ends_at(opened[-1]) is None


def test_a_kept_length_is_read_with_suspicion() -> None:
    """Any that a window may have, and none that it cannot."""
    for kept, read in [(8.8, 8.8), (1.0, 1.0), (0.0, None), (3600.0, None), (None, None)]:
        windows = Windows()
        windows.recall(kept)
        assert windows.width == read


@pytest.mark.parametrize(
    ("known", "highest"),
    [
        (WindowFit(1.0, 50, 50, (0.3,)), 50),
        (WindowFit(1.0, 43, 51, (0.3,)), 53),  # it was open
        (WindowFit(1.0, 58, 58, (0.3,)), 53),  # it was no try: what was promised was refused
    ],
)
def test_what_was_pinned_outlives_a_try(known: WindowFit, highest: int) -> None:
    """A rate that grew until it was refused alone leaves the limit open."""
    limiter, windows, seen = FixedWindow(50, 1.0, 0.3), Windows(), list[Observation]()
    now, rate = 0.0, 49.5
    while limiter.admits(now):
        seen.append(Observation(now, passed=True))
        rate *= 1.002 if now > 3.0 else 1.0
        now += 1.0 / rate
    seen.append(Observation(now, passed=False))
    opened = now + 0.15
    seen.append(Observation(opened, passed=limiter.admits(opened), is_canary=True))
    windows.fit = known
    windows.explain(seen, Closure(now, now, opened), rate)
    assert windows.fit is not None
    assert (windows.fit.lowest_limit, windows.fit.highest_limit) == (50, highest)
