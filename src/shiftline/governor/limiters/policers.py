"""What a limiter does when its counter is full: refuse, drop, ban or lock."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from math import floor, inf

from shiftline.governor.limiters.model import FORBIDDEN, PASSED, Arrival, Counter, Limiter, Verdict

Key = Callable[[Arrival], str | None]
"""What is counted together; None is not counted."""


def by_source(arrival: Arrival) -> str | None:
    """One counter for each source address."""
    return arrival.source


def by_account(arrival: Arrival) -> str | None:
    """One counter for each account; what carries no credentials is not counted."""
    return arrival.account


@dataclass(slots=True)
class Policer:
    """Refuses what its counter does not admit, at once."""

    counter: Counter
    refusal: Verdict = FORBIDDEN

    def judge(self, arrival: Arrival) -> Verdict:
        """See `Limiter`."""
        return PASSED if self.counter.admits(arrival.at) else self.refusal


@dataclass(slots=True, kw_only=True)
class Ban:
    """Once its counter is full, everything is refused for a while.

    Each ban is ``growth`` times as long as the one before, up to ``longest_seconds``; with ``prolonged``
    every arrival begins it anew, without, none does. What is refused by the ban is not counted.

    With ``clock_seconds`` it ends with the first tick of a clock of that step that is later than its
    end, as a table of Kamailio's htable expires (time() > expire, ht_api.c): 300 s last up to 301 s.
    """

    counter: Counter
    seconds: float
    refusal: Verdict = FORBIDDEN
    growth: float = 1.0
    longest_seconds: float = inf
    prolonged: bool = False
    clock_seconds: float = 0.0
    clock_phase: float = 0.0
    bans: int = field(default=0, init=False)
    prolongations: int = field(default=0, init=False)
    banned_until: float = field(default=-inf, init=False)
    _length: float = field(default=0.0, init=False)

    def judge(self, arrival: Arrival) -> Verdict:
        """See `Limiter`."""
        if arrival.at < self.banned_until:
            if self.prolonged:
                self.banned_until = self._end(arrival.at)
                self.prolongations += 1
            return self.refusal
        if self.counter.admits(arrival.at):
            return PASSED
        self.bans += 1
        self._length = min(self.seconds * self._longer(), self.longest_seconds)
        self.banned_until = self._end(arrival.at)
        return self.refusal

    def _longer(self) -> float:
        try:
            return self.growth ** (self.bans - 1)
        except OverflowError:
            return inf

    def _end(self, now: float) -> float:
        if not self.clock_seconds:
            return now + self._length
        ticks = floor((now - self.clock_phase) / self.clock_seconds) + 1
        return self.clock_phase + ticks * self.clock_seconds + self._length


@dataclass(slots=True)
class Keyed:
    """One limiter per key, made when the key is first seen; what has no key passes."""

    make: Callable[[], Limiter]
    key: Key
    limiters: dict[str, Limiter] = field(default_factory=dict)

    def judge(self, arrival: Arrival) -> Verdict:
        """See `Limiter`."""
        key = self.key(arrival)
        if key is None:
            return PASSED
        limiter = self.limiters.get(key)
        if limiter is None:
            limiter = self.limiters[key] = self.make()
        return limiter.judge(arrival)


@dataclass(slots=True)
class PerSource:
    """One limiter per source address, made from the address when it is first seen."""

    make: Callable[[str], Limiter]
    limiters: dict[str, Limiter] = field(default_factory=dict)

    def judge(self, arrival: Arrival) -> Verdict:
        """See `Limiter`."""
        limiter = self.limiters.get(arrival.source)
        if limiter is None:
            limiter = self.limiters[arrival.source] = self.make(arrival.source)
        return limiter.judge(arrival)
