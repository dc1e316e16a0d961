"""What the PBX asks for itself: overload control by rate or by loss (RFC 7339, RFC 7415)."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import inf, isfinite

from shiftline.governor.limiters.model import Feedback

KEEPS_BELOW = 0.99  # a rate that was asked for is an upper bound, and our clocks differ
REPLIES = 2.0  # so many requests must have had time to bring the wish again before it is over
REPLY_SECONDS = 0.5  # the answer time of one


@dataclass(slots=True)
class Wishes:
    """Turns feedback into a rate. Rates are requests per second, times seconds on one monotonic clock."""

    unbidden: float | None = field(default=None, init=False)
    """The rate before anything was asked for; None while nothing is."""
    _sequence: float | None = field(default=None, init=False)
    _demand: float = field(default=0.0, init=False)
    _until: float = field(default=-inf, init=False)
    _validity: float = field(default=0.0, init=False)

    def rate_for(self, feedback: Feedback, rate: float, now: float) -> float | None:
        """The rate to send at, given the present one; None if nothing is asked for, or nothing that can be.

        A percentage is of what would be sent without it (RFC 7339 section 5.3): the rate at which the
        PBX first asked for less.
        """
        if not (isfinite(feedback.value) and isfinite(feedback.sequence)) or feedback.value < 0:
            return None
        if now >= self._until:
            self._sequence = None  # a server that was restarted may count from the beginning again
        # The same number again says the same again: many a server tells in every answer what it told before.
        if self._sequence is not None and feedback.sequence < self._sequence:
            return None
        self._sequence = feedback.sequence
        is_over = feedback.validity_seconds <= 0  # RFC 7339 section 4.3
        is_loss = feedback.algorithm == "loss" and 0 < feedback.value <= 100
        if is_over or not (is_loss or feedback.algorithm == "rate"):
            self._demand, self._until = 0.0, now + REPLY_SECONDS  # what is older may still be on its way
            self._validity = 0.0
            return None
        if self.unbidden is None:
            self.unbidden = rate
        self._validity = feedback.validity_seconds
        self._until = now + self._validity
        if not is_loss:
            return feedback.value * KEEPS_BELOW
        self._demand = self._demand or rate
        return self._demand * (1.0 - feedback.value / 100.0)

    def is_over(self, rate: float, now: float) -> bool:
        """Whether what was asked for is called off, or has run out: ``oc-validity`` after the last answer.

        At a slow ``rate`` it lasts until the next answers could have brought it again.
        """
        if self.unbidden is None or self._validity == 0:
            return self.unbidden is not None
        lasts = max(self._validity, REPLIES / rate + REPLY_SECONDS)
        return now >= self._until - self._validity + lasts

    def end(self) -> None:
        """Nothing is asked for any more."""
        self.unbidden, self._demand = None, 0.0
