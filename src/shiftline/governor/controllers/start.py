"""What a controller is told before it begins: the same for all."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from shiftline.errors import ConfigurationError
from shiftline.governor.policy import GovernorPolicy


def even() -> float:
    """In place of random numbers, for a controller that must not depend on chance: always the middle."""
    return 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """See above. Rates are requests per second, times are seconds on one monotonic clock."""

    policy: GovernorPolicy
    known: Mapping[str, Any] | None = None
    """What was learned in an earlier life; its ``rate`` is for all controllers."""
    settings: Mapping[str, float] = field(default_factory=dict)
    """Settings of this kind of controller that differ from its defaults."""
    now: float = 0.0
    draw: Callable[[], float] = even
    """Random numbers from 0 up to, but not, 1."""

    @property
    def known_rate(self) -> float | None:
        """The declared rate of a trunk that may not learn, or the one from an earlier life."""
        if not self.policy.learn:
            return self.policy.max_rate
        rate = self.known.get("rate") if self.known else None
        return None if rate is None else float(rate)

    def setting(self, defaults: Mapping[str, float]) -> dict[str, float]:
        """Return the defaults with what was set in their place.

        Raises ConfigurationError for a setting that this controller does not have.
        """
        unknown = sorted(set(self.settings) - set(defaults))
        if unknown:
            raise ConfigurationError(
                f"This controller has no setting {unknown[0]!r}.",
                remedy=f"It has {', '.join(defaults)}." if defaults else "It has none.",
            )
        return {**defaults, **self.settings}
