"""The account that requests carry: how often it may be refused before it is left alone.

A password that was never accepted may be tried twice; then the trunk stops. One that was accepted in this
life is not wrong, but its account may be throttled or locked while the path is open for everybody else.
Such a throttle is asked by checks, since no canary meets it: after the longest usual windows, and then
only after a quarter of an hour, which is what registrars lock an account for (facts: 3.1 K5).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import takewhile
from math import inf
from typing import Any

from shiftline.governor.account_book import NOTHING, BookPage, Struck
from shiftline.governor.known import is_set, number, whole

MAX_REFUSED = 2
MEMORY_SECONDS = 900.0  # after that a lone strike is forgotten
LOCK_SECONDS = 900.0
TRIALS = (2.05, 10.5)  # seconds after the first refusal: past windows of 2 and of 10 s
LOCKS_THAT_STOP = 2
TOGETHER_SECONDS = 0.1  # logins within so much are remembered as one moment
FEW = 1  # logins, in as many seconds as the second trial waits, fill no counter
BUSIER = 1.1  # times what was usual
PEACE_SECONDS = 60.0
LATELY_SECONDS = 600.0  # what came and went in that time may do so again
TIMES_THAT_TELL = 2
STRIKES_KEPT = ("strikes", "struck_ago", "is_unshared", "rearmed", "age_seconds")
ACCEPTANCE_KEPT = ("accepted", "locks")


@dataclass(slots=True)
class Account:
    """Strikes of one account. Times are seconds."""

    strikes: int = 0
    struck_at: float = 0.0
    """When the last of them came."""
    accepted: bool = False
    """The PBX has taken its password in this life."""
    is_bound: bool = False
    """The refusals of the moment concern the account alone."""
    was_throttled: bool = False
    """They did before, and were over within seconds."""
    bound_in_a_row: int = 0
    """So many closures one after the other did."""
    page: BookPage = field(default_factory=BookPage, repr=False)
    """What the other trunks that carry it tell."""
    is_unshared: bool = field(default=False, init=False)
    """Its strike is kept from the other trunks: it may be the rate's."""
    is_rearmed: bool = field(default=False, init=False)
    """Somebody says that it is mended, and no login of this trunk was answered since."""
    _passed_at: float = field(default=-inf, init=False)
    _reopened_at: float = field(default=-inf, init=False)
    _locks: int = field(default=0, init=False)
    _logins: deque[_Logins] = field(default_factory=deque, init=False)

    @staticmethod
    def part_of(known: Mapping[str, Any], *, same_pbx: bool) -> dict[str, Any]:
        """What of all that is kept is about the account, which no rate changes.

        Another PBX may know the same account, so its strikes count there; that it was accepted does not.
        """
        kept = (*STRIKES_KEPT, *ACCEPTANCE_KEPT) if same_pbx else STRIKES_KEPT
        return {name: known[name] for name in kept if name in known}

    @classmethod
    def recall(cls, known: Mapping[str, Any], now: float, page: BookPage | None = None) -> Account:
        """What is kept of it, ``age_seconds`` old; with nothing kept, one that was never refused."""
        age = number(known, "age_seconds") or 0.0
        page = page or BookPage()
        page.book.note(page.trunk, NOTHING)  # whatever it was re-armed after
        page.book.is_told(page.trunk)
        account = cls(page=page) if age > MEMORY_SECONDS else cls._with_strikes(known, now, age, page)
        account.is_rearmed = is_set(known, "rearmed")
        if account.is_rearmed:
            account._passed_at = now  # what the others met before is over
        if account.strikes and not account.is_unshared:
            account._tell()
        return account

    @classmethod
    def _with_strikes(cls, known: Mapping[str, Any], now: float, age: float, page: BookPage) -> Account:
        account = cls(
            page=page,
            strikes=whole(known, "strikes") or 0,
            struck_at=now - age - (number(known, "struck_ago") or 0.0) if "struck_ago" in known else now,
            # A password that was accepted lately is not wrong because its account is throttled or locked.
            accepted=is_set(known, "accepted"),
        )
        account._locks = whole(known, "locks") or 0
        account.is_unshared = is_set(known, "is_unshared")
        return account

    def knowledge(self, now: float) -> dict[str, Any]:
        """What should survive a restart, as plain JSON values."""
        return {
            "strikes": self.strikes,
            "struck_ago": max(0.0, now - self.struck_at),
            "is_unshared": self.is_unshared,
            "rearmed": self.is_rearmed,
            "accepted": self.accepted,
            "locks": self._locks,
        }

    def locked_until(self, now: float) -> float | None:
        """When the lock that was met is to be tried; None: the password may be wrong.

        It was met by an earlier life, or on another trunk.
        """
        others = self._elsewhere(now)
        if not (self.accepted or others.was_accepted) or self._locks >= LOCKS_THAT_STOP:
            return None
        # A strike of another trunk whose clock was set back is none of the future.
        return min(now, max(self.struck_at if self.strikes else -inf, others.at)) + LOCK_SECONDS

    def is_spent_by_others(self, now: float) -> bool:
        """True when other trunks leave no more tries to this one."""
        others = self._elsewhere(now).count
        return others > 0 and self.strikes + others >= MAX_REFUSED

    def _elsewhere(self, now: float) -> Struck:
        return self.page.book.elsewhere(self.page.trunk, since=max(self._passed_at, now - MEMORY_SECONDS))

    def _tell(self) -> None:
        self.is_unshared = False
        self.page.book.note(self.page.trunk, Struck(self.strikes, self.struck_at, was_accepted=self.accepted))

    def left(self, now: float) -> None:
        """A request with its credentials left."""
        if self._logins and now - self._logins[-1].at < TOGETHER_SECONDS:
            self._logins[-1].count += 1
        else:
            self._logins.append(_Logins(now))
        while self._logins[0].at < now - PEACE_SECONDS:
            self._logins.popleft()

    @property
    def is_suspected(self) -> bool:
        """True if its next login is to tell whether it is let through."""
        return self.is_bound or self.strikes > 0

    def is_asked_elsewhere(self, now: float) -> bool:
        """True while another trunk's login may tell it."""
        return self.is_suspected and self.page.book.asked_elsewhere(self.page.trunk, now)

    def is_busier(self, at: float) -> bool | None:
        """Whether more logins left before that moment than was usual in the minute before.

        None: so few that they fill no counter.
        """
        lately = self._since(at - TRIALS[1])
        if lately <= FEW:
            return None
        before = self._since(at - PEACE_SECONDS) - lately
        return lately > BUSIER * before * TRIALS[1] / (PEACE_SECONDS - TRIALS[1])

    def _since(self, moment: float) -> int:
        return sum(logins.count for logins in takewhile(lambda one: one.at > moment, reversed(self._logins)))

    def strike(self, now: float, count: int = 1) -> None:
        """Count refusals that pacing does not explain; strikes of long ago are forgotten first."""
        self.forget(now)
        self.strikes += count
        if count:
            self.struck_at, self.is_rearmed = now, False
        self._tell()

    def suspect(self, now: float) -> None:
        """Count a refusal that a restart must not forget; other trunks need not know: it may be the rate."""
        self.is_unshared |= not self.strikes
        self.strikes, self.struck_at = 1, now

    def reopened(self, now: float) -> None:
        """A refusal is over, and no canary was refused meanwhile."""
        self._reopened_at = now

    def has_reopened(self, at: float) -> bool:
        """True if that was lately."""
        return at - self._reopened_at < LATELY_SECONDS

    def acquit(self) -> None:
        """Something tells that they were a throttle's after all."""
        self.strikes = 0
        self._tell()

    def forget(self, now: float) -> None:
        """Let strikes lapse that are older than `MEMORY_SECONDS`."""
        if now - self.struck_at > MEMORY_SECONDS:
            self.strikes = 0
            self._tell()

    def passed(self, now: float, *, left_at: float | None = None) -> None:
        """A request with its credentials passed; what left before a refusal came says nothing against it."""
        self.accepted, self.is_rearmed = True, False
        if self.strikes and left_at is not None and left_at < self.struck_at:
            return
        self._passed_at = now
        self.was_throttled |= self.is_bound and not self._locks
        if self.strikes:
            self.strikes = 0
            self._tell()
        self._locks = 0

    def bind(self) -> None:
        """A canary passed where a check was refused: no canary tells about this closure."""
        if not self.is_bound:
            self.is_bound = True
            self.bound_in_a_row += 1

    def release(self, *, by_canary: bool) -> None:
        """The closure is over; ``by_canary``: a canary had told so, and a check passed behind it."""
        self.is_bound = False
        if by_canary:
            self.bound_in_a_row = 0

    @property
    def is_used_to_it(self) -> bool:
        """True if a canary need not even be asked."""
        return self.bound_in_a_row >= TIMES_THAT_TELL

    @property
    def is_spent(self) -> bool:
        """True when no more tries are left for now."""
        return self.strikes >= MAX_REFUSED

    @property
    def has_rested(self) -> bool:
        """True if a lock was waited for, and nothing has passed since."""
        return self._locks > 0

    def next_trial(self, shut_from: float, now: float) -> float | None:
        """When a check may ask whether the account is let through again; None: never by itself.

        ``shut_from`` is when its refusals began.
        """
        if not self.is_spent:
            # After a lock both are long past: the second is still not to follow the first at once.
            earliest = now + TRIALS[0] if self.strikes else now
            return max(earliest, shut_from + TRIALS[self.strikes])
        self._locks += 1
        if self._locks >= LOCKS_THAT_STOP:
            return None
        return now + LOCK_SECONDS


@dataclass(slots=True)
class _Logins:
    """So many that left at about the same moment (seconds)."""

    at: float
    count: int = 1
