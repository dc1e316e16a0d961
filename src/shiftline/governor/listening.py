"""How long to be silent after a refusal, and how long the limiter was shut.

While nothing answers at all, or it is said that it will pass, or the rate was just being searched for, short
steps within the first second, then each silence twice as long as the one before. Else whoever refuses without
a word may do so for good: then canaries are few. Whoever refuses after half a minute bans, and every canary
may begin the ban anew: from then on each silence is as long as the next usual ban, so that one outlasts it
with the fewest canaries. What refuses even after the longest of them is no ban. Where the rate was being
searched for, silence after 24 s is a ban, too; elsewhere the trunk is away, more likely, and is asked on.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from shiftline.governor.policy import GovernorPolicy
from shiftline.governor.search import Closure

STRIKE_SECONDS = 1.0  # after that much silence a refusal is not about the last second's rate
# Seconds: a minute, Kamailio's table of banned addresses, its recipe for accounts (facts: 3.1 K1, K5). Tables
# expire by whole seconds, up to one late, and our canary travels: so a little longer.
USUAL_BANS = (61.5, 301.5, 901.5)
LONGEST_BAN = USUAL_BANS[-1]
# Seconds, after the policy's first silence: each two or three times as long. Nine canaries outlast any ban.
REFUSED_STEPS = (0.3, 0.6, 1.2, 3.6, 8.0)
LONGEST_IN_SEARCH = 20.0  # seconds; what is shut for longer where the limit is searched for bans
LONGER = 2.0  # times, at least
SHORT_STEPS = 1.25
LATE_ONES = 3
GOES_ON = 3  # times in a row
LATE_TRIAL = 9.0  # seconds
CHECKS_THAT_MEAN_POLICY = 3  # refused at rest behind a canary that passed, where nothing ever was accepted
FIRST_WAIT = 8.0  # seconds, with checks alone refused: past most usual windows; then the longest ban's
SAYS_IT_PASSES = frozenset({429, 500, 503})  # of the refusals; the others may be for good


@dataclass(slots=True)
class Listening:
    """All times are seconds on one monotonic clock."""

    policy: GovernorPolicy
    until: float
    since: float = 0.0
    silence: float = 0.0
    """The length of the last one; 0: nothing has been refused since something passed."""
    late: int = 0
    """So many checks have passed since it began: what had been thought lost was late."""
    _shut_from: float | None = field(default=None, init=False)
    _shut_until: float = field(default=0.0, init=False)
    _is_silent: bool = field(default=False, init=False)
    _refused: int = field(default=0, init=False)
    _went_on: int = field(default=0, init=False)
    _has_opened: bool = field(default=False, init=False)
    _is_partial: bool = field(default=False, init=False)
    _was_told: bool = field(default=False, init=False)
    _is_postponed: bool = field(default=False, init=False)
    _will_pass: bool = field(default=False, init=False)
    _barred: int = field(default=0, init=False)
    """So many checks were refused at rest, each behind a canary that passed."""
    _is_search: bool = field(default=False, init=False)
    _is_unproven: bool = field(default=False, init=False)

    @property
    def is_rest(self) -> bool:
        """True if the trunk has been silent for so long that the rate before cannot explain a refusal."""
        return self.silence >= STRIKE_SECONDS

    def was_a_pause(self, missing: int) -> bool:
        """True if most of what was unheard came after all: a limiter that drops does not answer later.

        ``missing`` is how many checks are still under way.
        """
        return self.late >= max(LATE_ONES, missing)

    def begin(self, now: float, *, is_search: bool = False, is_unproven: bool = False) -> None:
        """Something was refused, or lost; ``is_search``: at a rate that was raised until it is.

        ``is_unproven``: before anything passed.
        """
        self.since, self.late, self._went_on = now, 0, 0
        self._is_search, self._is_unproven = is_search, is_unproven

    def postpone(self, until: float) -> None:
        """A canary has passed; the question behind it is asked late, on purpose."""
        self._is_postponed = True
        self.until = max(self.until, until)

    @property
    def is_postponed(self) -> bool:
        """True if the question of this closure is one that is asked late on purpose."""
        return self._is_postponed and self._shut_from is not None

    def at_least(self, seconds: float) -> None:
        """Make the silences longer than this from now on."""
        self.silence = max(self.silence, seconds)

    def extend(self, now: float, *, retry_after: float, window_end: float | None, is_ban: bool) -> None:
        """Be silent for one step more: until the known window ends, or a little longer each time."""
        self._was_told |= retry_after > 0
        if self.silence:
            self.silence = self.next_silence(is_ban=is_ban)
            until = now + self.silence
        else:
            self.silence = self.policy.canary_seconds
            until = now + self.silence if window_end is None else window_end
        self.until = max(self.until, until, now + retry_after)

    @property
    def is_only_silent(self) -> bool:
        """True if nothing was refused in this closure: what left was lost, or has no answer yet."""
        return self._shut_from is None or self._is_silent

    def next_silence(self, *, is_ban: bool) -> float:
        """Longer than the last one; not by much while nothing answers, for the trunk may just be away."""
        longest = self.policy.longest_silence
        is_refused = is_ban or not self.is_only_silent
        grown = self.silence * (SHORT_STEPS if self.silence < STRIKE_SECONDS / 3 else 2.0)
        if self._is_search and not (self._will_pass or self._is_unproven):
            return grown if grown <= LONGEST_IN_SEARCH else _next_of(USUAL_BANS, self.silence)
        is_likely_short = self._will_pass or self._is_unproven
        if not is_refused or (is_likely_short and grown <= longest):
            return min(grown, longest)
        if is_likely_short:
            return _next_of(USUAL_BANS, self.silence)
        steps = (*REFUSED_STEPS, *USUAL_BANS)
        return next((length for length in steps if length >= LONGER * self.silence), LONGEST_BAN)

    def was_refused_with(self, status: int | None, retry_after: float) -> None:
        """What a refusal of this closure said: a 429, a server error or a Retry-After (s) promise an end."""
        self._will_pass |= status in SAYS_IT_PASSES or retry_after > 0

    @property
    def says_it_passes(self) -> bool:
        """True if a refusal of this closure promised an end."""
        return self._will_pass

    @property
    def has_opened(self) -> bool:
        """True if something passed in this closure, and no refusal promised an end."""
        return self._has_opened and not self._will_pass

    @property
    def bars_checks(self) -> bool:
        """True if no canary tells when it is over: those pass, and checks do not."""
        return self._barred > 0

    def bar(self, *, is_proven: bool) -> bool:
        """Note that a check was refused at rest; return whether checks alone are, and for good.

        ``is_proven``: some have passed. Then it may be a counter, or a ban, that meets no canary. It is
        waited out as one of an account is, by two questions, the second after the longest ban.
        """
        if not self.has_opened:
            return False
        self._barred += 1
        if not is_proven:
            return self._barred >= CHECKS_THAT_MEAN_POLICY
        if self.silence >= LONGEST_BAN:
            return True
        self.at_least((FIRST_WAIT if self._barred == 1 else LONGEST_BAN) / LONGER)
        return False

    @property
    def is_last_wait(self) -> bool:
        """True once the next silence is the longest, and a check refused after it is refused for good."""
        return self._barred > 0 and self.silence >= LONGEST_BAN / LONGER

    def last_check_in(self, now: float) -> float | None:
        """In how many seconds that check asks; None: that wait has not begun."""
        has_begun = self._barred > 0 and self.silence >= LONGEST_BAN
        return max(0.0, self.until - now) if has_begun else None

    def recall(self, check_in: float, now: float) -> None:
        """Go on with the wait of an earlier life, whose last check would ask in so many seconds."""
        self.shut(now)
        self.opened()
        self._barred, self.silence = 2, LONGEST_BAN
        self.until = now + min(max(0.0, check_in), LONGEST_BAN)

    @property
    def is_for_good(self) -> bool:
        """True if what is refused now is refused after the longest ban, and nothing promised an end."""
        return self.silence >= LONGEST_BAN and not self._will_pass

    def shut(self, at: float, *, silently: bool = False) -> None:
        """What left at this moment was refused, or ``silently`` lost."""
        if self._shut_from is None:
            self._shut_from = self._shut_until = at
            self._is_silent, self._refused = True, 0
            self._has_opened = self._is_partial = self._was_told = self._will_pass = False
            self._is_postponed = False
        self._refused += not silently
        self._is_partial |= self._has_opened
        self._is_silent &= silently
        self._shut_from, self._shut_until = min(self._shut_from, at), max(self._shut_until, at)

    def opened(self) -> None:
        """Something has passed: what is refused from now on was refused while others were not."""
        self._has_opened = self._shut_from is not None

    def shut_anew(self, at: float) -> None:
        """What left at this moment was refused after others had passed: a closure begins with it."""
        if self._shut_from is not None and self._shut_from < at:
            self.reopened()
            self.shut(at)

    def goes_on(self, at: float) -> bool:
        """Count what was refused then, right after something passed; False if a closure begins with it.

        False as well if that happened too often for one closure.
        """
        self._went_on += 1
        return self._shut_from is not None and self._shut_from < at and self._went_on <= GOES_ON

    @property
    def is_lone(self) -> bool:
        """True if one request alone was refused so far."""
        return self._refused == 1

    @property
    def shut_from(self) -> float | None:
        """When the first of what was refused lately left; None: something has passed since."""
        return self._shut_from

    def closure(self, now: float, *, asked_by_canary: bool) -> Closure | None:
        """How long it was shut, if it was, given that something passes now.

        Without a canary we asked late, on purpose: it was open again long before.
        """
        if self._shut_from is None:
            return None
        was_late = self._is_postponed or (not asked_by_canary and now - self._shut_until < LATE_TRIAL)
        open_at = self._shut_until + 1.0 if was_late else now
        is_partial = self._is_partial and asked_by_canary  # no canary meets what counts our account
        return Closure(
            self._shut_from,
            self._shut_until,
            open_at,
            was_silent=self._is_silent,
            was_partial=is_partial,
            was_told=self._was_told,
        )

    def reopened(self) -> None:
        """A check has passed."""
        self._shut_from, self._barred = None, 0
        self.silence = 0.0


def _next_of(lengths: tuple[float, ...], silence: float) -> float:
    """The next of the lengths (seconds, in order); the longest ban's after the last."""
    return next((length for length in lengths if length > silence), LONGEST_BAN)
