"""Publish windows: the time around a schedule publish, declared in the business unit's civil time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from shiftline.errors import ConfigurationError

DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishWindow:
    """A weekly window. ``opens`` is wall-clock time in ``zone``; ``weekday`` is 0 for Monday."""

    weekday: int
    opens: time
    length: timedelta
    zone: ZoneInfo

    def __post_init__(self) -> None:
        if not 0 <= self.weekday < len(DAYS):
            raise ConfigurationError(
                f"There is no weekday {self.weekday}.", remedy="Number the days from 0 (Monday) to 6."
            )
        if not timedelta(0) < self.length <= timedelta(days=7):
            raise ConfigurationError(
                f"A publish window of {self.length} is not possible.",
                remedy="Give it a length above nothing, and of a week at most.",
            )

    def contains(self, now: datetime) -> bool:
        """True from the opening until ``length`` of real time has passed."""
        opening = self.last_opening(now)
        return opening <= now < opening + self.length

    def last_opening(self, now: datetime) -> datetime:
        """The newest opening that is not after ``now``, in UTC."""
        return max(opening for opening in self._openings_around(now) if opening <= now)

    def next_opening(self, now: datetime) -> datetime:
        """The first opening after ``now``, in UTC: a week on the wall clock, not 168 hours."""
        return min(opening for opening in self._openings_around(now) if opening > now)

    def _openings_around(self, now: datetime) -> list[datetime]:
        # Weekly by the date, never from the last opening: where the spring change skips midnight, an
        # opening late in the evening falls on the next day.
        local = now.astimezone(self.zone)
        day = local.toordinal() - (local.weekday() - self.weekday) % 7
        return [self._opening_on(day + shift) for shift in (-7, 0, 7, 14)]

    def _opening_on(self, ordinal: int) -> datetime:
        # A wall time that the spring change skips is taken an hour later, as zoneinfo's fold 0 does;
        # one that the autumn change repeats opens at its first occurrence.
        opens = self.opens.replace(fold=0)
        wall = datetime.combine(datetime.fromordinal(ordinal), opens, tzinfo=self.zone)
        return wall.astimezone(UTC)
