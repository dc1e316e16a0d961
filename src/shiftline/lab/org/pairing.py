"""Which shifts two agents may trade so that nothing but what the scenario scripts stands in the way.

A shift that may come to an agent claims its time with that agent from then on, and its paid time in
that week. So a trade stays clean whichever of the trades before it are approved.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import date, datetime
from random import Random

from shiftline.lab.org.entities import OrgShift, User
from shiftline.lab.org.workforce import Workforce

Swap = tuple[OrgShift, OrgShift | None]
"""The initiating agent's shift, and what comes back for it."""

_TRIES = 80


class ShiftPicker:
    """Picks shifts to trade among those that start at or after ``not_before``."""

    def __init__(self, rng: Random, workforce: Workforce, not_before: datetime) -> None:
        self._rng = rng
        self._claimed = {user: list(shifts) for user, shifts in workforce.shifts.items()}
        self._offered = {
            user: [shift for shift in shifts if shift.starts_at >= not_before]
            for user, shifts in workforce.shifts.items()
        }
        self._paid: defaultdict[tuple[str, date], int] = defaultdict(int)
        for shifts in workforce.shifts.values():
            for shift in shifts:
                self._paid[shift.user, shift.week_date] += shift.paid_minutes

    def two_sided(self, giver: User, taker: User, *, cross_week: bool) -> Swap | None:
        """Pick a shift of each; None when no pair of theirs fits."""
        for _ in range(_TRIES):
            going, coming = self._any(self._offered[giver.id]), self._any(self._offered[taker.id])
            if going is None or coming is None:
                return None
            if cross_week is (going.week_date != coming.week_date) and self.fits(giver, taker, going, coming):
                return self._take(giver, taker, going, coming)
        return None

    def one_sided(self, giver: User, taker: User) -> Swap | None:
        """Pick a shift that the giver gives away."""
        for _ in range(_TRIES):
            going = self._any(self._offered[giver.id])
            if going is not None and self._has_room(taker, going, None):
                return self._take(giver, taker, going, None)
        return None

    def again(self, contested: OrgShift, owner: User, other: User) -> OrgShift | None:
        """Pick a shift of ``other`` that could be traded for one that is in a trade already."""
        fitting = [
            shift
            for shift in self._offered[other.id]
            if shift.week_date == contested.week_date and self.fits(owner, other, contested, shift)
        ]
        chosen = self._any(fitting)
        if chosen is not None:
            self._take(owner, other, contested, chosen)
        return chosen

    def fits(self, giver: User, taker: User, going: OrgShift, coming: OrgShift) -> bool:
        """True if both agents could work what they would get."""
        return self._has_room(taker, going, coming) and self._has_room(giver, coming, going)

    def _has_room(self, user: User, coming: OrgShift, going: OrgShift | None) -> bool:
        kept = (shift for shift in self._claimed[user.id] if going is None or shift.id != going.id)
        if any(coming.overlaps(shift) for shift in kept):
            return False
        same_week = going is not None and going.week_date == coming.week_date
        added = 0 if same_week else coming.paid_minutes
        return self._paid[user.id, coming.week_date] + added <= user.weekly_max_paid_minutes

    def _take(self, giver: User, taker: User, going: OrgShift, coming: OrgShift | None) -> Swap:
        self._claim(taker, going, coming)
        if coming is not None:
            self._claim(giver, coming, going)
        for user, shift in ((giver, going), (taker, coming)):
            if shift in self._offered[user.id]:
                self._offered[user.id].remove(shift)
        return going, coming

    def _claim(self, user: User, coming: OrgShift, going: OrgShift | None) -> None:
        self._claimed[user.id].append(coming)
        if going is None or going.week_date != coming.week_date:
            self._paid[user.id, coming.week_date] += coming.paid_minutes

    def _any(self, shifts: Iterable[OrgShift]) -> OrgShift | None:
        choices = list(shifts)
        return self._rng.choice(choices) if choices else None
