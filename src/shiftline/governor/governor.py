"""The governor of one trunk: paced sending, a learned rate, and the class of each refusal.

Rules of this file. Nothing here sleeps or sends: the driver asks `permission`, reports `sent` and
`answered`, and comes back at the moment it was told. One request is in flight until the trunk has
accepted our credentials once. A refusal silences the trunk until an unauthenticated canary passes: a
throttle lets it pass after a while, a policy does not, and refused credentials show as a canary that is
challenged while the request behind it is refused again. From rest, at most two requests with refused
credentials leave in a quarter of an hour, restarts included; at speed, those in flight add to them, and
trials where the rate may explain it (`account_trials`). Silence is treated like a refusal, but noticed
before the time-outs tell it; so is lateness.

```
PROVING --accepted--> CLIMBING --refused, silent--> LISTENING --canary passed--> HOLDING --> LISTENING ...
   ^                                                  |    |
   +-- canary passed, but nothing since the last one -+    +--> STOPPED: credentials refused twice, or
   |   or after a long silence                                  three canaries refused before any proof,
   |                                                            or one after the longest ban
   +-- our account alone is refused: a check asks, after a while
```
Sources: facts on overload control (section 1) and on SIP 403 signatures (3.7).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shiftline.governor.account import TRIALS
from shiftline.governor.account_book import BookPage
from shiftline.governor.controller import Answer, Permission, Send
from shiftline.governor.flights import Flight
from shiftline.governor.hearing import HOLD_STEP
from shiftline.governor.limiters.model import Feedback
from shiftline.governor.policy import GovernorPolicy
from shiftline.governor.quiet import FIRST_ONES
from shiftline.governor.refusals import RefusalClass
from shiftline.governor.slowed import SlowedGovernor
from shiftline.governor.state import Asked, Mode
from shiftline.governor.wishes import wait_for

LONGEST_STEP = 0.25  # seconds that count between two questions: our own pauses neither grow nor silence it


class Governor(SlowedGovernor):
    """See the module's text. All times are seconds on one monotonic clock."""

    def __init__(
        self,
        policy: GovernorPolicy,
        now: float,
        known: Mapping[str, Any] | None = None,
        page: BookPage | None = None,
    ) -> None:
        """See `GovernorState`."""
        super().__init__(policy, now, known, page)
        if self.account.is_spent:
            self._begin_spent(self._moments.now)

    def permission(self, now: float) -> Permission:
        """Return what may leave at ``now``, given that something waits to be sent."""
        if self.mode is Mode.STOPPED:
            return Permission(Send.NOTHING)
        now = self._seen(now)
        self._give_up_lost(now)
        chosen = self._choose(now)
        again_at, at_latest = map(self._moments.driver, (chosen.again_at, chosen.at_latest))
        return Permission(chosen.send, again_at, at_latest)

    def _choose(self, now: float) -> Permission:
        """The same in own moments."""
        if self.mode is Mode.STOPPED:
            return Permission(Send.NOTHING)
        passed = max(0.0, now - self._asked_at)
        elapsed = min(passed, LONGEST_STEP)
        self._asked_at = now
        is_free = self.mode is not Mode.LISTENING and not self.account.is_bound
        if is_free and self.account.is_spent_by_others(now):
            self._begin_spent(now)
            return self._choose(now)
        self._learner.obedience.end_wishes(now)
        at_speed = self.mode in (Mode.CLIMBING, Mode.HOLDING)
        if self._hearing.has_fallen_silent(elapsed) and at_speed:
            self._listen_for_a_sign(now)
        self._is_holding = at_speed and self._hearing.awaits_an_answer
        if self.mode is Mode.LISTENING:
            return self._canary_permission(now)
        if self._is_holding:
            return Permission(Send.NOTHING, now + HOLD_STEP)
        if self.mode is Mode.PROVING and (wait := self._wait_for_proof(now)) is not None:
            return wait
        self._grow(now, elapsed)
        if self._learner.is_full(len(self._flights)):
            return Permission(Send.NOTHING, at_latest=self._lost_at())
        if not self._was_held_up:
            self._learner.pacer.had_nothing(now, passed)
        free_at = self._learner.pacer.free_at(now)
        self._was_held_up = now < free_at
        return Permission(Send.NOTHING, free_at) if self._was_held_up else Permission(Send.CHECK)

    def sent(self, now: float, kind: Send, *, credentials: bool) -> int:
        """Note that a request left; return the ticket for `answered`."""
        now = self._seen(now)
        self._learner.pacer.take(now)
        self._hearing.sent(now)
        self.ledger.left()
        self._asked = Asked.ONCE if kind is Send.CANARY else self._asked
        if credentials:
            if self.mode is Mode.PROVING and self.account.is_suspected:
                self.account.page.book.asks(self.account.page.trunk, now)
            self.account.left(now)
        return self._flights.leave(now, kind, credentials=credentials)

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
        """Note what became of a request. ``retry_after`` (seconds) is honoured on any refusal, up to an hour.

        ``copied_at`` is when it was sent again first; None: it left once.
        An answer to a ticket that was answered before, or never given out, changes nothing.
        """
        flight = self._flights.land(ticket)
        if flight is None:
            return
        if flight.credentials:
            self.account.page.book.is_told(self.account.page.trunk)
        now = self._seen(now)
        if answer is Answer.SILENT:
            self._unanswered(flight, now)
            return
        self.ledger.decided(self.refusal)  # what came before this answer
        self.ledger.came(now, answer, status, self.rate)
        if self.mode is Mode.STOPPED:
            return
        wish = wait_for(retry_after)
        self._hearing.heard(to_copy=copied_at is not None)
        self._silences = 0
        self._note(flight, answer, now, status, wish)
        copied_at = None if copied_at is None else self._moments.own(copied_at)
        self._judge(flight, answer, now, wish, copied_at)
        if feedback is not None and not self.is_quiet:
            self._heed(feedback, flight, now)

    def _judge(
        self, flight: Flight, answer: Answer, now: float, wish: float, copied_at: float | None
    ) -> None:
        """What an answer means; ``wish`` is how long (seconds) we were told to wait."""
        # What left before a canary passed says nothing new: the trunk has answered since.
        is_news = flight.sent_at >= self._resumed_at
        if answer is Answer.CREDENTIALS_REFUSED:
            self._strike(now, wish)
        elif answer is Answer.REFUSED and (is_news or self.mode is Mode.LISTENING):
            self._refused(flight, now, wish)
        elif answer is Answer.REFUSED and self.mode is Mode.PROVING:
            self._listening.until = max(self._listening.until, now + wish)  # old news, but its wish is not
        elif is_news:
            self._passed(flight, now, copied_at, proven=answer is Answer.PASSED)

    def _grow(self, now: float, elapsed: float) -> None:
        """A rate that nobody needs, or nobody sent at, does not grow: nothing tells if it is too high."""
        if not self._was_held_up or self._learner.is_ahead(now, since=self._at_speed_since):
            return
        keeps_up = self._hearing.keeps_up_with(self.rate, now, since=self._at_speed_since)
        if not keeps_up and self._learner.places.limit is None:  # there the rate is only a lead
            return
        elapsed = self._learner.pacer.used_of(elapsed)
        oldest = self._flights.oldest_sent_at()
        if oldest is not None and self._hearing.is_overdue(now - oldest, LONGEST_STEP):
            return
        if self.mode is Mode.CLIMBING:
            self._learner.climb(elapsed)
        elif self.mode is Mode.HOLDING:
            self._learner.creep(elapsed, now)

    def _passed(self, flight: Flight, now: float, copied_at: float | None, *, proven: bool) -> None:
        if flight.kind is Send.CANARY:
            is_late = self._is_only_silent and self._asked is Asked.IN_VAIN
            if self.mode is Mode.LISTENING and (is_late or now >= self._listening.until):
                self._path_is_open(now)
            return
        self._hearing.passed(flight.sent_at, now, copied_at)
        self._listening.late += self.mode is Mode.LISTENING
        if not proven:
            return
        self._proven = self._once_proven = self._passed_since_resumed = True
        if flight.credentials:  # what passes without them proves the path, and no password
            self.account.passed(now, left_at=flight.sent_at)
        if self.mode is not Mode.LISTENING or self.refusal is RefusalClass.UNREACHABLE:
            self._is_let_through(flight, now)  # else it left before what was refused

    def _is_let_through(self, flight: Flight, now: float) -> None:
        """A check passed, and nothing was refused since it left."""
        if self._doubt.wants_another():
            self._listening.opened()
            return
        if self._doubt.tells_of_one():
            self._acquit(now)
        if self.mode is Mode.PROVING:
            if not self._listening.is_only_silent:  # a silence that is over says nothing of refusals
                self.account.reopened(now)
            self._resume(now)
        elif self._hearing.were_dropped or self._hearing.is_queueing(now - flight.sent_at, now):
            self._late(flight, now)
        self.account.release(by_canary=not self.account.is_bound)
        if self._flights.since_opened(flight) >= FIRST_ONES:
            self._listening.reopened()

    def _path_is_open(self, now: float) -> None:
        """A canary passed. Go on one at a time unless the rate was surely all that was wrong."""
        if self._account_is_suspected:
            self._canary_accuses(now)
            return
        self._resumed_at = now
        # After a strike, the canary may have had the only free place: the next request gets its own.
        has_strikes = self.account.strikes > 0 or self._listening.bars_checks
        self._learner.pacer.restart(now + (min(self._listening.silence, TRIALS[1]) if has_strikes else 0.0))
        was_the_rate = self._passed_since_resumed and not self._listening.is_rest
        self._passed_since_resumed = False
        if self.refusal is RefusalClass.UNREACHABLE:
            # The trunk speaks: a question that is still unanswered is its user's affair.
            self._listening.silence = 0.0
            if self._listening.was_a_pause(len(self._flights)):
                self._learner.was_a_pause()
            elif self._canaries_refused:
                self._learner.slacken()
        self._listening.opened()
        if was_the_rate and self._canaries_refused:
            self._resume(now)
            return
        self.mode = Mode.PROVING
        if was_the_rate:
            self._doubt.begin(about_one=self._listening.is_lone, witness_first=self._asks_witness_first)
            # The canary may have had the only free place; how soon there is another one may not be known yet.
            is_known = self._learner.learned or not self.policy.learn
            self._learner.pacer.restart(now + (1.0 / self.rate if is_known else self._listening.silence))
            self._suspect_path_is_open(now)

    def _resume(self, now: float) -> None:
        closure = self._listening.closure(now, asked_by_canary=not self.account.is_bound)
        kind = RefusalClass.THROTTLE if self._learner.places.limit is None else RefusalClass.CAPACITY
        self.mode = self._after_proof
        self._asked_at = self._at_speed_since = now
        self._unexplained, self._asks_witness_first = 1, False
        self._flights.opened()
        self._learner.pacer.begin_afresh(now)
        was_taught = self._learner.settle(now, closure)
        self.refusal = kind if self.overshoots or was_taught else RefusalClass.NONE

    def _refused(self, flight: Flight, now: float, retry_after: float) -> None:
        if self.mode is Mode.LISTENING:
            self._listening.until = max(self._listening.until, now + retry_after)
            if flight.kind is Send.CANARY:
                self._canaries_refused += 1
                self._canary_acquits()
                self._judge_silence(now)
                self._listen(now, retry_after)
            return
        if self._is_chance(flight, retry_after):
            self._listening.reopened()
            return
        if self._doubt.was_refused():
            self._resumed_at = now
            self._listening.until = max(self._listening.until, now + retry_after)
            return
        if self._goes_on(flight):
            self._note_closure(flight)
            self._begin_listening(now, retry_after, anew=False)
            return
        if self.mode is not Mode.PROVING and not self.account.is_bound:
            self._listening.shut_anew(flight.sent_at)
        if self._concerns_account(flight):
            self._suspect_account(flight, now, retry_after)
            return
        if self._is_at_rest(flight) or (flight.credentials and not self.account.accepted):
            # Pacing will not help this one: the canary says whether the path is open. A password that was
            # never accepted counts likewise, however much passes without one.
            self._strike(now, retry_after, credentials=flight.credentials)
            return
        if self.mode is not Mode.PROVING:
            self._note_closure(flight)
            self._overshot(flight, now)
        self._fall_quiet(flight, now, retry_after)
