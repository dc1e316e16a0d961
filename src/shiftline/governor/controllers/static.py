"""A declared rate, whatever comes back: what an operator gets who knows the limit, or guesses it."""

from __future__ import annotations

from shiftline.governor.controllers.baseline import Baseline, Flight
from shiftline.governor.controllers.start import Start

DEFAULTS = {"rate": 5.0}
"""``rate``: requests per second when nothing is declared or known; the default of a trunk's ``max_rate``."""


class Static(Baseline):
    """Always the same rate."""

    def __init__(self, start: Start) -> None:
        super().__init__(start)
        known = start.known_rate
        self._rate = start.setting(DEFAULTS)["rate"] if known is None else known

    @property
    def rate(self) -> float:
        """See `Controller`."""
        return min(self._rate, self._ceiling)

    def _learn(self, flight: Flight, now: float, *, dropped: bool) -> None:
        """Nothing."""
