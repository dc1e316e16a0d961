"""How fast: the paced rate of one trunk, and what refusals taught about the limit behind it."""

from __future__ import annotations

from collections.abc import Mapping
from math import ceil, inf
from typing import Any

from shiftline.governor.known import is_set, number, whole
from shiftline.governor.limiters.model import Feedback
from shiftline.governor.measuring import Measuring
from shiftline.governor.pacer import Cap, Pacer
from shiftline.governor.places import Places
from shiftline.governor.policy import GovernorPolicy
from shiftline.governor.relief import BEARABLE_SECONDS, BRIEF_SECONDS, Relief
from shiftline.governor.search import DEAR_SECONDS, WIDE, Closure, Search
from shiftline.governor.seen import Seen
from shiftline.governor.window_fit import Observation
from shiftline.governor.windows import Windows
from shiftline.governor.wishes import Wishes

LOWEST_RATE = 0.5
DECREASE = 0.85
SLACKENED = 0.5  # what is left of a rate at which a trunk fell silent: some drop what is too much
OPEN_CREEP = 3.0  # while the limit is open
SILENT_AGAIN = 30.0  # seconds
QUEUED_AGAIN = 30.0  # seconds, within which it is one queue
HELD = 3.0  # times its cost: so long a rate must have been held for a refusal to tell of it
HELD_LONG = 60.0  # seconds in peace
BORNE = 0.9  # times the rate: so much passed in that time
IDLE_SHARE = 0.5
IDLE_SECONDS = 1.0
IDLE_REQUESTS = 4.0  # so many, at a slow rate, tell as well
LONG_SPAN = 10.0  # seconds; what passed over so long a time passes any usual counter again
PLACES_LEAD = 4.0  # times what passed: where places are limited, the rate is not to be in the way
WEEK_SECONDS = 604_800.0
PINNED_CONFIDENCE = 0.95


