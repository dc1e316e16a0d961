"""Does a limit that explains one time of trouble agree with all that passed at other times?

A window of a fixed beat lets up to twice its limit pass where one ends and the next begins, so a full
stretch alone refutes nothing. What refutes is a stretch around which, whatever the beat, windows of that
length would have let more pass than their limit.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Sequence

from shiftline.governor.window_fit import PHASES, WindowFit

_AROUND_WINDOWS = 3.0
_MOST_STRETCHES = 10
_MOST_AROUND = 5_000
_SLACK, _SLACK_SHARE = 2, 0.1
"""So many may be miscounted, of a large limit a larger number: answers are lost, the road reorders."""
_TOO_MANY = 0.1
"""Of what passed around a stretch, the share beyond the limit that no beat explains."""


def agrees(fit: WindowFit, passed: Sequence[float]) -> bool:
    """Whether the windows of ``fit`` let that pass: seconds, in order, of all that did pass."""
    length = fit.window_seconds
    highest = fit.highest_limit + max(_SLACK, int(_SLACK_SHARE * fit.highest_limit))
    for at in _fullest(length, highest, passed):
        first = bisect_left(passed, at - _AROUND_WINDOWS * length)
        around = passed[first : bisect_right(passed, at + _AROUND_WINDOWS * length)][:_MOST_AROUND]
        if _least_beyond(length, highest, around) > _TOO_MANY * len(around):
            return False
    return True


def _least_beyond(length: float, highest: int, around: Sequence[float]) -> int:
    """So many passed beyond the limit, by the beat that explains most."""
    phases = (step * length / PHASES for step in range(PHASES))
    counts = (Counter((at - phase) // length for at in around) for phase in phases)
    return min(sum(max(0, count - highest) for count in one.values()) for one in counts)


def _fullest(length: float, highest: int, passed: Sequence[float]) -> list[float]:
    """The ends of the stretches of that length in which more passed than a window lets through."""
    counts = ((number + 1 - bisect_right(passed, at - length), at) for number, at in enumerate(passed))
    found: list[float] = []
    for _, at in sorted((one for one in counts if one[0] > highest), reverse=True):
        if all(abs(at - other) > length for other in found):
            found.append(at)
        if len(found) == _MOST_STRETCHES:
            break
    return found
