"""Publish windows: the time around a schedule publish, declared in the business unit's civil time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishWindow:
    """A weekly window. ``opens`` is wall-clock time in ``zone``; ``weekday`` is 0 for Monday."""

    weekday: int
    opens: time
    length: timedelta
    zone: ZoneInfo

    def contains(self, now: datetime) -> bool:
        """True from the opening until ``length`` of real time has passed."""
        opening = self.last_opening(now)
        return opening <= now < opening + self.length

    def last_opening(self, now: datetime) -> datetime:
        """The newest opening that is not after ``now``, in UTC."""
        local = now.astimezone(self.zone)
        day = local.date() - timedelta(days=(local.weekday() - self.weekday) % 7)
        opening = self._opening_on(day.toordinal())
        return opening if opening <= now else self._opening_on(day.toordinal() - 7)

    def next_opening(self, now: datetime) -> datetime:
        """The first opening after ``now``, in UTC: a week on the wall clock, not 168 hours."""
        opened = self.last_opening(now).astimezone(self.zone).date()
        return self._opening_on(opened.toordinal() + 7)

    def _opening_on(self, ordinal: int) -> datetime:
        # A wall time that the spring change skips is taken an hour later, as zoneinfo's fold 0 does;
        # one that the autumn change repeats opens at its first occurrence.
        wall = datetime.combine(datetime.fromordinal(ordinal), self.opens, tzinfo=self.zone)
        return wall.astimezone(UTC)
