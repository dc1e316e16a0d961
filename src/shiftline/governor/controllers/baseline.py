"""What all baselines share. They stand for clients as others build them. Their defaults
are the best of a grid on the development bank (benchmarks/baselines.py), by what our own bars ask for.

A baseline knows no canary, no ban and no policy: whatever was refused or went unanswered waits and is
sent again. ``Retry-After`` is honoured (RFC 3261 section 21.5.4), a declared rate is never exceeded.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from math import inf
from typing import Any

from shiftline.governor.controller import Answer, Permission, Send
from shiftline.governor.controllers.start import Start
from shiftline.governor.copies import TIMERS
from shiftline.governor.limiters.model import Feedback
from shiftline.governor.wishes import wait_for

SPACING = 1.01  # a declared rate is kept a hundredth slower: a window's edge forgives nothing
DROPS = frozenset({Answer.REFUSED, Answer.CREDENTIALS_REFUSED, Answer.SILENT})


@dataclass(frozen=True, slots=True)
class Flight:
    """A request that is not answered yet."""

    sent_at: float
    in_flight: int
    """How many were under way when it left, itself included."""


class Baseline(ABC):
    """Spaces requests evenly at its rate and within the ceiling. All times are seconds."""

    def __init__(self, start: Start) -> None:
        self._ceiling = start.policy.ceiling
        self._flights: dict[int, Flight] = {}
        self._next_ticket = 0
        self._free_at = start.now
        self._paused_until = start.now

    @property
    @abstractmethod
    def rate(self) -> float:
        """See `Controller`."""

    @property
    def canary_patience(self) -> float:
        """It has no canaries."""
        return inf

    @property
    def canary_lasts(self) -> float:
        """It has none."""
        return inf

    @property
    def is_quiet(self) -> bool:
        """Never: what was sent is sent again, as SIP over UDP has it."""
        return False

    @property
    def has_stopped(self) -> bool:
        """Never."""
        return False

    @property
    def t1(self) -> float:
        """As RFC 3261 has it."""
        return TIMERS.t1

    def repeat_at(self, now: float) -> float | None:
        """At once: its transactions send again by themselves, and nobody counts that."""
        return now

    def repeated(self, now: float) -> None:
        """See `repeat_at`."""
        del now

    def permission(self, now: float) -> Permission:
        """See `Controller`."""
        free_at = max(self._free_at, self._paused_until)
        return Permission(Send.NOTHING, free_at) if now < free_at else self._choose(now)

    def sent(self, now: float, kind: Send, *, credentials: bool) -> int:
        """See `Controller`."""
        del kind, credentials
        self._free_at = now + SPACING / min(self._ceiling, self._pace)
        self._next_ticket += 1
        self._flights[self._next_ticket] = Flight(now, len(self._flights) + 1)
        return self._next_ticket

    def answered(
        self,
        ticket: int,
        now: float,
        answer: Answer,
        retry_after: float | None = None,
        *,
        status: int | None = None,
        feedback: Feedback | None = None,
        copied_at: float | None = None,
    ) -> None:
        """See `Controller`."""
        del status, feedback, copied_at
        flight = self._flights.pop(ticket)
        self._paused_until = max(self._paused_until, now + wait_for(retry_after))
        self._learn(flight, now, dropped=answer in DROPS)

    def knowledge(self) -> Mapping[str, Any]:
        """See `Controller`."""
        return {"rate": round(self.rate, 3), "in_flight": len(self._flights)}

    @property
    def _pace(self) -> float:
        """The rate at which requests are spaced."""
        return self.rate

    def _choose(self, now: float) -> Permission:
        """What may leave once the pace and Retry-After allow something."""
        del now
        return Permission(Send.CHECK)

    @abstractmethod
    def _learn(self, flight: Flight, now: float, *, dropped: bool) -> None:
        """Draw the conclusion from one answer; ``dropped``: refused, or silent."""
