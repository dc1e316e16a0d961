"""The stop rules (facts, list of experiments), and why nothing more is asked.

At most two requests with refused credentials for each account in 15 minutes; nothing from a source or for an
account that seems banned, but one canary when the ban should be over.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from shiftline.diagnosis.belief import Belief
from shiftline.diagnosis.evidence import Trial
from shiftline.diagnosis.experiment import Done, Experiment, Means, Stop, StopReason
from shiftline.diagnosis.hypotheses import HEALTHY
from shiftline.diagnosis.outcome import REFUSALS
from shiftline.diagnosis.probe import Account, Credentials, Load, Source
from shiftline.diagnosis.programme import PROGRAMME

MOST_REFUSED_CREDENTIALS = 2
CREDENTIALS_SECONDS = 900.0
DECIDED = 0.9
"""From this probability on, nothing is open."""
BANNED = 0.6
"""From this probability on, a ban is taken for one."""
_MEANS = {Account.OWN: Means.CREDENTIALS, Account.OTHER: Means.KNOWN_GOOD_ACCOUNT}


def refused_lately(account: Account, done: Sequence[Done], now: float) -> int:
    """Requests with credentials of that account that were refused in the last 15 minutes."""
    lately = [past for past in done if past.account is account]
    return sum(past.refused_credentials for past in lately if now - past.at < CREDENTIALS_SECONDS)


def is_askable(one: Experiment, belief: Belief, done: Sequence[Done], now: float) -> bool:
    """Whether it locks no account and prolongs no ban."""
    return _spares_accounts(one, done, now) and _prolongs_no_ban(one, belief, done)


def _spares_accounts(one: Experiment, done: Sequence[Done], now: float) -> bool:
    """Whether it keeps to two refused credentials for each account in 15 minutes."""
    if one.probe.credentials is Credentials.NONE:
        return True
    spent = refused_lately(one.probe.account, done, now)
    could_be_refused = 1 if one.probe.credentials in (Credentials.WRONG, Credentials.FRESH) else 0
    return spent + could_be_refused <= MOST_REFUSED_CREDENTIALS


def _prolongs_no_ban(one: Experiment, belief: Belief, done: Sequence[Done]) -> bool:
    """Whether it leaves alone what seems banned. A canary after the ban's end is the exception."""
    if one.probe.load is Load.AFTER_BAN:
        return True
    # A load leaves from our own address, wherever the question beside it comes from.
    from_us = one.probe.source is Source.OWN or one.is_load
    if from_us and (_seems_banned(done) or belief.causes.get("ban.source", 0.0) >= BANNED):
        return False
    logs_in = one.probe.account is Account.OWN and one.probe.credentials is not Credentials.NONE
    locked = belief.causes.get("ban.user", 0.0) + belief.causes.get("credentials.shared-lockout", 0.0)
    return not (logs_in and locked >= BANNED)


def _seems_banned(done: Sequence[Done]) -> bool:
    """Refused although the rate had fallen, and no canary has passed since."""
    after = [
        past for past in done if past.experiment and PROGRAMME[past.experiment].probe.load in _AFTERWARDS
    ]
    return bool(after) and after[-1].outcome in REFUSALS


_AFTERWARDS = (Load.AFTER_PAUSE, Load.AFTER_BAN)


def why_stop(
    belief: Belief,
    done: Sequence[Done],
    now: float,
    *,
    kept: Sequence[Experiment],
    too_dear: bool,
    may_hide_a_limit: bool,
) -> Stop:
    """Why nothing is asked any more. ``kept`` would tell something, and a rule of this file forbids it;
    ``too_dear`` if only the number of requests did; ``may_hide_a_limit`` if loads were spared.
    """
    if too_dear:
        return Stop(
            reason=StopReason.BUDGET,
            sentence="What is left of the budget is too little to go on: raise --budget, and run again.",
        )
    spent = {one.probe.account for one in kept if not _spares_accounts(one, done, now)}
    by_others = spent & _spent_elsewhere(done)
    is_sure = belief.leading.probability >= DECIDED
    if by_others and (not is_sure or belief.leading.causes == (HEALTHY,)):
        whose = "Credentials were" if Account.OWN in by_others else "The other account was"
        return Stop(
            reason=StopReason.CREDENTIALS_SPENT,
            sentence=f"{whose} not asked about: other runs used the two logins that an account bears in"
            " 15 minutes.",
        )
    if spent and not is_sure:
        return Stop(
            reason=StopReason.CREDENTIALS_SPENT,
            sentence="Credentials were refused as often as an account bears in 15 minutes.",
        )
    if kept and not is_sure:
        return Stop(
            reason=StopReason.BANNED,
            sentence="The PBX seems to have banned us. Asking on would prolong it.",
        )
    if is_sure:
        behind = " Whether a rate limit stands behind it was not asked: run again once it is mended."
        return Stop(
            reason=StopReason.DECIDED,
            sentence=f"Nothing that is allowed would change the verdict.{behind if may_hide_a_limit else ''}",
        )
    return Stop(
        reason=StopReason.NOTHING_TELLS,
        sentence="Nothing that is allowed would tell the remaining causes apart.",
    )


def _spent_elsewhere(done: Sequence[Done]) -> set[Account]:
    """Accounts that bear no more login, for what other runs had refused or have under way."""
    others = Counter(past.account for past in done if not past.experiment)
    return {account for account, count in others.items() if count >= MOST_REFUSED_CREDENTIALS}


def spent_means(others: Sequence[Done], trials: Sequence[Trial], means: frozenset[Means]) -> frozenset[Means]:
    """What could not be asked with at all, for ``others`` (of other runs) used the logins of an account."""
    shown = {trial.probe.account for trial in trials if trial.carried}
    return frozenset(_MEANS[account] for account in _spent_elsewhere(others) - shown) & means


def credentials_again(done: Sequence[Done]) -> float | None:
    """When the newest refused credentials are old enough; None if none were refused."""
    refused = [past.at for past in done if past.refused_credentials]
    return max(refused) + CREDENTIALS_SECONDS if refused else None
