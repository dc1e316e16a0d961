"""A leaky bucket that also never lets more than a set count leave in any window."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

CATCH_UP_SECONDS = 0.2  # how late a wakeup may be and still be made good
WINDOW_MARGIN = 0.01  # seconds; arrivals bunch a little on their way


@dataclass(slots=True)
class Pacer:
    """Spaces requests by 1/rate; ``cap`` bounds the count in any ``window_seconds`` (None: no bound).

    A busy machine wakes us late. The bucket makes up for it, but never beyond the cap: at the far end
    a fixed window counts, and one request too many there is a refusal.
    """

    rate: float
    now: float
    cap: int | None = None
    window_seconds: float = 1.0
    _free_at: float = field(default=0.0, init=False)
    _taken: deque[float] = field(default_factory=deque, init=False)

    def __post_init__(self) -> None:
        self._free_at = self.now

    def free_at(self, now: float) -> float:
        """The first moment at which a request may leave; not after ``now`` means at once."""
        free = max(self._free_at, now - CATCH_UP_SECONDS)
        if self.cap is not None:
            self._forget(now)
            if len(self._taken) >= self.cap:
                width = self.window_seconds + WINDOW_MARGIN
                free = max(free, self._taken[len(self._taken) - self.cap] + width)
        return free

    def take(self, now: float) -> None:
        """Note that a request leaves now."""
        self._free_at = max(self._free_at, now - CATCH_UP_SECONDS) + 1.0 / self.rate
        self._taken.append(now)
        self._forget(now)

    def restart(self, now: float) -> None:
        """Begin a new rhythm at ``now``; nothing is made good from before."""
        self._free_at = now

    def _forget(self, now: float) -> None:
        while self._taken and self._taken[0] <= now - self.window_seconds - WINDOW_MARGIN:
            self._taken.popleft()
