"""What window and limit explain the answers seen so far?

The commonest hidden limiter passes the first N requests of each window and refuses the rest of it. Each
pair of a window length and a phase is a hypothesis; the answers either contradict it or pin its limit.
What all surviving hypotheses agree on is what we know. When none survives, the limiter is of another
kind, or somebody else shares it, and the caller falls back to plain additive increase.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import floor
from operator import attrgetter

WINDOW_LENGTHS = (1.0, 2.0, 5.0, 10.0)  # seconds; the shortest that explains the answers is believed
PHASES = 50  # of the even grid, and at most four times as many again that arrivals suggest
MEMORY_WINDOWS = 5
ROUNDING = 1e-6  # seconds; an arrival belongs to the window that it opens
_sent_at = attrgetter("sent_at")


@dataclass(frozen=True, slots=True)
class Observation:
    """One answered request: when it left (seconds) and whether it passed the limiter."""

    sent_at: float
    passed: bool
    is_canary: bool = False


@dataclass(frozen=True, slots=True)
class WindowFit:
    """The windows that explain the observations: limit between two bounds, phase within an interval."""

    window_seconds: float
    lowest_limit: int
    highest_limit: int
    phases: tuple[float, ...]
    full_windows: int = 1
    """So many windows were seen full, at the same count: the more, the less it is chance."""

    @property
    def rate(self) -> float:
        """The rate that every surviving hypothesis allows, in requests per second."""
        return self.lowest_limit / self.window_seconds

    @property
    def most(self) -> float:
        """The rate that any surviving hypothesis allows, in requests per second."""
        return self.highest_limit / self.window_seconds

    @property
    def is_pinned(self) -> bool:
        """True when all surviving hypotheses name the same limit, give or take one."""
        return self.highest_limit - self.lowest_limit <= 1

    def narrowed_by(self, earlier: WindowFit) -> WindowFit:
        """This fit, below what an earlier one of that length allowed, if both may be of one limit."""
        if earlier.window_seconds != self.window_seconds:
            return self
        if earlier.lowest_limit > self.highest_limit or earlier.highest_limit < self.lowest_limit:
            return self
        return replace(self, highest_limit=min(self.highest_limit, earlier.highest_limit))

    @property
    def grain_seconds(self) -> float:
        """How finely the phase is known at best."""
        return 2.0 * self.window_seconds / PHASES

    def next_boundary(self, now: float) -> float:
        """The earliest moment at which the window after the one of ``now`` may begin."""
        width = self.window_seconds
        return min(phase + (floor((now - phase) / width) + 1) * width for phase in self.phases)


def fit_windows(
    observations: Sequence[Observation],
    *,
    tolerance: int = 1,
    lengths: Sequence[float] = WINDOW_LENGTHS,
    open_at: float | None = None,
) -> WindowFit | None:
    """Return the fit for the shortest window length that explains the observations, or None.

    ``observations`` are in order of sending. ``tolerance`` (requests) is how far the limits pinned by
    different windows may lie apart and how many may overtake a refusal on their way. Each length is
    judged on the `MEMORY_WINDOWS` windows before and after the newest refusal, because real window timers
    drift. ``open_at`` (seconds): then something passed after the newest refusal, however long after it.
    """
    if not observations:
        return None
    for length in lengths:
        fit = _fit_length(observations, length, tolerance, open_at)
        if fit is not None:
            return fit
    return None


def _fit_length(
    observations: Sequence[Observation], length: float, tolerance: int, open_at: float | None
) -> WindowFit | None:
    """Return the strictest fit of this length: exact counts first, then within the tolerance."""
    first, last = observations[0].sent_at, observations[-1].sent_at
    newest_refusal = next((seen.sent_at for seen in reversed(observations) if not seen.passed), first)
    since, until = newest_refusal - MEMORY_WINDOWS * length, newest_refusal + MEMORY_WINDOWS * length
    judged = observations[bisect_left(observations, since, key=_sent_at) :]
    passed = [seen.sent_at for seen in judged if seen.passed and seen.sent_at <= until]
    refused = [seen.sent_at for seen in judged if not seen.passed]
    # A window of which the beginning is forgotten would look less full than it was.
    span = (first if first >= since else since + length, min(until, last))
    later = [open_at] if open_at is not None and open_at > until else []
    phases = _likely_phases(passed + later, refused, length)
    for slack in sorted({0, tolerance}):
        full: dict[float, list[int]] = {}
        for phase in phases:
            counts = _full_windows(passed, refused, span, (length, phase), slack)
            if counts:
                full[phase] = counts
        if full:
            limits = [min(counts) for counts in full.values()]
            proofs = max(len(counts) for counts in full.values())
            return WindowFit(length, min(limits), max(limits), tuple(full), proofs)
    return None


def _likely_phases(passed: Sequence[float], refused: Sequence[float], length: float) -> list[float]:
    """Return an even grid, and every arrival that may have opened a window.

    A window opens between a refusal and the next pass. Only the arrivals that fall into the shortest
    such gap, whichever window they are of, tell one phase from another; empty if there is no gap.
    """
    followed = [at for at in refused if at < passed[-1]] if passed else []
    if not followed:
        return []
    gap, start = min((passed[bisect_right(passed, at)] - at, at) for at in followed)
    openings = {(at - ROUNDING) % length for at in (*passed, *refused) if 0 < (at - start) % length <= gap}
    thinned = sorted(openings)[:: len(openings) // (4 * PHASES) + 1]
    return sorted({step * length / PHASES for step in range(PHASES)} | set(thinned))


def _full_windows(
    passed: Sequence[float],
    refused: Sequence[float],
    span: tuple[float, float],
    hypothesis: tuple[float, float],
    tolerance: int,
) -> list[int]:
    """Return the counts of the full windows under this (length, phase); none if something contradicts it."""
    length, phase = hypothesis
    full: list[int] = []
    clean = 0
    first, last = floor((span[0] - phase) / length), floor((span[1] - phase) / length)
    start = phase + first * length
    first_pass, first_refusal = bisect_left(passed, start), bisect_left(refused, start)
    for index in range(first, last + 1):
        end = phase + (index + 1) * length
        after_pass = bisect_left(passed, end, first_pass)
        count = after_pass - first_pass
        if first_refusal == len(refused) or refused[first_refusal] >= end:
            clean = max(clean, count)
        else:
            before = bisect_left(passed, refused[first_refusal], first_pass) - first_pass
            if before == 0 or count - before > tolerance:
                return []  # refused although nothing had passed, or passed although it was full
            full.append(count)
            first_refusal = bisect_left(refused, end, first_refusal)
        first_pass = after_pass
    if not full or max(full) - min(full) > tolerance or clean > min(full) + tolerance:
        return []
    return full
