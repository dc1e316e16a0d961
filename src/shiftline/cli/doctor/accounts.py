"""The accounts of ``shiftline doctor run`` between one run and the next: none is locked by running again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from shiftline.cli.doctor.plan import Examined
from shiftline.diagnosis.experiment import Stop, StopReason
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
        keys = {
            account: account_key(plan.ends.target, login.username)
            for account, login in named.items()
            if login is not None and plan.ends is not None  # without ends nothing will leave
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

    def again_after(self, stop: Stop | None, now: float) -> datetime | None:
        """From when on an account may be asked with that ended a run, for it bore no more. ``now`` is of the
        epoch. None if that was not why it ended.
        """
        if stop is None or stop.reason is not StopReason.CREDENTIALS_SPENT:
            return None
        spent = [
            _free_at(refused)
            for key in self.keys.values()
            if len(refused := self.kept.lately(key, now)) >= MOST_REFUSED_CREDENTIALS
        ]
        return datetime.fromtimestamp(max(spent)).astimezone() if spent else None

    def shared(self, epoch: Callable[[], float]) -> SharedLogins:
        """What a run asks before each login, and tells after it. ``epoch`` has the time in seconds."""
        return _Shared(self, epoch)


class _Shared:
    """The file, which is locked and read again each time: another run may be under way."""

    def __init__(self, accounts: Accounts, epoch: Callable[[], float]) -> None:
        self._kept, self._keys, self._epoch = accounts.kept, accounts.keys, epoch
        now = epoch()
        self._before = {account: Counter(self._kept.lately(key, now)) for account, key in self._keys.items()}
        self._own: dict[Account, list[float]] = {account: [] for account in self._keys}
        """Moments of this run's that are in the file."""

    def take(self, account: Account) -> bool:
        """See `SharedLogins`."""
        if account not in self._keys:
            return True
        at = self._epoch()
        is_free = self._kept.take(self._keys[account], at)
        if is_free:
            self._own[account].append(at)
        return is_free

    def give_back(self, account: Account) -> None:
        """See `SharedLogins`."""
        if self._own.get(account):
            self._kept.give_back(self._keys[account], self._own[account].pop())

    def refused(self, account: Account) -> None:
        """See `SharedLogins`."""
        if account in self._keys:
            at = self._epoch()
            self._kept.add(self._keys[account], at)
            self._own[account].append(at)

    def elsewhere(self, account: Account) -> Sequence[float]:
        """See `SharedLogins`."""
        if account not in self._keys:
            return ()
        now = self._epoch()
        every = Counter(self._kept.lately(self._keys[account], now))
        others = every - Counter(self._own[account]) - self._before[account]
        return [now - at for at in others.elements()]


def _free_at(refused: Sequence[float]) -> float:
    """When one login more may be tried."""
    return sorted(refused)[-MOST_REFUSED_CREDENTIALS] + CREDENTIALS_SECONDS


def _times(refused: Sequence[float]) -> str:
    return "twice" if len(refused) == 2 else f"{len(refused)} times"


def _clock(at: float) -> str:
    return clock_of(datetime.fromtimestamp(at).astimezone())


def clock_of(at: datetime) -> str:
    """The time of day in its zone."""
    return at.strftime("%H:%M:%S %Z")
