"""Whether a counter that begins with a request and expires by whole seconds explains all that was answered.

Kamailio's htable with `autoexpire` and `updateexpire=0` counts so (measured with 5.6.3): an entry of second 7
with 2 s to live is none from second 10 on, whenever in second 7 it was written. Until a timer removes it,
each request finds no value, and passes; the first one after that begins anew.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from heapq import nlargest
from itertools import pairwise
from math import floor, inf

from shiftline.diagnosis.load_answers import LoadAnswer, LoadAnswers
from shiftline.governor.window_fit import WINDOW_LENGTHS

_TIMER_SECONDS = 1.0
"""How long an entry that has expired may stay: the shortest interval that htable's timer can have."""

_MOST_PHASES = 400
"""Moments at which its seconds may begin, between two of ours: all for 200 answers, the widest for more."""

_MOST_ANSWERS, _MOST_WAYS = 200, 100
"""Questions at our own pace, which this is for, are fewer. What has more would take long: not explained."""


@dataclass(frozen=True, slots=True)
class _Count:
    """One way in which it may have gone until now."""

    ends_at: float
    """When the entry is none any more."""
    passed: int
    lowest: int
    """What passed in one window: the limit is no lower."""
    highest: float
    """What had passed when something was refused: it is no higher."""


def may_begin_with_requests(seen: LoadAnswers) -> bool:
    """Whether there is such a limit, of any number in any of the usual times, nothing miscounted."""
    if len(seen.seen) > _MOST_ANSWERS:
        return False
    # Of two that were under way together, what passed came first.
    order = sorted(seen.seen, key=lambda one: one.sent_at if one.passed else one.answered_at)
    edges = sorted({at % 1.0 for one in order for at in (one.sent_at, one.answered_at)})
    if not edges:
        return False
    gaps = list(pairwise([*edges, edges[0] + 1.0]))
    gaps = nlargest(_MOST_PHASES, gaps, key=lambda gap: gap[1] - gap[0])
    phases = [(before + after) / 2.0 for before, after in gaps]
    return any(_explains(order, length, phase) for length in WINDOW_LENGTHS for phase in phases)


def _explains(order: Sequence[LoadAnswer], length: float, phase: float) -> bool:
    """With whole seconds that begin at this phase."""
    ways = {_Count(-inf, 0, 1, inf)}
    for one in order:
        seconds = range(floor(one.sent_at - phase), floor(one.answered_at - phase) + 1)
        ends = [phase + second + length + 1.0 for second in seconds]
        ways = {after for way in ways for after in _after(way, one, ends)}
        if not 0 < len(ways) <= _MOST_WAYS:
            return False
    return True


def _after(way: _Count, one: LoadAnswer, ends: Sequence[float]) -> Iterator[_Count]:
    """How it may go on with this answer; ``ends`` are those of a window that begins with it."""
    if one.sent_at < way.ends_at:
        lowest = max(way.lowest, way.passed + 1) if one.passed else way.lowest
        highest = way.highest if one.passed else min(way.highest, way.passed)
        if lowest <= highest:
            yield _Count(way.ends_at, way.passed + one.passed, lowest, highest)
    if one.passed and one.answered_at >= way.ends_at:
        yield from (_Count(end, 1, way.lowest, way.highest) for end in ends)
        if one.sent_at < way.ends_at + _TIMER_SECONDS:
            yield way
