"""What a governor knows, keeps and shows. What it does with that is in `governor`."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from shiftline.governor.account import Account
from shiftline.governor.flights import Flights
from shiftline.governor.hearing import Hearing
from shiftline.governor.known import is_set
from shiftline.governor.learner import Learner
from shiftline.governor.ledger import Ledger, what_it_waits_for
from shiftline.governor.listening import Listening
from shiftline.governor.policy import GovernorPolicy
from shiftline.governor.refusals import RefusalClass


class Mode(StrEnum):
    """Where the governor stands."""

    PROVING = "proving"
    CLIMBING = "climbing"
    LISTENING = "listening"
    HOLDING = "holding"
    STOPPED = "stopped"


class GovernorState:
    """The parts of a governor. All times are seconds on one monotonic clock."""

    def __init__(self, policy: GovernorPolicy, now: float, known: Mapping[str, Any] | None = None) -> None:
        """``known`` is what `knowledge` returned before a restart.

        What was not learned then is ignored, and so is what makes no sense.
        """
        known = known or {}
        self.policy = policy
        self.mode = Mode.PROVING
        self.refusal = RefusalClass.NONE
        self.overshoots = 0
        self.ledger = Ledger()
        self.ledger.recall(known, now)
        self.account = Account.recall(known, now)
        self._learner = Learner(policy, now, known)
        self._hearing = Hearing()
        self._listening = Listening(policy, until=now, since=now)
        climbs = policy.learn and not self._learner.learned
        self._after_proof = Mode.CLIMBING if climbs else Mode.HOLDING
        self._flights = Flights()
        self._proven = False
        # A ban outlives a restart, so what was proven before it still tells a ban from a policy.
        self._once_proven = is_set(known, "proven")
        self._resumed_at = self._at_speed_since = now
        self._passed_since_resumed = False
        self._passes_in_peace = 0
        self.is_doubting = False
        """One request was refused, and a canary passed at once: the same question tells what was meant."""
        self.asks_witness = False
        """It was refused again: a user who has passed before tells whether it is all of us."""
        self._silences = 0
        self._was_held_up = False
        self._canaries_refused = 0
        self._now = self._asked_at = now

    @property
    def rate(self) -> float:
        """The paced rate in requests per second."""
        return self._learner.pacer.rate

    @property
    def is_quiet(self) -> bool:
        """True while nothing but a canary may leave."""
        return self.mode in (Mode.LISTENING, Mode.STOPPED)

    @property
    def asks_for_account(self) -> bool:
        """True while the next check shall tell of our account: best about a user that has passed before."""
        return self.account.is_bound or self.asks_witness or self.account.strikes > 0

    @property
    def canary_patience(self) -> float:
        """So long (seconds) to wait for the answer to a canary; it is not sent again meanwhile."""
        return self._hearing.canary_patience

    @property
    def has_stopped(self) -> bool:
        """True when nothing will ever leave again."""
        return self.mode is Mode.STOPPED

    def knowledge(self) -> dict[str, Any]:
        """What should survive a restart, as plain JSON values."""
        known = self._learner.knowledge(self._now) | self.account.knowledge(self._now)
        return known | {
            "mode": str(self.mode),
            "refusal": str(self.refusal),
            "overshoots": self.overshoots,
            "proven": self._once_proven,
        }

    def told(self, now: float) -> dict[str, Any]:
        """What an operator is shown besides, as plain JSON values."""
        self.ledger.decided(self.refusal)
        told = self.ledger.knowledge(now) | self._learner.certainty(now)
        # While nothing may leave, no other moment is known than that of the last question.
        return told | self.account.knowledge(now) | {"waiting_for": self.waiting_for(now)}

    def waiting_for(self, now: float) -> str | None:
        """In a sentence, what has to happen before checks leave again; None while they may."""
        canary_in = None if self._flights.has_canary() else self._listening.until - now
        return what_it_waits_for(self.mode, self.refusal, canary_in)
