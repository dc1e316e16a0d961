"""When flows are to begin: load shapes as sequences of moments; pure.

A shape is a rate over time; `Shape.moments` gives the times at which its integral passes 1, 2, 3 and so
on, so nothing is drawn by chance and two runs of one plan ask the same. Several processes take every n-th.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice, pairwise
from math import sqrt

from shiftline.trades.publish_day import HOUR, moment_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """A piecewise linear rate: ``points`` are (second, flows per second), in order of time.

    Before the first point there is nothing; after the last its rate goes on for ever.
    """

    points: tuple[tuple[float, float], ...]
    name: str = "constant"
    times: tuple[float, ...] = ()
    """Instead of a rate: the very moments, as in a replay."""
    place: int = 0
    of: int = 1

    def share(self, number: int, count: int) -> Shape:
        """Every ``count``-th moment, beginning with the ``number``-th."""
        return replace(self, place=number, of=count)

    def moments(self) -> Iterator[float]:
        """The moments of this share, in seconds from the start, in order."""
        whole = iter(self.times) if self.times else _crossings(self.points)
        return islice(whole, self.place, None, self.of)

    @property
    def highest_rate(self) -> float:
        """Flows per second at the most; of a replay, within any second that begins with a flow."""
        if not self.times:
            return max(rate for _, rate in self.points)
        return float(max(bisect_left(self.times, t + 1.0) - n for n, t in enumerate(self.times)))

    def rate_at(self, second: float) -> float:
        """Flows per second at that moment; of a replay, within the second that begins there."""
        if self.times:
            return float(sum(second <= moment < second + 1.0 for moment in self.times))
        for (start, low), (end, high) in pairwise(self.points):
            if start <= second < end:
                return low + (high - low) * (second - start) / (end - start)
        last, rate = self.points[-1]
        return rate if second >= last else 0.0


def _crossings(points: Sequence[tuple[float, float]]) -> Iterator[float]:
    """Where the integral of the rate reaches 0, 1, 2, and so on: the first flow begins at once."""
    carried = 1.0
    for (start, low), (end, high) in pairwise(points):
        length = end - start
        if length <= 0.0:
            continue
        area = (low + high) / 2.0 * length
        slope = (high - low) / length
        wanted = 1.0 - carried
        while wanted <= area and area > 0.0:
            yield start + _time_of(wanted, low, slope)
            wanted += 1.0
        carried = area - (wanted - 1.0)
    start, rate = points[-1]
    if rate <= 0.0:
        return
    first, count = (1.0 - carried) / rate, 0
    while True:
        yield start + first + count / rate
        count += 1


def _time_of(area: float, low: float, slope: float) -> float:
    """The time after which a rate that begins at ``low`` and rises by ``slope`` has the integral ``area``."""
    if area <= 0.0:
        return 0.0
    if abs(slope) < 1e-12:
        return area / low
    return 2.0 * area / (low + sqrt(max(low * low + 2.0 * slope * area, 0.0)))


def constant(rate: float) -> Shape:
    """So many flows per second."""
    return Shape(points=((0.0, rate),))


def ramp(start: float, end: float, seconds: float) -> Shape:
    """From one rate to another within ``seconds``, then the latter."""
    return Shape(points=((0.0, start), (seconds, end)), name="ramp")


def steps(rates: Sequence[float], seconds: float) -> Shape:
    """Each rate for ``seconds``, one after the other; the last goes on."""
    points: list[tuple[float, float]] = []
    for number, rate in enumerate(rates):
        points += [(number * seconds, rate), ((number + 1) * seconds, rate)]
    return Shape(points=tuple(points), name="step")


def spike(base: float, peak: float, at: float, seconds: float) -> Shape:
    """A rate of ``base``, and of ``peak`` for ``seconds`` from the moment ``at`` on."""
    end = at + seconds
    return Shape(points=((0.0, base), (at, base), (at, peak), (end, peak), (end, base)), name="spike")


def publish_day(flows: float, seconds: float) -> Shape:
    """So many flows along the incident's hour (`trades.publish_day`), told in ``seconds``."""
    count = int(flows)
    times = [moment_of((number + 0.5) / count) * seconds / HOUR for number in range(count)]
    return Shape(points=((0.0, 0.0),), name="publish-day", times=tuple(times))


def replay(times: Sequence[float], *, speed: float = 1.0) -> Shape:
    """The moments of something that happened, the first at 0; ``speed`` 2 plays it in half the time."""
    ordered = sorted(times)
    first = ordered[0] if ordered else 0.0
    return Shape(points=((0.0, 0.0),), name="replay", times=tuple((t - first) / speed for t in ordered))
