"""What the PBX asks for is done, within the policy, and undone once it asks for it no longer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from math import inf

from shiftline.governor.limiters.model import Feedback
from shiftline.governor.pacer import Pacer
from shiftline.governor.policy import GovernorPolicy
from shiftline.governor.search import Search
from shiftline.governor.wishes import Wishes


@dataclass(slots=True, kw_only=True)
class Obedience:
    """Times are seconds on one monotonic clock. It looks at its learner's parts, and owns none of them."""

    policy: GovernorPolicy
    pacer: Pacer
    search: Search
    hold: Callable[[float], None]
    """Holds a rate (per second)."""
    _wishes: Wishes = field(default_factory=Wishes, init=False)
    _bidden: float = field(default=0.0, init=False)

    @property
    def is_as_asked(self) -> bool:
        """True while the rate is what the PBX asks for."""
        return self._wishes.unbidden is not None and self.pacer.rate == self._bidden

    def heed(self, feedback: Feedback, now: float, *, sent_at: float) -> bool:
        """Do what the PBX asks for, within the policy; return whether it asks for anything.

        ``sent_at`` is when the request left whose answer told it. While it does, there is nothing to be
        found by trying more.
        """
        if self._wishes.unbidden is not None and self.pacer.rate != self._bidden:
            self._wishes.unbidden = self.pacer.rate  # what was refused since is not given back
        wanted = self._wishes.rate_for(feedback, self.pacer.rate, now, sent_at=sent_at)
        self.pacer.rests_until = self._wishes.rests_until
        if wanted is None:
            self.end_wishes(now)
            return False
        # What was refused stays refused, and a declared rate declared, whatever the PBX says that it can do.
        is_bound_only = feedback.algorithm == "rate" and self.search.met > 0
        most = self._wishes.unbidden or self.pacer.rate
        if is_bound_only and wanted > most:
            self.hold(most)
            return False
        self.hold(wanted if self.policy.learn else min(wanted, most))
        self._bidden = self.pacer.rate
        self.search.begin_peace(now)
        return True

    def end_wishes(self, now: float) -> None:
        """If the PBX asks for less no longer, go back to the rate before, unless it was refused since."""
        before = self._wishes.unbidden
        if before is None or not self._wishes.is_over(self.pacer.rate, now):
            return
        self._wishes.end()
        self.pacer.rests_until = -inf
        if self.pacer.rate == self._bidden < before:
            self.hold(before)
            self.search.begin_peace(now)
