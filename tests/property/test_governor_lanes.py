"""Whatever is put in and taken out, every lane is served within its bound, and nothing is lost or doubled."""

from __future__ import annotations

from collections import Counter
from math import inf, nan

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from shiftline.errors import MisuseError
from shiftline.governor.fairness import jain
from shiftline.governor.lanes import PATIENCE, SHARES, Entry, Lane, Lanes, Turns, served_within

LANES = st.sampled_from(Lane)
DEADLINES = st.sampled_from([0.0, 1.0, 1.0, 2.0, inf, -inf]) | st.floats(allow_nan=False)
SHUT = st.frozensets(LANES, max_size=2)
TIMES = st.floats(-1e9, 1e9)


class LanesMachine(RuleBasedStateMachine):
    """A driver that puts, takes and returns work as it likes, beside a book of what must be there."""

    def __init__(self) -> None:
        super().__init__()
        self.lanes: Lanes[int] = Lanes()
        self.number = 0
        self.queued: dict[Lane, list[tuple[bool, float, int]]] = {lane: [] for lane in Lane}
        self.aside: dict[Lane, list[tuple[bool, float, int]]] = {lane: [] for lane in Lane}
        self.taken: list[Entry[int]] = []
        self.done: set[int] = set()
        self.passed_over = Counter[Lane]()
        self.sent = Counter[Lane]()

    @rule(lane=LANES, deadline=DEADLINES, leads=st.booleans(), now=TIMES, times=st.integers(1, 40))
    def put(self, lane: Lane, deadline: float, leads: bool, now: float, times: int) -> None:
        for _ in range(times):
            self.lanes.put(lane, self.number, deadline=deadline, now=now, leads=leads)
            self.queued[lane].append((not leads, deadline, self.number))
            self.number += 1

    @rule(shut=SHUT, times=st.integers(1, 60))
    def take(self, shut: frozenset[Lane], times: int) -> None:
        for _ in range(times):
            ready = {lane for lane in Lane if self.first(lane, lane in shut) is not None}
            assert self.lanes.is_ready(shut) == bool(ready)
            entry = self.lanes.take(shut)
            if entry is None:
                assert not ready
                return
            self.check(entry, ready, shut)

    def check(self, entry: Entry[int], ready: set[Lane], shut: frozenset[Lane]) -> None:
        """It was the first of its lane, and no lane that had work has waited for longer than its bound."""
        lane = entry.lane
        key = self.first(lane, lane in shut)
        assert key is not None
        assert entry.item == key[2]
        (self.queued if key in self.queued[lane] else self.aside)[lane].remove(key)
        self.taken.append(entry)
        self.sent[lane] += 1
        for other in Lane:
            self.passed_over[other] = (
                0 if other is lane or other not in ready else self.passed_over[other] + 1
            )
            assert self.passed_over[other] < served_within(other)

    def first(self, lane: Lane, is_shut: bool) -> tuple[bool, float, int] | None:
        """The earliest deadline that may go; of equal ones the oldest; what was set aside goes last."""
        open_to = [key for key in self.queued[lane] if not (is_shut and key[0])]
        aside = (key for key in self.aside[lane] if not (is_shut and key[0]))
        return min(open_to) if open_to else next(aside, None)

    @precondition(lambda self: self.taken)
    @rule(data=st.data(), how=st.sampled_from(["back", "aside", "done"]))
    def settle(self, data: st.DataObject, how: str) -> None:
        entry = self.taken.pop(data.draw(st.integers(0, len(self.taken) - 1)))
        key = (entry.follows, entry.deadline, entry.item)
        if how == "back":
            self.lanes.put_back(entry)
            self.queued[entry.lane].append(key)
        elif how == "aside":
            self.lanes.set_aside(entry)
            self.aside[entry.lane].append(key)
        else:
            self.done.add(entry.item)
            return
        with pytest.raises(MisuseError):
            self.lanes.put_back(entry)

    @rule()
    def take_back(self) -> None:
        self.lanes.take_back()
        for lane in Lane:
            self.queued[lane] += self.aside[lane]
            self.aside[lane].clear()

    @rule(lane=LANES, remainder=st.integers(0, 2))
    def withdraw(self, lane: Lane, remainder: int) -> None:
        out = self.lanes.withdraw(lane, lambda item: item % 3 == remainder)
        mine = [*self.queued[lane], *self.aside[lane]]
        assert sorted(out) == sorted(item for *_, item in mine if item % 3 == remainder)
        for book in (self.queued, self.aside):
            book[lane] = [key for key in book[lane] if key[2] not in out]
        self.done |= {*out}

    @rule(lane=LANES, deadline=st.sampled_from([nan, 1.0]), now=st.sampled_from([nan, inf, -inf]))
    def put_nonsense(self, lane: Lane, deadline: float, now: float) -> None:
        with pytest.raises(MisuseError):
            self.lanes.put(lane, -1, deadline=deadline, now=now)

    @invariant()
    def nothing_is_lost_or_doubled(self) -> None:
        waiting = [item for lane in Lane for item in self.lanes.items(lane)]
        everything = [*waiting, *(entry.item for entry in self.taken), *self.done]
        assert sorted(everything) == list(range(self.number))

    @rule(now=TIMES)
    def look(self, now: float) -> None:
        """It shows itself as it is; a clock that went back makes nothing younger than new."""
        for lane in Lane:
            state = self.lanes.state(now)[lane]
            count = len(self.queued[lane]) + len(self.aside[lane])
            assert (state["waiting"], state["sent"]) == (count, self.sent[lane])
            assert (state["oldest_seconds"] is None) == (count == 0)
            assert state["oldest_seconds"] is None or state["oldest_seconds"] >= 0


