"""Agents and six weeks of shifts for a scenario, from a seeded source of randomness."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from random import Random
from uuid import UUID

from shiftline.lab.org.entities import ManagementUnit, OrgShift, User
from shiftline.wfm.weeks import TRADING_WEEKS, WeekCalendar

SHIFT_LENGTH = timedelta(hours=8)
DAYS_A_WEEK = 4
LARGEST_UNIT = 1_500
"""A management unit holds at most this many agents (facts/genesys.md section 7.2)."""
_STARTS = (6, 7, 8, 10, 12, 14, 15, 22)
_ON_DUTY_STARTS = (6, 7, 8)
_FIRST_NAMES = (
    "Ada Alma Amir Ana Ben Chidi Dana Elif Emma Farid Hana Hugo Ines Ivan Kofi Lena Luz Maya Mei Omar"
)
_LAST_NAMES = (
    "Abebe Bauer Brown Chen Costa Diaz Evans Flores Green Haddad Ito Kaya Khan Lopez Novak Patel Reyes Singh"
)


def new_id(rng: Random) -> str:
    """Return an id as Genesys makes them."""
    return str(UUID(int=rng.getrandbits(128), version=4))


@dataclass(frozen=True, slots=True, kw_only=True)
class Workforce:
    """Who there is, who works what, and who is working at the moment of publishing."""

    units: tuple[ManagementUnit, ...]
    users: tuple[User, ...]
    shifts: dict[str, list[OrgShift]]
    """By agent; those who have none are missing."""

    def members(self) -> Iterator[list[User]]:
        """Yield the agents of each management unit."""
        for unit in self.units:
            yield [user for user in self.users if user.management_unit == unit.id]


def hire(
    rng: Random,
    *,
    agents: int,
    without_address: int,
    published_at: datetime,
    calendar: WeekCalendar,
    sip_domain: str,
) -> Workforce:
    """Return ``agents`` agents; about half of them work at ``published_at``, the others do not."""
    unit_count = max(2, -(-agents // LARGEST_UNIT))
    units = tuple(ManagementUnit(id=new_id(rng), name=f"Team {number + 1}") for number in range(unit_count))
    unreachable = set(rng.sample(range(agents), without_address))
    users = tuple(
        User(
            id=new_id(rng),
            name=f"{rng.choice(_FIRST_NAMES.split())} {rng.choice(_LAST_NAMES.split())}",
            management_unit=units[number * unit_count // agents].id,
            address=None if number in unreachable else f"sip:{sip_user(number)}@{sip_domain}",
        )
        for number in range(agents)
    )
    planner = _Planner(rng, published_at, calendar)
    return Workforce(units=units, users=users, shifts={user.id: planner.plan(user.id) for user in users})


def sip_user(number: int) -> str:
    """Return the SIP user of the agent with this place in the list, counted from 0."""
    return f"agent{number + 1:04d}"


class _Planner:
    """Plans an agent's shifts: four days a week, always at the agent's own hour."""

    def __init__(self, rng: Random, published_at: datetime, calendar: WeekCalendar) -> None:
        self._rng = rng
        self._calendar = calendar
        self._today = published_at.astimezone(calendar.zone).date()
        self._published_at = published_at

    def plan(self, user: str) -> list[OrgShift]:
        hour, on_duty = self._rng.choice(_STARTS), self._rng.random() < 0.5
        days = sorted(self._rng.sample(range(7), DAYS_A_WEEK))
        first = self._calendar.week_of(self._published_at)
        dates = (first + timedelta(weeks=week, days=day) for week in range(TRADING_WEEKS) for day in days)
        planned = [self._shift(user, day, hour) for day in dates if day != self._today]
        if on_duty:
            planned.append(self._shift(user, self._today, self._rng.choice(_ON_DUTY_STARTS)))
        return sorted(planned, key=lambda shift: shift.starts_at)

    def _shift(self, user: str, day: date, hour: int) -> OrgShift:
        # Civil hours: a shift that begins before a clock change is still eight hours long.
        start = datetime.combine(day, time(hour), tzinfo=self._calendar.zone).astimezone(UTC)
        return OrgShift(
            id=new_id(self._rng),
            user=user,
            starts_at=start,
            ends_at=start + SHIFT_LENGTH,
            week_date=self._calendar.week_of(start),
        )
