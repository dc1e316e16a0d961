"""The leaky bucket and its caps."""

from __future__ import annotations

from itertools import pairwise

import pytest

from shiftline.governor.pacer import (
    AT_CEILING,
    CATCH_UP_SECONDS,
    WINDOW_MARGIN,
    Cap,
    Pacer,
)


def departures(pacer: Pacer, now: float, count: int) -> list[float]:
    """Send as soon as allowed, ``count`` times."""
    left = []
    for _ in range(count):
        now = max(now, pacer.free_at(now))
        pacer.take(now)
        left.append(now)
    return left


def test_requests_leave_one_by_one_at_the_rate() -> None:
    """Ten a second are a tenth of a second apart, the first at once."""
    left = departures(Pacer(10.0, 5.0), 5.0, 11)
    assert left == pytest.approx([5.0 + step / 10 for step in range(11)])


def test_a_late_wakeup_is_made_good() -> None:
    """A busy machine costs no throughput: below a cap, what was missed leaves at once."""
    pacer = Pacer(10.0, 0.0, cap=Cap(10, 1.0))
    departures(pacer, 0.0, 1)
    assert departures(pacer, 0.25, 3) == pytest.approx([0.25, 0.25, 0.3])


def test_what_a_cap_put_off_is_not_made_good() -> None:
    """It was no lateness: behind it the rhythm goes on, each gap a whole one."""
    pacer = Pacer(10.0, 0.0, cap=Cap(5, 2.0))
    left = departures(pacer, 0.0, 8)
    assert left[5] == pytest.approx(2.0 + WINDOW_MARGIN)
    assert left[6] - left[5] == pytest.approx(0.1)


def test_a_cap_that_holds_for_a_moment_leaves_no_short_gap() -> None:
    """A cap of ten in 1.01 s at 10/s: the gap behind it had been short by a hundredth of a second."""
    left = departures(Pacer(10.0, 0.0, cap=Cap(10, 1.0)), 0.0, 40)
    assert min(later - sooner for sooner, later in pairwise(left)) >= 0.1 - 1e-9
    assert left[30] == pytest.approx(3 * (1.0 + WINDOW_MARGIN))


@pytest.mark.parametrize(("makes_good", "gap"), [(False, 0.1), (True, 0.001)])
def test_one_is_made_good_behind_a_cap_that_may_be_too_low(makes_good: bool, gap: float) -> None:
    """Only one, however long the cap held, and as soon as it has room."""
    pacer = Pacer(1000.0, 0.0, cap=Cap(3, 1.0), makes_good=makes_good)
    departures(pacer, 0.0, 3)
    pacer.rate = 10.0
    left = departures(pacer, 0.0, 3)
    assert left[1] - left[0] == pytest.approx(gap)
    assert left[2] - left[1] == pytest.approx(0.1, abs=0.002)


def test_time_without_work_is_not_made_good() -> None:
    """Requests that come after a pause of the work leave at the rate, at once or late."""
    pacer = Pacer(10.0, 0.0)
    departures(pacer, 0.0, 1)
    pacer.had_nothing(0.5, 0.5)
    assert departures(pacer, 0.5, 3) == pytest.approx([0.5, 0.6, 0.7])
    pacer.had_nothing(1.5, 0.1)
    assert departures(pacer, 1.5, 3).count(1.5) == 2  # late by a hundred beside that, and its own place


def test_only_time_in_which_something_left_was_used() -> None:
    """A driver that was late for a second, and sent three of a hundred, has tried the rate for 30 ms."""
    pacer = Pacer(100.0, 0.0)
    departures(pacer, 1.0, 3)
    assert pacer.used_of(0.25) == pytest.approx(0.03)
    assert pacer.used_of(0.25) == 0.0


def test_time_is_used_once_whenever_it_is_asked() -> None:
    """On time, all of it is."""
    pacer = Pacer(100.0, 0.0)
    used = 0.0
    for now in (0.01 * turn for turn in range(101)):
        used += pacer.used_of(0.01)
        pacer.take(now)
    assert used == pytest.approx(1.0)


def test_a_rate_is_ahead_of_what_left_beyond_twice_that() -> None:
    """As TCP has it with its window (RFC 7661)."""
    pacer = Pacer(100.0, 0.0)
    departures(pacer, 0.0, 50)
    assert not pacer.is_ahead(0.5, since=0.0)
    pacer.rate = 250.0
    assert pacer.is_ahead(0.5, since=0.0)
    assert not pacer.is_ahead(0.005, since=0.004)  # nothing could leave yet


def test_it_is_kept_how_long_there_was_nothing_to_send() -> None:
    """As a share of any span, also where a pause reaches over its ends."""
    pacer = Pacer(10.0, 0.0)
    pacer.had_nothing(1.0, 0.5)
    pacer.had_nothing(3.0, 1.0)
    assert pacer.idle_share(0.75, 2.75) == pytest.approx((0.25 + 0.75) / 2)
    assert pacer.idle_share(1.0, 2.0) == 0.0


def test_a_long_rest_is_not_made_good() -> None:
    """After a pause no more than the catch-up time may leave at once."""
    pacer = Pacer(10.0, 0.0, cap=Cap(10, 1.0))
    departures(pacer, 0.0, 1)
    left = departures(pacer, 60.0, 10)
    assert left.count(60.0) == 1 + int(CATCH_UP_SECONDS * 10)


def test_a_restart_forgets_what_was_missed() -> None:
    """A new rhythm begins at the given moment, also at a later one."""
    pacer = Pacer(10.0, 0.0)
    pacer.restart(7.0)
    assert pacer.free_at(3.0) == 7.0
    assert departures(pacer, 7.0, 2) == pytest.approx([7.0, 7.1])


def test_the_cap_bounds_the_count_and_not_the_rhythm() -> None:
    """Below its count the cap is not felt; at its count the next waits until the oldest has left it."""
    pacer = Pacer(100.0, 0.0, cap=Cap(3, 1.0))
    left = departures(pacer, 0.0, 5)
    after = 1.0 + WINDOW_MARGIN
    assert left == pytest.approx([0.0, 0.01, 0.02, after, after + 0.01], abs=1e-6)


def test_the_ceiling_holds_beside_the_cap() -> None:
    """Whichever of the two is stricter decides."""
    pacer = Pacer(100.0, 0.0, ceiling=Cap(2, 1.0), cap=Cap(3, 2.0))
    assert departures(pacer, 0.0, 4) == pytest.approx([0.0, 0.01 * AT_CEILING, 1.01, 2.01], abs=1e-6)


def test_the_room_under_the_ceiling_does_not_ask_for_the_rate() -> None:
    """A canary keeps to the declared ceiling, but not to the rhythm that was refused."""
    pacer = Pacer(0.5, 0.0, ceiling=Cap(2, 1.0), cap=Cap(1, 1.0))
    pacer.take(0.0)
    assert pacer.ceiling_room_at() < 0.0
    pacer.take(0.1)
    assert pacer.ceiling_room_at() == pytest.approx(1.0 + WINDOW_MARGIN)


def test_a_cap_set_later_counts_what_left_before() -> None:
    """A limit learned just now was already used up by what left in its window."""
    pacer = Pacer(100.0, 0.0)
    departures(pacer, 0.0, 5)
    pacer.cap = Cap(5, 10.0)
    assert pacer.free_at(3.0) == pytest.approx(10.0 + WINDOW_MARGIN)
