"""Refused credentials, so that no account is locked by us: two for each in 15 minutes, and no more.

`choose.next_experiment` keeps to the same rule when it proposes; this is where nothing gets past it. An
account whose password has passed in this run is asked on: what is refused then, is refused for the request
around it, and a few such answers tell for what. But somebody who counts failures does not know that, so
these are few as well, and later runs know of them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Protocol

from shiftline.diagnosis.outcome import Outcome
from shiftline.diagnosis.probe import Account, Credentials
from shiftline.diagnosis.stopping import CREDENTIALS_SECONDS, MOST_REFUSED_CREDENTIALS

MOST_REFUSED_ONCE_PROVEN = 6
"""Challenged again in 15 minutes, of an account whose password has passed: so many questions find a rule
about the digest's URI. A 403 is not among them: a limit says it to every request of a load."""
_REFUSED = frozenset({
    Outcome.CHALLENGE_AGAIN, Outcome.CHALLENGE_STALE, Outcome.FORBIDDEN_AFTER_CHALLENGE,
    Outcome.FORBIDDEN_RETRY_AFTER, Outcome.LIMITED, Outcome.SILENCE,
})  # fmt: skip
"""Stale among them: as long as nothing has proved the password, a PBX may well have counted a failure.
Silence as well: a server that drops what it does not let in has counted all the same. Where the password has
been proved, a challenge alone is counted, and apart (`MOST_REFUSED_ONCE_PROVEN`)."""
PAST_THE_LOGIN = frozenset({
    Outcome.OK,
    Outcome.NOT_FOUND,
    Outcome.REDIRECTED,
    Outcome.UNAVAILABLE_NOW,
    Outcome.BUSY,
    Outcome.BAD_EVENT,
    Outcome.TOO_BRIEF,
})  # fmt: skip
"""Answers of what stands behind the login, to a request that answered a challenge."""


class SharedLogins(Protocol):
    """What all runs of one user know of the logins of an account, while they run."""

    def take(self, account: Account) -> bool:
        """One more login may be refused now: it counts until it is given back. False: it may not be sent."""

    def give_back(self, account: Account) -> None:
        """The login that was taken last was not refused."""

    def refused(self, account: Account) -> None:
        """One was refused that was not taken before."""

    def elsewhere(self, account: Account) -> Sequence[float]:
        """How many seconds ago runs at the same time took a login that was refused, or may be."""


class _Alone:
    """No other run."""

    def take(self, account: Account) -> bool:  # noqa: ARG002 - a port
        return True

    def give_back(self, account: Account) -> None:
        """Nobody counts."""

    def refused(self, account: Account) -> None:
        """Nobody counts."""

    def elsewhere(self, account: Account) -> Sequence[float]:  # noqa: ARG002 - a port
        return ()


class Ledger:
    """What became of the credentials of each account. Times are seconds of one clock."""

    def __init__(
        self, before: Mapping[Account, Sequence[float]] | None = None, shared: SharedLogins | None = None
    ) -> None:
        """``before``: when earlier runs had logins refused; ``shared``: with runs at the same time."""
        self._shared = shared or _Alone()
        self._taken: Counter[Account] = Counter()
        self._refused_proven: dict[Account, list[float]] = {}
        self._refused = {account: list(times) for account, times in (before or {}).items()}
        self.refusals: list[tuple[Account, float]] = []
        """Those of this run, in their order."""
        self._accepted: set[Account] = set()

    def may_carry(self, account: Account, credentials: Credentials, now: float) -> bool:
        """Whether one more request may carry these credentials, as far as this run knows."""
        if self._is_proven(account, credentials):
            return _lately(self._refused_proven.get(account, ()), now) < MOST_REFUSED_ONCE_PROVEN
        return _lately(self._refused.get(account, ()), now) < MOST_REFUSED_CREDENTIALS

    def take(self, account: Account, credentials: Credentials, now: float) -> bool:
        """The same, for a request that leaves if it may: what nothing proves counts from now on."""
        if not self.may_carry(account, credentials, now):
            return False
        if self._is_proven(account, credentials):
            return True
        is_free = self._shared.take(account)
        self._taken[account] += is_free
        return is_free

    def elsewhere(self, now: float) -> Mapping[Account, Sequence[float]]:
        """When runs at the same time took logins of accounts whose password nothing proves by now."""
        return {
            account: [now - ago for ago in self._shared.elsewhere(account)]
            for account in (Account.OWN, Account.OTHER)
            if account not in self._accepted
        }

    def _is_proven(self, account: Account, credentials: Credentials) -> bool:
        return account in self._accepted and credentials is not Credentials.WRONG

    def is_proven(self, account: Account) -> bool:
        """Whether its own password was accepted in this run."""
        return account in self._accepted

    def note(self, account: Account, credentials: Credentials, outcome: Outcome, now: float) -> bool:
        """Take in what became of a request that carried them; True if it counts as refused."""
        if outcome in PAST_THE_LOGIN and credentials is not Credentials.WRONG:
            self._accepted.add(account)
        if self._is_proven(account, credentials):
            self._note_proven(account, outcome, now)
            return False
        if outcome not in _REFUSED:
            self._give_back(account)
            return False
        self._taken[account] -= self._taken[account] > 0
        self._refused.setdefault(account, []).append(now)
        self.refusals.append((account, now))
        return True

    def _note_proven(self, account: Account, outcome: Outcome, now: float) -> None:
        self._give_back(account)
        if outcome is Outcome.CHALLENGE_AGAIN:
            self._refused_proven.setdefault(account, []).append(now)
            self.refusals.append((account, now))
            self._shared.refused(account)

    def _give_back(self, account: Account) -> None:
        if self._taken[account]:
            self._taken[account] -= 1
            self._shared.give_back(account)


def _lately(times: Sequence[float], now: float) -> int:
    return sum(now - at < CREDENTIALS_SECONDS for at in times)
