"""Figures of recorded traffic: who asked how often, how fast, and at which speed it was refused.

Every exchange is kept as a time and an outcome of a few bytes, so that a record of a million messages fits
into a few megabytes. By source, account and method they are counted in the end. Nothing is concluded here.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from shiftline.diagnosis.copies import arrivals_of
from shiftline.diagnosis.exchange import Exchange
from shiftline.diagnosis.groups import LIMITER_STATUSES, Group, Key, order_of

MOST_CELLS = 100_000
_MOST_EXCHANGES = 5_000_000
_MOST_ALIKE = 20_000


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
        self._share_out(of_cell)
        for number, count in counts.items():
            if agent := self._cells[number].agent:
                of_cell[number].agents[agent] += count
        return tuple(
            sorted(
                groups.values(),
                key=lambda group: (-group.refused - group.silent, -group.requests, group.value),
            )
        )

    def _share_out(self, of_cell: Sequence[Group]) -> None:
        """Give each group its requests and their copies, in the order of time."""
        arrived = [group.times.append for group in of_cell] * 2
        turned = [group.turned.append for group in of_cell] * 2
        # What was sent again had not been answered.
        is_turned = [cell.status == 0 or cell.status in LIMITER_STATUSES for cell in self._cells]
        is_turned += [True] * len(self._cells)
        times = [*self._times, *self._copy_times]
        which = [*self._which, *(number + len(self._cells) for number in self._copy_which)]
        order = order_of(times)
        if order is not None:
            times, which = [times[place] for place in order], [which[place] for place in order]
        for at, number in zip(times, which, strict=True):
            arrived[number](at)
            turned[number](is_turned[number])

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
