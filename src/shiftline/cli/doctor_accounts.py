"""The accounts of ``shiftline doctor run`` between one run and the next: none is locked by running again."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from shiftline.cli.doctor_plan import Examined
from shiftline.diagnosis.probe import Account
from shiftline.diagnosis.stopping import CREDENTIALS_SECONDS, MOST_REFUSED_CREDENTIALS
from shiftline.doctor.examination import Examination
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
        if len(lately.get(Account.OWN, ())) >= MOST_REFUSED_CREDENTIALS:
            free = _free_at(lately[Account.OWN])
            raise UnavailableError(
                "The trunk's login was refused twice within 15 minutes; a third time might lock the account.",
                remedy=f"Wait until {_clock(free)}. If the PBX has forgotten them, remove {self.kept.path}.",
                retry_after_seconds=free - now,
            )
        plan, said = examined.plan, ""
        if len(lately.get(Account.OTHER, ())) >= MOST_REFUSED_CREDENTIALS:
            said = (
                "The other account is left out: its login was refused twice within 15 minutes."
                f" It may be asked with again at {_clock(_free_at(lately.pop(Account.OTHER)))}."
            )
            plan = replace(plan, case=replace(plan.case, known_good=None))
        before = {account: [now - at for at in times] for account, times in lately.items()}
        return replace(examined, plan=replace(plan, refused_before=before)), said

    def keeper(self, epoch_offset: float) -> Callable[[Examination], None]:
        """Keeps every refusal as soon as it is known."""
        seen = 0

        def keep(examination: Examination) -> None:
            nonlocal seen
            fresh = examination.refused_logins[seen:]
            seen += len(fresh)
            for account, at in fresh:
                if account in self.keys:
                    self.kept.add(self.keys[account], at + epoch_offset)

        return keep


def _free_at(refused: Sequence[float]) -> float:
    """When one login more may be tried."""
    return sorted(refused)[-MOST_REFUSED_CREDENTIALS] + CREDENTIALS_SECONDS


def _clock(at: float) -> str:
    return datetime.fromtimestamp(at).astimezone().strftime("%H:%M:%S %Z")
