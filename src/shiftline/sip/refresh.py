"""When a registration or subscription is renewed, and how long a failure rests. Times are monotonic seconds.

A publish window is the worst time for a REGISTER or SUBSCRIBE: the trunk is needed for checks, and its
limiter counts every request. So a refresh keeps clear of windows wherever the granted time allows it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

Window = tuple[float, float]
"""Opening and closing, both still inside."""

LEAD_SECONDS = 40.0
"""So long before the binding ends a refresh leaves at the latest: one transaction may take 32 s (Timer F)."""
LEAD_SHARE = 0.1
"""The same as a share of the granted time, where that is more."""
JITTER_SHARE = 0.1
"""Refreshes are spread over this share of the granted time: what started together does not stay so."""
EARLIEST_SHARE = 0.1
"""No refresh comes earlier than after this share of the granted time: it would win nothing."""
GUARD_SECONDS = 5.0
"""Distance from a window, so that neither the answer nor a second try falls into it."""

BASE_SECONDS = 90.0
BASE_ALL_FAILED_SECONDS = 30.0
LONGEST_BACKOFF_SECONDS = 1800.0


@dataclass(frozen=True, slots=True)
class Refresh:
    """When to send a refresh; ``in_window`` when no time before or after the window would have done."""

    at: float
    in_window: bool


def plan_refresh(granted: float, registered_at: float, windows: Sequence[Window], jitter: float) -> Refresh:
    """When to refresh a binding of ``granted`` seconds. ``jitter`` is drawn evenly from 0 to 1.

    Late in the granted time, with a margin for a lost transaction. What would fall into a window is moved
    before it, else behind it; where the binding would not last that long, it stays inside.
    """
    latest = registered_at + granted - min(granted / 2, max(LEAD_SECONDS, LEAD_SHARE * granted))
    earliest = registered_at + EARLIEST_SHARE * granted
    spread = JITTER_SHARE * granted * jitter
    return keep_clear(max(earliest, latest - spread), earliest, latest, windows, spread)


def keep_clear(
    wish: float, earliest: float, latest: float, windows: Sequence[Window], spread: float = 0.0
) -> Refresh:
    """The moment for a refresh that is to leave at ``wish``, which lies between the two others.

    What would fall into a window is moved before it, up to ``spread`` seconds farther than it must be; else
    behind it; and where neither is possible it stays.
    """
    if not windows:
        return Refresh(wish, in_window=False)
    before = behind = None
    for start, end in _gaps(earliest, latest, windows):
        if start <= wish <= end:
            return Refresh(wish, in_window=False)
        if end < wish:
            before = max(start, end - spread)
        elif behind is None:
            behind = min(end, start + spread)
    at = before if before is not None else behind
    return Refresh(wish, in_window=True) if at is None else Refresh(at, in_window=False)


def no_windows(_now: float) -> Sequence[Window]:
    """The publish windows of somebody who declared none."""
    return ()


def is_inside(now: float, windows: Sequence[Window]) -> bool:
    """Whether a window is open at ``now``."""
    return any(opens <= now <= closes for opens, closes in windows)


def _gaps(earliest: float, latest: float, windows: Sequence[Window]) -> list[Window]:
    """The parts of [earliest, latest] that keep `GUARD_SECONDS` from every window, in order."""
    gaps = []
    start = earliest
    for opens, closes in sorted(windows):
        end = min(latest, opens - GUARD_SECONDS)
        if start <= end:
            gaps.append((start, end))
        start = max(start, closes + GUARD_SECONDS)
    if start <= latest:
        gaps.append((start, latest))
    return gaps


def backoff_seconds(failures: int, jitter: float, *, all_failed: bool = True) -> float:
    """How long to rest after so many failures in a row (RFC 5626 section 4.5).

    Evenly between half and the whole of an upper bound that doubles up to half an hour. ``all_failed`` says
    that no other way to the registrar works, which calls for a quicker try.
    """
    base = BASE_ALL_FAILED_SECONDS if all_failed else BASE_SECONDS
    upper = min(LONGEST_BACKOFF_SECONDS, base * 2.0 ** min(failures, 16))
    return upper * (0.5 + 0.5 * jitter)
