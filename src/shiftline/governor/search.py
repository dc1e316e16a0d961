"""When to try more than what is known to pass, and what to go back to: exploration at a price.

A refusal costs time: the rest of a window, or a ban of minutes. So the peace before the next try grows
with what the last one cost, and with how often the limit was met: a window of a second is tried again
after some seconds, one of ten seconds after minutes, a ban never.

```
rate |            refused
     |           /|      measured     __/  tried again, the price being paid
     |  climb   / |    ______________/
     |________/   |___|   peace
```
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import exp, inf

from shiftline.governor.window_fit import WindowFit

FIRST_PEACE = 1.5  # seconds; doubled with each time that the limit was met
CHEAPEST = 0.2  # seconds; nothing costs less
LONGEST_WINDOW = 10.0  # seconds; what is shut for longer is too dear to be found by trying
KNOWN_PEACE = 900.0  # seconds
DEAREST = 100.0  # times its cost: so long a try need not be repeated
FIRST_PRICE = 5.0  # times its cost
SILENT_SPAN = 2.0  # seconds: flood guards count over two
TOLD_SPAN = 1.5  # times the closure: what passed in the window before it was shut is to be counted as well
BAN_SECONDS = 60.0  # closed for longer, it was no window
LONG_AT_MOST = 90.0  # seconds; what was shut for half a minute is asked again after a minute
REQUESTS_BETWEEN = 200.0  # at least so many pass between two tries, once the limit was met thrice
GROWTH = 0.07  # of the rate, per second, as a try begins
GROWTH_DOUBLES = 8.0  # seconds: the longer nothing is refused, the higher the limit must have been raised
FASTEST_GROWTH = 0.35
PINNED_PEACE = 20.0  # seconds, where the limit is known exactly: a try can only tell that it was raised
BACK_OFF = 0.97
BACK_OFF_WHERE_DEAR = 0.92
BACK_OFF_WHERE_PARTIAL = 0.85  # RED lets every second pass up to one and a half times its limit
SLOW = 4.0  # requests per second: there a canary takes the place of the check behind it
DEAR_SECONDS = 2.0
SLOWER_WHERE_DEAR = 0.4
SLOWEST_QUEUE = 0.5  # times the rate: no queue is answered by more at once
CLEARLY_LESS = 0.8
SPANS = (1.0, 2.0, 5.0, 10.0, 30.0, 60.0)  # seconds; what a limiter is likely to count over
LONG_WAIT = 3.0  # seconds; a shorter one is no dearer than the usual windows, whose rules hold
WIDE = 0.6  # times the most that a fit allows, or what was refused: less leaves much open
PROVEN_BY = 3  # full windows with the same count
NEARLY = 0.9  # times a rate that was refused
LONGEST_CYCLE = 30.0  # seconds from one opening to the next: over longer the limit may have changed
SOON = 2.0  # seconds, or twice the span: refused so soon again, the rate that was held is too high


@dataclass(frozen=True, slots=True)
class Closure:
    """How long a limiter was shut, as far as canaries and checks could tell. Moments in seconds."""

    began_at: float
    """When the first refused request left."""
    shut_until: float
    """When the last refused one left: until then it was shut for certain."""
    open_at: float
    """When the first left that passed."""

    was_silent: bool = False
    """Nothing was refused, all was lost: our own time-outs made it longer than it was."""

    was_partial: bool = False
    """Some passed meanwhile: what did tells nothing of what would have at a lower rate."""

    was_told: bool = False
    """A refusal told when to come back (Retry-After)."""

    @property
    def is_hidden(self) -> bool:
        """True if we waited as we were told: when it opened does not show, nor how long it was shut."""
        waited = self.was_told and self.cost_seconds > LONG_WAIT
        return waited and self.shut_until - self.began_at < self.cost_seconds / 2

    @property
    def is_told_window(self) -> bool:
        """True for a long window: who bans whoever comes too soon does not tell when to come."""
        return self.was_told and LONGEST_WINDOW < self.shut_until - self.began_at <= BAN_SECONDS

    @property
    def cost_seconds(self) -> float:
        """What the refusal cost us."""
        return max(0.0, self.open_at - self.began_at)

    @property
    def is_ban(self) -> bool:
        """True if no window would have been shut for so long."""
        shut = self.shut_until - self.began_at
        was_asked_late = shut > BAN_SECONDS / 2 and self.cost_seconds > BAN_SECONDS
        return shut > BAN_SECONDS or was_asked_late

    @property
    def is_long(self) -> bool:
        """True if no usual window would have been shut for so long, though a longer one, or a short ban."""
        was_long = self.shut_until - self.began_at > LONGEST_WINDOW and self.cost_seconds <= LONG_AT_MOST
        return was_long and not (self.is_ban or self.was_told or self.was_silent)

    @property
    def long_seconds(self) -> float:
        """Over so long a counter may count that was shut like that, if it is a long window or a short ban."""
        was_longer = self.shut_until - self.began_at > 2 * LONGEST_WINDOW
        return 2 * LONGEST_WINDOW if was_longer else LONGEST_WINDOW

    @property
    def span_seconds(self) -> float:
        """Over what the limiter is likely to count: the shortest usual span that holds this closure."""
        shut = self.shut_until - self.began_at
        if self.is_told_window:
            return shut * TOLD_SPAN
        if shut > LONGEST_WINDOW and self.cost_seconds > BAN_SECONDS:
            return BAN_SECONDS
        span = next((span for span in SPANS if span >= shut), SPANS[-1])
        return max(span, SILENT_SPAN) if self.was_silent else span

    @property
    def measured_until(self) -> float:
        """The end of the span in which everything that passed counted. A ban says nothing of its own time."""
        tells_nothing = self.is_ban or self.was_silent or self.was_partial
        return self.began_at if tells_nothing else self.shut_until


@dataclass(slots=True)
class Search:
    """Between the rate that was held in peace and the one that was refused. Rates are per second."""

    met: int = 0
    """How often the limit was met."""
    proven: float = 0.0
    """Held for a whole peace."""
    refused: float = inf
    price: float = 0.0
    """Seconds that the limit cost when it was met last."""
    is_banned: bool = False
    """The last refusal lasted longer than any window."""
    is_hidden: bool = False
    """How long the limiter was shut the last time does not show."""
    bearable: float = 0.0
    """Up to here no counter over `Closure.long_seconds` was in the way, nor would one ban: what refuses less
    is a longer window, and may be looked for."""
    _peace: float = field(default=FIRST_PEACE, init=False)
    _peace_until: float = field(default=0.0, init=False)
    _settled_at: float = field(default=0.0, init=False)
    _soon: float = field(default=SOON, init=False)
    _held: float = field(default=0.0, init=False)
    _was_long: bool = field(default=False, init=False)
    _goes_on: bool = field(default=False, init=False)
    _is_seen_late: bool = field(default=False, init=False)
    """The limit shows late: at the end of a long window (where it is dear), or in the window after (RED)."""

    def conclude(
        self, before: float, measured: float, closure: Closure, now: float, *, lately: float = 0.0
    ) -> float:
        """Return the rate to hold after ``before`` was refused.

        ``measured`` is what passed per second over the closure's span, ``lately`` over a long one before it.
        """
        # What is lost in silence is lost for as long as it takes to notice.
        is_dear = closure.cost_seconds >= DEAR_SECONDS or closure.was_silent
        back_off = BACK_OFF_WHERE_DEAR if is_dear else BACK_OFF
        if closure.was_partial and before > SLOW:
            back_off = BACK_OFF_WHERE_PARTIAL
        is_soon = now - self._settled_at < self._too_soon(before, closure)
        # Steps down, each seen a window late, are of one meeting.
        self._goes_on = self.met > 0 and is_soon and closure.was_partial
        candidate = min(before, measured) * back_off
        if self.met and self.is_trying(before) and closure.span_seconds <= LONGEST_WINDOW:
            candidate = max(candidate, self._before_it_grew(before, closure, back_off))
        if not is_soon and before > self._held * 1.001:
            self.proven = max(self.proven, self._held)
        elif before <= self.proven * 1.001:
            self.proven = 0.0 if is_soon else self.proven * BACK_OFF
        if closure.is_ban or measured < CLEARLY_LESS * self.proven:
            self.proven = 0.0  # the limit has come down
        # What was shut for so long bans, or has a long window. Twice, it is not to be tried again.
        is_first = closure.is_long and not self._was_long
        self.bearable = lately * BACK_OFF_WHERE_DEAR if is_first else 0.0
        self._was_long |= closure.is_long
        self.refused = before
        if self.proven and is_soon:
            return max(self.proven, min(candidate, lately * back_off))
        return max(self.proven, candidate)

    def _too_soon(self, before: float, closure: Closure) -> float:
        """Refused within so many seconds, the rate that was held is not proven."""
        if not self.is_trying(before):
            return LONGEST_CYCLE
        return self._soon + (2.0 * closure.span_seconds if closure.was_partial else 0.0)

    def _before_it_grew(self, before: float, closure: Closure, back_off: float) -> float:
        """What was sent a little earlier has passed, most likely, since the rate grew slowly."""
        since = max(1.0, closure.span_seconds / 2)
        if closure.was_partial:
            if self._goes_on:
                return 0.0
            # RED judges by the window before: that one was too much, and the one before it was not.
            since, back_off = 1.5 * closure.span_seconds, BACK_OFF
        return before * exp(-self.growth(closure.began_at) * since) * back_off

    def told(self, rate: float, before: float, fit: WindowFit | None, lately: float) -> float:
        """Return the rate to hold after a wait that we were told, which hides the length of the window.

        ``rate`` is what it would be otherwise, ``fit`` what explains the refusal, ``lately`` what passed per
        second over a long span. Where ``before`` was held, a guess far below it is left again soon: each wait
        has its price, but half of the limit is lost all the time.
        """
        if self.is_trying(before):
            return (
                max(self.proven, min(rate, lately)) if fit is None else max(rate, min(self.proven, fit.most))
            )
        if fit is None or (fit.full_windows < PROVEN_BY and fit.most < WIDE * before):
            self.bearable = before * NEARLY
        return rate

    def judged_late(self, before: float) -> None:
        """Note that ``before`` was refused by a limiter whose windows are known: nothing is to be guessed."""
        self.refused, self.bearable, self._goes_on = before, 0.0, False

    def queued(self, before: float, throughput: float) -> float:
        """Return the rate to hold after answers came late at ``before``: what was answered per second."""
        self.refused, self.proven, self._goes_on = before, 0.0, False
        return min(before, max(throughput, before * SLOWEST_QUEUE)) * BACK_OFF

    def settle(
        self, rate: float, closure: Closure, now: float, *, pinned: bool, explained: bool = True
    ) -> None:
        """Begin a peace at ``rate``. ``explained``: windows are known that may have been shut for so long."""
        self.met += not self._goes_on
        self.price, self.is_banned, self.is_hidden = closure.cost_seconds, closure.is_ban, closure.is_hidden
        self._is_seen_late = self.price > DEAR_SECONDS or closure.was_partial
        self._settled_at, self._held, self._soon = now, rate, max(SOON, 2 * closure.span_seconds)
        dearest = DEAREST * max(self.price, CHEAPEST)
        # A canary comes late to the end of a short ban, which has then cost more than a window would.
        is_long = closure.cost_seconds > LONGEST_WINDOW and not explained and not closure.was_silent
        if (closure.span_seconds > LONGEST_WINDOW or is_long) and not closure.was_told:
            self._peace = dearest
        else:
            doublings = 2.0 ** min(self.met - 1, 16)
            self._peace = min(max(FIRST_PRICE * self.price, FIRST_PEACE) * doublings, dearest)
        if self.met > 3:
            self._peace = max(self._peace, REQUESTS_BETWEEN / rate)
        if pinned:
            self._peace = max(self._peace, PINNED_PEACE)
        self.begin_peace(now)

    def give_back(self, rate: float, now: float) -> None:
        """Hold ``rate`` again: it was lowered in vain."""
        self.proven = self._held = rate
        self._settled_at = now
        self.begin_peace(now)

    def begin_peace(self, now: float) -> None:
        """Try nothing for a while."""
        self._peace_until = now + self._peace

    def recall(
        self, rate: float, price: float | None, met: int, now: float, *, is_guess: bool = False
    ) -> None:
        """Begin with a limit that was met in an earlier life. Its price unknown, try nothing for long.

        ``is_guess``: that life was just trying this rate. It was never held, so it is left as soon as after
        a first meeting.
        """
        self.met, self._held, self._settled_at = met, rate, now
        self.price = price or 0.0
        self._is_seen_late = self.price > DEAR_SECONDS
        times = FIRST_PRICE if is_guess else DEAREST
        self._peace = KNOWN_PEACE if price is None else times * max(price, CHEAPEST)
        self.begin_peace(now)

    def is_trying(self, rate: float) -> bool:
        """True at a rate that was never held in peace."""
        return rate > max(self._held, self.proven) * 1.001

    def confidence(self, rate: float) -> float:
        """How well the limit is known, from 0 to 1: the closer what was refused, the better."""
        return max(0.0, min(1.0, rate / self.refused)) if self.refused < inf else 0.0

    def growth(self, now: float) -> float:
        """How fast the rate may grow now, as a share of itself per second."""
        if now < self._peace_until:
            return 0.0
        doublings = (now - self._peace_until) / GROWTH_DOUBLES
        growth: float = min(GROWTH * 2.0 ** min(doublings, 8.0), FASTEST_GROWTH)
        return growth * SLOWER_WHERE_DEAR if self._is_seen_late else growth
