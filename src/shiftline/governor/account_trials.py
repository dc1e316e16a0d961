"""What a governor does about its account: a login that is refused is not tried for long.

A 403 to a login may be a throttle's, one agent's, or the account's own. Whatever was under way when the
first came cannot be called back. Where our own rate may have filled a counter, of the source or of the
account, a trunk that learns lets the experiment of `doubt` tell, and then logins that come when the usual
windows are over. Where it cannot, at rest or at a rate that has passed for a minute, and on a trunk that may
not learn, two refused logins are all that we may cost it; the witness of the latter is asked when those
windows are over. Where a refusal was over at once lately, it may cost one more:

```
refused --canary passes--> a witness --refused--> two canaries --both pass--> it rests for a quarter hour
                               |                        |
                            passed: one agent,       one is refused:
                            or the rate              the rate
```
"""

from __future__ import annotations

from shiftline.governor.account import TRIALS
from shiftline.governor.controller import Permission, Send
from shiftline.governor.flights import Flight
from shiftline.governor.listening import STRIKE_SECONDS
from shiftline.governor.quiet import QuietGovernor
from shiftline.governor.refusals import RefusalClass
from shiftline.governor.state import Mode

LOOK_AGAIN = 0.1  # seconds: so often it is asked whether another trunk's login was answered
CANARIES_THAT_TELL = 2  # in a row: a limiter that lets every second request pass does not let both


