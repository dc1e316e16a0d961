"""Caps on what is under way at a time: so many are being answered, and one more is refused at once.

At a steady overload such a cap lets through as much as a token bucket would: its places divided by the
time of an answer. Bursts tell them apart. From rest, a cap lets just its places through, whether the burst
comes at once or spread over a part of an answer's time, and again as soon as those are answered; whatever
counts over time lets more of a spread burst through, or less of the next one. A full queue in front of a
busy processor refuses in the same way (and as a token bucket does), but who comes last waits longest: that
is capacity.
"""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from math import inf
from statistics import median

from shiftline.governor.limiters.model import Arrival as Judged
from shiftline.governor.limiters.model import Fate
from shiftline.governor.limiters.spec import parse_limiter
from shiftline.storm.verdict.arrivals import Arrival, Key, Trial

BURSTS = 12
BURST_SHARE = 2.0
"""Of the places: what a burst asks for."""
SPREAD_SHARE = 0.5
"""Of the time of an answer: what every second burst is spread over."""
SLOWER = 2.0
"""Times the answer of a burst's first quarter, from which on those of its last have waited."""
QUEUED_SHARE = 0.5
"""Of the time that a full queue takes: with less, it was not that queue."""
_AROUND = (0.5, 2.0)
"""Of the places that the steady load shows: what bursts may say instead."""
_GRAINS = 24
_LIKELY = 0.5
"""Of what the steady loads saw: what a cap must foretell to be worth a few bursts. When requests arrive at
it is not ours to see, and a server that is busy with refusing mixes up their order."""
_PHASES = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Cap:
    """So many ``places`` per key, and how well that foretells; times are medians in seconds."""

    places: int
    key: Key
    agreement: float
    answer_seconds: float
    """Of what passed."""
    refusal_seconds: float

    @property
    def spec(self) -> str:
        """In the words of docs/reference/limiters.md."""
        return f"concurrency:{self.places},key={self.key}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Burst:
    """What the bursts showed of a cap."""

    cap: Cap
    rival: str
    """The best of the other limiters, as a spec; empty: there is none."""
    rival_agreement: float
    early_seconds: float
    """The median answer of the first quarter of what passed of each burst."""
    late_seconds: float
    """The same of the last quarter."""
    count: int

    def is_queue(self, pass_rate: float) -> bool:
        """Whether those that came last waited for the others, about as long as a full queue takes.

        A burst waits a little at any server, but not for what the limit amounts to.
        """
        grows = self.late_seconds >= SLOWER * self.early_seconds
        return grows and self.late_seconds * pass_rate >= QUEUED_SHARE * self.cap.places


def likely_caps(trials: Sequence[Trial]) -> list[Cap]:
    """For each key the cap that would have done something like what the steady loads saw; the best first.

    Nothing for a key of which no refusal came while others were under way.
    """
    found = [_best(trials, key, places) for key in Key if (places := _under_way(trials, key)) >= 1]
    return sorted((cap for cap in found if cap.agreement >= _LIKELY), key=lambda cap: -cap.agreement)


def judge_bursts(trial: Trial, likely: Sequence[Cap], rivals: Sequence[str]) -> Burst:
    """How well the caps and their ``rivals``, fitted to the steady loads, foretell what passed of bursts."""
    cap = max((_by_bursts(trial, one) for one in likely), key=lambda cap: cap.agreement)
    played = [(_rival_agreement(trial, spec), spec) for spec in rivals]
    rival_agreement, rival = max(played, default=(0.0, ""))
    bursts = _bursts(trial)
    early, late = _quarters(bursts)
    return Burst(
        cap=cap, rival=rival, rival_agreement=rival_agreement, early_seconds=early, late_seconds=late,
        count=len(bursts),
    )  # fmt: skip


