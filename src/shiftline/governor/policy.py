"""What an operator may set about a trunk's governor."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf, isfinite

from shiftline.errors import ConfigurationError

LOWEST_MAX_RATE = 1.0 / 3600.0  # requests per second; less is a typing error
MOST_HEADROOM = 0.95
LOST_SECONDS = 64.0  # twice the longest that SIP waits for an answer (RFC 3261 section 17.1.2.2, timer F)
HIGHEST_RATE = 10_000.0  # requests per second; more than any trunk takes, so that no search runs away


@dataclass(frozen=True, slots=True, kw_only=True)
class GovernorPolicy:
    """Rates are requests per second, times are seconds."""

    learn: bool = False
    """May look for the limit by going above it. Without it the rate stays at ``max_rate`` or goes down,
    and returns to it only where going down did not help."""
    max_rate: float = 5.0
    """Never faster than this. With ``learn``, 0 means that no ceiling is known."""
    headroom: float = 0.0
    """Share of the learned limit left to traffic that we cannot see. Above 0, the limit counts as shared:
    it is met at most once in an episode, and the rate never creeps up towards it again."""
    initial_rate: float = 20.0
    doubling_seconds: float = 0.45
    canary_seconds: float = 0.15
    """First silence after a refusal before an unauthenticated canary asks whether the path is open again."""
    longest_silence: float = 30.0
    patience_seconds: float = 60.0
    """How long a trunk that had accepted us may refuse canaries before that is called a ban."""
    creep_per_second: float = 0.015
    """How fast the held rate grows while nothing is refused, as a share of itself."""
    lost_seconds: float = LOST_SECONDS
    """A request is lost when nothing was told of it for so long (a canary's own patience comes on top).

    Longer than any driver waits for an answer: one that forgets a request costs a silence, and no trunk."""

    def __post_init__(self) -> None:
        at_least_hourly = "a number of requests per second, at least one an hour (0.0003), or 0"
        share = f"a share from 0 to {MOST_HEADROOM}"
        _check("max_rate", self.max_rate, LOWEST_MAX_RATE, inf, at_least_hourly, "5, say")
        _check("headroom", self.headroom, 0.0, MOST_HEADROOM, share, "0.1, say")
        if not self.learn and self.max_rate <= 0:
            raise ConfigurationError(
                "A trunk that may not learn its rate has no max_rate above 0.",
                remedy="Set max_rate (requests per second), or allow learn.",
            )

    @property
    def ceiling(self) -> float:
        """The fastest allowed rate, in requests per second."""
        return self.max_rate if self.max_rate > 0 else HIGHEST_RATE

    @property
    def first_rate(self) -> float:
        """Where a trunk begins of which nothing is known, in requests per second."""
        return min(self.ceiling, self.initial_rate) if self.learn else self.max_rate


def _check(name: str, value: object, least: float, most: float, allowed: str, give: str) -> None:
    """Refuse what is no number (a truth counts as none), or out of bounds; 0 is always allowed."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        is_possible = False
    else:
        is_possible = isfinite(value) and (value == 0 or least <= value <= most)
    if is_possible:
        return
    raise ConfigurationError(
        f"{name} = {value!r} is not possible: it is {allowed}.",
        remedy=f"Set {name} to {give}.",
    )
