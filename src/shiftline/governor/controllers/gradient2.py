"""Gradient2: places follow the ratio of the long-term to the present round-trip time.

g = clamp(tolerance x long / short, 0.5, 1); L' = L g + queue; L = 0.8 L + 0.2 L'. ``long`` is an average
over 600 samples, which shrinks by 5 % while it is more than twice the present one. No growth while fewer
than half of the places are taken. A drop is a sample like any other (concurrency-limits, `Gradient2Limit`).
"""

from __future__ import annotations

from shiftline.governor.controllers.places import Places
from shiftline.governor.controllers.start import Start

DEFAULTS = {
    "initial": 1.0,
    "least": 1.0,
    "most": 200.0,
    "queue": 1.0,
    "tolerance": 1.0,
    "smoothing": 0.2,
    "pause": 1.0,
}
"""Places: ``initial``, ``least``, ``most``. ``pause``: seconds, see `places`. The best of the grid in
benchmarks/baselines.py; the library begins with 20 places, never has fewer, and its queue is 4."""
LONG_SAMPLES = 600
WARM_UP = 10  # samples that are averaged plainly


class Gradient2(Places):
    """See the module's text."""

    def __init__(self, start: Start) -> None:
        self._set = start.setting(DEFAULTS)
        super().__init__(start, places=self._set["initial"], pause=self._set["pause"])
        self._long = 0.0
        self._samples = 0

    def _update(self, round_trip: float, in_flight: int, *, dropped: bool) -> None:
        del dropped
        self._samples += 1
        weight = 1.0 / self._samples if self._samples <= WARM_UP else 2.0 / (LONG_SAMPLES + 1)
        self._long += (round_trip - self._long) * weight
        if self._long > 2.0 * round_trip:
            self._long *= 0.95
        if in_flight < self.places / 2:
            return
        gradient = max(0.5, min(1.0, self._set["tolerance"] * self._long / round_trip))
        wanted = self.places * gradient + self._set["queue"]
        smoothing = self._set["smoothing"]
        smooth = self.places * (1.0 - smoothing) + wanted * smoothing
        self.places = max(self._set["least"], min(self._set["most"], smooth))