def _by_bursts(trial: Trial, likely: Cap) -> Cap:
    """The same cap with the places that the bursts say: a coarse search, then a fine one."""
    low, high = (max(1, round(share * likely.places)) for share in _AROUND)
    grain = max(1, (high - low) // _GRAINS)
    best = max((_cap([trial], likely.key, n) for n in range(low, high + 1, grain)), key=_merit(likely.places))
    around = range(max(1, best.places - grain + 1), best.places + grain)
    return max((_cap([trial], likely.key, n) for n in around), key=_merit(best.places))


def play_cap(trial: Trial, key: Key, places: int) -> list[bool]:
    """What such a cap would have let pass; what it lets pass though it was refused takes a usual time."""
    usual, way = _median_seconds(trial, passed=True), _way_seconds(trial)
    judged = _judged_at(trial.arrivals, way)
    foretold = [False] * len(trial)
    for group in trial.groups(key).values():
        ends: list[float] = []
        for place in sorted(group, key=judged.__getitem__):
            arrival = trial.arrivals[place]
            while ends and ends[0] <= judged[place]:
                heapq.heappop(ends)
            if len(ends) < places:
                foretold[place] = True
                taken = arrival.seconds if arrival.passed else usual
                heapq.heappush(ends, max(judged[place], arrival.at + taken - way))
    return foretold


def _judged_at(arrivals: Sequence[Arrival], way: float) -> list[float]:
    """When the server came to each, less a way: a refusal's answer tells; what passed was in its turn.

    A server that takes one after the other is not through with a burst when the first of it are answered.
    """
    refused = [
        arrival.at if arrival.passed else arrival.at + max(0.0, arrival.seconds - way) for arrival in arrivals
    ]
    following = list(accumulate(reversed(_only_refused(arrivals, refused, inf)), min))[::-1]
    before = accumulate(_only_refused(arrivals, refused, -inf), max)
    return [
        max(arrival.at, min(last, upcoming)) if arrival.passed else at
        for arrival, at, last, upcoming in zip(arrivals, refused, before, following, strict=True)
    ]


def _only_refused(arrivals: Sequence[Arrival], times: Sequence[float], other: float) -> list[float]:
    return [other if arrival.passed else at for arrival, at in zip(arrivals, times, strict=True)]


def _best(trials: Sequence[Trial], key: Key, places: int) -> Cap:
    near = sorted({max(1, round(places * share)) for share in (0.8, 0.85, 0.9, 0.95, 1.0, 1.05, 1.1, 1.2)})
    return max((_cap(trials, key, one) for one in near), key=_merit(places))


def _merit(places: int) -> Callable[[Cap], tuple[float, int]]:
    """The better agreement; of equal ones the nearer to what was seen under way."""
    return lambda cap: (cap.agreement, -abs(cap.places - places))


def _cap(trials: Sequence[Trial], key: Key, places: int) -> Cap:
    whole = sum(len(trial) for trial in trials)
    agreement = sum(len(trial) * trial.agreement(play_cap(trial, key, places)) for trial in trials) / whole
    return Cap(
        places=places, key=key, agreement=agreement,
        answer_seconds=median(_median_seconds(trial, passed=True) for trial in trials),
        refusal_seconds=median(_median_seconds(trial, passed=False) for trial in trials),
    )  # fmt: skip


def _under_way(trials: Sequence[Trial], key: Key) -> int:
    """The median of what was under way of a key when one of it was refused: a cap's places."""
    counts: list[int] = []
    for trial in trials:
        way = _way_seconds(trial)
        judged = _judged_at(trial.arrivals, way)
        for group in trial.groups(key).values():
            ends: list[float] = []
            for place in sorted(group, key=judged.__getitem__):
                arrival = trial.arrivals[place]
                while ends and ends[0] <= judged[place]:
                    heapq.heappop(ends)
                if arrival.passed:
                    heapq.heappush(ends, arrival.at + max(0.0, arrival.seconds - way))
                else:
                    counts.append(len(ends))
    return round(median(counts)) if counts else 0


def _way_seconds(trial: Trial) -> float:
    """There and back: who is refused at once waits for little else. Of the quickest tenth."""
    refusals = sorted(arrival.seconds for arrival in trial.arrivals if not arrival.passed)
    return refusals[len(refusals) // 10] if refusals else 0.0


def _median_seconds(trial: Trial, *, passed: bool) -> float:
    return median([arrival.seconds for arrival in trial.arrivals if arrival.passed is passed] or [0.0])


def _rival_agreement(trial: Trial, spec: str) -> float:
    limiter = parse_limiter(spec)
    judged = [Judged(at=one.at, source=one.source, account=one.user) for one in trial.arrivals]
    best = 0.0
    for number in range(_PHASES):
        built = limiter.build(number / _PHASES)
        best = max(best, trial.agreement([built.judge(one).fate is Fate.PASS for one in judged]))
    return best


def _bursts(trial: Trial) -> list[list[Arrival]]:
    """The arrivals of each burst: between two of them is a longer pause than within any."""
    pause = max(_median_seconds(trial, passed=True), 0.05)
    found: list[list[Arrival]] = []
    last = float("-inf")
    for arrival in trial.arrivals:
        if arrival.at - last > pause:
            found.append([])
        found[-1].append(arrival)
        last = arrival.at
    return found


def _quarters(bursts: Sequence[Sequence[Arrival]]) -> tuple[float, float]:
    """The median answer of the first and of the last quarter of what passed of each burst."""
    quarters: dict[bool, list[float]] = defaultdict(list)
    for burst in bursts:
        seconds = [arrival.seconds for arrival in burst if arrival.passed]
        part = max(1, len(seconds) // 4)
        if seconds:
            quarters[False] += seconds[:part]
            quarters[True] += seconds[-part:]
    return median(quarters[False] or [0.0]), median(quarters[True] or [0.0])