class Learner:
    """Owns the pacer's rate and caps. All times are seconds on one monotonic clock."""

    def __init__(self, policy: GovernorPolicy, now: float, known: Mapping[str, Any] | None) -> None:
        known = known or {}
        self.policy = policy
        kept = number(known, "rate") or None if is_set(known, "learned") else None
        self.learned = kept is not None
        """True once a refusal taught the rate, in this life or in an earlier one."""
        self.pacer = Pacer(self._first_rate(kept), now, ceiling=_ceiling_cap(policy))
        self._windows = Windows()
        self._seen = Seen()
        self._overshot_at: float | None = None
        self._search = Search()
        self._wishes = Wishes()
        self._relief = Relief()
        self._passed_at = self._refused_at = -inf  # when the latest of each left
        self._queued_at, self._before_queue = -inf, 0.0
        self._bidden = 0.0
        self._learned_at: float | None = None
        self._age = self._recalled_sure = 0.0
        self._silent_at = self._outage_at = -inf
        self.places = Places()
        if self.learned:
            self._recall(known, now)

    def knowledge(self, now: float) -> dict[str, Any]:
        """What is known of the limit at ``now``, as plain JSON values."""
        cap = self.pacer.cap
        return self.certainty(now) | {
            "rate": round(self.pacer.rate, 3),
            "limit": None if cap is None else cap.count,
            "window_seconds": None if cap is None else cap.seconds,
            "learned": self.learned,
            "model": self._model() if self.learned else None,
            "price_seconds": round(self._search.price, 3),
            "met": self._search.met,
            "places": self.places.limit,
        }

    def certainty(self, now: float) -> dict[str, Any]:
        """How sure that is, and how many seconds ago it was learned."""
        ago = None if self._learned_at is None else self._age + max(0.0, now - self._learned_at)
        return {
            "confidence": round(self._confidence(ago), 2),
            "learned_ago": None if ago is None else round(ago, 1),
        }

    def _recall(self, known: Mapping[str, Any], now: float) -> None:
        """Begin with what was learned ``age_seconds`` ago."""
        self._age = (number(known, "age_seconds") or 0.0) + (number(known, "learned_ago") or 0.0)
        self._learned_at = now
        before = (number(known, "learned_ago") or 0.0) / WEEK_SECONDS  # so many weeks it had lost even then
        self._recalled_sure = min(1.0, (number(known, "confidence") or 0.0) * 2.0 ** min(before, 64.0))
        self._windows.recall(number(known, "window_seconds"))
        self.places.limit = whole(known, "places", least=1)
        self._hold(self.pacer.rate)
        met = whole(known, "met", least=1) or 1
        self._search.recall(self.pacer.rate, number(known, "price_seconds"), met, now)

    def _model(self) -> str:
        """What explains the refusals, as far as can be told."""
        if self.places.limit is not None:
            return "concurrency"
        if self._search.is_banned:
            return "ban"
        if self._windows.width is not None:
            return "fixed-window"
        return "rate"

    def _confidence(self, learned_ago: float | None) -> float:
        """How sure the rate is: 1 is certain; it halves with each week."""
        if learned_ago is None:
            return 0.0
        if self._windows.are_pinned or self.places.limit is not None:
            sure = PINNED_CONFIDENCE
        else:
            # What showed the limit is not kept over a restart, only how sure it made us.
            sure = max(self._search.confidence(self.pacer.rate), self._recalled_sure)
        return float(sure * 0.5 ** (learned_ago / WEEK_SECONDS))

    def observe(self, seen: Observation) -> None:
        """Remember what the limiter did with one request."""
        self._seen.note(seen)
        if seen.passed and not seen.is_canary:
            self._relief.passed()
            self._passed_at = max(self._passed_at, seen.sent_at)

    def forget_canaries(self) -> None:
        """Canaries do not meet this limiter: what became of them tells nothing about it."""
        self._seen.forget_canaries()

    def climb(self, elapsed: float) -> None:
        """Grow fast, in search of the limit."""
        growth: float = 2 ** (elapsed / self.policy.doubling_seconds)
        self.pacer.rate = min(self.pacer.rate * growth, self.policy.ceiling)

    def creep(self, elapsed: float, now: float) -> None:
        """Grow while nothing is refused, if the policy allows to meet the limit again."""
        if not self.policy.learn or self.policy.headroom:
            return
        if self.places.limit is not None:
            if self._search.growth(now):
                self.places.try_one_more()
                self._search.begin_peace(now)
        else:
            self._hold(self.pacer.rate * (1.0 + self._creep_per_second(now) * elapsed))

    def is_full(self, in_flight: int) -> bool:
        """True if no place is free at a PBX that limits those."""
        return self.places.limit is not None and in_flight >= self.places.limit

    def heed(self, feedback: Feedback, now: float) -> bool:
        """Do what the PBX asks for, within the policy; return whether it asks for anything.

        While it does, there is nothing to be found by trying more.
        """
        if self._wishes.unbidden is not None and self.pacer.rate != self._bidden:
            self._wishes.unbidden = self.pacer.rate  # what was refused since is not given back
        wanted = self._wishes.rate_for(feedback, self.pacer.rate, now)
        if wanted is None:
            self.end_wishes(now)
            return False
        # What was refused stays refused, and a declared rate declared, whatever the PBX says that it can do.
        is_bound_only = feedback.algorithm == "rate" and self._search.met > 0
        most = self._wishes.unbidden or self.pacer.rate
        if is_bound_only and wanted > most:
            self._hold(most)
            return False
        self._hold(wanted if self.policy.learn else min(wanted, most))
        self._bidden = self.pacer.rate
        self._search.begin_peace(now)
        return True

    def end_wishes(self, now: float) -> None:
        """If the PBX asks for less no longer, go back to the rate before, unless it was refused since."""
        before = self._wishes.unbidden
        if before is None or not self._wishes.is_over(self.pacer.rate, now):
            return
        self._wishes.end()
        if self.pacer.rate == self._bidden < before:
            self._hold(before)
            self._search.begin_peace(now)

    @property
    def is_trying(self) -> bool:
        """True while the rate may grow above what was ever held in peace."""
        may_grow = self.policy.learn and self.pacer.rate < self.policy.ceiling
        return may_grow and self._search.is_trying(self.pacer.rate)

    def fell_silent(self, now: float) -> None:
        """Note that nothing comes back: the rate's fault if it was never held in peace, or if it is again."""
        again = now - self._silent_at < SILENT_AGAIN
        self._silent_at = now
        if self.policy.learn and (again or self._search.is_trying(self.pacer.rate)):
            self.overshot(now)

    def is_ahead(self, now: float, *, since: float) -> bool:
        """True if the rate is far above what left lately, ``since`` it could begin to: it is not to grow."""
        return self.places.limit is None and self.pacer.is_ahead(now, since=since)

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

    def acquit(self, since: float | None) -> bool:
        """What was refused since that moment was refused for itself: neither rate nor limit is to blame.

        Return whether one of them was blamed.
        """
        was_blamed, self._overshot_at = self._overshot_at is not None, None
        if since is not None:
            self._seen.forget_refusals(since)
        return was_blamed

    def is_chance(self, sent_at: float) -> bool:
        """Note a refusal; return whether it is one that no rate avoids, and need not even be asked about.

        Two in a row are to be: a limiter that is shut makes them, and chance seldom does.
        """
        is_alone, self._refused_at = self._passed_at > self._refused_at, sent_at
        if not (is_alone and self._relief.bears and self._relief.is_borne()):
            return False
        self._seen.forget_newest_refusal()
        return True

    @property
    def bears_chance(self) -> bool:
        """True once refusals are known that no rate avoids."""
        return self._relief.bears

    def was_a_pause(self) -> None:
        """Note that what seemed lost was late only: whoever paused, it was not the rate."""
        self._silent_at, self._overshot_at = -inf, None

    def slacken(self) -> None:
        """Lower the rate after a long silence, unless the limit is known or the rate is not ours to learn."""
        if self.policy.learn and self._windows.width is None and self._overshot_at is None:
            self._hold(self.pacer.rate * SLACKENED)

    def congested(self, now: float, throughput: float, *, waits: float) -> None:
        """Settle at what was answered per second, after a pause in which what waits can be answered."""
        before = self.pacer.rate
        if now - self._queued_at > QUEUED_AGAIN:
            self._before_queue = before
        self._queued_at = now
        shut = Closure(now - waits, now - waits, now)
        rate = self._search.queued(before, throughput)
        self._windows.forget()
        self._settle_at(rate if self.policy.learn else min(before * DECREASE, rate), shut, now)
        self.pacer.restart(now + waits)

    def overshot(self, now: float) -> None:
        """Note that the rate was refused; `settle` draws the conclusion once the trunk answers again."""
        self._overshot_at = now

    def settle(self, now: float, closure: Closure | None = None) -> bool:
        """Choose the rate to hold from what the last refusal taught; return False if that was done already.

        ``closure`` says how long the limiter was shut; None: only for the moment of the refusal.
        """
        if self._overshot_at is None:
            return False
        shut = closure or Closure(self._overshot_at, self._overshot_at, now)
        before = self.pacer.rate
        if self._was_an_outage(shut, before) or self._is_no_rates_fault(shut, before, now):
            self._overshot_at = None
            return False
        rate = self._rate_after(shut, before, now) * (1.0 - self.policy.headroom)
        self._settle_at(rate if self.policy.learn else min(before * DECREASE, rate), shut, now)
        # The canary may have had the only free place.
        self.pacer.restart(now + 1.0 / self.pacer.rate)
        return True

    def _is_no_rates_fault(self, shut: Closure, before: float, now: float) -> bool:
        """True if refusals like this one come at any rate; a rate that was cut for them is given back."""
        longest = BRIEF_SECONDS + 3.0 / before
        if self.places.limit is not None:
            self._relief.forget()
            return False
        if self.policy.learn and self._search.is_trying(before):  # that was asked for
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
        self._windows.forget()
        self._hold(rate)
        self._search.give_back(self.pacer.rate, now)

    def slowed_in_vain(self, now: float) -> None:
        """Note that answers are late at any rate: the trunk has become slow for good."""
        if self._before_queue:
            self._give_back(self._before_queue, now)
        self._before_queue = 0.0

    def _was_an_outage(self, shut: Closure, before: float) -> bool:
        """True if a rate at which a whole minute had passed met a closure longer than a window.

        Whatever it was, a maintenance or somebody else, it was not this rate. The next one counts.
        """
        is_the_next = shut.began_at < self._outage_at + HELD_LONG
        lasted = shut.shut_until - shut.began_at if shut.is_hidden else shut.cost_seconds
        if lasted <= LONG_SPAN or is_the_next:
            return False
        fit = self._windows.fit
        if fit is not None and fit.is_pinned:
            self._hold(fit.rate * (1.0 - self.policy.headroom))  # that window is never shut for so long
        elif self._seen.passed_per_second(shut.began_at - HELD_LONG, shut.began_at) < BORNE * before:
            return False
        self._outage_at = shut.open_at
        return True

    def _rate_after(self, shut: Closure, before: float, now: float) -> float:
        """The rate that the refusal at ``before`` leaves: by places, by a window's fit, or by the search."""
        self._windows.explain(self._seen.in_order(), shut, before)
        measured = Measuring(self._seen, self.pacer, shut, self._learned_at).rate(
            before,
            is_held=not self._search.is_trying(before),
            by_cycle=self.places.limit is None and not shut.is_hidden,
        )
        lately = self._seen.passed_per_second(shut.began_at - shut.long_seconds, shut.began_at)
        rate = self._search.conclude(before, measured, shut, now, lately=lately)
        if self.places.limit is not None:
            return PLACES_LEAD * max(measured, LOWEST_RATE)
        if self._windows.fit is not None:
            rate = self._windows.fit.rate
        took = 0.0 if self._learned_at is None else now - self._learned_at
        is_held = not self._search.is_trying(before) and took > HELD * shut.cost_seconds
        if is_held and self._is_dear(shut):
            # Refused at a rate that was held: all that passed since, over the time that it took. How much of
            # the wait was the limiter's, and how much our obedience to Retry-After, is not known: half.
            passed = self._seen.passed_per_second(now - took, now) * took
            rate = min(rate, passed / (took - shut.cost_seconds / 2))
        if shut.is_hidden:
            rate = self._search.told(rate, before, self._windows.fit, lately)
        return rate

    def _is_dear(self, shut: Closure) -> bool:
        """True for a refusal that cost more than the windows that seem to explain it would."""
        if shut.was_silent or shut.was_partial:
            return False
        explained = 2 * (self._windows.width or 0.0)
        return shut.cost_seconds > max(DEAR_SECONDS, explained)

    def _settle_at(self, rate: float, shut: Closure, now: float) -> None:
        if self.places.limit is not None:
            self._windows.forget()
        self._hold(rate)
        explained = self._windows.fit is not None or self.places.limit is not None
        pinned = self._windows.are_pinned
        self._search.settle(self.pacer.rate, shut, now, pinned=pinned, explained=explained)
        self.learned = True
        self._learned_at, self._age, self._recalled_sure = now, 0.0, 0.0
        self._overshot_at = None

    def window_ends_at(self, now: float) -> float | None:
        """When the window of ``now`` has surely ended; None while the window is not known."""
        return self._windows.ends_at(now)

    def _first_rate(self, kept: float | None) -> float:
        if kept is not None:
            return min(max(kept, LOWEST_RATE), self.policy.ceiling)
        if self.policy.learn:
            return min(self.policy.ceiling, self.policy.initial_rate)
        return self.policy.max_rate

    def _hold(self, rate: float) -> None:
        self.pacer.rate = min(max(rate, LOWEST_RATE), self.policy.ceiling)
        self.pacer.cap = self._windows.cap(self.pacer.rate)
        self.pacer.makes_good = self._windows.fit is not None and not self._windows.are_pinned

    def _creep_per_second(self, now: float) -> float:
        """How fast the held rate may grow now, as a share of itself."""
        fit = self._windows.fit
        if fit is not None and not fit.is_pinned:
            open_still = self.pacer.rate * fit.window_seconds <= fit.highest_limit
            is_cheap = self._search.price < max(DEAR_SECONDS, 2 * fit.window_seconds)
            is_wide = self._search.is_hidden and fit.lowest_limit < WIDE * fit.highest_limit
            if open_still and (is_cheap or is_wide):
                return self.policy.creep_per_second * OPEN_CREEP
        if self.pacer.rate < self._search.bearable:
            return self.policy.creep_per_second * OPEN_CREEP
        return self._search.growth(now)


def _ceiling_cap(policy: GovernorPolicy) -> Cap:
    count = ceil(policy.ceiling)
    return Cap(count, count / policy.ceiling)
