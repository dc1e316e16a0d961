"""A limiter that was fitted to trials, and how one is played over them; what every model's fit needs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from shiftline.storm.verdict.arrivals import Key, Trial

WINDOWS = (1.0, 2.0, 5.0, 10.0)
"""Seconds; of the limiters that are met with."""
_PHASES = 24
_MOST_STEPS = 60_000
"""Arrivals times phases that a model may be played for."""


class Model(Protocol):
    """A counter of one key (`governor.limiters.counters`) that is played over many arrivals."""

    def admits_all(self, times: Sequence[float]) -> list[bool]:
        """Which of those that come at these moments (seconds, in order) pass."""


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


def play(trial: Trial, key: Key, make: Callable[[], Model]) -> list[bool]:
    """What such a limiter, one for each key, would have let pass."""
    foretold = [True] * len(trial)
    for places, times in trial.times(key):
        passing = make().admits_all(times)
        if len(times) == len(trial):  # all are counted together
            return passing
        for place, passes in zip(places, passing, strict=True):
            foretold[place] = passes
    return foretold


def agreement_of(trials: Sequence[Trial], key: Key, make: Callable[[], Model]) -> float:
    return together(trials, (trial.agreement(play(trial, key, make)) for trial in trials))


def together(trials: Sequence[Trial], agreements: Iterable[float]) -> float:
    """The mean over trials, weighted by their arrivals."""
    whole = sum(len(trial) for trial in trials)
    weighted = sum(len(trial) * one for trial, one in zip(trials, agreements, strict=True))
    return weighted / whole if whole else 0.0


def affordable(trial: Trial) -> int:
    """How many phases may be tried: a long trial tells them apart, and takes its time."""
    return max(4, min(_PHASES, _MOST_STEPS // max(1, len(trial))))
