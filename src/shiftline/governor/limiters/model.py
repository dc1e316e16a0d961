"""What arrives at a limiter, and what it decides."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


class Fate(StrEnum):
    """What becomes of an arrival."""

    PASS = "pass"  # noqa: S105 - no password
    REFUSE = "refuse"
    DROP = "drop"
    """Never answered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """One request as a limiter sees it."""

    at: float
    """Seconds; a later arrival is never earlier."""
    source: str = ""
    account: str | None = None
    """Whose credentials it carries; None: it carries none."""
    service_seconds: float = 0.0
    """What handling it takes once begun."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Feedback:
    """Overload control parameters of a response's Via (RFC 7339 section 4, RFC 7415 section 3)."""

    algorithm: str
    """``loss`` or ``rate``."""
    value: float
    """Percentage to leave out (loss), or requests per second (rate)."""
    validity_seconds: float = 0.5
    sequence: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """A limiter's decision about one arrival."""

    fate: Fate
    status: int = 403
    """Of a refusal."""
    retry_after: float | None = None
    """Seconds, on a refusal."""
    wait_seconds: float = 0.0
    """So long a passed request waits before it is handled."""
    feedback: Feedback | None = None


PASSED = Verdict(fate=Fate.PASS)
FORBIDDEN = Verdict(fate=Fate.REFUSE)
DROPPED = Verdict(fate=Fate.DROP)


class Counter(Protocol):
    """Counts arrivals of one key. ``now`` (seconds) never goes back."""

    def admits(self, now: float) -> bool:
        """Count one arrival at ``now`` and tell whether it passes."""


class Limiter(Protocol):
    """Decides about each arrival, in the order of their times."""

    def judge(self, arrival: Arrival) -> Verdict:
        """Take note of the arrival and decide."""
