"""Limiters that explain what passed: each model's figures are read off the trials, then it is played.

The models are the governor's own (`governor.limiters.counters`); what they foretell is compared with what
was seen. A model with a window has its phase free in each trial, since timers drift; its limit is one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise
from math import floor
from statistics import median
from types import MappingProxyType

from shiftline.governor.limiters.counters import FixedWindow, RedWindow, SlidingWindow, TokenBucket
from shiftline.governor.limiters.model import Counter
from shiftline.storm.verdict.arrivals import Key, Trial

NOTHING_NEAR: Mapping[Key, float] = MappingProxyType({})
WINDOWS = (1.0, 2.0, 5.0, 10.0)
"""Seconds; of the limiters that are met with."""
_PHASES = 24
_MOST_STEPS = 60_000
"""Arrivals times phases that a model may be played for."""
_BETTER = 0.002
_BEST_GUESSES = 6
_FINER, _ROUNDS = 4, 2
"""Phases between two of a grid, and how often the grid is made finer."""
_NO_BOUND = 2
"""A window of which all passed does not say that the one before was not far below the limit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """A limiter that would have done about what was seen."""

    model: str
    """As `governor.limiters.forms` names it: window, sliding, bucket, red."""
    key: Key
    count: float
    """Requests per ``seconds``."""
    seconds: float
    agreement: float
    """How well it foretells: 0 to 1."""
    burst: float = 0.0
    counts_refused: bool = False

    @property
    def rate(self) -> float:
        """Requests per second and key."""
        return self.count / self.seconds

    @property
    def spec(self) -> str:
        """In the words of docs/reference/limiters.md."""
        amount = f"{self.count:g}/{self.seconds:g}s"
        options = {
            "bucket": f",burst={self.burst:g}",
            "sliding": ",counts=all" if self.counts_refused else "",
        }
        return f"{self.model}:{amount}{options.get(self.model, '')},key={self.key}"


def fits(trials: Sequence[Trial], near: Mapping[Key, float] = NOTHING_NEAR) -> list[Fit]:
    """Every model that can be fitted, for every key; the best first.

    ``near`` is what passed per second and key under a load far above the limit, where that is known.
    """
    found = [fit for key in Key for make in _MAKERS for fit in make(trials, key, near.get(key))]
    return sorted(found, key=lambda fit: -fit.agreement)


def play(trial: Trial, key: Key, make: Callable[[], Counter]) -> list[bool]:
    """What such a limiter, one for each key, would have let pass."""
    foretold = [True] * len(trial)
    for places in trial.groups(key).values():
        counter = make()
        for place in places:
            foretold[place] = counter.admits(trial.arrivals[place].at)
    return foretold


def _agreement(trials: Sequence[Trial], key: Key, make: Callable[[], Counter]) -> float:
    return _together(trials, (trial.agreement(play(trial, key, make)) for trial in trials))


def _together(trials: Sequence[Trial], agreements: Iterable[float]) -> float:
    """The mean over trials, weighted by their arrivals."""
    whole = sum(len(trial) for trial in trials)
    weighted = sum(len(trial) * one for trial, one in zip(trials, agreements, strict=True))
    return weighted / whole if whole else 0.0


def _windows(trials: Sequence[Trial], key: Key, near: float | None) -> Iterator[Fit]:
    del near
    for seconds in WINDOWS:
        phases = [_likely_phases(trial, key, seconds) for trial in trials]
        limits = [
            limit
            for trial, some in zip(trials, phases, strict=True)
            if (limit := _best_limit(trial, key, seconds, some)) is not None
        ]
        if not limits:
            continue
        limit = max(1, round(median(limits)))
        best = (
            max(
                trial.agreement(play(trial, key, partial(FixedWindow, limit, seconds, phase)))
                for phase in some or [0.0]
            )
            for trial, some in zip(trials, phases, strict=True)
        )
        yield Fit(model="window", key=key, count=limit, seconds=seconds, agreement=_together(trials, best))


