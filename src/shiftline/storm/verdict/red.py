"""Random early drop, as Kamailio has it: its limit is read off whole windows, its phase off arrivals."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from itertools import pairwise
from math import floor

from shiftline.governor.limiters.counters import RedWindow
from shiftline.storm.verdict.arrivals import Key, Trial
from shiftline.storm.verdict.fitted import WINDOWS, Fit, affordable, play, together

_BEST_GUESSES = 6
_FINER, _ROUNDS = 4, 2
"""Phases between two of a grid, and how often the grid is made finer."""
_NO_BOUND = 2
"""A window of which all passed does not say that the one before was not far below the limit."""
_MOST_FINE_STEPS = 60_000
"""Arrivals times phases of the closer look."""
_WORTH_A_CLOSER_LOOK = 0.8
_SHARE_NEAR = 0.05


def reds(trials: Sequence[Trial], key: Key, near: float | None) -> Iterator[Fit]:
    """After a window with n times the limit every n-th passes; below twice the limit nothing is refused."""
    for seconds in WINDOWS:
        guesses = sorted(guess for trial in trials for guess in _red_guesses(trial, key, seconds, near))
        if not guesses:
            continue
        best = _best_of(trials, Fit(model="red", key=key, count=0.0, seconds=seconds, agreement=-1.0),
                        [limit for _, _, limit in guesses[-_BEST_GUESSES:]],
                        dict.fromkeys(phase for _, phase, _ in guesses[-_BEST_GUESSES:]))  # fmt: skip
        if best.agreement >= _WORTH_A_CLOSER_LOOK:
            likely = [guess for guess in guesses if guess[0] >= guesses[-1][0] - _SHARE_NEAR]
            phases = _finer(likely, seconds, trials)
            closer = _best_of(trials, best, [limit for _, _, limit in likely[-_BEST_GUESSES:]], phases)
            best = max(best, closer, key=lambda fit: fit.agreement)
        yield best


def _best_of(trials: Sequence[Trial], fit: Fit, limits: Iterable[int], phases: Iterable[float]) -> Fit:
    """The same with the limit that agrees best; each trial has a phase of its own."""
    given = list(phases)
    found = [
        replace(
            fit,
            count=limit,
            agreement=together(trials, (_best_red(trial, fit, limit, given) for trial in trials)),
        )
        for limit in dict.fromkeys(limits)
    ]
    return max(found, key=lambda one: one.agreement)


def _best_red(trial: Trial, fit: Fit, limit: int, phases: Sequence[float]) -> float:
    """The agreement at the best of the phases, and then of those around it."""

    def agreement(phase: float) -> float:
        return trial.agreement(play(trial, fit.key, partial(RedWindow, limit, fit.seconds, phase)))

    best, grain = max(phases, key=agreement), fit.seconds / affordable(trial)
    for _ in range(_ROUNDS):
        around = [best + grain * number / _FINER for number in range(1 - _FINER, _FINER)]
        best, grain = max(around, key=agreement), grain / _FINER
    return agreement(best)


def _finer(
    likely: Sequence[tuple[float, float, int]], seconds: float, trials: Sequence[Trial]
) -> Iterator[float]:
    """Phases around those at which most windows are explained, as many as can be afforded.

    Every n-th arrival passes, counted from the window's start: the agreement is as ragged over the phase as
    arrivals are dense, and the windows alone say where it is worth to look.
    """
    phases = dict.fromkeys(phase for _, phase, _ in likely)
    longest = max(len(trial) for trial in trials)
    coarse = seconds / min(affordable(trial) for trial in trials)
    count = max(1, _MOST_FINE_STEPS // longest // len(phases))
    for phase in phases:
        yield from (phase + coarse * (number / count - 0.5) for number in range(count))


def _red_guesses(
    trial: Trial, key: Key, seconds: float, near: float | None
) -> Iterator[tuple[float, float, int]]:
    """For each phase: what share of the windows one limit explains, the phase, and that limit."""
    for number in range(affordable(trial)):
        phase = seconds * number / affordable(trial)
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
