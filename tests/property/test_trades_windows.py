"""What holds of every publish window, in zones with every kind of clock change."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from hypothesis import example, given
from hypothesis import strategies as st

from shiftline.trades.windows import PublishWindow

ZONES = (
    "America/Chicago",
    "America/Nuuk",  # skips the hour before midnight
    "America/Santiago",  # skips the hour after midnight
    "America/St_Johns",  # changed at 00:01 until 2011
    "Australia/Lord_Howe",  # changes by half an hour
    "Pacific/Apia",  # skipped a whole day in 2011
    "Asia/Kathmandu",
    "UTC",
)
INSTANT = timedelta(microseconds=1)
WINDOWS = st.builds(
    PublishWindow,
    weekday=st.integers(0, 6),
    opens=st.times().map(lambda opens: opens.replace(microsecond=0)),
    length=st.timedeltas(timedelta(minutes=1), timedelta(days=2)),
    zone=st.sampled_from(ZONES).map(ZoneInfo),
)
MOMENTS = st.datetimes(datetime(1995, 1, 1), datetime(2037, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
CHANGES = st.sampled_from([datetime(2026, 3, 8, 8, tzinfo=UTC), datetime(2026, 11, 1, 7, tzinfo=UTC)])
NEAR_CHANGES = st.builds(
    lambda change, offset: change + offset, CHANGES, st.timedeltas(timedelta(days=-8), timedelta(days=8))
)
TIMES = MOMENTS | NEAR_CHANGES


def openings_by_the_calendar(window: PublishWindow, now: datetime) -> list[datetime]:
    """Walk through all days of the weeks around ``now``, without arithmetic on weeks."""
    first = now.astimezone(window.zone).date() - timedelta(days=20)
    days = [first + timedelta(days=offset) for offset in range(40)]
    opens = window.opens.replace(fold=0)
    walls = [datetime.combine(day, opens, window.zone) for day in days if day.weekday() == window.weekday]
    return sorted(wall.astimezone(UTC) for wall in walls)


@given(WINDOWS, TIMES)
@example(
    PublishWindow(weekday=6, opens=time(2, 30), length=timedelta(hours=1), zone=ZoneInfo("America/Chicago")),
    datetime(2026, 3, 8, 8, 15, tzinfo=UTC),
)
@example(
    PublishWindow(weekday=6, opens=time(1, 30), length=timedelta(hours=1), zone=ZoneInfo("America/Chicago")),
    datetime(2026, 11, 1, 7, 15, tzinfo=UTC),
)
def test_last_and_next_are_neighbours_in_the_calendar(window: PublishWindow, now: datetime) -> None:
    """The last opening is not after now, the next is, and the calendar has none between them."""
    last, following = window.last_opening(now), window.next_opening(now)
    assert last <= now < following
    openings = openings_by_the_calendar(window, now)
    assert openings.index(following) == openings.index(last) + 1


@given(WINDOWS, TIMES)
def test_walking_from_opening_to_opening(window: PublishWindow, now: datetime) -> None:
    """From the last opening the next one is after now, and each opening is its own last one."""
    last, following = window.last_opening(now), window.next_opening(now)
    assert window.next_opening(last) == following > now
    assert window.last_opening(last) == last
    assert window.last_opening(following) == following
    assert window.last_opening(following - INSTANT) == last


@given(WINDOWS, TIMES)
def test_open_exactly_for_its_length(window: PublishWindow, now: datetime) -> None:
    """A window holds now exactly if less than its length has passed since it opened."""
    assert window.contains(now) == (now - window.last_opening(now) < window.length)


@given(WINDOWS, TIMES)
@example(
    PublishWindow(
        weekday=6, opens=time(2, 0, fold=1), length=timedelta(hours=1), zone=ZoneInfo("America/Chicago")
    ),
    datetime(2026, 3, 7, 8, tzinfo=UTC),
)
def test_the_wall_clock_shows_the_opening_time(window: PublishWindow, now: datetime) -> None:
    """Whenever that wall time exists on that day, the window opens at it and on its weekday."""
    opening = window.next_opening(now)
    wall = opening.astimezone(window.zone)
    day_before = (opening - timedelta(days=1)).astimezone(window.zone)
    if wall.time() == window.opens:
        assert wall.weekday() == window.weekday
    else:
        assert wall.utcoffset() != day_before.utcoffset()


@given(WINDOWS, TIMES)
def test_weeks_are_about_a_week_long(window: PublishWindow, now: datetime) -> None:
    """A clock change moves an opening by hours, by a day at most where a whole day was skipped."""
    gap = window.next_opening(now) - window.last_opening(now)
    assert timedelta(days=6) <= gap <= timedelta(days=8)