class AccountGovernor(QuietGovernor):
    """All times are seconds on one monotonic clock."""

    def _begin_spent(self, now: float) -> None:
        """Wait for the end of a lock that the life before met, or another trunk; or stop: it was refused."""
        locked_until = self.account.locked_until(now)
        if locked_until is None:
            self._stop(RefusalClass.CREDENTIALS)
            return
        self.account.bind()
        if self.mode in (Mode.CLIMBING, Mode.HOLDING):
            self._after_proof = Mode.HOLDING
        self.mode, self.refusal = Mode.PROVING, RefusalClass.USER_BOUND
        self._resumed_at = now
        self._listening.until = max(now, locked_until)

    def _wait_for_proof(self, now: float) -> Permission | None:
        """What keeps the one request that may be under way; None: nothing does.

        Another trunk's login may tell what it would: one asks at a time, and its answer counts here.
        """
        if self._flights.any_since(self._resumed_at):
            return Permission(Send.NOTHING, at_latest=self._lost_at())
        if now < self._listening.until:
            return Permission(Send.NOTHING, self._listening.until)
        if self.account.is_bound and self.account.is_spent_by_others(now):
            self._begin_spent(now)
            if self.mode is Mode.STOPPED:
                return Permission(Send.NOTHING)
            if now < self._listening.until:
                return Permission(Send.NOTHING, self._listening.until)
        is_asked = self.account.is_asked_elsewhere(now)
        return Permission(Send.NOTHING, now + LOOK_AGAIN) if is_asked else None

    def _overshot(self, flight: Flight, now: float) -> None:
        if self._learner.blameless.is_idle(flight.sent_at, since=self._at_speed_since):
            return  # so few requests a second tell nothing about the rate
        self.overshoots += 1
        self._learner.overshot(now)
        self._learner.places.refused(flight.others)

    def _is_chance(self, flight: Flight, retry_after: float) -> bool:
        """True if it need not even be asked about: it came alone, as others did at any rate."""
        is_plain = self.mode is Mode.HOLDING and not (retry_after or self.account.is_bound)
        is_plain &= self.account.accepted or not flight.credentials
        return is_plain and not self._doubt.is_open and self._learner.blameless.is_chance(flight.sent_at)

    def _acquit(self, now: float) -> None:
        """It was about one agent: a canary passed, and another check, and only that one did not."""
        self.account.reopened(now)
        self.overshoots -= self._learner.acquit(self._listening.shut_from)
        self._listening.reopened()

    def _note_closure(self, flight: Flight) -> None:
        """A closure begins. May our rate have filled a counter? Else this refusal counts, and the next."""
        self._is_accused = False
        is_busier = self.account.is_busier(flight.sent_at)
        is_more = is_busier or self._learner.is_trying or self.account.was_throttled
        may_be_a_counter = bool(is_busier is not None and is_more)
        self._asks_witness_first = flight.credentials and not (may_be_a_counter and self.policy.learn)
        if may_be_a_counter and self.policy.learn:
            self._unexplained = 0
        elif flight.credentials and not self._comes_and_goes(flight.sent_at):
            self._unexplained = 2
        else:
            self._unexplained = 1
        self._asks_late = may_be_a_counter and self._unexplained > 1

    def _comes_and_goes(self, now: float) -> bool:
        """True where refusals like this one were over at once lately, and the rate is not ours to raise."""
        return not self.policy.learn and (
            self._learner.blameless.bears_chance or self.account.has_reopened(now)
        )

    def _concerns_account(self, flight: Flight) -> bool:
        """True if no canary can tell about this refusal: one passed, and the check behind it did not."""
        if not (flight.credentials and self.account.accepted):
            return False
        return self.account.is_bound or self.account.is_used_to_it or not self._passed_since_resumed

    def _is_at_rest(self, flight: Flight) -> bool:
        """True if pacing will not help what was refused: one request at a time is under way.

        Nor where a canary has passed, no login is what differs, and the rate is not ours to raise.
        """
        is_barred = not self.policy.learn and self._is_check_alone(flight)
        return self.mode is Mode.PROVING and (not self._proven or self._listening.is_rest or is_barred)

    def _is_check_alone(self, flight: Flight) -> bool:
        """True if no login is what differs from the canary that passed, and no check has passed since."""
        return not (flight.credentials or self._passed_since_resumed)

    def _fall_quiet(self, flight: Flight, now: float, retry_after: float) -> None:
        """Until a canary asks; or a check, if one canary has passed already in this closure."""
        if self.mode is Mode.PROVING and self._listening.has_opened and self._is_check_alone(flight):
            self._wait_for_a_check(now, retry_after)
        else:
            self._begin_listening(now, retry_after)

    def _wait_for_a_check(self, now: float, retry_after: float) -> None:
        """Be silent, and let a check ask next: a canary has passed, and tells nothing new of checks."""
        self._begin_listening(now, retry_after)
        self.mode, self._resumed_at = Mode.PROVING, now

    def _suspect_path_is_open(self, now: float) -> None:
        """A canary passed. If one question is all that is left, place it where it tells most."""
        if self._unexplained < 2:
            return
        self.account.suspect(now)
        if self._asks_late:
            again_at = self.account.next_trial(self._listening.shut_from or now, now)
            self._listening.postpone(again_at or now)

    def _suspect_account(self, flight: Flight, now: float, retry_after: float) -> None:
        """A login was refused where a canary had passed, or always passes."""
        if self.mode is not Mode.PROVING:
            self._note_closure(flight)
        if self.account.is_bound or self.account.is_used_to_it or not self._unexplained:
            self._wait_for_account(flight, now, retry_after)
            return
        # Counted at once, for a restart may come at any time.
        is_first = self.mode is not Mode.PROVING and self._asks_late
        self.account.strike(now, 1 if is_first or self.account.strikes else self._unexplained)
        self._ask_two_canaries(now, retry_after)

    def _ask_two_canaries(self, now: float, retry_after: float) -> None:
        """Is the path open to whoever shows no credentials?"""
        self._account_is_suspected = CANARIES_THAT_TELL
        self._begin_listening(now, retry_after)
        self._listening.until = now + retry_after

    def _canary_accuses(self, now: float) -> None:
        """One that passes says that the path is open: it is not the rate of all of us."""
        self._account_is_suspected -= 1
        if not self._account_is_suspected:
            self._is_accused = True
            self._bind_account(now, 0.0)

    def _canary_acquits(self) -> None:
        """One that is refused as well says that it is no matter of the account."""
        if self._account_is_suspected:
            self.account.acquit()
            self.account.release(by_canary=True)
            self._passed_since_resumed = True
            self._listening.opened()
        self._account_is_suspected = 0
        self._unexplained = 0

    def _wait_for_account(self, flight: Flight, now: float, retry_after: float) -> None:
        """Send nothing until one check may ask whether the account is let through again."""
        if self.account.is_bound:
            self.account.strike(now)
        elif self.mode is not Mode.PROVING:
            self._overshot(flight, now)
            self._after_proof = Mode.HOLDING
            self.account.strike(now, min(self._unexplained, 1))
        if self.account.is_spent and not (self._is_accused or self.account.has_rested):
            # A quarter of an hour is too dear for a mistake: RED refuses a share of everything.
            before = self._listening.silence
            self._ask_two_canaries(now, retry_after)
            self._listening.silence = before or self._listening.silence  # we waited for checks, not for these
            return
        self._bind_account(now, retry_after)

    def _bind_account(self, now: float, retry_after: float) -> None:
        self.account.bind()
        self._learner.forget_canaries()
        again_at = self.account.next_trial(self._listening.shut_from or now, now)
        if again_at is None:
            self._stop(RefusalClass.CREDENTIALS)
            return
        window_end = self._learner.window_ends_at(now)
        if window_end is not None and not self.account.strikes:
            again_at = window_end
        if self._learner.blameless.bears_chance and not self.account.is_spent:
            again_at = min(again_at, now + TRIALS[0])  # chance is likelier than a counter
        self.mode = Mode.PROVING
        self.refusal = RefusalClass.USER_BOUND
        self._resumed_at = now
        self._listening.until = max(again_at, now + retry_after)

    def _strike(self, now: float, retry_after: float, *, credentials: bool = True) -> None:
        if credentials:
            self.account.strike(now)
        if self.account.is_spent:
            self.account.accepted = False  # it was, perhaps, and is no longer
            self._stop(RefusalClass.CREDENTIALS)
            return
        if not credentials and self._listening.bar(is_proven=self._once_proven):
            self._once_proven = False
            self._stop(RefusalClass.POLICY)
            return
        self._listening.at_least(STRIKE_SECONDS / 2)
        if not credentials and self._listening.is_last_wait:
            self._wait_for_a_check(now, retry_after)
        else:
            self._begin_listening(now, retry_after)
