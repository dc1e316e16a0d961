"""Controllers that limit how many requests are under way, not how fast they leave.

The formulas are those of the library concurrency-limits (facts on overload control, section 3). Whoever
holds a place there decides what to do with a refusal: here it keeps the place for a random pause that
doubles with each refusal in a row (full jitter), and then sends the check again. Without it, a refusal
that comes at once would be followed by the next request at once.
"""

from __future__ import annotations

import heapq
from abc import abstractmethod

from shiftline.governor.controller import Permission, Send
from shiftline.governor.controllers.baseline import Baseline, Flight
from shiftline.governor.controllers.start import Start

LONGEST_PAUSE = 8.0  # seconds
MOST_DOUBLINGS = 10


class Places(Baseline):
    """As many under way as there are places. ``pause``: seconds of the first pause, at most."""

    def __init__(self, start: Start, *, places: float, pause: float) -> None:
        super().__init__(start)
        self._draw = start.draw
        self.places = places
        self._pause = pause
        self._pausing: list[float] = []
        self._refused_in_a_row = 0
        self._answer_seconds = 0.0

    @property
    def rate(self) -> float:
        """Requests per second that so many places make, with the last answer's time; 0 before any answer."""
        if not self._answer_seconds:
            return 0.0
        return min(int(self.places) / self._answer_seconds, self._ceiling)

    @property
    def _pace(self) -> float:
        return self._ceiling

    def _choose(self, now: float) -> Permission:
        while self._pausing and self._pausing[0] <= now:
            heapq.heappop(self._pausing)
        if len(self._flights) + len(self._pausing) < max(1, int(self.places)):
            return Permission(Send.CHECK)
        return Permission(Send.NOTHING, self._pausing[0] if self._pausing else None)

    def _learn(self, flight: Flight, now: float, *, dropped: bool) -> None:
        self._answer_seconds = now - flight.sent_at
        if dropped and self._pause:
            longest = self._pause * 2 ** min(self._refused_in_a_row, MOST_DOUBLINGS)
            heapq.heappush(self._pausing, now + self._draw() * min(longest, LONGEST_PAUSE))
        self._refused_in_a_row = self._refused_in_a_row + 1 if dropped else 0
        if self._answer_seconds > 0.0:
            self._update(self._answer_seconds, flight.in_flight, dropped=dropped)

    @abstractmethod
    def _update(self, round_trip: float, in_flight: int, *, dropped: bool) -> None:
        """Choose the number of places anew from one sample."""
