"""A clock that only goes forward, made of whatever moments a driver tells."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import inf, isfinite, nextafter

FARTHEST = (
    1e10  # seconds from zero, three centuries; beyond, neighbouring floats are too far apart to pace by
)
SET_BACK_SECONDS = 1.0  # what was told in the wrong order is no older
LONGEST_STEP = 1e7  # seconds, four months: after so long all is forgotten anyway


@dataclass(slots=True)
class Moments:
    """Own seconds. A driver's clock that is set back goes on from here, or nothing would leave until it is
    where it was; what is no moment changes nothing."""

    now: float
    """The newest own moment."""
    _ahead: float = field(default=0.0, init=False)
    """What the own clock is ahead of the driver's."""
    _is_begun: bool = field(default=True, init=False)

    def __post_init__(self) -> None:
        if not _is_moment(self.now):
            self.now, self._is_begun = 0.0, False

    def seen(self, told: float) -> float:
        """The own moment, now that the driver told one."""
        if not _is_moment(told):
            return self.now
        own = told + self._ahead
        if not self._is_begun or own < self.now - SET_BACK_SECONDS:
            self._is_begun = True
            self._ahead = self.now - told
        elif own > self.now + LONGEST_STEP:
            self.now += LONGEST_STEP
            self._ahead = self.now - told
        else:
            self.now = max(self.now, own)
        return self.now

    def own(self, told: float) -> float:
        """The own moment of one of the driver's, not newer than what it told last; nothing is noted."""
        return told + self._ahead if _is_moment(told) and self._is_begun else self.now

    def driver(self, own: float | None) -> float | None:
        """The first moment of the driver's clock that is not before that own one."""
        if own is None or not self._ahead:
            return own
        told = own - self._ahead
        while isfinite(told) and told + self._ahead < own:
            told = nextafter(told, inf)
        return told


def _is_moment(told: float) -> bool:
    return -FARTHEST <= told <= FARTHEST  # not so for what is no number either
