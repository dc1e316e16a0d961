"""What the PBX asks for itself: overload control by rate or by loss (RFC 7339, RFC 7415)."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import isfinite

from shiftline.governor.limiters.model import Feedback

KEEPS_BELOW = 0.99  # a rate that was asked for is an upper bound, and our clocks differ


@dataclass(slots=True)
class Wishes:
    """Turns feedback into a rate. Rates are requests per second."""

    _sequence: float | None = field(default=None, init=False)
    _demand: float = field(default=0.0, init=False)

    def rate_for(self, feedback: Feedback, rate: float) -> float | None:
        """The rate to send at, given the present one; None if nothing is asked for, or nothing that can be.

        A percentage is of what would be sent without it (RFC 7339 section 5.3): the rate at which the
        PBX first asked for less.
        """
        if not (isfinite(feedback.value) and isfinite(feedback.sequence)) or feedback.value < 0:
            return None
        # The same number again says the same again: many a server tells in every answer what it told before.
        if self._sequence is not None and feedback.sequence < self._sequence:
            return None
        self._sequence = feedback.sequence
        is_over = feedback.validity_seconds <= 0  # RFC 7339 section 4.3
        if feedback.algorithm == "rate" and not is_over:
            return feedback.value * KEEPS_BELOW
        if feedback.algorithm != "loss" or is_over or not 0 < feedback.value <= 100:
            self._demand = 0.0
            return None
        if not self._demand:
            self._demand = rate
        return self._demand * (1.0 - feedback.value / 100.0)
