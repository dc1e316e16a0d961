"""Rate limits over a sliding window (facts/genesys.md section 7.2). Refused requests do not count."""

from __future__ import annotations

from collections import defaultdict, deque
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What the ``inin-ratelimit-*`` headers tell; ``reset_seconds`` is when the oldest request leaves."""

    granted: bool
    count: int
    allowed: int
    reset_seconds: float

    @property
    def headers(self) -> dict[str, str]:
        """The rate-limit headers of an answer."""
        return {
            "inin-ratelimit-count": str(self.count),
            "inin-ratelimit-allowed": str(self.allowed),
            "inin-ratelimit-reset": str(int(self.reset_seconds) + 1),
        }


class SlidingWindow:
    """Grants at most ``allowed`` requests per key in any ``window_seconds``."""

    def __init__(self, allowed: int, window_seconds: float = 60.0) -> None:
        self._allowed = allowed
        self._window_seconds = window_seconds
        self._granted: defaultdict[str, deque[float]] = defaultdict(deque)

    def take(self, key: str, now: float) -> Usage:
        """Count a request of this key, or refuse it."""
        granted = self._granted[key]
        while granted and granted[0] <= now - self._window_seconds:
            granted.popleft()
        fits = len(granted) < self._allowed
        if fits:
            granted.append(now)
        reset = granted[0] + self._window_seconds - now if granted else self._window_seconds
        return Usage(granted=fits, count=len(granted), allowed=self._allowed, reset_seconds=reset)
