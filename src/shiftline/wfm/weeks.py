"""Week dates: the first day of a business unit's week, in the business unit's time zone.

Genesys keys trades by this date and never by UTC (facts/genesys.md section 2.6). All arithmetic is on
civil dates, so that a week with a clock change is still seven days long.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from shiftline.errors import PeerError

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
TRADING_WEEKS = 6
"""Agents may trade in the current week and five more (facts/genesys.md section 2.6)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WeekCalendar:
    """A business unit's weeks. ``start_day_of_week`` is an English weekday name, as Genesys sends it."""

    time_zone: str
    start_day_of_week: str

    def __post_init__(self) -> None:
        if self.start_day_of_week not in WEEKDAYS:
            raise PeerError(f"The WFM names {self.start_day_of_week!r} as the first day of the week.")
        try:
            ZoneInfo(self.time_zone)
        except (KeyError, ValueError, OSError) as error:
            raise PeerError(
                f"The WFM names {self.time_zone!r} as a time zone, which this machine does not know.",
                remedy="Install a newer tzdata package, or correct the business unit's time zone.",
            ) from error

    @property
    def zone(self) -> ZoneInfo:
        """The business unit's time zone."""
        return ZoneInfo(self.time_zone)

    def week_of(self, moment: datetime) -> date:
        """Return the first day of the week that holds this aware moment."""
        local = moment.astimezone(self.zone).date()
        since_start = (local.weekday() - WEEKDAYS.index(self.start_day_of_week)) % 7
        return local - timedelta(days=since_start)

    def trading_weeks(self, moment: datetime) -> tuple[date, ...]:
        """Return the weeks in which agents may trade at this moment, the current one first."""
        first = self.week_of(moment)
        return tuple(first + timedelta(weeks=ahead) for ahead in range(TRADING_WEEKS))
