"""The requests of one source, account or method: how fast they came, and at which speed they were refused."""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import compress, islice
from operator import le
from typing import TypeAlias

from shiftline.diagnosis.outcome import LIMITER_STATUSES
from shiftline.governor.window_fit import (
    MEMORY_WINDOWS,
    WINDOW_LENGTHS,
    Observation,
    WindowFit,
    fit_windows,
)

WINDOWS = (1.0, 2.0, 5.0, 10.0, 60.0)
"""Seconds over which arrivals are counted (facts on the experiment P13)."""
_MOST_FITTED = 100_000
_FIT_REACH = MEMORY_WINDOWS * max(WINDOW_LENGTHS) + 1.0
"""Seconds before and after a refusal that a fit looks at, and one more that shows it more was recorded."""
_MOST_BINS = 60

_LEAST_OF_A_KIND = 10
"""So many have to be refused, and so many to pass: else some number tells the two apart by chance."""


class Key(StrEnum):
    """By what exchanges are grouped."""

    SOURCE = "source"
    ACCOUNT = "account"
    """The digest user name, or the user of From where no credentials were sent."""
    METHOD = "method"


@dataclass(frozen=True, slots=True)
class Threshold:
    """The number of arrivals in a window that tells refused requests from others best."""

    window_seconds: float
    arrivals: int
    """From so many in the window on, counting the request itself, requests were refused."""
    accuracy: float
    """Share that this rule gets right, refused and passed weighing the same; 0.5 is worth nothing."""


@dataclass(frozen=True, slots=True)
class Bin:
    """Requests that met so many arrivals in the window before them."""

    lowest: int
    highest: int
    passed: int
    refused: int


Tally: TypeAlias = tuple[Counter[int], Counter[int]]
"""By a number, how many requests met it, and how many of these were refused."""