TestLanes = LanesMachine.TestCase
TestLanes.settings = settings(max_examples=120, stateful_step_count=40, deadline=None)


@given(before=st.lists(st.frozensets(LANES, min_size=1), max_size=200), lane=LANES)
def test_a_lane_without_work_saves_nothing_up(before: list[frozenset[Lane]], lane: Lane) -> None:
    """One turn without work, and its patience begins anew: nothing from before makes it overdue."""
    turns = Turns()
    for ready in before:
        turns.next(ready)
    turns.next([other for other in Lane if other is not lane])
    first = [turns.next([*Lane]) for _ in range(64)].index(lane)
    assert PATIENCE[lane] <= first < served_within(lane)


@given(before=st.lists(st.frozensets(LANES, min_size=1), max_size=200))
def test_full_lanes_get_their_shares(before: list[frozenset[Lane]]) -> None:
    """Whatever went before: over time each full lane has what `SHARES` says, so Jain's index is about 1."""
    turns = Turns()
    for ready in before:
        turns.next(ready)
    got = Counter(turns.next([*Lane]) for _ in range(3200))
    assert jain([got[lane] for lane in Lane], [SHARES[lane] for lane in Lane]) > 0.999


@given(st.lists(st.floats(0, 1e300), min_size=1), st.floats(1e-3, 1e3))
def test_jains_index_lies_between_one_nth_and_one(amounts: list[float], factor: float) -> None:
    """And does not change when everybody's share is another multiple of the same."""
    index = jain(amounts)
    assert 1 / len(amounts) - 1e-9 <= index <= 1
    assert jain(amounts, [factor] * len(amounts)) == pytest.approx(index)


@given(st.floats(1e-3, 1e6), st.integers(1, 20))
def test_jains_index_of_the_extremes(amount: float, count: int) -> None:
    """All alike: 1. One has all: 1/n. Nobody has anything: nobody was wronged."""
    assert jain([amount] * count) == pytest.approx(1)
    assert jain([amount, *[0.0] * (count - 1)]) == pytest.approx(1 / count)
    assert jain([0.0] * count) == 1
