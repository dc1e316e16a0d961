"""Vegas: as many places as keep a small queue, which shows in the round-trip time.

queue = ceil(L (1 - shortest round trip / this one)). With l = log10 L: a queue of up to l adds 6 l, one
below 3 l adds l, one above 6 l takes l away; so does a drop. The shortest round trip is taken anew every
30 L samples or so (concurrency-limits, `VegasLimit`).
"""

from __future__ import annotations

from math import ceil, log10

from shiftline.governor.controllers.places import Places
from shiftline.governor.controllers.start import Start

DEFAULTS = {"initial": 20.0, "most": 1000.0, "scale": 0.05, "probe": 30.0, "pause": 1.0}
"""``initial`` and ``most`` places. ``scale`` multiplies each step up: 1 in the library, 0.05 is the best of
the grid in benchmarks/baselines.py. ``probe``: see above. ``pause``: seconds, see `places`."""


class Vegas(Places):
    """See the module's text."""

    def __init__(self, start: Start) -> None:
        self._set = start.setting(DEFAULTS)
        super().__init__(start, places=self._set["initial"], pause=self._set["pause"])
        self._shortest = 0.0
        self._samples = 0
        self._jitter = self._new_jitter()

    def _update(self, round_trip: float, in_flight: int, *, dropped: bool) -> None:
        self._samples += 1
        if self._samples >= self._jitter * self._set["probe"] * self.places:
            self._jitter, self._samples = self._new_jitter(), 0
            self._shortest = round_trip
        elif not self._shortest or round_trip < self._shortest:
            self._shortest = round_trip
        else:
            step = self._step(round_trip, in_flight, dropped=dropped)
            self.places = max(1.0, min(self._set["most"], self.places + step))

    def _step(self, round_trip: float, in_flight: int, *, dropped: bool) -> float:
        step = max(1, int(log10(max(1, int(self.places)))))  # the library has whole logarithms, at least 1
        if dropped:
            return -step
        if in_flight * 2 < self.places:
            return 0.0
        queue = ceil(self.places * (1.0 - self._shortest / round_trip))
        if queue <= step:
            return 6 * step * self._set["scale"]
        if queue < 3 * step:
            return step * self._set["scale"]
        return -step if queue > 6 * step else 0.0

    def _new_jitter(self) -> float:
        return 0.5 + 0.5 * self._draw()
