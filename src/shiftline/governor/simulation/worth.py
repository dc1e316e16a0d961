"""Which of the checks that passed count.

A limiter that judges late lets anything pass until it does: RED looks at the window before, so its first
window stops nobody. Whoever sends more then than an all-knowing sender at the steady limit has found nothing.
So a check that passed counts only if an account covers it: one that earns what that sender passes, holds
`HELD_WINDOWS` windows' worth of it and a bucket's burst, and is full at first.

No limiter that judges at once loses a check by that: a fixed window of w seconds passes at most two windows'
worth more, in any span, than the span's share. What comes of a flood is those two windows, once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import inf

from shiftline.governor.simulation.bank import Case

HELD_WINDOWS = 2.0
SHORTEST_WINDOW = 1.0  # seconds


@dataclass(frozen=True, slots=True)
class Worth:
    """When checks passed (seconds, in order)."""

    counted: list[float] = field(default_factory=list)
    beyond: list[float] = field(default_factory=list)
    """What does not count."""


def worth_of(passed: Sequence[float], case: Case) -> Worth:
    """Tell the checks that passed at those moments (seconds, in order) and count from the others."""
    worth = Worth()
    holds = HELD_WINDOWS * max(SHORTEST_WINDOW, case.window_seconds)
    changes = iter((*case.changes, inf))
    change = next(changes)
    rate = case.ideal_rate()
    last, earned = passed[0] if passed else 0.0, inf
    for at in passed:
        while at >= change:
            earned = min(case.opening + holds * rate, earned + (change - last) * rate)
            last, rate, change = change, case.ideal_rate(change), next(changes)
        earned = min(case.opening + holds * rate, earned + (at - last) * rate)
        last = at
        is_covered = earned >= 1.0
        earned -= is_covered
        (worth.counted if is_covered else worth.beyond).append(at)
    return worth
