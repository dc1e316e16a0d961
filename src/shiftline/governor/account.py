"""The account that requests carry: how often it may be refused before it is left alone.

A password that was never accepted may be tried twice; then the trunk stops. One that was accepted in this
life is not wrong, but its account may be throttled or locked while the path is open for everybody else.
Such a throttle is asked by checks, since no canary meets it: after the longest usual windows, and then
only after a quarter of an hour, which is what registrars lock an account for (facts: 3.1 K5).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from shiftline.governor.known import is_set, number, whole

MAX_REFUSED = 2
MEMORY_SECONDS = 900.0  # after that a lone strike is forgotten
LOCK_SECONDS = 900.0
TRIALS = (2.05, 10.5)  # seconds after the first refusal: past windows of 2 and of 10 s
LOCKS_THAT_STOP = 2
TIMES_THAT_TELL = 2
STRIKES_KEPT = ("strikes", "struck_ago", "age_seconds")
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
    bound_in_a_row: int = 0
    """So many closures one after the other did."""
    _locks: int = field(default=0, init=False)

    @staticmethod
    def part_of(known: Mapping[str, Any], *, same_pbx: bool) -> dict[str, Any]:
        """What of all that is kept is about the account, which no rate changes.

        Another PBX may know the same account, so its strikes count there; that it was accepted does not.
        """
        kept = (*STRIKES_KEPT, *ACCEPTANCE_KEPT) if same_pbx else STRIKES_KEPT
        return {name: known[name] for name in kept if name in known}

    @classmethod
    def recall(cls, known: Mapping[str, Any], now: float) -> Account:
        """What is kept of it, ``age_seconds`` old; with nothing kept, one that was never refused."""
        age = number(known, "age_seconds") or 0.0
        if age > MEMORY_SECONDS:
            return cls()
        account = cls(
            strikes=whole(known, "strikes") or 0,
            struck_at=now - age - (number(known, "struck_ago") or 0.0) if "struck_ago" in known else now,
            # A password that was accepted lately is not wrong because its account is throttled or locked.
            accepted=is_set(known, "accepted"),
        )
        account._locks = whole(known, "locks") or 0
        return account

    def knowledge(self, now: float) -> dict[str, Any]:
        """What should survive a restart, as plain JSON values."""
        return {
            "strikes": self.strikes,
            "struck_ago": max(0.0, now - self.struck_at),
            "accepted": self.accepted,
            "locks": self._locks,
        }

    @property
    def locked_until(self) -> float | None:
        """When the lock that an earlier life met is to be tried; None: the password may be wrong."""
        if not self.accepted or not 0 < self._locks < LOCKS_THAT_STOP:
            return None
        return self.struck_at + LOCK_SECONDS

    def strike(self, now: float) -> None:
        """Count a refusal that pacing does not explain; strikes of long ago are forgotten first."""
        self.forget(now)
        self.strikes += 1
        self.struck_at = now

    def forget(self, now: float) -> None:
        """Let strikes lapse that are older than `MEMORY_SECONDS`."""
        if now - self.struck_at > MEMORY_SECONDS:
            self.strikes = 0

    def passed(self) -> None:
        """A request with its credentials passed."""
        self.accepted = True
        self.strikes = self._locks = 0

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
