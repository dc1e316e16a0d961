"""The week date is the business unit's, on days with a clock change too."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shiftline.errors import PeerError
from shiftline.wfm.weeks import WEEKDAYS, WeekCalendar

CHICAGO = ZoneInfo("America/Chicago")
MONDAYS = WeekCalendar(time_zone="America/Chicago", start_day_of_week="Monday")
SUNDAYS = WeekCalendar(time_zone="America/Chicago", start_day_of_week="Sunday")
SPRING = (datetime(2026, 3, 7, tzinfo=UTC), datetime(2026, 3, 10, tzinfo=UTC))
AUTUMN = (datetime(2026, 10, 31, tzinfo=UTC), datetime(2026, 11, 3, tzinfo=UTC))


def instants(around: tuple[datetime, datetime]) -> st.SearchStrategy[datetime]:
    """Moments between two, in UTC."""
    seconds = int((around[1] - around[0]).total_seconds())
    return st.integers(0, seconds).map(lambda after: around[0] + timedelta(seconds=after))


@given(st.one_of(instants(SPRING), instants(AUTUMN)), st.sampled_from(WEEKDAYS))
def test_the_week_holds_the_civil_day_around_both_clock_changes(moment: datetime, start: str) -> None:
    """The week begins on the chosen weekday, at most six civil days before the moment."""
    week = WeekCalendar(time_zone="America/Chicago", start_day_of_week=start).week_of(moment)
    assert week.strftime("%A") == start
    assert timedelta(0) <= moment.astimezone(CHICAGO).date() - week < timedelta(days=7)


@given(instants((datetime(2000, 1, 1, tzinfo=UTC), datetime(2060, 1, 1, tzinfo=UTC))))
def test_trading_weeks_are_six_and_seven_days_apart(moment: datetime) -> None:
    """The current week and five more, none skipped or doubled by a clock change."""
    weeks = MONDAYS.trading_weeks(moment)
    assert weeks[0] == MONDAYS.week_of(moment)
    assert len(weeks) == 6
    assert all(later - earlier == timedelta(days=7) for earlier, later in pairwise(weeks))


@pytest.mark.parametrize(
    ("moment", "week"),
    [
        # Spring: forward on Sunday 2026-03-08 at 2:00; midnight is 06:00 UTC before, 05:00 after.
        (datetime(2026, 3, 8, 5, 59, 59, tzinfo=UTC), date(2026, 3, 1)),
        (datetime(2026, 3, 8, 6, 0, tzinfo=UTC), date(2026, 3, 8)),
        (datetime(2026, 3, 15, 4, 59, 59, tzinfo=UTC), date(2026, 3, 8)),
        (datetime(2026, 3, 15, 5, 0, tzinfo=UTC), date(2026, 3, 15)),
        # Autumn: back on Sunday 2026-11-01 at 2:00; midnight is 05:00 UTC before, 06:00 after.
        (datetime(2026, 11, 1, 4, 59, 59, tzinfo=UTC), date(2026, 10, 25)),
        (datetime(2026, 11, 1, 5, 0, tzinfo=UTC), date(2026, 11, 1)),
        (datetime(2026, 11, 8, 5, 59, 59, tzinfo=UTC), date(2026, 11, 1)),
        (datetime(2026, 11, 8, 6, 0, tzinfo=UTC), date(2026, 11, 8)),
    ],
)
def test_a_week_turns_at_local_midnight(moment: datetime, week: date) -> None:
    """A week that starts on Sunday turns at midnight in Chicago, whatever that is in UTC."""
    assert SUNDAYS.week_of(moment) == week


def test_sunday_evening_in_chicago_is_not_next_week() -> None:
    """19:30 on Sunday in Chicago is Monday in UTC, but still the old week."""
    assert MONDAYS.week_of(datetime(2026, 11, 23, 1, 30, tzinfo=UTC)) == date(2026, 11, 16)


def test_a_calendar_that_makes_no_sense_is_the_peers_fault() -> None:
    """An unknown weekday or time zone gets one clear sentence."""
    with pytest.raises(PeerError, match="first day of the week"):
        WeekCalendar(time_zone="America/Chicago", start_day_of_week="Montag")
    with pytest.raises(PeerError, match="time zone"):
        WeekCalendar(time_zone="America/Nowhere", start_day_of_week="Monday")