def _likely_phases(trial: Trial, key: Key, seconds: float) -> list[float]:
    """When windows may open: between a refusal and the next pass of a key that had been refused.

    The closest of such pairs tell best; the keys share one timer, so that any two of them make a pair.
    """
    gaps = []
    refused: set[str] = set()
    last = trial.arrivals[0].at
    for arrival in trial.arrivals:
        group = arrival.group(key)
        if not arrival.passed:
            refused.add(group)
            last = arrival.at
        elif group in refused:
            refused.discard(group)
            gaps.append((arrival.at - last, (arrival.at + last) / 2.0))
    phases: dict[int, float] = {}
    for _, at in sorted(gaps):
        phases.setdefault(int(at % seconds / seconds * 200), at % seconds)
        if len(phases) >= _affordable(trial):
            break
    return list(phases.values())


def _best_limit(trial: Trial, key: Key, seconds: float, phases: Sequence[float]) -> float | None:
    """The median of what passed in full windows, at the phase at which these agree best."""
    best: tuple[float, float] | None = None
    for phase in phases:
        full = _full_windows(trial, key, seconds, phase)
        if not full:
            continue
        limit = median(full)
        spread = sum(abs(count - limit) for count in full) / (limit * len(full))
        if best is None or spread < best[0]:
            best = (spread, limit)
    return None if best is None else best[1]


def _full_windows(trial: Trial, key: Key, seconds: float, phase: float) -> list[int]:
    """What passed in each window of which something was refused; not in the trial's first and last."""
    arrivals = trial.arrivals
    first = floor((arrivals[0].at - phase) / seconds)
    last = floor((arrivals[-1].at - phase) / seconds)
    full = []
    for places in trial.groups(key).values():
        passed: dict[int, int] = {}
        refused: set[int] = set()
        for place in places:
            window = floor((arrivals[place].at - phase) / seconds)
            if arrivals[place].passed:
                passed[window] = passed.get(window, 0) + 1
            else:
                refused.add(window)
        full += [passed[window] for window in refused if window in passed and first < window < last]
    return full


def _sliding(trials: Sequence[Trial], key: Key, near: float | None) -> Iterator[Fit]:
    del near
    for seconds in WINDOWS:
        most = [
            count
            for trial in trials
            for places in trial.groups(key).values()
            if (count := _most_within(trial, places, seconds))
        ]
        if not most:
            continue
        limit = max(1, round(median(most)))
        for counts_refused in (False, True):
            agreement = _agreement(trials, key, partial(SlidingWindow, limit, seconds, counts_refused))
            yield Fit(
                model="sliding", key=key, count=limit, seconds=seconds, agreement=agreement,
                counts_refused=counts_refused,
            )  # fmt: skip


def _most_within(trial: Trial, places: Sequence[int], seconds: float) -> int:
    """The most that passed within any window, of a key of which something was refused; else 0."""
    if all(trial.arrivals[place].passed for place in places):
        return 0
    times = [trial.arrivals[place].at for place in places if trial.arrivals[place].passed]
    most = start = 0
    for end, at in enumerate(times):
        while times[start] <= at - seconds:
            start += 1
        most = max(most, end - start + 1)
    return most


def _buckets(trials: Sequence[Trial], key: Key, near: float | None) -> Iterator[Fit]:
    del near
    rates = list(_late_rates(trials, key))
    if not rates:
        return
    rate = median(rates)
    burst = max(_highest_excess(trial, places, rate) for trial in trials for places in _refused(trial, key))
    best = Fit(model="bucket", key=key, count=rate, seconds=1.0, agreement=-1.0)
    for size in sorted({max(1.0, float(round(burst * share))) for share in (0.9, 0.95, 1.0)}):
        agreement = _agreement(trials, key, partial(TokenBucket, rate, size))
        if agreement > best.agreement:
            best = replace(best, burst=size, agreement=agreement)
    yield best


def _refused(trial: Trial, key: Key) -> Iterator[Sequence[int]]:
    """The arrivals of each key of which something was refused."""
    for places in trial.groups(key).values():
        if not all(trial.arrivals[place].passed for place in places):
            yield places


