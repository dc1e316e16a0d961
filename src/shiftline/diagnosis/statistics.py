"""Figures of recorded traffic: who asked how often, how fast, and at which speed it was refused.

They are counted by source, account and method once all of a record is in its rows (`passive.rows`). Nothing
is concluded here.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from shiftline.diagnosis.exchange import Exchange, brief
from shiftline.diagnosis.groups import Group, Key, order_of
from shiftline.diagnosis.outcome import LIMITER_STATUSES, outcome_in
from shiftline.diagnosis.passive.arrivals import AT_REST
from shiftline.diagnosis.passive.rows import Rows
from shiftline.diagnosis.passive.sorts import Sorts
from shiftline.diagnosis.probe import Credentials
from shiftline.diagnosis.refusals import Counted, Refusal, refusals_of

MOST_CELLS = 100_000


@dataclass(frozen=True, slots=True)
class _Cell:
    """What exchanges have in common; there are few of these for many exchanges."""

    values: tuple[str, str, str]
    """In the order of `Key`."""
    status: int
    agent: str


class Statistics:
    """Of rows that are complete: what is added to them later is not counted."""

    def __init__(self, rows: Rows, at_rest: Container[tuple[int, str]] = ()) -> None:
        """``at_rest``: status and phrase of what is said without a load, as far as that was asked."""
        self._cells: list[_Cell] = []
        cell_of = self._cells_of(rows.sorts)
        self._which = array("I", map(cell_of.__getitem__, rows.sort))
        self.refusals: tuple[Refusal, ...] = refusals_of(_counted(rows), at_rest)
        """In whose words requests were refused, the most frequent first."""
        self._times = array("d", rows.at)
        """Of each request, when the copy left that counts."""
        self._copy_times, self._copy_which = array("d"), array("I")
        for row, (counts_after, dropped_after) in rows.arrived.items():
            self._times[row] += counts_after
            for after in dropped_after:
                self._copy_times.append(rows.at[row] + after)
                self._copy_which.append(self._which[row])

    def _cells_of(self, sorts: Sorts) -> list[int]:
        """By sort, the number of its cell; beyond `MOST_CELLS` only statuses are told apart."""
        numbers: dict[_Cell, int] = {}
        cell_of = []
        for sort in range(len(sorts)):
            kind, status = sorts.kind_of(sort), sorts.said_of(sort).status
            source, account = sorts.sources.text(sorts.source[sort]), sorts.users.text(sorts.account[sort])
            cell = _Cell((source, account, kind.method), status, kind.user_agent)
            if cell not in numbers:
                if len(self._cells) >= MOST_CELLS:
                    cell = _Cell(("", "", ""), status, "")
                if cell not in numbers:
                    numbers[cell] = len(self._cells)
                    self._cells.append(cell)
            cell_of.append(numbers[cell])
        return cell_of

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
        times, which = self._in_order
        for at, number in zip(times, which, strict=True):
            arrived[number](at)
            turned[number](is_turned[number])

    @cached_property
    def _in_order(self) -> tuple[array[float], array[int]]:
        """When each request and each copy arrived, by time, and its cell: of a copy beyond all the cells."""
        times = self._times + self._copy_times
        which = self._which + array("I", [number + len(self._cells) for number in self._copy_which])
        order = order_of(times)
        if order is None:
            return times, which
        return array("d", [times[place] for place in order]), array("I", [which[place] for place in order])

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


def _counted(rows: Rows) -> Iterator[Counted]:
    """What was said, by sort; under load is what left in a second in which its source sent several."""
    sorts = rows.sorts
    of_source = [sorts.source[sort] for sort in rows.sort]
    seconds = list(zip(of_source, map(int, rows.at), strict=True))
    busy = {second for second, count in Counter(seconds).items() if count > AT_REST}
    under_load = Counter(sort for sort, second in zip(rows.sort, seconds, strict=True) if second in busy)
    for sort, count in Counter(rows.sort).items():
        kind = sorts.kind_of(sort)
        is_about_agent = kind.method != "REGISTER" and kind.is_question
        yield Counted(sorts.said_of(sort), count, under_load[sort], is_about_agent)


def statistics_of(exchanges: Iterable[Exchange], at_rest: Container[tuple[int, str]] = ()) -> Statistics:
    """Of exchanges in any order, for whoever asks nothing else of them; ``at_rest`` as of `Statistics`."""
    rows = Rows()
    briefs = [brief(exchange) for exchange in exchanges]
    rows.add(briefs, ((outcome_in(one), Credentials.NONE) for one in briefs))
    return Statistics(rows, at_rest)
