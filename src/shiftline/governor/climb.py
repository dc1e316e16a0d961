"""How fast a climb goes on: the search for a limit of which nothing is known yet.

Some limiters judge late: RED looks at the window before, so its first one stops nobody. A climb that doubles
every half a second would have sent tens of thousands of requests before the first refusal. So it rests at
`UNJUDGED_RATE` until the longest usual window has ended there, then at `STEP` times that, and so on.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from shiftline.governor.policy import GovernorPolicy

UNJUDGED_RATE = 1600.0  # requests per second: 4,000 checks at a trunk without any limit take five seconds
STEP = 4.0
JUDGED_SECONDS = 10.5  # the longest usual window has surely ended


@dataclass(slots=True)
class Climb:
    """Where the climb of one trunk is."""

    policy: GovernorPolicy
    _rests_at: float = field(default=UNJUDGED_RATE, init=False)
    _rested: float = field(default=0.0, init=False)

    def rate_after(self, rate: float, elapsed: float) -> float:
        """What a rate (per second) that was sent at for ``elapsed`` seconds grows to."""
        if rate >= self._rests_at:
            self._rested += elapsed
            if self._rested < JUDGED_SECONDS:
                return rate
            self._rests_at, self._rested = rate * STEP, 0.0
        growth: float = 2 ** (elapsed / self.policy.doubling_seconds)
        return min(rate * growth, self._rests_at, self.policy.ceiling)
