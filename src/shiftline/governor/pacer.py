"""A leaky bucket that also never lets more than a set count leave in any window."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from math import inf

CATCH_UP_SECONDS = 0.2  # how late a wakeup may be and still be made good
UNCAPPED_CATCH_UP_SECONDS = 0.03  # the same while no limit is known: what is made good leaves as a burst
AT_CEILING = 1.01  # times the interval: a window of any length then holds no more than was declared
WINDOW_MARGIN = 0.01  # seconds; arrivals bunch a little on their way
MOST_COUNTED = 20_000


@dataclass(frozen=True, slots=True)
class Cap:
    """At most ``count`` requests in any ``seconds``."""

    count: int
    seconds: float


@dataclass(slots=True)
class Pacer:
    """Spaces requests by 1/rate, within two caps: the declared ceiling and the learned limit.

    A busy machine wakes us late. The bucket makes up for it, but never beyond a cap: at the far end
    a fixed window counts, and one request too many there is a refusal.
    """

    rate: float
    now: float
    ceiling: Cap | None = None
    cap: Cap | None = None
    _free_at: float = field(default=0.0, init=False)
    _taken: deque[float] = field(default_factory=lambda: deque(maxlen=MOST_COUNTED), init=False)

    def __post_init__(self) -> None:
        self._free_at = self.now

    def free_at(self, now: float) -> float:
        """The first moment at which a request may leave; not after ``now`` means at once."""
        paced = max(self._free_at, now - self._catch_up_seconds)
        return max(paced, self._room_at(self.cap), self.ceiling_room_at())

    def ceiling_room_at(self) -> float:
        """The first moment at which one more request keeps to the ceiling, whatever the rate."""
        return self._room_at(self.ceiling)

    def take(self, now: float) -> None:
        """Note that a request leaves now."""
        interval = (AT_CEILING if self._is_at_ceiling else 1.0) / self.rate
        self._free_at = max(self._free_at, now - self._catch_up_seconds) + interval
        self._taken.append(now)

    def taken_since(self, moment: float) -> int:
        """How many requests have left after ``moment``; what is long ago is forgotten."""
        count = 0
        for at in reversed(self._taken):
            if at <= moment:
                break
            count += 1
        return count

    def begin_afresh(self, now: float) -> None:
        """Make nothing good that was not sent before ``now``."""
        self._free_at = max(self._free_at, now)

    def restart(self, at: float) -> None:
        """Begin a new rhythm at ``at``; nothing is made good from before."""
        self._free_at = at

    @property
    def _is_at_ceiling(self) -> bool:
        ceiling = self.ceiling
        return ceiling is not None and self.rate * ceiling.seconds >= ceiling.count * 0.99

    @property
    def _catch_up_seconds(self) -> float:
        # Only a cap that binds at this rate keeps the catching up below the limit.
        return CATCH_UP_SECONDS if self.cap is not None or self._is_at_ceiling else UNCAPPED_CATCH_UP_SECONDS

    def _room_at(self, cap: Cap | None) -> float:
        if cap is None or len(self._taken) < cap.count:
            return -inf
        return self._taken[-cap.count] + cap.seconds + WINDOW_MARGIN
