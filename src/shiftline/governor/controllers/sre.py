"""Google's client throttle: a request is rejected here with a probability that the last two minutes give.

max(0, (requests - K accepts) / (requests + 1)), where ``requests`` counts all that were wanted, also those
rejected here (Site Reliability Engineering, chapter 21). K is 2 there; a SIP server spends about as much
on a refusal as on an answer, so that it should be nearer to 1 (facts on overload control, section 3).

What is rejected here waits and is wanted again, so that with a backlog as many are wanted as ``wanted``
says. Rejections in a row are drawn at once, with the probability at their beginning.
"""

from __future__ import annotations

from collections import deque
from math import floor, log

from shiftline.governor.controller import Permission, Send
from shiftline.governor.controllers.baseline import Baseline, Flight
from shiftline.governor.controllers.start import Start

DEFAULTS = {"k": 1.0, "window": 120.0, "wanted": 500.0}
"""``k``: see above; with 1.0, the best of the grid in benchmarks/baselines.py, least is refused, and the rate
hardly grows. ``window``: seconds that count. ``wanted``: requests per second."""
GRAIN = 1.0  # seconds; requests and accepts are counted in pieces of it


class Sre(Baseline):
    """See the module's text."""

    def __init__(self, start: Start) -> None:
        super().__init__(start)
        self._set = start.setting(DEFAULTS)
        self._draw = start.draw
        known = start.known_rate
        self._wanted = min(self._set["wanted"], self._ceiling)
        self._pieces: deque[list[float]] = deque()
        self._requests = self._accepts = 0.0
        self._passes_next = False
        if known is not None:  # as if the last window had gone at that rate
            self._count(start.now, self._wanted * self._set["window"], known * self._set["window"])

    @property
    def rate(self) -> float:
        """See `Controller`."""
        return self._wanted * (1.0 - self.rejects)

    @property
    def rejects(self) -> float:
        """The probability that a request is rejected here."""
        return max(0.0, (self._requests - self._set["k"] * self._accepts) / (self._requests + 1.0))

    @property
    def _pace(self) -> float:
        return self._wanted

    def _choose(self, now: float) -> Permission:
        if not self._passes_next:
            self._passes_next = True
            rejects = self.rejects
            # As many in a row are rejected here as a geometric distribution says.
            rejected = floor(log(1.0 - self._draw()) / log(rejects)) if rejects > 0.0 else 0
            self._count(now, rejected + 1.0, 0.0)
            self._free_at = now + rejected / self._wanted
            if rejected:
                return Permission(Send.NOTHING, self._free_at)
        return Permission(Send.CHECK)

    def sent(self, now: float, kind: Send, *, credentials: bool) -> int:
        """See `Controller`."""
        self._passes_next = False
        return super().sent(now, kind, credentials=credentials)

    def _learn(self, flight: Flight, now: float, *, dropped: bool) -> None:
        del flight
        self._count(now, 0.0, 0.0 if dropped else 1.0)

    def _count(self, now: float, requests: float, accepts: float) -> None:
        if not self._pieces or now - self._pieces[-1][0] >= GRAIN:
            self._pieces.append([now, 0.0, 0.0])
        self._pieces[-1][1] += requests
        self._pieces[-1][2] += accepts
        self._requests += requests
        self._accepts += accepts
        while self._pieces[0][0] <= now - self._set["window"]:
            _, old_requests, old_accepts = self._pieces.popleft()
            self._requests -= old_requests
            self._accepts -= old_accepts
