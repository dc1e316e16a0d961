"""The governor of one trunk: paced sending, a learned rate, and the class of each refusal.

Rules of this file. Nothing here sleeps or sends: the driver asks `permission`, reports `sent` and
`answered`, and comes back at the moment it was told. One request is in flight until the trunk has
accepted our credentials once. A refusal silences the trunk until an unauthenticated canary passes: a
throttle lets it pass after a while, a policy does not, and refused credentials show as a canary that is
challenged while the request behind it is refused again. From rest, at most two requests with refused
credentials leave, restarts included; when they turn bad at speed, those in flight add to them. Silence
is treated like a refusal, but it is noticed before the time-outs tell it.

```
PROVING --accepted--> CLIMBING --refused, silent--> LISTENING --canary passed--> HOLDING --> LISTENING ...
   ^                                                  |    |
   +-- canary passed, but nothing since the last one -+    +--> STOPPED: credentials refused twice, or
       or after a long silence                                  three canaries refused before any proof
```
Sources: facts on overload control (section 1) and on SIP 403 signatures (3.7).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from shiftline.governor.controller import Answer, Permission, Send
from shiftline.governor.learner import Learner
from shiftline.governor.ledger import Ledger, what_it_waits_for
from shiftline.governor.limiters.model import Feedback
from shiftline.governor.policy import GovernorPolicy
from shiftline.governor.window_fit import Observation

MAX_REFUSED_CREDENTIALS = 2
CANARIES_THAT_MEAN_POLICY = 3  # refused at rest, on a trunk that never accepted anything
STRIKE_MEMORY = 900.0  # seconds; after that a lone strike is forgotten
STRIKE_SILENCE = 1.0  # seconds; after that much silence a refusal is not about the last second's rate
LONGEST_BAN = 900.0  # seconds; some bans begin anew with every request: each silence must outlast the last
LONGEST_STEP = (
    0.25  # seconds that count between two questions: our own pauses neither grow nor silence a rate
)
OVERDUE = 3.0  # times the last answer's time: then an answer is late, and the rate does not grow
SILENCES_THAT_COUNT = 3  # a lone lost datagram is not a refusal


class Mode(StrEnum):
    """Where the governor stands."""

    PROVING = "proving"
    CLIMBING = "climbing"
    LISTENING = "listening"
    HOLDING = "holding"
    STOPPED = "stopped"


class RefusalClass(StrEnum):
    """What kind of refusal the trunk shows; the doctor takes these as observations."""

    NONE = "none"
    THROTTLE = "throttle"
    BAN = "ban"
    POLICY = "policy"
    CREDENTIALS = "credentials"
    UNREACHABLE = "unreachable"
    UNDECIDED = "undecided"


@dataclass(slots=True)
class _Flight:
    sent_at: float
    kind: Send
    credentials: bool


class Governor:
    """See the module's text. All times are seconds on one monotonic clock."""

    def __init__(self, policy: GovernorPolicy, now: float, known: Mapping[str, Any] | None = None) -> None:
        """``known`` is what `knowledge` returned before a restart; what was not learned then is ignored."""
        self.policy = policy
        self.mode = Mode.PROVING
        self.refusal = RefusalClass.NONE
        self.overshoots = 0
        self.ledger = Ledger()
        self.ledger.recall(known or {}, now)
        self._learner = Learner(policy, now, known)
        self._pacer = self._learner.pacer
        climbs = policy.learn and not self._learner.learned
        self._after_proof = Mode.CLIMBING if climbs else Mode.HOLDING
        self._flights: dict[int, _Flight] = {}
        self._next_ticket = 0
        self._proven = False
        self._credentials_accepted = False
        self._struck_at = now
        # A ban outlives a restart, so what was proven before it still tells a ban from a policy.
        self._once_proven = bool(known and known.get("proven"))
        self._resumed_at = now
        self._passed_since_resumed = False
        self._strikes = int(known.get("strikes", 0)) if known else 0
        self._silences = 0
        self._silence = 0.0
        self._listen_until = now
        self._listening_since = now
        self._canaries_refused = 0
        self._unheard = 0
        self._unheard_seconds = 0.0
        self._answer_seconds = 0.0
        self._asked_at = now
        if self._strikes >= MAX_REFUSED_CREDENTIALS:
            self._stop(RefusalClass.CREDENTIALS)

    @property
    def rate(self) -> float:
        """The paced rate in requests per second."""
        return self._pacer.rate

    @property
    def is_quiet(self) -> bool:
        """True while nothing but a canary may leave."""
        return self.mode in (Mode.LISTENING, Mode.STOPPED)

    @property
    def has_stopped(self) -> bool:
        """True when nothing will ever leave again."""
        return self.mode is Mode.STOPPED

    def permission(self, now: float) -> Permission:
        """Return what may leave at ``now``, given that something waits to be sent."""
        if self.mode is Mode.STOPPED:
            return Permission(Send.NOTHING)
        elapsed = min(now - self._asked_at, LONGEST_STEP)
        self._asked_at = now
        if self._has_fallen_silent(elapsed):
            self._listen_for_a_sign(now)
        if self.mode is Mode.LISTENING:
            return self._canary_permission(now)
        if self.mode is Mode.PROVING and self._awaits_proof():
            return Permission(Send.NOTHING)
        self._grow(now, elapsed)
        free_at = self._pacer.free_at(now)
        return Permission(Send.NOTHING, free_at) if now < free_at else Permission(Send.CHECK)

    def sent(self, now: float, kind: Send, *, credentials: bool) -> int:
        """Note that a request left; return the ticket for `answered`."""
        self._pacer.take(now)
        self.ledger.left()
        self._unheard += 1
        self._next_ticket += 1
        self._flights[self._next_ticket] = _Flight(now, kind, credentials)
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
    ) -> None:
        """Note what became of a request. ``retry_after`` (seconds) is honoured on any refusal."""
        del feedback
        flight = self._flights.pop(ticket)
        self.ledger.decided(self.refusal)  # what came before this answer
        self.ledger.came(now, answer, status, self.rate)
        if self.mode is Mode.STOPPED:
            return
        # What left before a canary passed says nothing new: the trunk has answered since.
        is_news = flight.sent_at >= self._resumed_at
        if answer is Answer.SILENT:
            if is_news:
                self._silent(flight, now)
            return
        self._unheard = self._silences = 0
        self._unheard_seconds = 0.0
        # The limiter lets refused credentials through: only what they say was turned down.
        self._learner.observe(Observation(flight.sent_at, passed=answer is not Answer.REFUSED))
        if answer is Answer.CREDENTIALS_REFUSED:
            self._strike(now, retry_after or 0.0)
        elif answer is Answer.REFUSED and (is_news or self.mode is Mode.LISTENING):
            self._refused(flight, now, retry_after or 0.0)
        elif is_news:
            self._answer_seconds = now - flight.sent_at
            self._passed(flight, now, proven=answer is Answer.PASSED)

    def knowledge(self) -> dict[str, Any]:
        """What should survive a restart, as plain JSON values."""
        return self._learner.knowledge() | {
            "mode": str(self.mode),
            "refusal": str(self.refusal),
            "overshoots": self.overshoots,
            "strikes": self._strikes,
            "proven": self._once_proven,
        }

    def told(self, now: float) -> dict[str, Any]:
        """What an operator is shown besides, as plain JSON values."""
        self.ledger.decided(self.refusal)
        return self.ledger.knowledge(now) | {"waiting_for": self.waiting_for(now)}

    def waiting_for(self, now: float) -> str | None:
        """In a sentence, what has to happen before checks leave again; None while they may."""
        asked = any(flight.kind is Send.CANARY for flight in self._flights.values())
        canary_in = None if asked else self._listen_until - now
        return what_it_waits_for(self.mode, self.refusal, canary_in)

    def _canary_permission(self, now: float) -> Permission:
        if any(flight.kind is Send.CANARY for flight in self._flights.values()):
            return Permission(Send.NOTHING)
        free_at = max(self._listen_until, self._pacer.ceiling_room_at())
        return Permission(Send.NOTHING, free_at) if now < free_at else Permission(Send.CANARY)

    def _awaits_proof(self) -> bool:
        return any(flight.sent_at >= self._resumed_at for flight in self._flights.values())

    def _has_fallen_silent(self, elapsed: float) -> bool:
        """True when everything sent for a while went unanswered; time-outs would tell it much later."""
        if self._unheard:
            self._unheard_seconds += elapsed
        return (
            self.mode in (Mode.CLIMBING, Mode.HOLDING)
            and self._unheard >= SILENCES_THAT_COUNT
            and self._is_overdue(self._unheard_seconds, STRIKE_SILENCE)
        )

    def _is_overdue(self, waited: float, at_least: float) -> bool:
        return waited > max(at_least, OVERDUE * self._answer_seconds)

    def _grow(self, now: float, elapsed: float) -> None:
        oldest = next(iter(self._flights.values()), None)
        if oldest is not None and self._is_overdue(now - oldest.sent_at, LONGEST_STEP):
            return
        if self.mode is Mode.CLIMBING:
            self._learner.climb(elapsed)
        elif self.mode is Mode.HOLDING:
            self._learner.creep(elapsed)

    def _passed(self, flight: _Flight, now: float, *, proven: bool) -> None:
        if flight.kind is Send.CANARY:
            if self.mode is Mode.LISTENING and now >= self._listen_until:
                self._path_is_open(now)
            return
        if not proven:
            return
        self._proven = self._once_proven = self._passed_since_resumed = True
        self._silence = 0.0
        if flight.credentials:  # what passes without them proves the path, and no password
            self._credentials_accepted = True
            self._strikes = 0
        if self.mode is Mode.PROVING:
            self._resume(now)

    def _path_is_open(self, now: float) -> None:
        """A canary passed. Go on one at a time unless the rate was surely all that was wrong."""
        self._resumed_at = now
        # After a strike, the canary may have had the only free place: the next request gets its own.
        self._pacer.restart(now + (self._silence if self._strikes else 0.0))
        was_the_rate = self._passed_since_resumed and self._silence < STRIKE_SILENCE
        self._passed_since_resumed = False
        if self.refusal is RefusalClass.UNREACHABLE:
            self._silence = 0.0  # the trunk speaks: a question that is still unanswered is its user's affair
        if was_the_rate:
            self._resume(now)
        else:
            self.mode = Mode.PROVING

    def _resume(self, now: float) -> None:
        self.mode = self._after_proof
        self.refusal = RefusalClass.THROTTLE if self.overshoots else RefusalClass.NONE
        self._asked_at = now
        self._learner.settle(now)

    def _refused(self, flight: _Flight, now: float, retry_after: float) -> None:
        if self.mode is Mode.LISTENING:
            self._listen_until = max(self._listen_until, now + retry_after)
            if flight.kind is Send.CANARY:
                self._canaries_refused += 1
                self._judge_silence(now)
                self._listen(now, retry_after)
            return
        at_rest = self.mode is Mode.PROVING and (not self._proven or self._silence >= STRIKE_SILENCE)
        if at_rest or (flight.credentials and not self._credentials_accepted):
            # Pacing will not help this one: the canary says whether the path is open. A password that was
            # never accepted counts likewise, however much passes without one.
            self._strike(now, retry_after, credentials=flight.credentials)
            return
        if self.mode is not Mode.PROVING:
            self.overshoots += 1
            self._learner.overshot(now)
        self._begin_listening(now, retry_after)

    def _strike(self, now: float, retry_after: float, *, credentials: bool = True) -> None:
        if now - self._struck_at > STRIKE_MEMORY:
            self._strikes = 0
        self._strikes += credentials
        self._struck_at = now
        if self._strikes >= MAX_REFUSED_CREDENTIALS:
            self._stop(RefusalClass.CREDENTIALS)
            return
        self._silence = max(self._silence, STRIKE_SILENCE / 2)
        self._begin_listening(now, retry_after)

    def _stop(self, refusal: RefusalClass) -> None:
        self.mode = Mode.STOPPED
        self.refusal = refusal

    def _begin_listening(self, now: float, retry_after: float) -> None:
        if self.mode is not Mode.PROVING:
            self._after_proof = Mode.HOLDING
        self.mode = Mode.LISTENING
        self.refusal = RefusalClass.UNDECIDED
        self._listening_since = now
        self._canaries_refused = 0
        self._listen(now, retry_after)

    def _listen(self, now: float, retry_after: float) -> None:
        """Be silent for a while: until the known window ends, or a little longer each time."""
        if self._silence:
            # Short steps within the second that most windows last, then doubling.
            grow = 1.25 if self._silence < STRIKE_SILENCE / 3 else 2.0
            longest = LONGEST_BAN if self.refusal is RefusalClass.BAN else self.policy.longest_silence
            self._silence = min(self._silence * grow, longest)
            until = now + self._silence
        else:
            self._silence = self.policy.canary_seconds
            window_end = self._learner.window_ends_at(now)
            until = now + self._silence if window_end is None else window_end
        self._listen_until = max(self._listen_until, until, now + retry_after)

    def _judge_silence(self, now: float) -> None:
        if not self._once_proven and self._canaries_refused >= CANARIES_THAT_MEAN_POLICY:
            self._stop(RefusalClass.POLICY)
        elif now - self._listening_since > self.policy.patience_seconds:
            self.refusal = RefusalClass.BAN

    def _silent(self, flight: _Flight, now: float) -> None:
        self._silences += 1
        if self.mode is Mode.LISTENING:
            if flight.kind is Send.CANARY:
                self.refusal = RefusalClass.UNREACHABLE
                self._silence = max(self._silence, STRIKE_SILENCE / 2)
                self._listen(now, 0.0)
        elif self.mode is Mode.PROVING or self._silences >= SILENCES_THAT_COUNT:
            self._listen_for_a_sign(now)

    def _listen_for_a_sign(self, now: float) -> None:
        """The trunk is silent: stop, and ask with canaries only."""
        self.ledger.note(now, None, self.rate)
        if self.mode is not Mode.PROVING:
            self._learner.slacken()
        self._silence = max(self._silence, STRIKE_SILENCE / 2)
        self._begin_listening(now, 0.0)
        self.refusal = RefusalClass.UNREACHABLE
