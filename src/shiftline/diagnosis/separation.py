"""The experiment that would settle what is open, in words and as a command that differs from the last."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace

from shiftline.diagnosis.belief import Belief
from shiftline.diagnosis.experiment import Experiment, Means, Permission, Risk
from shiftline.diagnosis.finding import Separation
from shiftline.diagnosis.options import options_for
from shiftline.diagnosis.outcome import Outcome
from shiftline.diagnosis.probe import Account, Load
from shiftline.diagnosis.programme import PROGRAMME
from shiftline.diagnosis.roads import opens
from shiftline.diagnosis.stopping import CREDENTIALS_SECONDS, DECIDED
from shiftline.diagnosis.telling import information, price

DOCTOR_RUN = "shiftline doctor run --server sip:PBX"
"""How a command begins where nobody knows whom it is about."""
_CONTENDS = 0.1
"""Explanations of at least this share of the likeliest one's probability are told apart with the named."""
_LEAST_BITS = 0.05
"""Less would settle nothing."""
_PRICE_OF_AN_OPTION = 0.3
"""What the reader has to look up first costs as well, in shares of the experiment's price."""
_ABOUT_AS_MUCH = 0.5
_Row = tuple[float, Experiment, tuple[str, ...]]
_BESIDE_A_LOAD = (Load.DURING, Load.AFTER_PAUSE, Load.AFTER_BAN)
_REFUSED_LOGINS = (Outcome.CHALLENGE_AGAIN, Outcome.FORBIDDEN_AFTER_CHALLENGE)


def separate(belief: Belief, permission: Permission, named: Collection[str] = ()) -> Separation | None:
    """What to ask to tell apart those that are named; None if they are settled or nothing would.

    Looks beyond the permission and the means: what is not allowed now may be allowed in a quiet hour, and
    what was not known may be looked up. What asks for nothing new has been asked, or may not be.
    """
    if belief.leading.probability >= DECIDED:
        return None
    contenders = _contenders(belief, frozenset(named))
    scored = [
        (information(contenders, one.probe), one, options) for one, options in _open(belief, permission)
    ]
    telling = _within_reach([row for row in scored if row[0] >= _LEAST_BITS])
    if not telling:
        return None
    _, best, options = max(telling, key=lambda row: (_merit(*row), row[1].id))
    load = next((one for _, one, _ in telling if one.is_load and one.risk > permission.risk), None)
    sentence = f"{best.title[0].upper()}{best.title[1:]}: it tells {best.reads}."
    if load is not None and not best.is_load:
        risk = max(load.risk, Risk.MAY_TRIP).word
        sentence += f" A load would tell as well: `--allow {risk}`, in a quiet hour."
    return Separation(experiment=best.id, sentence=sentence, command=" ".join((DOCTOR_RUN, *options)))


def _within_reach(telling: list[_Row]) -> list[_Row]:
    """Without subscriptions, where something else tells about as much: a trunk has its reasons for none."""
    others = [row for row in telling if Means.SUBSCRIPTIONS not in row[1].needs]
    best = max((bits for bits, _, _ in telling), default=0.0)
    tells_enough = any(bits >= _ABOUT_AS_MUCH * best for bits, _, _ in others)
    return others if tells_enough else telling


def _merit(bits: float, one: Experiment, options: tuple[str, ...]) -> float:
    return bits / (price(one) * (1.0 + _PRICE_OF_AN_OPTION * len(options)))


def _contenders(belief: Belief, named: frozenset[str]) -> Belief:
    """The same without what is neither named nor likely: a question about the rest settles nothing."""
    least = _CONTENDS * belief.leading.probability
    likely = {one.causes for one in belief.explanations if one.probability >= least}
    kept = [one for one in belief.details if one.causes in likely or named & frozenset(one.causes)]
    total = sum(one.weight for one in kept)
    return replace(belief, details=tuple(one._replace(weight=one.weight / total) for one in kept))


def _open(belief: Belief, permission: Permission) -> Iterator[tuple[Experiment, tuple[str, ...]]]:
    """What was not asked in this form and can still come about, with the options that it wants."""
    trials = belief.evidence.trials
    asked = {trial.probe for trial in trials if trial.experiment}
    past = {trial.experiment: trial.outcome for trial in trials}
    for one in PROGRAMME.values():
        if one.probe in asked or Means.OTHER_TRANSPORT in one.needs - permission.means:
            continue
        if not _may_follow(one, past):
            continue
        options = options_for(one, permission) or _after_a_pause(one, belief, permission)
        if options:
            yield one, options


def _may_follow(one: Experiment, past: Mapping[str, Outcome]) -> bool:
    """Whether what must come before it has ended as it must, or has not been asked.

    What belongs to a load that is refused is nothing to wish for before one was.
    """
    if one.probe.load in _BESIDE_A_LOAD:
        return any(name in past and opens(one, past[name]) for name in one.after)
    return not one.after or any(name not in past or opens(one, past[name]) for name in one.after)


def _after_a_pause(one: Experiment, belief: Belief, permission: Permission) -> tuple[str, ...]:
    """A login that was held back, for one more could have been refused, may go a quarter of an hour later."""
    refused = any(
        trial.probe.account is Account.OWN and trial.carried and trial.outcome in _REFUSED_LOGINS
        for trial in belief.evidence.trials
    )
    is_held_back = refused and one.probe.account is Account.OWN and one.credentialed > 0
    if not is_held_back or permission.patience_seconds >= CREDENTIALS_SECONDS:
        return ()
    return (f"--patience {CREDENTIALS_SECONDS:.0f}",)
