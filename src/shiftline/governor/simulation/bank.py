"""The bank of trunks that controllers are tried on: each a limiter and the pace of its answers.

The development bank is what controllers are tuned on. Its limiters are texts as `parse_limiter` reads
them; docs/reference/limiters.md says what they mean.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from shiftline.governor.limiters.form import Kind
from shiftline.governor.limiters.model import Limiter
from shiftline.governor.limiters.spec import LimiterSpec, parse_limiter

Draw = Callable[[], float]
"""Random numbers from 0 up to, but not, 1."""


class Group(StrEnum):
    """What kind of trunk a case is; each has its own bars."""

    RATE = "rate"
    BAN = "ban"
    CAPACITY = "capacity"
    FEEDBACK = "feedback"
    SHARED = "shared"
    CHANGING = "changing"


class Beginning(StrEnum):
    """What the controller knows at the beginning."""

    COLD = "cold"
    """Nothing; it may learn."""
    DECLARED = "declared"
    """The operator declared the limit as ``max_rate``; it may not learn."""
    KNOWN = "known"
    """It has learned a rate just below the limit in an earlier life, and may learn."""


@dataclass(frozen=True, slots=True)
class Case:
    """One trunk: a limiter, and how fast it answers (seconds)."""

    throttle: LimiterSpec
    answer_seconds: float = 0.04
    """Mean time until a handled request is answered; drawn evenly from half to one and a half of it."""
    refused_seconds: float = 0.002
    late_seconds: float = 0.0
    """Mean lateness of each turn of our own loop, on a busy machine; drawn evenly from none to twice that."""

    @property
    def name(self) -> str:
        """The limiter's text, and the times in milliseconds."""
        late = f" late {self.late_seconds * 1000:g}ms" if self.late_seconds else ""
        return f"{self.throttle} {self.answer_seconds * 1000:g}/{self.refused_seconds * 1000:g}ms{late}"

    @property
    def group(self) -> Group:
        """Which bars it is measured by."""
        if self.throttle.name in {Group.SHARED, Group.CHANGING}:
            return Group(self.throttle.name)
        if self.throttle.name == "pike" and not self.throttle.options["ban"]:
            return Group.RATE
        return Group.BAN if self.throttle.kind is Kind.LOCKOUT else Group(self.throttle.kind)

    @property
    def beginnings(self) -> tuple[Beginning, ...]:
        """What a controller may know of it: what bans is tried warm as well."""
        if self.group is Group.BAN:
            return (Beginning.DECLARED, Beginning.KNOWN, Beginning.COLD)
        return (Beginning.COLD,)

    @property
    def changes(self) -> tuple[float, ...]:
        """When the limiter changes (seconds)."""
        return tuple(step.since for step in self.throttle.steps[1:])

    @property
    def window_seconds(self) -> float:
        """The longest span over which it counts; 0 if it counts what is under way."""
        return max(step.amount.seconds for step in self.throttle.steps)

    def build(self, draw: Draw) -> Limiter:
        """Make the limiter anew; its phase is drawn."""
        return self.throttle.build(draw(), random=draw)

    @property
    def opening(self) -> float:
        """How many requests a full bucket lets pass at once; other limiters hold nothing."""
        if self.throttle.name != "bucket":
            return 0.0
        return float(self.throttle.options["burst"]) or max(1.0, self.throttle.ideal_rate())

    def ideal(self, start: float, end: float) -> float:
        """How many requests of an all-knowing sender pass between two moments (seconds).

        It sends steadily, as fast as is never refused, and empties a full bucket at the very beginning.
        What a window lets pass beyond its rate because the span cuts it is not counted.
        """
        opening = self.opening if start <= 0.0 < end else 0.0
        return opening + self.throttle.ideal_requests(end, since=start, answer_seconds=self.answer_seconds)

    def ideal_rate(self, at: float = 0.0) -> float:
        """The rate of that sender (requests per second) at a moment (seconds)."""
        return self.throttle.ideal_rate(at, answer_seconds=self.answer_seconds)


def case(throttle: str, answer_ms: float = 40.0, refused_ms: float = 2.0, late_ms: float = 0.0) -> Case:
    """A case from its limiter's text. Raises ConfigurationError if that cannot be read."""
    return Case(parse_limiter(throttle), answer_ms / 1000.0, refused_ms / 1000.0, late_ms / 1000.0)


DEVELOPMENT_BANK: tuple[Case, ...] = (
    case("window:50/1s"),
    case("window:20/1s", 1),
    case("window:200/1s", 40, 40),
    case("window:50/1s", 150, 40),
    case("window:100/2s"),
    case("window:200/10s"),
    case("window:50/1s,status=silent"),
    case("window:50/1s,key=user"),
    case("retry-after:500/10s"),
    case("red:50/1s"),
    case("red:100/10s"),
    case("sliding:50/1s"),
    case("sliding:100/5s", 150, 40),
    case("window:50/1s", late_ms=20),
    case("window:50/1s", late_ms=50),
    case("bucket:50/s,burst=100"),
    case("bucket:20/s,burst=5"),
    case("bucket:200/s,burst=20", 1),
    case("pike:30/2s,ban=0"),
    case("pike:30/2s,ban=300s"),
    case("escalating:50/1s,ban=60s,growth=1"),
    case("escalating:50/1s,ban=60s,growth=1,prolonged=yes"),
    case("escalating:50/1s,ban=20s,growth=3"),
    case("escalating:100/2s,ban=300s,growth=1,status=silent"),
    case("lockout:600/30s,lock=300s"),
    case("lockout:100/60s,lock=900s"),
    case("concurrency:5"),
    case("concurrency:10", 150),
    case("cpu:100/s"),
    case("cpu:8/s", 10),
    case("oc-rate:50/s"),
    case("oc-loss:50/s"),
    case("shared:50/1s,others=5/s"),
    case("shared:50/1s,others=25/s"),
    case("changing:50/1s,25/1s@240s"),
    case("changing:50/1s,100/1s@240s"),
    case("changing:50/1s,25/1s@200s,50/1s@400s"),
)
