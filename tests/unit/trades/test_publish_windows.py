"""Publish windows on the wall clock, across both changes of the year."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from shiftline.errors import ConfigurationError
from shiftline.trades.windows import DAYS, PublishWindow

CHICAGO = ZoneInfo("America/Chicago")
HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
INSTANT = timedelta(microseconds=1)


def window(day: str, opens: time, length: timedelta = 2 * HOUR, zone: ZoneInfo = CHICAGO) -> PublishWindow:
    return PublishWindow(weekday=DAYS.index(day), opens=opens, length=length, zone=zone)


def utc(year: int, month: int, day: int, hour: int = 0, minute: int = 0) -> datetime:
    return datetime(year, month, day, hour, minute, tzinfo=UTC)


def test_days_are_numbered_as_datetime_numbers_them() -> None:
    """Monday is 0, so that a configured day means the same everywhere."""
    assert [DAYS[utc(2026, 11, day).weekday()] for day in range(2, 9)] == list(DAYS)


def test_a_window_is_open_from_its_opening_until_its_length_has_passed() -> None:
    """The opening belongs to the window, the end does not."""
    monday = window("monday", time(9))
    opening = utc(2026, 11, 23, 15)
    assert monday.contains(opening)
    assert monday.contains(opening + 2 * HOUR - INSTANT)
    assert not monday.contains(opening - INSTANT)
    assert not monday.contains(opening + 2 * HOUR)


@pytest.mark.parametrize(
    ("before", "after", "hours"),
    [
        (utc(2026, 3, 2, 15), utc(2026, 3, 9, 14), 167),
        (utc(2026, 10, 26, 14), utc(2026, 11, 2, 15), 169),
        (utc(2026, 6, 1, 14), utc(2026, 6, 8, 14), 168),
    ],
)
def test_nine_o_clock_is_nine_o_clock_on_both_sides_of_a_change(
    before: datetime, after: datetime, hours: int
) -> None:
    """The next opening is a week later on the wall clock, whatever that is in hours."""
    monday = window("monday", time(9))
    assert monday.next_opening(before) == after
    assert monday.last_opening(after - INSTANT) == before
    assert after - before == hours * HOUR


def test_an_opening_that_the_spring_change_skips_comes_an_hour_later() -> None:
    """On 2026-03-08 there is no 02:30 in Chicago; the window opens at 03:30, an hour after 01:30."""
    sunday = window("sunday", time(2, 30))
    opening = utc(2026, 3, 8, 8, 30)
    assert sunday.next_opening(utc(2026, 3, 8, 6)) == opening
    assert opening.astimezone(CHICAGO).time() == time(3, 30)
    assert sunday.last_opening(opening) == opening
    assert not sunday.contains(opening - INSTANT)
    assert sunday.contains(opening)
    assert sunday.next_opening(opening) == utc(2026, 3, 15, 7, 30)


@pytest.mark.parametrize(("opens", "hour"), [(time(1, 59), 7), (time(3), 8)])
def test_openings_beside_the_gap_stay_where_they_are(opens: time, hour: int) -> None:
    """01:59 is still standard time; 03:00, the first minute after the gap, is one minute later."""
    sunday = window("sunday", opens)
    assert sunday.next_opening(utc(2026, 3, 8, 6)) == utc(2026, 3, 8, hour, opens.minute)


def test_a_window_across_the_gap_keeps_its_real_length() -> None:
    """Two hours from 01:30 end at 04:30 on the wall clock of that night."""
    sunday = window("sunday", time(1, 30))
    end = datetime(2026, 3, 8, 4, 30, tzinfo=CHICAGO).astimezone(UTC)
    assert sunday.contains(end - INSTANT)
    assert not sunday.contains(end)


def test_an_opening_that_the_autumn_change_repeats_happens_once() -> None:
    """On 2026-11-01 01:30 comes twice in Chicago; the window opens at the first and not again."""
    sunday = window("sunday", time(1, 30), 30 * MINUTE)
    opening = utc(2026, 11, 1, 6, 30)
    assert sunday.next_opening(utc(2026, 11, 1, 5)) == opening
    assert sunday.contains(opening)
    second = datetime(2026, 11, 1, 1, 30, tzinfo=CHICAGO, fold=1).astimezone(UTC)
    assert second == opening + HOUR
    assert not sunday.contains(second)
    assert sunday.last_opening(second) == opening
    assert sunday.next_opening(second) == utc(2026, 11, 8, 7, 30)


def test_a_window_across_the_fold_keeps_its_real_length() -> None:
    """Two hours from the first 01:30 end at the 02:30 after the repeated hour."""
    sunday = window("sunday", time(1, 30))
    end = datetime(2026, 11, 1, 2, 30, tzinfo=CHICAGO).astimezone(UTC)
    assert end - sunday.last_opening(end) == 2 * HOUR
    assert sunday.contains(end - INSTANT)
    assert not sunday.contains(end)


def test_an_opening_that_falls_over_midnight_does_not_move_the_next_week() -> None:
    """Nuuk skips 23:00 to midnight on Saturday 2026-03-28: that opening is on Sunday, the next is not."""
    nuuk = ZoneInfo("America/Nuuk")
    saturday = window("saturday", time(23, 30), zone=nuuk)
    opening = saturday.next_opening(utc(2026, 3, 28, 12))
    assert opening.astimezone(nuuk).date().isoformat() == "2026-03-29"
    next_opening = saturday.next_opening(opening)
    assert next_opening.astimezone(nuuk).replace(tzinfo=None) == datetime(2026, 4, 4, 23, 30)  # noqa: DTZ001


def test_a_midnight_that_comes_twice_is_not_forgotten_when_the_date_goes_back() -> None:
    """Newfoundland went from 00:01 on Sunday back to Saturday 23:01 in 2010; Sunday's window was open."""
    newfoundland = ZoneInfo("America/St_Johns")
    sunday = window("sunday", time(0), zone=newfoundland)
    opening = datetime(2010, 11, 7, 0, tzinfo=newfoundland).astimezone(UTC)
    later = opening + 2 * MINUTE
    assert later.astimezone(newfoundland).weekday() == DAYS.index("saturday")
    assert sunday.last_opening(later) == opening
    assert sunday.contains(later)


def test_any_aware_time_may_be_asked() -> None:
    """The same instant gives the same answer in whatever zone it is written."""
    monday = window("monday", time(9))
    now = utc(2026, 11, 23, 16)
    assert monday.last_opening(now.astimezone(CHICAGO)) == monday.last_opening(now)


@pytest.mark.parametrize(
    ("weekday", "length"), [(9, HOUR), (7, HOUR), (-1, HOUR), (0, -HOUR), (0, 0 * HOUR), (0, 169 * HOUR)]
)
def test_a_window_that_no_week_has_is_refused(weekday: int, length: timedelta) -> None:
    """It would never be open, or on another day than was meant."""
    with pytest.raises(ConfigurationError):
        PublishWindow(weekday=weekday, opens=time(9), length=length, zone=CHICAGO)
