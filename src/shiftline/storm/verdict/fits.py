"""Limiters that explain what passed: each model's figures are read off the trials, then it is played.

The models are the governor's own (`governor.limiters.counters`); what they foretell is compared with what
was seen. A model with a window has its phase free in each trial, since timers drift; its limit is one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import pairwise, product
from math import floor
from statistics import linear_regression, median
from types import MappingProxyType

from shiftline.governor.limiters.counters import FixedWindow, SlidingWindow, TokenBucket
from shiftline.storm.verdict.arrivals import Key, Trial
from shiftline.storm.verdict.fitted import WINDOWS, Fit, affordable, agreement_of, play, together
from shiftline.storm.verdict.red import reds

NOTHING_NEAR: Mapping[Key, float] = MappingProxyType({})
_ROUNDS_BY = 0.01


def fits(trials: Sequence[Trial], near: Mapping[Key, float] = NOTHING_NEAR) -> list[Fit]:
    """Every model that can be fitted, for every key; the best first.

    ``near`` is what passed per second and key under a load far above the limit, where that is known.
    """
    found = [fit for key in Key for make in _MAKERS for fit in make(trials, key, near.get(key))]
    return sorted(found, key=lambda fit: -fit.agreement)


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
        yield Fit(model="window", key=key, count=limit, seconds=seconds, agreement=together(trials, best))


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
        if len(phases) >= affordable(trial):
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
            agreement = agreement_of(trials, key, partial(SlidingWindow, limit, seconds, counts_refused))
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
    sizes = sorted({max(1.0, float(round(burst * share))) for share in (0.9, 0.95, 1.0)})
    for one, size in product(_as_somebody_sets_it(rate), sizes):
        agreement = agreement_of(trials, key, partial(TokenBucket, one, size))
        if agreement > best.agreement:
            best = replace(best, count=one, burst=size, agreement=agreement)
    yield best


def _as_somebody_sets_it(rate: float) -> list[float]:
    """The rate as seen, and the round one beside it: a thousandth more would be a token out of step soon."""
    rounded = float(f"{rate:.2g}") if rate < 100.0 else float(f"{rate:.3g}")
    return [rate, rounded] if abs(rounded - rate) < _ROUNDS_BY * rate else [rate]


def _refused(trial: Trial, key: Key) -> Iterator[Sequence[int]]:
    """The arrivals of each key of which something was refused."""
    for places in trial.groups(key).values():
        if not all(trial.arrivals[place].passed for place in places):
            yield places


def _late_rates(trials: Sequence[Trial], key: Key) -> Iterator[float]:
    """How fast tokens came in the later half of the time in which there were refusals; per key.

    A token came between a refusal and the next pass. The line through all of those moments tells its rate
    far better than the first and the last, whose error of one token would put the model out of step.
    """
    for trial in trials:
        for places in _refused(trial, key):
            arrivals = [trial.arrivals[place] for place in places]
            first = next(arrival.at for arrival in arrivals if not arrival.passed)
            middle = (first + arrivals[-1].at) / 2.0
            tokens = [
                (before.at + arrival.at) / 2.0
                for before, arrival in pairwise(arrivals)
                if arrival.passed and before.at >= middle
            ]
            if len(tokens) > 1 and tokens[-1] > tokens[0]:
                yield linear_regression(tokens, range(len(tokens))).slope


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


_MAKERS = (_windows, _sliding, _buckets, reds)
