"""Refused credentials, so that no account is locked by us: two for each in 15 minutes, and no more.

`choose.next_experiment` keeps to the same rule when it proposes; this is where nothing gets past it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from shiftline.diagnosis.outcome import Outcome
from shiftline.diagnosis.probe import Account, Credentials
from shiftline.diagnosis.stopping import CREDENTIALS_SECONDS, MOST_REFUSED_CREDENTIALS

_REFUSED = frozenset({
    Outcome.CHALLENGE_AGAIN, Outcome.CHALLENGE_STALE, Outcome.FORBIDDEN_AFTER_CHALLENGE,
    Outcome.FORBIDDEN_RETRY_AFTER, Outcome.SILENCE,
})  # fmt: skip
"""Stale among them: as long as nothing has proved the password, a PBX may well have counted a failure.
Silence as well: a server that drops what it does not let in has counted all the same. Where the password has
been proved, nothing is counted."""
PAST_THE_LOGIN = frozenset({
    Outcome.OK,
    Outcome.NOT_FOUND,
    Outcome.UNAVAILABLE_NOW,
    Outcome.BUSY,
    Outcome.BAD_EVENT,
    Outcome.TOO_BRIEF,
})  # fmt: skip
"""Answers of what stands behind the login, to a request that answered a challenge."""


class Ledger:
    """What became of the credentials of each account. Times are seconds of one clock."""

    def __init__(self, before: Mapping[Account, Sequence[float]] | None = None) -> None:
        """``before``: when earlier runs had logins refused."""
        self._refused = {account: list(times) for account, times in (before or {}).items()}
        self.refusals: list[tuple[Account, float]] = []
        """Those of this run, in their order."""
        self._accepted: set[Account] = set()

    def may_carry(self, account: Account, credentials: Credentials, now: float) -> bool:
        """Whether one more request may carry these credentials."""
        if account in self._accepted and credentials is not Credentials.WRONG:
            return True  # refused now, they are refused for something else
        lately = [at for at in self._refused.get(account, []) if now - at < CREDENTIALS_SECONDS]
        return len(lately) < MOST_REFUSED_CREDENTIALS

    def is_proven(self, account: Account) -> bool:
        """Whether its own password was accepted in this run."""
        return account in self._accepted

    def note(self, account: Account, credentials: Credentials, outcome: Outcome, now: float) -> bool:
        """Take in what became of a request that carried them; True if it counts as refused."""
        if outcome in PAST_THE_LOGIN and credentials is not Credentials.WRONG:
            self._accepted.add(account)
        proven = account in self._accepted and credentials is not Credentials.WRONG
        if outcome not in _REFUSED or proven:
            return False
        self._refused.setdefault(account, []).append(now)
        self.refusals.append((account, now))
        return True
