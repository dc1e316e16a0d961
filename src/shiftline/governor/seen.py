"""What the limiter did with each request of the last while."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from shiftline.governor.window_fit import Observation

MEMORY = 12_000  # observations


class Seen:
    """Observations, oldest answer first. Times are seconds on one monotonic clock."""

    def __init__(self) -> None:
        self._seen: deque[Observation] = deque(maxlen=MEMORY)

    def note(self, one: Observation) -> None:
        """Remember one more."""
        self._seen.append(one)

    def forget_canaries(self) -> None:
        """Canaries do not meet this limiter: what became of them tells nothing about it."""
        self._seen = deque((one for one in self._seen if not one.is_canary), maxlen=MEMORY)

    def forget_refusals(self, since: float) -> None:
        """What was refused of what left since that moment was refused for itself."""
        kept = (one for one in self._seen if one.passed or one.sent_at < since)
        self._seen = deque(kept, maxlen=MEMORY)

    def forget_newest_refusal(self) -> None:
        """If what was noted last was refused, it was by chance."""
        if self._seen and not self._seen[-1].passed:
            self._seen.pop()

    def in_order(self) -> Sequence[Observation]:
        """All of them in the order of sending."""
        return sorted(self._seen, key=lambda one: one.sent_at)

    def passed_per_second(self, since: float, until: float) -> float:
        """What passed per second of what left after one moment and up to another."""
        return sum(one.passed and since < one.sent_at <= until for one in self._seen) / (until - since)
