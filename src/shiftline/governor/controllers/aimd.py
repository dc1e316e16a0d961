"""AIMD on the rate: a little faster all the time, much slower after a refusal.

As TCP does it (RFC 5681): doubling until the first loss, then additive increase, and one multiplicative
decrease per episode: what left before the last decrease says nothing about the new rate.
"""

from __future__ import annotations

from shiftline.governor.controllers.baseline import Baseline, Flight
from shiftline.governor.controllers.start import Start

DEFAULTS = {"increase": 0.1, "decrease": 0.85, "rest": 1.0, "doubling": 1.0}
"""``increase``: requests per second more, each second. ``decrease``: what a refusal leaves of the rate.
``rest``: seconds without sending after it. ``doubling``: seconds in which the first climb doubles it."""
LOWEST_RATE = 0.5  # requests per second
LONGEST_STEP = 0.25  # seconds that count between two requests, so that a pause does not raise the rate


class Aimd(Baseline):
    """See the module's text."""

    def __init__(self, start: Start) -> None:
        super().__init__(start)
        self._set = start.setting(DEFAULTS)
        known = start.known_rate
        self._rate = min(start.policy.initial_rate if known is None else known, self._ceiling)
        self._climbs = known is None
        self._decreased_at = start.now - 1.0
        self._last_sent_at = start.now

    @property
    def rate(self) -> float:
        """See `Controller`."""
        return self._rate

    def _learn(self, flight: Flight, now: float, *, dropped: bool) -> None:
        if not dropped:
            self._grow(flight.sent_at)
        elif flight.sent_at > self._decreased_at:
            self._climbs = False
            self._rate = max(self._rate * self._set["decrease"], LOWEST_RATE)
            self._decreased_at = now
            self._paused_until = max(self._paused_until, now + self._set["rest"])

    def _grow(self, sent_at: float) -> None:
        """Grow by the time between this request and the one before that passed."""
        elapsed = min(max(0.0, sent_at - self._last_sent_at), LONGEST_STEP)
        self._last_sent_at = sent_at
        if self._climbs:
            self._rate *= 2 ** (elapsed / self._set["doubling"])
        else:
            self._rate += self._set["increase"] * elapsed
        self._rate = min(self._rate, self._ceiling)
