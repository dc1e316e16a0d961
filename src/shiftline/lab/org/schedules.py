"""Who works which shift. Shifts keep their id when they change hands."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace
from datetime import date, datetime

from shiftline.lab.org.entities import OrgShift


class Schedules:
    """All shifts of a business unit, by shift and by agent, and which weeks are published."""

    def __init__(self, shifts: Iterable[OrgShift], *, unpublished: Iterable[date] = ()) -> None:
        self._shifts = {shift.id: shift for shift in shifts}
        self._of_user: defaultdict[str, dict[str, None]] = defaultdict(dict)
        for shift in self._shifts.values():
            self._of_user[shift.user][shift.id] = None
        self._unpublished = set(unpublished)

    def of(self, user: str) -> list[OrgShift]:
        """Return an agent's shifts, earliest first."""
        mine = [self._shifts[shift] for shift in self._of_user.get(user, ())]
        return sorted(mine, key=lambda shift: shift.starts_at)

    def touching(self, user: str, starts_at: datetime, ends_at: datetime) -> list[OrgShift]:
        """Return an agent's shifts that cover some moment of this interval, earliest first."""
        return [shift for shift in self.of(user) if shift.starts_at < ends_at and starts_at < shift.ends_at]

    def belongs(self, shift: str, user: str) -> bool:
        """True if this agent works this shift now."""
        known = self._shifts.get(shift)
        return known is not None and known.user == user

    def hand_over(self, shift: str, user: str) -> None:
        """Give a shift to another agent."""
        known = self._shifts[shift]
        del self._of_user[known.user][shift]
        self._of_user[user][shift] = None
        self._shifts[shift] = replace(known, user=user)

    def remove(self, shift: str) -> None:
        """Take a shift out of the schedule, as a planner may do at any time."""
        known = self._shifts.pop(shift)
        del self._of_user[known.user][shift]

    def is_published(self, week: date) -> bool:
        """True if agents can see this week."""
        return week not in self._unpublished

    def publish(self, week: date) -> None:
        """Make a week visible; there is no way back (facts/genesys.md section 3.1)."""
        self._unpublished.discard(week)
