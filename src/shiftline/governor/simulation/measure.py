"""What a journey came to, in figures that can be compared."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from shiftline.governor.limiters.model import Arrival, Fate, Limiter, Verdict
from shiftline.governor.limiters.policers import Ban
from shiftline.governor.simulation.bank import Case
from shiftline.governor.simulation.journey import Journey
from shiftline.governor.simulation.worth import Worth, worth_of

SETTLED_SECONDS = 30.0
PIECE_SECONDS = 10.0  # the longest common window of a limiter: whoever spends it at once is as good
SETTLED_SHARE = 0.85  # of the ideal
SETTLED_REFUSED = 0.05
STEP_SECONDS = 1.0


class Watched:
    """A limiter, and what it did with each arrival from our sender."""

    def __init__(self, limiter: Limiter) -> None:
        self.limiter = limiter
        self.arrivals: list[float] = []
        self.turned_down: list[float] = []

    def judge(self, arrival: Arrival) -> Verdict:
        """See `Limiter`."""
        verdict = self.limiter.judge(arrival)
        self.arrivals.append(arrival.at)
        if verdict.fate is not Fate.PASS:
            self.turned_down.append(arrival.at)
        return verdict

    def arrived_between(self, start: float, end: float) -> int:
        """How many arrived from ``start`` on and before ``end`` (seconds)."""
        return _count(self.arrivals, start, end)

    def turned_down_between(self, start: float, end: float) -> int:
        """How many of those did not pass."""
        return _count(self.turned_down, start, end)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What one sender got in one journey. Shares are from 0 to 1, times in seconds."""

    efficiency: float
    """Checks answered that count, to what an all-knowing sender would have got through in the same time.

    What a limiter that judges late lets pass beyond that does not count, see `worth`.
    """
    refused_share: float
    """Refused and dropped, of all that arrived: canaries and repeated requests count.

    Checks that passed and do not count are left out of all.
    """
    learned_after: float | None
    """When it had settled, see `settled_at`; None: never."""
    recovered_after: tuple[float | None, ...]
    """The same after each change of the limiter, from that change on."""
    bans: int
    prolongations: int
    checks: int
    """All that passed."""
    arrivals: int
    flooded_at: float | None = None
    """When the journey was ended, for it had sent many times what could pass: it failed. None: it was not."""


def measure(
    journey: Journey, watched: Watched, case: Case, *, horizon: float, flooded_at: float | None = None
) -> Outcome:
    """Sum up a journey of ``horizon`` seconds with more checks than could pass.

    If it was ended before, at ``flooded_at``, nothing passed in the rest of it.
    """
    passed = journey.passed()
    worth = worth_of(passed, case)
    starts = (0.0, *case.changes)
    ends = (*case.changes, horizon)
    settled = [
        settled_at(worth, watched, case.ideal, start, end) for start, end in zip(starts, ends, strict=True)
    ]
    after = [None if at is None else at - start for at, start in zip(settled, starts, strict=True)]
    arrivals = len(watched.arrivals)
    bans = list(bans_within(watched.limiter))
    return Outcome(
        efficiency=min(1.0, bisect_left(worth.counted, horizon) / case.ideal(0.0, horizon)),
        refused_share=share_refused(len(watched.turned_down), arrivals, len(worth.beyond)),
        learned_after=after[0],
        recovered_after=tuple(after[1:]),
        bans=sum(ban.bans for ban in bans),
        prolongations=sum(ban.prolongations for ban in bans),
        checks=len(passed),
        arrivals=arrivals,
        flooded_at=flooded_at,
    )


def share_refused(refused: int, arrivals: int, beyond: int) -> float:
    """Of all arrivals but those that passed and do not count: a flood that passed excuses no refusal."""
    return refused / (arrivals - beyond) if arrivals > beyond else 0.0


def settled_at(
    worth: Worth,
    watched: Watched,
    ideal: Callable[[float, float], float],
    start: float,
    end: float,
    *,
    span: float = SETTLED_SECONDS,
    piece: float = PIECE_SECONDS,
) -> float | None:
    """Return the first whole second after ``start`` from which the rate is as good as known.

    In the ``span`` seconds from there on, at least `SETTLED_SHARE` of what an all-knowing sender gets
    passes and counts in every ``piece`` of so many seconds, and at most `SETTLED_REFUSED` of what arrives
    is turned down (see `share_refused`). ``ideal`` tells how much that sender gets between two moments. A
    span in which that is nothing, or that reaches beyond ``end``, does not count.
    """

    def is_poor(at: float) -> bool:
        return _count(worth.counted, at, at + piece) < SETTLED_SHARE * ideal(at, at + piece)

    steps = int(span - piece) + 1
    at = start
    while at + span <= end:
        poor = next((at + step for step in reversed(range(steps)) if is_poor(at + step)), None)
        refused = share_refused(
            watched.turned_down_between(at, at + span),
            watched.arrived_between(at, at + span),
            _count(worth.beyond, at, at + span),
        )
        if poor is not None:
            at = poor  # no earlier second is good either
        elif refused <= SETTLED_REFUSED and ideal(at, at + span):
            return at
        at += STEP_SECONDS
    return None


def _count(moments: Sequence[float], start: float, end: float) -> int:
    return bisect_left(moments, end) - bisect_left(moments, start)


def bans_within(limiter: object) -> Iterator[Ban]:
    """Every ban within a limiter, however it is wrapped."""
    if isinstance(limiter, Ban):
        yield limiter
    inner = getattr(limiter, "limiter", None)
    if inner is not None:
        yield from bans_within(inner)
    more = getattr(limiter, "limiters", ())
    for one in more.values() if isinstance(more, dict) else (pair[1] for pair in more):
        yield from bans_within(one)