def _late_rates(trials: Sequence[Trial], key: Key) -> Iterator[float]:
    """How fast passes came in the later half of the time in which there were refusals; per key."""
    for trial in trials:
        for places in _refused(trial, key):
            arrivals = [trial.arrivals[place] for place in places]
            first = next(arrival.at for arrival in arrivals if not arrival.passed)
            middle = (first + arrivals[-1].at) / 2.0
            late = [arrival.at for arrival in arrivals if arrival.passed and arrival.at >= middle]
            if len(late) > 1 and late[-1] > late[0]:
                yield (len(late) - 1) / (late[-1] - late[0])


def _highest_excess(trial: Trial, places: Sequence[int], rate: float) -> float:
    """The most by which passes ran ahead of the rate in any interval: a full bucket's worth."""
    highest = excess = 0.0
    last = trial.arrivals[places[0]].at
    for place in places:
        arrival = trial.arrivals[place]
        excess = max(0.0, excess - rate * (arrival.at - last))
        last = arrival.at
        if arrival.passed:
            excess += 1.0
            highest = max(highest, excess)
    return highest


def _reds(trials: Sequence[Trial], key: Key, near: float | None) -> Iterator[Fit]:
    """After a window with n times the limit every n-th passes; below twice the limit nothing is refused."""
    for seconds in WINDOWS:
        guesses = sorted(guess for trial in trials for guess in _red_guesses(trial, key, seconds, near))
        found = []
        for limit in {limit for _, _, limit in guesses[-_BEST_GUESSES:]}:
            agreements = (_best_red(trial, key, limit, seconds, guesses) for trial in trials)
            agreement = _together(trials, agreements)
            found.append(Fit(model="red", key=key, count=limit, seconds=seconds, agreement=agreement))
        if found:
            yield max(found, key=lambda fit: fit.agreement)


def _best_red(
    trial: Trial, key: Key, limit: int, seconds: float, guesses: Sequence[tuple[float, float, int]]
) -> float:
    """The agreement at the best of the likely phases, and then of those around it."""

    def agreement(phase: float) -> float:
        return trial.agreement(play(trial, key, partial(RedWindow, limit, seconds, phase)))

    phases = dict.fromkeys(phase for _, phase, _ in guesses[-_BEST_GUESSES:])
    best, grain = max(phases, key=agreement), seconds / _affordable(trial)
    for _ in range(_ROUNDS):
        around = [best + grain * number / _FINER for number in range(1 - _FINER, _FINER)]
        best, grain = max(around, key=agreement), grain / _FINER
    return agreement(best)


def _red_guesses(
    trial: Trial, key: Key, seconds: float, near: float | None
) -> Iterator[tuple[float, float, int]]:
    """For each phase: what share of the windows one limit explains, the phase, and that limit."""
    for number in range(_affordable(trial)):
        phase = seconds * number / _affordable(trial)
        bounds = list(_red_bounds(trial, key, seconds, phase))
        if not bounds:
            continue
        edges = sorted({edge for low, high in bounds for edge in (low, high)})
        middles = [(low + high) / 2.0 for low, high in pairwise(edges)] or edges
        if near is not None:
            middles.append(near * seconds)
        share, limit = max(
            (sum(low < one <= high for low, high in bounds) / len(bounds), one) for one in middles
        )
        yield share, phase, max(1, round(limit))


def _red_bounds(trial: Trial, key: Key, seconds: float, phase: float) -> Iterator[tuple[float, float]]:
    """A window in which every n-th passed says that its forerunner held n to n + 1 limits."""
    for places in trial.groups(key).values():
        seen: dict[int, int] = {}
        passed: dict[int, int] = {}
        for place in places:
            arrival = trial.arrivals[place]
            window = floor((arrival.at - phase) / seconds)
            seen[window] = seen.get(window, 0) + 1
            passed[window] = passed.get(window, 0) + arrival.passed
        for window in sorted(seen)[2:]:
            if window - 1 in seen and passed[window]:
                every = round(seen[window] / passed[window])
                before = seen[window - 1]
                yield before / (every + 1), before / every if every > 1 else float(before * _NO_BOUND)


def _affordable(trial: Trial) -> int:
    """How many phases may be tried: a long trial tells them apart, and takes its time."""
    return max(4, min(_PHASES, _MOST_STEPS // max(1, len(trial))))


_MAKERS = (_windows, _sliding, _buckets, _reds)
