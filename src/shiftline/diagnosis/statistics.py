"""Figures of recorded traffic: who asked how often, how fast, and at which speed it was refused.

Every exchange is kept as a time and an outcome of a few bytes, by source, by account and by method, so that
a record of a million messages fits into a few megabytes. Nothing is concluded here.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import compress, islice
from operator import le
from typing import TypeAlias

from shiftline.diagnosis.copies import arrivals_of
from shiftline.diagnosis.exchange import Exchange
from shiftline.governor.window_fit import Observation, WindowFit, fit_windows

WINDOWS = (1.0, 2.0, 5.0, 10.0, 60.0)
"""Seconds over which arrivals are counted (facts on the experiment P13)."""
LIMITER_STATUSES = frozenset({403, 429, 503})
"""What a limiter answers with (facts K3, K4, V2, V19); silence is the other way to refuse."""
MOST_CELLS = 100_000
_MOST_EXCHANGES = 5_000_000
_MOST_ALIKE = 20_000
_MOST_FITTED = 100_000
_FIT_REACH = 120.0
"""Seconds before and after a refusal that a fit looks at."""
_MOST_BINS = 60


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


_Tally: TypeAlias = tuple[Counter[int], Counter[int]]
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
    turned: array[int] = field(default_factory=lambda: array("b"))
    _ordered: tuple[list[float], list[bool]] | None = None
    _tallies: dict[float, _Tally] = field(default_factory=dict)
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

    def in_order(self) -> tuple[list[float], list[bool]]:
        """Times (seconds since the epoch) and whether each was refused or not answered, by time."""
        if self._ordered is None:
            times, turned = self.times.tolist(), list(map(bool, self.turned))
            if not all(map(le, times, islice(times, 1, None))):  # they nearly always came so
                order = sorted(range(len(times)), key=times.__getitem__)
                times, turned = [times[at] for at in order], [turned[at] for at in order]
            self._ordered = times, turned
        return self._ordered

    def _tally(self, window: float) -> _Tally:
        if window not in self._tallies:
            times, refused = self.in_order()
            self._tallies[window] = _tally(_arrivals(times, window), refused)
        return self._tallies[window]

    def busiest(self) -> dict[float, int]:
        """The most arrivals in any window of each length."""
        return {window: max(self._tally(window)[0], default=0) for window in WINDOWS}

    def threshold(self) -> Threshold | None:
        """The window and number that separate refused from passed best; None where only one kind is."""
        best = None
        for window in WINDOWS:
            found = _split(self._tally(window), window)
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
        last = next((place for place in range(len(refused) - 1, -1, -1) if refused[place]), None)
        if last is None:
            return None
        newest = times[last]
        start = bisect_left(times, -_FIT_REACH, key=lambda at: at - newest)
        end = bisect_right(times, _FIT_REACH, key=lambda at: at - newest)
        start = max(start, end - _MOST_FITTED)
        near = zip(times[start:end], refused[start:end], strict=True)
        return fit_windows([Observation(sent_at=at, passed=not turned) for at, turned in near])


@dataclass(frozen=True, slots=True)
class _Cell:
    """What exchanges have in common; there are few of these for many exchanges."""

    values: tuple[str, str, str]
    """In the order of `Key`."""
    status: int
    agent: str


class Statistics:
    """Takes exchanges in any order; ``left_out`` counts those that there was no room for."""

    def __init__(self) -> None:
        self.left_out = 0
        self._numbers: dict[tuple[str, str, str, int | None, str], int] = {}
        self._alike: dict[object, int] = {}
        self._cells: list[_Cell] = []
        self._times = array("d")
        self._which = array("I")
        self._copy_times = array("d")
        self._copy_which = array("I")

    @property
    def total(self) -> int:
        """How many exchanges were counted."""
        return len(self._times)

    @property
    def first(self) -> float | None:
        """When the first request was answered or left for good, in seconds since the epoch."""
        return min(self._times, default=None)

    @property
    def last(self) -> float | None:
        """When the last request left."""
        return max(self._times, default=None)

    def add(self, exchange: Exchange) -> None:
        """Count one exchange."""
        number = self._alike.get(exchange.alike)
        if number is None:
            number = self._number_of(exchange)
        if len(self._times) + len(self._copy_times) >= _MOST_EXCHANGES:
            self.left_out += 1
            return
        self._which.append(number)
        if not exchange.copied_after:
            self._times.append(exchange.at)
            return
        answered, dropped = arrivals_of(exchange.copied_after, exchange.answered_after)
        self._times.append(exchange.at + answered)
        for moment in dropped:
            self._copy_times.append(exchange.at + moment)
            self._copy_which.append(number)

    def _number_of(self, exchange: Exchange) -> int:
        """The number of its cell; that of exchanges that a reader knows to be alike is remembered."""
        carried = exchange.carried
        account = exchange.from_user if carried is None else carried.username
        key = exchange.source, account, exchange.method, exchange.status, exchange.user_agent
        number = self._numbers.get(key)
        if number is None:
            number = self._new_cell(key)
        if exchange.alike is not None:
            if len(self._alike) >= _MOST_ALIKE:
                self._alike.clear()
            self._alike[exchange.alike] = number
        return number

    def _new_cell(self, key: tuple[str, str, str, int | None, str]) -> int:
        """A number for a new combination; beyond `MOST_CELLS` only statuses are told apart."""
        if len(self._cells) >= MOST_CELLS:
            key = "", "", "", key[3], ""
            if key in self._numbers:
                return self._numbers[key]
        number = self._numbers[key] = len(self._cells)
        source, account, method, status, agent = key
        self._cells.append(_Cell((source, account, method), status or 0, agent))
        return number

    def groups(self, key: Key) -> tuple[Group, ...]:
        """The groups of one key, the most refused first, then the largest."""
        place = list(Key).index(key)
        groups: dict[str, Group] = {}
        of_cell = [
            groups.setdefault(cell.values[place], Group(key, cell.values[place])) for cell in self._cells
        ]
        counts = Counter(self._which)
        for number, count in counts.items():
            of_cell[number].statuses[self._cells[number].status] += count
        times = [group.times.append for group in of_cell]
        turned = [group.turned.append for group in of_cell]
        is_turned = [cell.status == 0 or cell.status in LIMITER_STATUSES for cell in self._cells]
        for at, number in zip(self._times, self._which, strict=True):
            times[number](at)
            turned[number](is_turned[number])
        for at, number in zip(self._copy_times, self._copy_which, strict=True):
            of_cell[number].arrive(at, is_turned=True)
        for number, count in counts.items():
            if agent := self._cells[number].agent:
                of_cell[number].agents[agent] += count
        return tuple(
            sorted(
                groups.values(),
                key=lambda group: (-group.refused - group.silent, -group.requests, group.value),
            )
        )

    @property
    def statuses(self) -> Mapping[int, int]:
        """Final answers of all; 0 is silence."""
        found: Counter[int] = Counter()
        for number, count in Counter(self._which).items():
            found[self._cells[number].status] += count
        return found

    def timeline(self, step: int) -> Iterator[tuple[int, int, int, int]]:
        """The second at which each step begins (epoch), and what passed, was refused, was not answered."""
        tally: dict[int, list[int]] = {}
        sides = [2 if cell.status == 0 else int(cell.status in LIMITER_STATUSES) for cell in self._cells]
        for at, number in zip(self._times, self._which, strict=True):
            second = int(at)
            tally.setdefault(second - second % step, [0, 0, 0])[sides[number]] += 1
        for start, (passed, refused, silent) in sorted(tally.items()):
            yield start, passed, refused, silent


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


def best_split(counts: Iterable[int], refused: Sequence[bool], window: float) -> Threshold | None:
    """The number from which on requests are refused, by balanced accuracy."""
    return _split(_tally(list(counts), refused), window)


def _tally(counts: Sequence[int], refused: Sequence[bool]) -> _Tally:
    return Counter(counts), Counter(compress(counts, refused))


def _split(tally: _Tally, window: float) -> Threshold | None:
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
