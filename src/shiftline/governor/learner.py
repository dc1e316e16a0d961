"""How fast: the paced rate of one trunk, and what refusals taught about the limit behind it."""

from __future__ import annotations

from collections.abc import Mapping
from math import inf
from typing import Any

from shiftline.governor.blameless import Blameless
from shiftline.governor.climb import Climb
from shiftline.governor.known import is_set, number, whole
from shiftline.governor.late_windows import LateWindows
from shiftline.governor.loss import Loss
from shiftline.governor.measuring import Measuring
from shiftline.governor.obedience import Obedience
from shiftline.governor.pacer import Cap, Pacer
from shiftline.governor.places import Places
from shiftline.governor.policy import GovernorPolicy
from shiftline.governor.search import Closure, Search
from shiftline.governor.seen import Seen
from shiftline.governor.sureness import Sureness
from shiftline.governor.window_fit import Observation
from shiftline.governor.windows import Windows

LOWEST_RATE = 0.5
DECREASE = 0.85
SLACKENED = 0.5  # what is left of a rate at which a trunk fell silent: some drop what is too much
OPEN_CREEP = 3.0  # while the limit is open
SILENT_AGAIN = 30.0  # seconds
HELD = 3.0  # times its cost: so long a rate must have been held for a refusal to tell of it
PLACES_LEAD = 4.0  # times what passed: where places are limited, the rate is not to be in the way


