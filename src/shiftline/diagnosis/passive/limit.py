"""Does the trouble begin above a rate, and which limit and window explain it?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from shiftline.diagnosis.copies import arrivals_of
from shiftline.diagnosis.passive.agreeing import agrees
from shiftline.diagnosis.passive.arrivals import AT_REST, Arrivals
from shiftline.diagnosis.passive.rows import UNANSWERED, Rows
from shiftline.diagnosis.passive.sustained import sustained_limit
from shiftline.diagnosis.passive.verdicts import TROUBLE, UNTOLD
from shiftline.governor.window_fit import WINDOW_LENGTHS, Observation, WindowFit, fit_windows

_LEAST = 5
_LOW, _HIGH = 0.05, 0.2
"""Below the rate at most this share is refused, above it at least that."""
_AROUND_SECONDS = 30.0
_MOST_OBSERVED = 20_000
_MOST_EPISODES = 5
_APART_SECONDS = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class RateLimit:
    """What the arrivals before each request say."""

    flips_at: float
    """Requests a second from which on some are refused."""
    limit: float | None = None
    """Requests in a window that pass; in a second, where no window is known."""
    window_seconds: float | None = None
    """None: what passes is about ``limit`` a second, in windows that were not found."""

    @property
    def figures(self) -> dict[str, float]:
        """For sentences and charts."""
        found = {"rate": self.flips_at}
        if self.limit is not None:
            found["limit"] = self.limit
        if self.window_seconds is not None:
            found["window_seconds"] = self.window_seconds
        return found


def find_limit(
    rows: Rows, marks: bytearray, arrivals: Arrivals, sources: frozenset[int], accounts: frozenset[int] | None
) -> RateLimit | None:
    """The limit for these sources (and accounts); None if the trouble does not follow the rate."""
    source, account = rows.source, rows.accounts
    mine = [
        row
        for row in arrivals.order
        if source[row] in sources and (accounts is None or account[row] in accounts) and marks[row] != UNTOLD
    ]
    flips_at = _flip(marks, arrivals, mine)
    if flips_at is None:
        return None
    loads = episodes(rows, marks, mine)
    fits = [fit for window in loads if (fit := _fit(rows, marks, window)) is not None]
    if not fits:
        return _sustained(flips_at, [_observed(rows, marks, one) for one in loads])
    fits = _unrefuted(fits, rows, marks, mine, loads)
    if not fits:
        return RateLimit(flips_at=flips_at)
    length, _ = Counter(fit.window_seconds for fit in fits).most_common(1)[0]
    limits = [(fit.lowest_limit + fit.highest_limit) / 2.0 for fit in fits if fit.window_seconds == length]
    return RateLimit(flips_at=flips_at, limit=float(median(limits)), window_seconds=length)


def _unrefuted(
    fits: Sequence[WindowFit], rows: Rows, marks: bytearray, mine: Sequence[int], loads: list[list[int]]
) -> list[WindowFit]:
    """Those that agree with all rows; else what the whole of each episode says, if that agrees."""
    passed = [one.sent_at for one in _observed(rows, marks, mine) if one.passed]
    agreeing = [fit for fit in fits if agrees(fit, passed)]
    if agreeing:
        return agreeing
    for length in WINDOW_LENGTHS:
        wide = (fit_windows(_observed(rows, marks, one), tolerance=2, lengths=(length,)) for one in loads)
        agreeing = [fit for fit in wide if fit is not None and agrees(fit, passed)]
        if agreeing:
            return agreeing
    return []


def _sustained(flips_at: float, loads: Sequence[Sequence[Observation]]) -> RateLimit:
    """From how many passed just before each refusal: what a bucket lets through, or a sliding window."""
    found = [one for one in (sustained_limit(seen) for seen in loads) if one is not None]
    if not found:
        return RateLimit(flips_at=flips_at)
    best = min(found, key=lambda one: one.spread)
    if best.is_window:
        return RateLimit(flips_at=flips_at, limit=best.passed, window_seconds=best.window_seconds)
    return RateLimit(flips_at=flips_at, limit=best.passed / best.window_seconds)


def _flip(marks: bytearray, arrivals: Arrivals, mine: Sequence[int]) -> float | None:
    """The smallest number of arrivals in a second at which trouble begins, if there is little below it."""
    troubled = sorted(arrivals.by_source[row] for row in mine if marks[row] == TROUBLE)
    if len(troubled) < _LEAST:
        return None
    at = max(troubled[len(troubled) // 100], AT_REST + 1)  # a lost packet at rest is no flip
    well_below = max(AT_REST + 1, at // 2)  # windows have edges: near the limit both happens
    below = [row for row in mine if arrivals.by_source[row] < well_below]
    above = [row for row in mine if arrivals.by_source[row] >= at]
    low = sum(marks[row] == TROUBLE for row in below) / max(1, len(below))
    high = sum(marks[row] == TROUBLE for row in above) / max(1, len(above))
    return float(at) if below and low <= _LOW and high >= _HIGH else None


def episodes(rows: Rows, marks: bytearray, mine: Sequence[int]) -> list[list[int]]:
    """The rows around each time of trouble, in the order of time."""
    found: list[list[int]] = []
    last = -1e18
    for row in mine:
        if marks[row] == TROUBLE:
            if rows.at[row] - last > _APART_SECONDS:
                found.append([])
            last = rows.at[row]
        if found and rows.at[row] - last <= _AROUND_SECONDS and len(found[-1]) < _MOST_OBSERVED:
            found[-1].append(row)
    if found:
        before = [row for row in mine if 0.0 <= rows.at[found[0][0]] - rows.at[row] <= _AROUND_SECONDS]
        found[0] = [*before[:-1], *found[0]][-_MOST_OBSERVED:]
    return found[:_MOST_EPISODES]


def _observed(rows: Rows, marks: bytearray, window: Sequence[int]) -> list[Observation]:
    """What a limiter saw: each copy of a request, of which at most one passed."""
    seen = []
    for row in window:
        after = rows.latency[row]
        answered, dropped = arrivals_of(
            rows.copied_after.get(row, ()), None if after == UNANSWERED else after
        )
        seen.append(Observation(rows.at[row] + answered, marks[row] != TROUBLE))
        seen += [Observation(rows.at[row] + moment, passed=False) for moment in dropped]
    return sorted(seen, key=lambda one: one.sent_at)


def _fit(rows: Rows, marks: bytearray, window: Sequence[int]) -> WindowFit | None:
    """The fit of one episode, from its beginning: that is where a window is seen to fill."""
    first = next(number for number, row in enumerate(window) if marks[row] == TROUBLE)
    seen = _observed(rows, marks, window)
    begin = rows.at[window[first]]
    for length in WINDOW_LENGTHS:
        near = [one for one in seen if one.sent_at <= begin + 6 * length]
        fit = fit_windows(near, tolerance=2, lengths=(length,))
        if fit is not None:
            return fit
    return None
