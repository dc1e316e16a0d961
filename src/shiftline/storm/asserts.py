"""Conditions on a run's figures, such as ``p99<200ms`` or ``errors<1%``: what ``--assert`` takes."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from shiftline.errors import ConfigurationError
from shiftline.storm.histogram import Histogram
from shiftline.storm.sample import TIMEOUT, Result

_TEXT = re.compile(r"\s*([a-z0-9.-]+)\s*(<=|>=|<|>)\s*(\d+(?:\.\d+)?)\s*(ms|us|s|%|/s)?\s*")
_COMPARE: Mapping[str, Callable[[float, float], bool]] = {
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip
_UNITS: Mapping[str, Mapping[str, float]] = {
    "time": {"ms": 1e-3, "s": 1.0, "us": 1e-6},
    "share": {"%": 0.01},
    "rate": {"/s": 1.0, "": 1.0},
    "count": {"": 1.0},
}
"""Units by the kind of figure, and what each is in seconds, parts, flows per second or pieces."""
_BASE: Mapping[str, tuple[str, float]] = {
    "time": ("ms", 1e-3), "share": ("%", 0.01), "rate": ("/s", 1.0), "count": ("", 1.0),
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """A figure that may be asserted."""

    kind: str
    """time, share, rate or count."""
    meaning: str
    read: Callable[[Result], float]


def _share(part: Callable[[Result], float], whole: Callable[[Result], float]) -> Callable[[Result], float]:
    def read(result: Result) -> float:
        return part(result) / whole(result) if whole(result) else 0.0

    return read


def _latency(result: Result, share: float) -> float:
    """Of all requests: one that was never answered took as long as its flow, which waited for it in vain.

    A limit on the 99th percentile would hold for a server that answers nothing but quick ones.
    """
    latency = result.whole.latency
    everyone = latency.count + result.whole.statuses[TIMEOUT]
    if share * everyone > latency.count:
        return result.whole.response.highest
    if share == 1.0:
        return latency.highest
    return latency.quantile(share * everyone / latency.count) if latency.count else 0.0


def _quantile(histogram: Histogram, share: float) -> float:
    return histogram.highest if share == 1.0 else histogram.quantile(share)


def _times(name: str, words: str, read: Callable[[Result, float], float]) -> dict[str, Measure]:
    shares = {"p50": 0.5, "p95": 0.95, "p99": 0.99, "max": 1.0}

    def reader(share: float) -> Callable[[Result], float]:
        return lambda result: read(result, share)

    return {
        f"{name}{short}": Measure(kind="time", meaning=f"{words}, {short}", read=reader(share))
        for short, share in shares.items()
    }


MEASURES: Mapping[str, Measure] = {
    **_times("", "latency of a request; unanswered, as long as its flow waited", _latency),
    **_times(
        "response.", "response of a flow, from its schedule on",
        lambda result, share: _quantile(result.whole.response, share),
    ),
    **_times("lag.", "how late flows began", lambda result, share: _quantile(result.whole.lag, share)),
    "errors": Measure(
        kind="share", meaning="flows that did not succeed", read=lambda result: result.failed_share
    ),
    "timeouts": Measure(
        kind="share", meaning="flows without a final answer",
        read=_share(lambda r: r.whole.statuses[TIMEOUT], lambda r: r.flows),
    ),
    "retransmissions": Measure(
        kind="share", meaning="copies per request",
        read=_share(lambda r: r.whole.retransmissions, lambda r: r.whole.requests),
    ),
    "rate": Measure(kind="rate", meaning="flows that succeeded, a second", read=lambda r: r.flows_per_second),
    "flows": Measure(kind="count", meaning="flows that ended", read=lambda r: float(r.flows)),
    "ok": Measure(kind="count", meaning="flows that succeeded", read=lambda r: float(r.ok)),
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """One condition; ``bound`` is in seconds, parts of one, flows per second or pieces."""

    text: str
    name: str
    comparison: str
    bound: float

    def check(self, result: Result) -> Outcome:
        """Whether it holds."""
        seen = MEASURES[self.name].read(result)
        return Outcome(condition=self, seen=seen, holds=_COMPARE[self.comparison](seen, self.bound))


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of a condition."""

    condition: Condition
    seen: float
    holds: bool

    @property
    def words(self) -> str:
        """Such as "p99<200ms: it is 312.4ms"."""
        unit, size = _BASE[MEASURES[self.condition.name].kind]
        return f"{self.condition.text}: it is {self.seen / size:,.4g}{unit}"


def parse_condition(text: str) -> Condition:
    """Read a condition. Raises ConfigurationError, which says what could stand there."""
    found = _TEXT.fullmatch(text)
    if found is None:
        raise ConfigurationError(
            f"{text!r} is no condition.",
            remedy="Write a figure, <, <=, > or >=, and a value, as in p99<200ms or errors<1%.",
        )
    name, comparison, number, unit = found[1], found[2], found[3], found[4] or ""
    measure = MEASURES.get(name)
    if measure is None:
        raise ConfigurationError(
            f"{text!r} asserts {name!r}, which is no figure of a run.",
            remedy=f"Use one of {', '.join(MEASURES)}.",
        )
    units = _UNITS[measure.kind]
    if unit not in units:
        wanted = " or ".join(one or "no unit" for one in units)
        raise ConfigurationError(
            f"{text!r} has {unit!r} as its unit." if unit else f"{text!r} lacks its unit.",
            remedy=f"{name} wants {wanted}, as in {name}{comparison}{number}{next(iter(units))}.",
        )
    return Condition(text=text.strip(), name=name, comparison=comparison, bound=float(number) * units[unit])
