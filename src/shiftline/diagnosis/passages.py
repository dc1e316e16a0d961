"""Which passages clear a suspect of the incident: only what he would have stopped.

An OPTIONS that is answered without a challenge proves nothing of an account: most PBXs answer it to anybody
(K19), and a list or a rule may cover other methods only.
"""

from __future__ import annotations

from dataclasses import replace

from shiftline.diagnosis.belief import Belief
from shiftline.diagnosis.catalogue.words import LOGGED_IN
from shiftline.diagnosis.evidence import Evidence, Trial
from shiftline.diagnosis.outcome import REFUSALS, Outcome
from shiftline.diagnosis.probe import Account, Aim, Credentials, Load, Method, Source
from shiftline.diagnosis.suspects import CHECKS, Suspect

_NO_REFUSALS = frozenset({Outcome.NO_METHOD, Outcome.BAD_EVENT, Outcome.UNAVAILABLE_NOW, Outcome.BUSY})
"""What a PBX says of a method or a package that it does not have, or of a user: nobody is refused by it."""


def passage(suspect: Suspect, evidence: Evidence) -> Trial | None:
    """The commonest question that passed and that he would have refused."""
    rule = suspect.passes
    passed = [
        one
        for one in evidence.trials
        if rule is not None
        and one.outcome is Outcome.OK
        and rule.matches(one.probe)
        and _tells(suspect, one, evidence)
    ]
    return max(passed, key=lambda one: one.count, default=None)


def without_empty_passages(suspect: Suspect, belief: Belief) -> Belief:
    """The same belief without the passages that tell nothing of him."""
    evidence = belief.evidence
    kept = tuple(
        one for one in evidence.trials if one.outcome is not Outcome.OK or _tells(suspect, one, evidence)
    )
    return replace(belief, evidence=replace(evidence, trials=kept))


def is_login(trial: Trial) -> bool:
    """Whether credentials were sent and accepted. OPTIONS does not look at what nobody asked it for."""
    wanted = (Credentials.FRESH,) if trial.probe.method is Method.OPTIONS else LOGGED_IN
    return trial.outcome is Outcome.OK and trial.carried and trial.probe.credentials in wanted


def _tells(suspect: Suspect, trial: Trial, evidence: Evidence) -> bool:
    if suspect.needs_login or (suspect.login_clears and is_login(trial)):
        return is_login(trial)
    return not _stuck(suspect, evidence) - {_sort(trial)}


def _sort(trial: Trial) -> tuple[Method, bool]:
    """What a rule may be about: a method, and whether a user is named. A script asks for both."""
    return trial.probe.method, trial.probe.aim is not Aim.SERVER


def _stuck(suspect: Suspect, evidence: Evidence) -> frozenset[tuple[Method, bool]]:
    """Sorts of checks that were refused to us at rest, and never passed in a way that he would have refused.

    OPTIONS to the server itself names no account, and is ours all the same. What is said of a user who is
    not there refuses nobody.
    """
    own = [
        one
        for one in evidence.trials
        if one.probe.method in CHECKS
        and (one.probe.source, one.probe.load) == (Source.OWN, Load.SINGLE)
        and one.probe.account in (Account.OWN, Account.NOBODY)
    ]
    passed = {_sort(one) for one in own if one.outcome is Outcome.OK and _would_stop(suspect, one)}
    refused = {_sort(one) for one in own if one.outcome in REFUSALS and not _is_of_the_user(one)}
    return frozenset(refused - passed)


def _would_stop(suspect: Suspect, one: Trial) -> bool:
    """Whether it is like what he stops, whoever asks."""
    return suspect.passes is None or suspect.passes.matches(replace(one.probe, account=Account.OWN))


def _is_of_the_user(one: Trial) -> bool:
    is_not_there = one.probe.aim in (Aim.ABSENT, Aim.INVENTED) and one.outcome is Outcome.NOT_FOUND
    return is_not_there or one.outcome in _NO_REFUSALS
