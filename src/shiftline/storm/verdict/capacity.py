"""Queueing: does more load bring more answers, or only longer waits?

A server that is not at its limit answers n times the load with n times the throughput at the same latency;
one that is at its limit answers at the same rate, and everybody waits n times as long (Little's law). The
sign does not depend on a latency that somebody thinks good (facts, overload-control 3 and 4.1: Cinnamon's
covariance between what is under way and what comes out).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from shiftline.storm.plan import ClosedLoop, Plan
from shiftline.storm.sample import Result

_GROWS = 2.0
"""Times the light load's median latency, from which on latency has grown."""
_IN_PROPORTION = 0.7
"""Of the load's own growth: throughput that grows by as much is not held back."""
_BUSY = 0.85
"""Of one processor."""
_FULL, _STARVED, _IDLE = 0.95, 0.3, 0.6
"""Of the machine, from which on it is full; of the machine and of one processor, below which a server did not
fill it: it had to wait for others."""
_DROPPED = 0.002
"""Of the requests: what a kernel drops of less is a moment's work."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Processors:
    """Processor time of the server's processes during a run, as the kernel of this machine counts it."""

    used: float
    """Processors' worth: 1.5 is one and a half."""
    busiest: float
    """The same of the busiest process."""
    processes: int
    available: int
    machine_busy: float = 0.0
    """Of all processors, by whomever: 0 to 1."""

    @property
    def is_starved(self) -> bool:
        """Whether the machine was full, and the server had a small part of it."""
        had = self.used < _STARVED * self.available and self.busiest < _IDLE
        return self.machine_busy >= _FULL and had


@dataclass(frozen=True, slots=True, kw_only=True)
class Queueing:
    """Two loads compared; rates are flows that succeeded per second, latencies medians in seconds."""

    load_ratio: float
    light_rate: float
    heavy_rate: float
    light_latency: float
    heavy_latency: float
    processors: Processors | None = None
    lost: int = 0
    """Requests of the heavy load that were never answered, or by 503."""
    target_drops: int = 0
    requests: int = 0
    """Of the heavy load."""

    @property
    def rate(self) -> float:
        """What the server is known to manage, flows per second: the better of both."""
        return max(self.light_rate, self.heavy_rate)

    @property
    def rate_ratio(self) -> float:
        """How much more came out."""
        return self.heavy_rate / self.light_rate if self.light_rate else 0.0

    @property
    def latency_ratio(self) -> float:
        """How much longer each took."""
        return self.heavy_latency / self.light_latency if self.light_latency else 0.0

    @property
    def is_capacity(self) -> bool:
        """Whether the heavy load met what the server can do."""
        if not self.light_rate:  # nothing to compare with
            return False
        held_back = self.rate_ratio < _IN_PROPORTION * self.load_ratio
        grown = self.latency_ratio >= _GROWS
        return (held_back and grown) or self.target_drops > _DROPPED * self.requests

    def evidence(self) -> Iterator[str]:
        """What was seen, in sentences with figures."""
        yield (
            f"{self.load_ratio:.0f} times the load brought {self.rate_ratio:.1f} times the throughput"
            f" ({self.light_rate:,.0f} to {self.heavy_rate:,.0f} flows/s) and {self.latency_ratio:.1f} times"
            f" the median latency ({self.light_latency * 1000:.2f} to {self.heavy_latency * 1000:.2f} ms)"
        )
        if self.lost:
            yield f"{self.lost:,} requests of the heavy load were lost or answered 503"
        if self.target_drops:
            yield (
                f"the target's kernel dropped {self.target_drops:,} requests before the server could read"
                " them: its receive buffer was full"
            )
        if self.processors is not None:
            yield _processors_in_words(self.processors)


def _processors_in_words(seen: Processors) -> str:
    full = " (full)" if seen.busiest >= _BUSY else ""
    return (
        f"the server's {seen.processes} processes used {seen.used:.2f} of {seen.available} processors,"
        f" the busiest {seen.busiest:.0%} of one{full}; storm and others took the machine to"
        f" {seen.machine_busy:.0%}"
    )


def compare(
    light: Result, light_plan: Plan, heavy: Result, heavy_plan: Plan, processors: Processors | None
) -> Queueing:
    """See `Queueing`."""
    statuses = heavy.whole.statuses
    return Queueing(
        load_ratio=_load(heavy_plan) / _load(light_plan),
        light_rate=light.flows_per_second,
        heavy_rate=heavy.flows_per_second,
        light_latency=light.whole.latency.quantile(0.5),
        heavy_latency=heavy.whole.latency.quantile(0.5),
        processors=processors,
        lost=statuses[0] + statuses[503],
        target_drops=heavy.whole.target_drops or 0,
        requests=heavy.whole.requests,
    )


def _load(plan: Plan) -> float:
    load = plan.load
    return float(load.concurrency) if isinstance(load, ClosedLoop) else load.shape.highest_rate