class Learner:
    """Owns the pacer's rate and caps. All times are seconds on one monotonic clock."""

    def __init__(self, policy: GovernorPolicy, now: float, known: Mapping[str, Any] | None) -> None:
        known = known or {}
        self.policy = policy
        kept = number(known, "rate") or None if is_set(known, "learned") else None
        self.learned = kept is not None
        """True once a refusal taught the rate, in this life or in an earlier one."""
        self.pacer = Pacer(self._first_rate(kept), now, ceiling=Cap.at(policy.ceiling))
        self._climb = Climb(policy)
        self._windows = Windows()
        self._late = LateWindows()
        self._loss = Loss()
        self._seen = Seen()
        self._overshot_at: float | None = None
        self._search = Search()
        self._sureness = Sureness()
        self._silent_at = -inf
        self.places = Places()
        self.blameless = Blameless(
            policy=policy,
            pacer=self.pacer,
            places=self.places,
            search=self._search,
            seen=self._seen,
            windows=self._windows,
            hold=self._hold,
        )
        self.obedience = Obedience(policy=policy, pacer=self.pacer, search=self._search, hold=self._hold)
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
            "guessed": self._late.is_open,
            "places": self.places.limit,
        }

    def certainty(self, now: float) -> dict[str, Any]:
        """How sure that is, and how many seconds ago it was learned."""
        is_pinned = self._windows.are_pinned or self.places.limit is not None
        return self._sureness.certainty(
            now, is_pinned=is_pinned, searched=self._search.confidence(self.pacer.rate)
        )

    def _recall(self, known: Mapping[str, Any], now: float) -> None:
        """Begin with what was learned ``age_seconds`` ago."""
        self._sureness.recall(known, now)
        self._windows.recall(number(known, "window_seconds"))
        self.places.limit = whole(known, "places", least=1)
        self._hold(self.pacer.rate)
        met, price = whole(known, "met", least=1) or 1, number(known, "price_seconds")
        self._search.recall(self.pacer.rate, price, met, now, is_guess=is_set(known, "guessed"))

    def _model(self) -> str:
        """What explains the refusals, as far as can be told."""
        if self.places.limit is not None:
            return "concurrency"
        if self._search.is_banned:
            return "ban"
        return "rate" if self.pacer.cap is None else "fixed-window"

    def observe(self, seen: Observation, now: float) -> None:
        """Remember what the limiter did with one request, whose answer came at ``now``."""
        self._seen.note(seen)
        if seen.passed and not seen.is_canary:
            self.blameless.passed(seen)
            self._note_loss(seen.sent_at, is_lost=False, now=now)

    def lost(self, sent_at: float, now: float) -> None:
        """What left then was dropped without a word: later ones were answered, it was not."""
        self._seen.note(Observation(sent_at, passed=False))
        self._note_loss(sent_at, is_lost=True, now=now)

    def _note_loss(self, sent_at: float, *, is_lost: bool, now: float) -> None:
        before = self.pacer.rate
        if self.places.limit is not None or self._late.is_open or not self.learned:
            return
        if self._search.is_trying(before):
            rate = self._loss.tried(before, is_lost=is_lost)
            if rate is not None:
                self._search.judged_late(before)
                self._settle_at(self._loss.bounded(rate), Closure(sent_at, sent_at, now), now)
            return
        rate = self._loss.note(before, sent_at, is_lost=is_lost)
        if rate is not None:
            self._hold(rate)
            self._search.give_back(self.pacer.rate, now)

    def forget_canaries(self) -> None:
        """Canaries do not meet this limiter: what became of them tells nothing about it."""
        self._seen.forget_canaries()

    def climb(self, elapsed: float) -> None:
        """Grow fast, in search of the limit."""
        self.pacer.rate = self._climb.rate_after(self.pacer.rate, elapsed)

    def creep(self, elapsed: float, now: float) -> None:
        """Grow while nothing is refused, if the policy allows to meet the limit again."""
        if not self.policy.learn or self.policy.headroom or self.obedience.is_as_asked:
            return
        has_judged = self._late.judged(self.blameless.passed_at, self.pacer.taken_since)
        if self._late.is_open:
            if has_judged:
                self._hold(self._late.rate or self.pacer.rate)
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

    def acquit(self, since: float | None) -> bool:
        """What was refused since that moment was refused for itself: neither rate nor limit is to blame.

        Return whether one of them was blamed.
        """
        was_blamed, self._overshot_at = self._overshot_at is not None, None
        if since is not None:
            self._seen.forget_refusals(since)
        return was_blamed

    def was_a_pause(self) -> None:
        """Note that what seemed lost was late only: whoever paused, it was not the rate."""
        self._silent_at, self._overshot_at = -inf, None

    def slacken(self) -> None:
        """Lower the rate after a long silence, unless the limit is known or the rate is not ours to learn."""
        if self.policy.learn and self.pacer.cap is None and self._overshot_at is None:
            self._hold(self.pacer.rate * SLACKENED)

    def congested(self, now: float, throughput: float, *, waits: float) -> None:
        """Settle at what was answered per second, after a pause in which what waits can be answered."""
        before = self.pacer.rate
        self.blameless.queued(now)
        self._late.forget()
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
        if self._judges_late(shut):
            self._search.judged_late(before)
            self._settle_at(self._late.rate or before, shut, now)
            return True
        if self.blameless.was_an_outage(shut, before) or self.blameless.is_no_rates_fault(shut, before, now):
            self._overshot_at = None
            return False
        rate = self._loss.bounded(self._rate_after(shut, before, now)) * (1.0 - self.policy.headroom)
        self._settle_at(rate if self.policy.learn else min(before * DECREASE, rate), shut, now)
        # The canary may have had the only free place.
        self.pacer.restart(now + 1.0 / self.pacer.rate)
        return True

    def _judges_late(self, shut: Closure) -> bool:
        """True if windows that are judged by the one before explain what was refused."""
        is_ours = self.policy.learn and not self.policy.headroom and self.places.limit is None
        if not is_ours or shut.was_told or shut.was_silent:
            return False
        self._late.explain(self._seen.in_order())
        if self._late.length is not None:
            self._windows.forget()
        return self._late.length is not None

    def _rate_after(self, shut: Closure, before: float, now: float) -> float:
        """The rate that the refusal at ``before`` leaves: by places, by a window's fit, or by the search."""
        self._windows.explain(self._seen.in_order(), shut, before)
        measured = Measuring(self._seen, self.pacer, shut, self._sureness.learned_at).rate(
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
        took = 0.0 if self._sureness.learned_at is None else now - self._sureness.learned_at
        is_held = not self._search.is_trying(before) and took > HELD * shut.cost_seconds
        if is_held and self._windows.is_dearer(shut):
            # Refused at a rate that was held: all that passed since, over the time that it took. How much of
            # the wait was the limiter's, and how much our obedience to Retry-After, is not known: half.
            passed = self._seen.passed_per_second(now - took, now) * took
            rate = min(rate, passed / (took - shut.cost_seconds / 2))
        if shut.is_hidden:
            rate = self._search.told(rate, before, self._windows.fit, lately)
        return rate

    def _settle_at(self, rate: float, shut: Closure, now: float) -> None:
        if self.places.limit is not None:
            self._windows.forget()
        self._hold(rate)
        explained = self._windows.fit is not None or self.places.limit is not None
        pinned = self._windows.are_pinned or self._late.length is not None
        self._search.settle(self.pacer.rate, shut, now, pinned=pinned, explained=explained)
        self.learned = True
        self._sureness.learned(now)
        self._overshot_at = None

    def window_ends_at(self, now: float) -> float | None:
        """When the window of ``now`` has surely ended; None while the window is not known."""
        return self._late.ends_at(now) or self._windows.ends_at(now)

    def _first_rate(self, kept: float | None) -> float:
        return self.policy.first_rate if kept is None else min(max(kept, LOWEST_RATE), self.policy.ceiling)

    def _hold(self, rate: float) -> None:
        self.pacer.rate = min(max(rate, LOWEST_RATE), self.policy.ceiling)
        self.pacer.cap = self._late.cap(self.pacer.rate) or self._windows.cap(self.pacer.rate)
        self.pacer.makes_good = self._windows.fit is not None and not self._windows.are_pinned

    def _creep_per_second(self, now: float) -> float:
        """How fast the held rate may grow now, as a share of itself."""
        if self._windows.leave_open(self.pacer.rate, self._search.price, is_hidden=self._search.is_hidden):
            return self.policy.creep_per_second * OPEN_CREEP
        if self.pacer.rate < self._search.bearable:
            return self.policy.creep_per_second * OPEN_CREEP
        return self._search.growth(now)
