"""How long may the window be, going by when the limiter opened?

A window of no usual length shows itself by its rhythm: the limiter opens whenever one begins. Each opening
is known between the last request that was refused before it and the first that passed after it, so the
time between two of them is known as finely as that, and by each further one more finely.

```
   refused  passed            refused passed       refused passed
 -----x-------o-----------------x---o----------------x--o-----> time
      [opened ]                 [   ]                [  ]
             <------ length ------>  <---- length ---->
```
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import ceil, floor

LONGEST = 30.0  # seconds; counters of requests over longer are waited for like bans
STEPS = 5  # lengths that are tried within what is possible
LOOSE = 2.0  # times the shortest that it may be: known no better, a window and the half of it look alike
PARTS = (1, 2, 3)  # so many windows may have ended between two openings, of which we met one


@dataclass(frozen=True, slots=True)
class Opening:
    """A limiter opened after ``shut_until``, and not after ``open_at`` (seconds)."""

    shut_until: float
    open_at: float


def lengths_between(openings: Sequence[Opening]) -> tuple[float, ...]:
    """Return the lengths (seconds) of a window that these openings suggest, the likeliest first.

    The two that followed each other soonest are taken for the ends of one window, or of some few.
    Whole seconds come first, since people choose those. What is known no better than to a factor of two
    is none: a wait that we were told hides when it opened.
    """
    spans = [_between(one, other) for one, other in pairwise(openings)]
    near = [(high - low, low, high) for low, high in spans if low > 0.0 and high <= LONGEST]
    if not near:
        return ()
    _, low, high = min(near, key=lambda span: span[1] + span[2])
    for earlier in reversed(openings[:-1]):
        least, most = _between(earlier, openings[-1])
        times = range(max(1, ceil(least / high)), floor(most / low) + 1)
        if len(times) != 1:  # so long ago that it fits any length, or none of these
            break
        low, high = max(low, least / times[0]), min(high, most / times[0])
    if high > LOOSE * low:
        return ()
    return tuple(length for parts in PARTS for length in _within(low / parts, high / parts))


def _within(low: float, high: float) -> Iterator[float]:
    yield from (float(number) for number in range(ceil(low), floor(high) + 1))
    yield from (low + (high - low) * (step + 0.5) / STEPS for step in range(STEPS))


def _between(one: Opening, other: Opening) -> tuple[float, float]:
    """The shortest and the longest time that may lie between two openings."""
    return other.shut_until - one.open_at, other.open_at - one.shut_until
