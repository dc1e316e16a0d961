"""How a governor falls quiet: silences with a canary after each, and the end of all sending."""

from __future__ import annotations

from shiftline.governor.controller import Answer, Permission, Send
from shiftline.governor.flights import Flight
from shiftline.governor.hearing import SILENCES_THAT_COUNT
from shiftline.governor.listening import STRIKE_SECONDS
from shiftline.governor.refusals import RefusalClass
from shiftline.governor.state import Asked, GovernorState, Mode

CANARIES_THAT_MEAN_POLICY = 3  # refused at rest, on a trunk that never accepted anything
FIRST_ONES = 2  # after a canary: one of them is refused by whatever lets every second request pass
SOON = 1.0  # seconds


class QuietGovernor(GovernorState):
    """All times are seconds on one monotonic clock."""

    def _canary_permission(self, now: float) -> Permission:
        canary = self._flights.canary()
        if canary is not None:
            return self._next_canary_permission(canary, now)
        return self._when_free(Send.CANARY, now)

    def _next_canary_permission(self, canary: Flight, now: float) -> Permission:
        """In a silence the next canary is a copy of the one that is under way, at the same moment.

        Some trunks take a datagram only when it comes again: to them every new one would be lost as well.
        """
        if not self._is_only_silent or self._asked is Asked.AGAIN:
            return Permission(Send.NOTHING, at_latest=self._lost_at())
        overdue_at = canary.sent_at + self._hearing.canary_patience
        if self._asked is Asked.ONCE and now < overdue_at:
            return Permission(Send.NOTHING, overdue_at)
        if self._asked is Asked.ONCE:
            self._asked = Asked.IN_VAIN
            self._canary_was_lost(canary, now)
        return self._when_free(Send.CANARY_AGAIN, now)

    def _when_free(self, kind: Send, now: float) -> Permission:
        """That may leave once the silence is over, and the declared rate has room."""
        free_at = max(self._listening.until, self._learner.pacer.ceiling_room_at())
        return Permission(Send.NOTHING, free_at) if now < free_at else Permission(kind)

    def _stop(self, refusal: RefusalClass) -> None:
        self.mode = Mode.STOPPED
        self.refusal = refusal

    def _begin_listening(self, now: float, retry_after: float, *, anew: bool = True) -> None:
        is_search = self.mode is Mode.CLIMBING and self._learner.is_trying
        if self.mode is not Mode.PROVING:
            self._after_proof = Mode.HOLDING
        self.mode = Mode.LISTENING
        self.refusal = RefusalClass.UNDECIDED
        if anew:
            # Three canaries end what has never passed: a coarser step would only make that late.
            self._listening.begin(now, is_search=is_search, is_unproven=not self._once_proven)
            self._canaries_refused = 0
        self._listen(now, retry_after)

    def _listen(self, now: float, retry_after: float) -> None:
        self._listening.extend(
            now,
            retry_after=retry_after,
            window_end=self._learner.window_ends_at(now),
            is_ban=self.refusal is RefusalClass.BAN,
        )

    def _judge_silence(self, now: float) -> None:
        is_unknown = not self._once_proven and self._canaries_refused >= CANARIES_THAT_MEAN_POLICY
        is_unknown &= not self._listening.says_it_passes
        if is_unknown or self._listening.is_for_good:
            self._once_proven = False  # it was, and is no longer: whoever re-arms it is told soon
            self._stop(RefusalClass.POLICY)
        elif now - self._listening.since > self.policy.patience_seconds:
            self.refusal = RefusalClass.BAN

    def _give_up_lost(self, now: float) -> None:
        """What nobody ever told of is as good as unanswered: else it would hold up the trunk for ever."""
        while (oldest := self._flights.oldest()) is not None:
            lost_at = self._lost_at()
            if lost_at is None or now < lost_at:
                return
            ticket, flight = oldest
            self._flights.land(ticket)
            self._unanswered(flight, now)

    def _unanswered(self, flight: Flight, now: float) -> None:
        self.ledger.decided(self.refusal)  # what came before
        self.ledger.came(now, Answer.SILENT, None, self.rate)
        # What left before a canary passed says nothing new: the trunk has answered since.
        if self.mode is not Mode.STOPPED and flight.sent_at >= self._resumed_at:
            self._silent(flight, now)

    def _silent(self, flight: Flight, now: float) -> None:
        self._silences += 1
        if self.mode is Mode.LISTENING:
            if flight.kind is Send.CANARY and self._asked is not Asked.IN_VAIN:
                self._canary_was_lost(flight, now)
        elif self.mode is Mode.PROVING or self._silences >= SILENCES_THAT_COUNT:
            self._listen_for_a_sign(now)

    def _canary_was_lost(self, canary: Flight, now: float) -> None:
        self._listening.shut(canary.sent_at, silently=True)
        self._canaries_refused += 1
        self.refusal = RefusalClass.UNREACHABLE
        self._listening.at_least(STRIKE_SECONDS / 2)
        self._listen(now, 0.0)

    def _listen_for_a_sign(self, now: float) -> None:
        """The trunk is silent: stop, and ask with canaries only."""
        self.ledger.note(now, None, self.rate)
        if self.mode is not Mode.PROVING:
            # Little has left since the silence began, for we waited.
            if not self._learner.blameless.is_idle(self._hearing.silent_since, since=self._at_speed_since):
                self._learner.fell_silent(now)
            self._listening.shut(self._hearing.silent_since, silently=True)
        self._listening.at_least(STRIKE_SECONDS / 2)
        self._begin_listening(now, 0.0)
        self.refusal = RefusalClass.UNREACHABLE

    def _goes_on(self, flight: Flight) -> bool:
        """True if the limiter is shut still: it let one pass, and refuses the next ones."""
        is_first = self._flights.since_opened(flight) < FIRST_ONES
        is_first &= flight.sent_at < self._at_speed_since + SOON
        is_unproven = flight.credentials and not self.account.accepted
        if self.mode is Mode.PROVING or self.account.is_bound or is_unproven or not is_first:
            return False
        return self._listening.goes_on(flight.sent_at)
