"""What no rate is to blame for: refusals at any rate, outages, slowness for good, a rate that nobody used.

Such a refusal lowers nothing. A rate that was cut for such ones before is given back.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from math import inf

from shiftline.governor.pacer import Pacer
from shiftline.governor.places import Places
from shiftline.governor.policy import GovernorPolicy
from shiftline.governor.relief import BEARABLE_SECONDS, BRIEF_SECONDS, Relief
from shiftline.governor.search import Closure, Search
from shiftline.governor.seen import Seen
from shiftline.governor.window_fit import Observation
from shiftline.governor.windows import Windows

QUEUED_AGAIN = 30.0  # seconds, within which it is one queue
HELD_LONG = 60.0  # seconds in peace
BORNE = 0.9  # times the rate: so much passed in that time
IDLE_SHARE = 0.5
IDLE_SECONDS = 1.0
IDLE_REQUESTS = 4.0  # so many, at a slow rate, tell as well
LONG_SPAN = 10.0  # seconds; what passed over so long a time passes any usual counter again


@dataclass(slots=True, kw_only=True)
class Blameless:
    """Times are seconds on one monotonic clock. It looks at its learner's parts, and owns none of them."""

    policy: GovernorPolicy
    pacer: Pacer
    places: Places
    search: Search
    seen: Seen
    windows: Windows
    hold: Callable[[float], None]
    """Holds a rate (per second)."""
    _relief: Relief = field(default_factory=Relief, init=False)
    passed_at: float = field(default=-inf, init=False)
    """When the latest check that passed left."""
    _refused_at: float = field(default=-inf, init=False)
    _outage_at: float = field(default=-inf, init=False)
    _queued_at: float = field(default=-inf, init=False)
    _before_queue: float = field(default=0.0, init=False)

    def passed(self, check: Observation) -> None:
        """One passed."""
        self._relief.passed()
        self.passed_at = max(self.passed_at, check.sent_at)

    def is_idle(self, now: float, *, since: float) -> bool:
        """True if much less left lately than the rate allows: what is refused then is not the rate's fault.

        Only if there was less to send. A busy machine that sends late sends all that it can, and what it
        sends is refused. ``since`` is when it could begin to.
        """
        if self.places.limit is not None:
            return False  # then the rate is only a lead
        span = min(max(IDLE_SECONDS, IDLE_REQUESTS / self.pacer.rate), now - since)
        start = now - span
        few = self.pacer.taken_since(start) < IDLE_SHARE * self.pacer.rate * span - 1.0
        return few and self.pacer.idle_share(start, now) > IDLE_SHARE

    def is_chance(self, sent_at: float) -> bool:
        """Note a refusal; return whether it is one that no rate avoids, and need not even be asked about.

        Two in a row are to be: a limiter that is shut makes them, and chance seldom does.
        """
        is_alone, self._refused_at = self.passed_at > self._refused_at, sent_at
        if not (is_alone and self._relief.bears and self._relief.is_borne()):
            return False
        self.seen.forget_newest_refusal()
        return True

    @property
    def bears_chance(self) -> bool:
        """True once refusals are known that no rate avoids."""
        return self._relief.bears

    def queued(self, now: float) -> None:
        """Note that answers are late: the rate is about to be cut."""
        if now - self._queued_at > QUEUED_AGAIN:
            self._before_queue = self.pacer.rate
        self._queued_at = now

    def is_no_rates_fault(self, shut: Closure, before: float, now: float) -> bool:
        """True if refusals like this one come at any rate; a rate that was cut for them is given back."""
        longest = BRIEF_SECONDS + 3.0 / before
        if self.places.limit is not None:
            self._relief.forget()
            return False
        if self.policy.learn and self.search.is_trying(before):  # that was asked for
            self._relief.tried(before)
            return False
        if shut.cost_seconds > longest or shut.was_partial:
            return self._relief.is_another_borne() and shut.cost_seconds <= BEARABLE_SECONDS
        if self._relief.is_borne():
            return True
        given_back = self._relief.given_back(before)
        if given_back is None:
            return False
        self._give_back(given_back, now)
        return True

    def _give_back(self, rate: float, now: float) -> None:
        self.windows.forget()
        self.hold(rate)
        self.search.give_back(self.pacer.rate, now)

    def slowed_in_vain(self, now: float) -> None:
        """Note that answers are late at any rate: the trunk has become slow for good."""
        if self._before_queue:
            self._give_back(self._before_queue, now)
        self._before_queue = 0.0

    def was_an_outage(self, shut: Closure, before: float) -> bool:
        """True if a rate at which a whole minute had passed met a closure longer than a window.

        Whatever it was, a maintenance or somebody else, it was not this rate. The next one counts.
        """
        is_the_next = shut.began_at < self._outage_at + HELD_LONG
        lasted = shut.shut_until - shut.began_at if shut.is_hidden else shut.cost_seconds
        if lasted <= LONG_SPAN or is_the_next:
            return False
        fit = self.windows.fit
        if fit is not None and fit.is_pinned:
            self.hold(fit.rate * (1.0 - self.policy.headroom))  # that window is never shut for so long
        elif self.seen.passed_per_second(shut.began_at - HELD_LONG, shut.began_at) < BORNE * before:
            return False
        self._outage_at = shut.open_at
        return True
