"""Which buckets explain the answers to loads: how fast they fill, and how much they hold.

A bucket of ``burst`` tokens that fills at ``rate`` lets at most burst + rate * t requests pass in any t
seconds, and refuses only where that is used up (RFC 7415 section 3.5.1). Its rate is looked for in small
steps; each step is kept unless no rate in it explains everything.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from math import inf

from shiftline.diagnosis.load_answers import LoadAnswers

_STEP = 1.1
_RATES = (0.0, *(0.1 * _STEP**number for number in range(98)))
"""Requests a second: to a thousand."""


@dataclass(frozen=True, slots=True)
class PossibleBuckets:
    """Requests a second that flow in, and the most that may pass at once."""

    lowest_rate: float
    highest_rate: float
    """Infinite where nothing that was seen bounds it."""
    highest_burst: float


def possible_buckets(seen: LoadAnswers, slack: int) -> PossibleBuckets | None:
    """All that nothing contradicts; None if everything is. ``slack`` requests may be miscounted."""
    refused = [
        (one.sent_at, seen.passed_before(one.answered_at), bisect_right(seen.ends, one.sent_at))
        for one in seen.refusals
    ]
    # The more flows in, the less a bucket has to hold for what passed, and may hold for what was refused.
    bounds = [(_holds_at_least(seen, rate), _holds_less_than(seen, refused, rate)) for rate in _RATES]
    found = [
        (slow, fast, most)
        for (slow, (_, most)), (fast, (least, _)) in pairwise(zip(_RATES, bounds, strict=True))
        if max(1.0, least) < most + slack
    ]
    if not found:
        return None
    highest = found[-1][1] if found[-1][1] < _RATES[-1] else inf  # not where the search has its end
    return PossibleBuckets(found[0][0], highest, max(most for *_, most in found) + slack)


def _holds_at_least(seen: LoadAnswers, rate: float) -> float:
    """From what passed in some span, less what flowed in meanwhile."""
    most = 0.0
    best = float("-inf")
    began = 0
    for number, end in enumerate(seen.ends, start=1):
        while began < len(seen.begins) and seen.begins[began] <= end:
            best = max(best, rate * seen.begins[began] - began)
            began += 1
        most = max(most, number - rate * end + best)
    return most


def _holds_less_than(seen: LoadAnswers, refused: Sequence[tuple[float, int, int]], rate: float) -> float:
    """From what was refused: since some passage all that it held and all that flowed in had passed."""
    best = list(accumulate((rate * end - number for number, end in enumerate(seen.ends)), max))
    least = float("inf")
    for sent_at, before, over in refused:
        used = float(before - over) if before > over else float("-inf")  # that were under way with it
        if over:
            used = max(used, before + best[over - 1] - rate * sent_at)
        least = min(least, 1.0 + used)
    return least
