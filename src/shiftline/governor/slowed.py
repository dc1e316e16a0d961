"""How a governor slows down where nothing is refused: the PBX asks for less, or its answers come late.

Both tell more than a refusal does, and sooner: a PBX that says how much it wants need not be searched, and
one that queues is relieved before it refuses.
"""

from __future__ import annotations

from shiftline.governor.account_trials import AccountGovernor
from shiftline.governor.flights import Flight
from shiftline.governor.limiters.model import Feedback
from shiftline.governor.refusals import RefusalClass
from shiftline.governor.search import Closure
from shiftline.governor.state import Mode

SLOWER = 0.9  # times the rate, where answers are late and too few to tell how many the PBX can give


class SlowedGovernor(AccountGovernor):
    """All times are seconds on one monotonic clock."""

    def _heed(self, feedback: Feedback, flight: Flight, now: float) -> None:
        """Do what the PBX asks for: it need not be searched for."""
        if self._learner.obedience.heed(feedback, now, sent_at=flight.sent_at):
            self._after_proof = Mode.HOLDING
            if self.mode is Mode.CLIMBING:
                self.mode = Mode.HOLDING

    def _late(self, flight: Flight, now: float) -> None:
        """Answers come late: it was queued, or dropped and sent again. Either way we are too fast."""
        took = now - flight.sent_at
        dropped = self._hearing.were_dropped
        throughput = self._hearing.throughput(now) or self.rate * SLOWER
        waits = 0.0 if dropped else len(self._flights) / throughput
        if not self._hearing.conclude(took, now, pause=waits):
            self._learner.blameless.slowed_in_vain(now)
            return
        self.ledger.note(now, None, self.rate)
        self.overshoots += 1
        self.mode, self._resumed_at = Mode.HOLDING, now
        self._learner.overshot(now)
        if dropped:
            self.refusal = RefusalClass.THROTTLE
            self._learner.settle(now, Closure(flight.sent_at, flight.sent_at, now))
        else:
            self.refusal = RefusalClass.CAPACITY
            self._learner.congested(now, throughput, waits=waits)
