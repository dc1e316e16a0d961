"""What the PBX asks for itself: overload control by rate or by loss (RFC 7339, RFC 7415), and Retry-After.

What it asks for is bounded here, whoever read it: one mangled answer must not silence a trunk for days.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import inf, isfinite

from shiftline.governor.limiters.model import Feedback

KEEPS_BELOW = 0.99  # a rate that was asked for is an upper bound, and our clocks differ
REPLIES = 2.0  # so many requests must have had time to bring the wish again before it is over
REPLY_SECONDS = 0.5  # the answer time of one
LONGEST_WAIT = 3600.0
"""Seconds of a Retry-After that are honoured. Registrars name up to 1,800 (facts on SIP 403 signatures, V21);
whatever is more is a mistake, or an attack on our trades."""
LONGEST_VALIDITY = 60.0
"""Seconds of an ``oc-validity`` that are honoured. Who means it tells it in each answer (half a second holds
if no time is told), and at the slowest rate thirty answers come in that time."""
OVERRULED_BY = 3
"""So many answers in a row with a lower ``oc-seq`` overrule a higher one, each to a request that left after
that one was heard: they cannot be older (RFC 7339 section 4.4 drops only what was overtaken)."""


def wait_for(retry_after: float | None) -> float:
    """How long (seconds) to wait for that Retry-After; 0 for none, and for what is no time."""
    if retry_after is None or not isfinite(retry_after):
        return 0.0
    return min(max(0.0, retry_after), LONGEST_WAIT)


@dataclass(slots=True)
class Wishes:
    """Turns feedback into a rate. Rates are requests per second, times seconds on one monotonic clock."""

    unbidden: float | None = field(default=None, init=False)
    """The rate before anything was asked for; None while nothing is."""
    _sequence: float | None = field(default=None, init=False)
    _demand: float = field(default=0.0, init=False)
    _until: float = field(default=-inf, init=False)
    _validity: float = field(default=0.0, init=False)
    _heard_at: float = field(default=-inf, init=False)
    """When the answer with that sequence came first."""
    _overruling: int = field(default=0, init=False)
    """So many later answers in a row had a lower one."""
    _is_for_nothing: bool = field(default=False, init=False)

    def rate_for(self, feedback: Feedback, rate: float, now: float, *, sent_at: float = -inf) -> float | None:
        """The rate to send at, given the present one; None if nothing is asked for, or nothing that can be.

        A percentage is of what would be sent without it (RFC 7339 section 5.3): the rate at which the
        PBX first asked for less. ``sent_at`` is when the request left whose answer told it.
        """
        if not _makes_sense(feedback) or self._is_out_of_date(feedback.sequence, now, sent_at):
            return None
        is_over = feedback.validity_seconds <= 0  # RFC 7339 section 4.3
        is_loss = feedback.algorithm == "loss" and 0 < feedback.value <= 100
        if is_over or not (is_loss or feedback.algorithm == "rate"):
            self._demand, self._until = 0.0, now + REPLY_SECONDS  # what is older may still be on its way
            self._validity, self._is_for_nothing = 0.0, False
            return None
        if self.unbidden is None:
            self.unbidden = rate
        self._validity = min(feedback.validity_seconds, LONGEST_VALIDITY)
        self._until = now + self._validity
        if is_loss:
            self._demand = self._demand or rate
            wanted = self._demand * (1.0 - feedback.value / 100.0)
        else:
            wanted = feedback.value * KEEPS_BELOW
        self._is_for_nothing = wanted <= 0
        return wanted

    def _is_out_of_date(self, sequence: float, now: float, sent_at: float) -> bool:
        """Whether a later wish is known; if not, remember this one's number."""
        if now >= self._until:
            self._sequence = None  # a server that was restarted may count from the beginning again
        # The same number again says the same again: many a server tells in every answer what it told before.
        if self._sequence is not None and sequence < self._sequence:
            self._overruling = self._overruling + 1 if sent_at > self._heard_at else 0
            if self._overruling < OVERRULED_BY:
                return True
            self._sequence = None  # a number beyond all others was a mistake: theirs go on
        if sequence != self._sequence:
            self._sequence, self._heard_at = sequence, now
        self._overruling = 0
        return False

    @property
    def rests_until(self) -> float:
        """Until then nothing may leave: nothing is wanted, by ``oc=0`` (RFC 7415) or a loss of all."""
        return self._until if self._is_for_nothing else -inf

    def is_over(self, rate: float, now: float) -> bool:
        """Whether what was asked for is called off, or has run out: ``oc-validity`` after the last answer.

        At a slow ``rate`` it lasts until the next answers could have brought it again.
        """
        if self.unbidden is None or self._validity == 0:
            return self.unbidden is not None
        lasts = max(self._validity, REPLIES / rate + REPLY_SECONDS)
        if self._is_for_nothing:  # nothing left that could bring it again
            lasts = self._validity + REPLIES / rate + REPLY_SECONDS
        return now >= self._until - self._validity + lasts

    def end(self) -> None:
        """Nothing is asked for any more."""
        self.unbidden, self._demand, self._is_for_nothing = None, 0.0, False


def _makes_sense(feedback: Feedback) -> bool:
    """Whether its numbers are numbers, and none is negative where that means nothing."""
    numbers = (feedback.value, feedback.validity_seconds, feedback.sequence)
    return all(map(isfinite, numbers)) and feedback.value >= 0 and feedback.validity_seconds >= 0