@dataclass(slots=True)
class Group:
    """All exchanges of one source, account or method."""

    key: Key
    value: str
    statuses: Counter[int] = field(default_factory=Counter)
    """Final answers by status; 0 counts silence."""
    agents: Counter[str] = field(default_factory=Counter)
    """User-Agent texts; several of one account are several systems."""
    times: array[float] = field(default_factory=lambda: array("d"))
    turned: bytearray = field(default_factory=bytearray)
    """Of each of ``times``, 1 if it was refused or not answered."""
    _ordered: tuple[list[float], bytearray] | None = None
    _tallies: dict[float, Tally] = field(default_factory=dict)
    """By window, of the arrivals that a request met."""

    @property
    def requests(self) -> int:
        """How many exchanges."""
        return sum(self.statuses.values())

    @property
    def refused(self) -> int:
        """Answered as a limiter would."""
        return sum(self.statuses[status] for status in LIMITER_STATUSES)

    @property
    def silent(self) -> int:
        """Never answered."""
        return self.statuses[0]

    @property
    def is_enough(self) -> bool:
        """Whether its outcomes are enough to fit a limit to."""
        turned = self.refused + self.silent
        return min(turned, self.requests - turned) >= _LEAST_OF_A_KIND

    def add(self, at: float, status: int) -> None:
        """Count one exchange by the time of the copy that was answered; status 0 is silence."""
        self.statuses[status] += 1
        self.arrive(at, is_turned=status == 0 or status in LIMITER_STATUSES)

    def arrive(self, at: float, *, is_turned: bool) -> None:
        """Count a copy that the server got as well: for a limiter, a request like any other."""
        self.times.append(at)
        self.turned.append(is_turned)
        self._ordered = None
        self._tallies.clear()

    def in_order(self) -> tuple[list[float], bytearray]:
        """Times (seconds since the epoch) and whether each was refused or not answered, by time."""
        if self._ordered is None:
            times, turned = self.times.tolist(), self.turned
            order = order_of(times)
            if order is not None:
                times = [times[place] for place in order]
                turned = bytearray([turned[place] for place in order])
            self._ordered = times, turned
        return self._ordered

    def _tally(self, window: float) -> Tally:
        if window not in self._tallies:
            times, refused = self.in_order()
            self._tallies[window] = _tally(_arrivals(times, window), refused)
        return self._tallies[window]

    def busiest(self) -> dict[float, int]:
        """The most arrivals in any window of each length."""
        return {window: self._busiest(window) for window in WINDOWS}

    def _busiest(self, window: float) -> int:
        known = self._tallies.get(window)
        if known is not None:
            return max(known[0], default=0)
        times, _ = self.in_order()
        return _most_arrivals(times, window)

    def threshold(self) -> Threshold | None:
        """The window and number that separate refused from passed best; None where only one kind is."""
        best = None
        for window in WINDOWS:
            found = split_tally(self._tally(window), window)
            if found is not None and (best is None or found.accuracy > best.accuracy + 1e-9):
                best = found
        return best

    def bins(self, window: float) -> tuple[Bin, ...]:
        """The rate-against-outcome chart: requests by the arrivals in the window before them."""
        met, refused = self._tally(window)
        width = max(1, -(-max(met, default=1) // _MOST_BINS))
        bins: dict[int, list[int]] = {}
        for count, number in met.items():
            pair = bins.setdefault((count - 1) // width, [0, 0])
            pair[0] += number - refused[count]
            pair[1] += refused[count]
        return tuple(
            Bin(place * width + 1, (place + 1) * width, passed, turned)
            for place, (passed, turned) in sorted(bins.items())
        )

    def window_fit(self) -> WindowFit | None:
        """The fixed window and limit that explain the answers around the last refusal (`window_fit`)."""
        times, refused = self.in_order()
        last = refused.rfind(1)
        if last < 0:
            return None
        newest = times[last]
        start = bisect_left(times, -_FIT_REACH, key=lambda at: at - newest)
        end = bisect_right(times, _FIT_REACH, key=lambda at: at - newest)
        start = max(start, end - _MOST_FITTED)
        near = zip(times[start:end], refused[start:end], strict=True)
        return fit_windows([Observation(sent_at=at, passed=not turned) for at, turned in near])


def order_of(times: Sequence[float]) -> list[int] | None:
    """The places in the order of time; None where they are in it already, as they nearly always are."""
    if all(map(le, times, islice(times, 1, None))):
        return None
    return sorted(range(len(times)), key=times.__getitem__)


def _arrivals(times: Sequence[float], window: float) -> list[int]:
    """For each arrival, how many there were in the window that ends with it, itself included."""
    found: list[int] = []
    leaving = iter(times)
    oldest = next(leaving, 0.0)
    count = 0
    for at in times:
        count += 1
        before = at - window
        while oldest <= before and count > 1:  # beyond 1e16 s a window is nothing
            oldest = next(leaving)
            count -= 1
        found.append(count)
    return found


def _most_arrivals(times: Sequence[float], window: float) -> int:
    """The largest of `_arrivals`, in a third of the time: a window that grows where it can, else moves on."""
    most = 0
    leaving = iter(times)
    oldest = next(leaving, 0.0)
    for at in times:
        if oldest > at - window:
            most += 1
        else:
            oldest = next(leaving, at)
    return max(most, 1) if times else 0


def best_split(counts: Iterable[int], refused: Sequence[int], window: float) -> Threshold | None:
    """The number from which on requests are refused, by balanced accuracy."""
    return split_tally(_tally(list(counts), refused), window)


def _tally(counts: Sequence[int], refused: Sequence[int]) -> Tally:
    return Counter(counts), Counter(compress(counts, refused))


def split_tally(tally: Tally, window: float) -> Threshold | None:
    """The same of counts that are tallied already."""
    met, refused = tally
    turned = refused.total()
    passed = met.total() - turned
    if not passed or not turned:
        return None
    lowest, best, below, caught = 0, -1.0, 0, turned
    for count, number in sorted(met.items()):
        accuracy = (below / passed + caught / turned) / 2.0
        if accuracy > best:
            lowest, best = count, accuracy
        if count in refused:
            below -= refused[count]
            caught -= refused[count]
        below += number
    return Threshold(window, lowest, best)
