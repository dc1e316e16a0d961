"""The accounts of ``shiftline doctor run`` between one run and the next: none is locked by running again."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from shiftline.cli.doctor.plan import Examined
from shiftline.diagnosis.probe import Account
from shiftline.diagnosis.stopping import CREDENTIALS_SECONDS, MOST_REFUSED_CREDENTIALS
from shiftline.doctor.examination.ledger import SharedLogins
from shiftline.doctor.refused_logins import RefusedLogins, account_key, state_directory
from shiftline.errors import UnavailableError


@dataclass(frozen=True, slots=True, kw_only=True)
class Accounts:
    """Those that a run has, by the key under which their refused logins are kept."""

    kept: RefusedLogins
    keys: Mapping[Account, str]

    @classmethod
    def of(cls, examined: Examined) -> Accounts:
        """The accounts of a plan."""
        plan = examined.plan
        named = {Account.OWN: plan.case.account, Account.OTHER: plan.case.known_good}
        if plan.ends is None:  # nothing will leave
            named = {}
        keys = {
            account: account_key(plan.ends.target, login.username)
            for account, login in named.items()
            if login is not None and plan.ends is not None
        }
        return cls(kept=RefusedLogins(state_directory()), keys=keys)

    def spare(self, examined: Examined, now: float) -> tuple[Examined, str]:
        """The plan with what earlier runs had refused, and what to say of it. ``now`` is of the epoch.

        The other account is left out if it bears no more. Raises UnavailableError if our own does not.
        """
        lately = {account: self.kept.lately(key, now) for account, key in self.keys.items()}
        own, others = (lately.get(account, ()) for account in (Account.OWN, Account.OTHER))
        if len(own) >= MOST_REFUSED_CREDENTIALS:
            free = _free_at(own)
            raise UnavailableError(
                f"The trunk's login was refused {_times(own)} within 15 minutes; once more might lock it.",
                remedy=f"Wait until {_clock(free)}. If the PBX has forgotten them, remove {self.kept.path}.",
                retry_after_seconds=free - now,
            )
        plan, said = examined.plan, ""
        if len(others) >= MOST_REFUSED_CREDENTIALS:
            said = (
                f"The other account is left out: its login was refused {_times(others)} within 15 minutes."
                f" It may be asked with again at {_clock(_free_at(others))}."
            )
            del lately[Account.OTHER]
            plan = replace(plan, case=replace(plan.case, known_good=None))
        before = {account: [now - at for at in times] for account, times in lately.items()}
        return replace(examined, plan=replace(plan, refused_before=before)), said

    def shared(self, epoch: Callable[[], float]) -> SharedLogins:
        """What a run asks before each login, and tells after it. ``epoch`` has the time in seconds."""
        return _Shared(self, epoch)


class _Shared:
    """The file, which is locked and read again each time: another run may be under way."""

    def __init__(self, accounts: Accounts, epoch: Callable[[], float]) -> None:
        self._kept, self._keys, self._epoch = accounts.kept, accounts.keys, epoch
        self._taken: dict[Account, float] = {}

    def take(self, account: Account) -> bool:
        """See `SharedLogins`."""
        if account not in self._keys:
            return True
        at = self._epoch()
        self._taken[account] = at
        return self._kept.take(self._keys[account], at)

    def give_back(self, account: Account) -> None:
        """See `SharedLogins`."""
        if account in self._keys and account in self._taken:
            self._kept.give_back(self._keys[account], self._taken.pop(account))

    def refused(self, account: Account) -> None:
        """See `SharedLogins`."""
        if account in self._keys:
            self._kept.add(self._keys[account], self._epoch())


def _free_at(refused: Sequence[float]) -> float:
    """When one login more may be tried."""
    return sorted(refused)[-MOST_REFUSED_CREDENTIALS] + CREDENTIALS_SECONDS


def _times(refused: Sequence[float]) -> str:
    return "twice" if len(refused) == 2 else f"{len(refused)} times"


def _clock(at: float) -> str:
    return datetime.fromtimestamp(at).astimezone().strftime("%H:%M:%S %Z")
