"""What a governor knows, keeps and shows. What it does with that is in `governor`."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum, StrEnum
from math import inf
from typing import Any

from shiftline.governor.account import TRIALS, Account
from shiftline.governor.account_book import BookPage
from shiftline.governor.controller import Answer, Send
from shiftline.governor.doubt import Doubt
from shiftline.governor.flights import Flight, Flights
from shiftline.governor.hearing import Hearing
from shiftline.governor.known import is_set, number
from shiftline.governor.learner import Learner
from shiftline.governor.ledger import Ledger, what_it_waits_for
from shiftline.governor.listening import Listening
from shiftline.governor.moments import Moments
from shiftline.governor.policy import GovernorPolicy
from shiftline.governor.refusals import RefusalClass
from shiftline.governor.window_fit import Observation


class Mode(StrEnum):
    """Where the governor stands."""

    PROVING = "proving"
    CLIMBING = "climbing"
    LISTENING = "listening"
    HOLDING = "holding"
    STOPPED = "stopped"


class Asked(Enum):
    """How far the canary that is under way has come."""

    ONCE = "once"
    IN_VAIN = "in vain"
    """Its answer is overdue, and that counts as a silence."""
    AGAIN = "again"
    """A copy has left in place of the next one."""


class GovernorState:
    """The parts of a governor. All times are seconds on one monotonic clock."""

    def __init__(
        self,
        policy: GovernorPolicy,
        now: float,
        known: Mapping[str, Any] | None = None,
        page: BookPage | None = None,
    ) -> None:
        """``known`` is what `knowledge` returned before a restart.

        What was not learned then is ignored, and so is what makes no sense. ``page`` tells what other trunks
        with the same account met.
        """
        known = known or {}
        self._moments = Moments(now)
        now = self._asked_at = self._moments.now
        self.policy = policy
        self.mode = Mode.PROVING
        self.refusal = RefusalClass.NONE
        self.overshoots = 0
        self.ledger = Ledger()
        self.ledger.recall(known, now)
        self.account = Account.recall(known, now, page)
        self._learner = Learner(policy, now, known)
        self._hearing = Hearing()
        self._listening = Listening(policy, until=now, since=now)
        self._recalled_until = -inf
        """When the login asks that an earlier life would have asked."""
        if (check_in := number(known, "check_in")) is not None:
            self._listening.recall(check_in - (number(known, "age_seconds") or 0.0), now)
        elif (login_in := number(known, "login_in")) is not None:
            login_in -= number(known, "age_seconds") or 0.0
            self._recalled_until = now + min(max(0.0, login_in), TRIALS[-1])
            self._listening.until = self._recalled_until
        climbs = policy.learn and not self._learner.learned
        self._after_proof = Mode.CLIMBING if climbs else Mode.HOLDING
        self._flights = Flights()
        self._proven = False
        # A ban outlives a restart, so what was proven before it still tells a ban from a policy.
        self._once_proven = is_set(known, "proven")
        self._resumed_at = self._at_speed_since = now
        self._passed_since_resumed = False
        self._doubt = Doubt()
        self._silences = 0
        self._was_held_up = self._is_holding = False
        self._canaries_refused = 0
        self._asked = Asked.ONCE
        self._account_is_suspected = 0  # so many canaries have yet to pass before it is the account's matter
        self._is_accused = False  # they have, in this closure
        self._unexplained = 1  # if a login is refused now, so many were that our rate does not explain
        self._asks_witness_first = False
        self._asks_late = False  # about that login, once every usual counter is open again

    @property
    def rate(self) -> float:
        """The paced rate in requests per second."""
        return self._learner.pacer.rate

    @property
    def is_quiet(self) -> bool:
        """True while nothing but a canary may leave."""
        is_holding = self._is_holding and self._hearing.awaits_an_answer
        return is_holding or self.mode in (Mode.LISTENING, Mode.STOPPED)

    @property
    def t1(self) -> float:
        """How old (seconds) a request must be to be sent again at this moment."""
        return self._hearing.t1

    def repeat_at(self, now: float) -> float | None:
        """When what waits for its answer may be sent again; None: not before something else has happened.

        It needs room as a check does: what counts requests counts copies as well.
        """
        now = self._seen(now)
        is_held = self.mode is Mode.PROVING and now < self._listening.until
        return None if self.is_quiet or is_held else self._moments.driver(self._learner.pacer.free_at(now))

    def repeated(self, now: float) -> None:
        """Note that a request left once more; while listening, the canary."""
        self._learner.pacer.take(self._seen(now))
        if self.mode is Mode.LISTENING:
            self._asked = Asked.AGAIN

    @property
    def is_doubting(self) -> bool:
        """True while the next check shall be the one that was refused, asked again."""
        return self._doubt.is_open

    @property
    def asks_for_account(self) -> bool:
        """True while the next check shall tell of our account: best about a user that has passed before."""
        is_suspected = self.account.is_bound or self._doubt.asks_witness or self._listening.bars_checks
        return is_suspected or self.account.strikes > 0

    @property
    def canary_patience(self) -> float:
        """So long (seconds) to wait for the answer to a canary that is never sent again."""
        return self._hearing.canary_patience

    @property
    def canary_lasts(self) -> float:
        """So long (seconds) to wait where it is sent again when the permission says so.

        In a silence it is asked again by a copy, at the moment when the next canary would leave.
        """
        patience = self._hearing.canary_patience
        if not self._is_only_silent:
            return patience
        return patience + self._listening.next_silence(is_ban=False) + patience

    @property
    def _is_only_silent(self) -> bool:
        """True while nothing is known but that nothing answers: no refusal came, and no ban is inferred."""
        return self.refusal is RefusalClass.UNREACHABLE and self._listening.is_only_silent

    @property
    def has_stopped(self) -> bool:
        """True when nothing will ever leave again."""
        return self.mode is Mode.STOPPED

    def knowledge(self) -> dict[str, Any]:
        """What should survive a restart, as plain JSON values."""
        now = self._moments.now
        known = self._learner.knowledge(now) | self.account.knowledge(now) | self._waits(now)
        return known | {
            "mode": str(self.mode),
            "refusal": str(self.refusal),
            "overshoots": self.overshoots,
            "proven": self._once_proven,
        }

    def told(self, now: float) -> dict[str, Any]:
        """What an operator is shown besides, as plain JSON values."""
        self.ledger.decided(self.refusal)
        waiting_for = self.waiting_for(now)
        now = self._moments.own(now)
        told = self.ledger.knowledge(now) | self._learner.certainty(now)
        # While nothing may leave, no other moment is known than that of the last question.
        return told | self.account.knowledge(now) | self._waits(now) | {"waiting_for": waiting_for}

    def _waits(self, now: float) -> dict[str, Any]:
        """In how many seconds a check asks that is late on purpose, since one too early would be dear.

        ``check_in``: the last one, that decides between a long ban and a policy. ``login_in``: the one
        that is to find every usual counter of the account open. A lock's wait is told by its strikes.
        """
        is_proving = self.mode is Mode.PROVING
        is_recalled = self._listening.until == self._recalled_until
        is_late = is_recalled or self._listening.is_postponed or self.account.is_bound
        is_login = is_proving and is_late and not self.account.is_spent and now < self._listening.until
        return {
            "check_in": self._listening.last_check_in(now) if is_proving else None,
            "login_in": self._listening.until - now if is_login else None,
        }

    def waiting_for(self, now: float) -> str | None:
        """In a sentence, what has to happen before checks leave again; None while they may."""
        canary_in = None if self._flights.has_canary() else self._listening.until - self._moments.own(now)
        return what_it_waits_for(self.mode, self.refusal, canary_in)

    def _lost_at(self) -> float | None:
        """When the oldest request that is under way counts as lost; None: none is."""
        oldest = self._flights.oldest()
        if oldest is None:
            return None
        _, flight = oldest
        patience = self.canary_lasts if flight.kind is Send.CANARY else 0.0
        return flight.sent_at + self.policy.lost_seconds + patience

    def _seen(self, now: float) -> float:
        """The moment that counts; all that is kept is in such moments."""
        return self._moments.seen(now)

    def _note(self, flight: Flight, answer: Answer, now: float, status: int | None, wish: float) -> None:
        """Remember what the limiter did with it. It lets refused credentials through: they were refused."""
        passed = answer is not Answer.REFUSED
        is_canary = flight.kind is Send.CANARY
        if self._hearing.is_late(now - flight.sent_at) and self._hearing.was_overtaken(flight.sent_at, now):
            # It was dropped, and what was answered is its repetition.
            self._learner.lost(flight.sent_at, now)
            self._learner.observe(Observation(now - self._hearing.usual_seconds, passed), now)
        else:
            self._learner.observe(Observation(flight.sent_at, passed, is_canary=is_canary), now)
        if not passed:
            self._listening.shut(flight.sent_at)
            self._listening.was_refused_with(status, wish)
        elif not is_canary:
            self._learner.places.passed(flight.others)
