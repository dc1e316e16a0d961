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
from shiftline.diagnosis.probe import Account, Credentials, Load, Method, Source
from shiftline.diagnosis.suspects import CHECKS, Suspect

_NOT_SERVED = (Outcome.NO_METHOD, Outcome.BAD_EVENT)
"""What a PBX says of a method or a package that it does not have: nobody is refused by it."""


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
    return not _stuck(evidence) - {trial.probe.method}


def _stuck(evidence: Evidence) -> frozenset[Method]:
    """Methods of the checks that were refused to us at rest, and never passed.

    OPTIONS to the server itself names no account, and is ours all the same.
    """
    own = [
        one
        for one in evidence.trials
        if one.probe.method in CHECKS
        and (one.probe.source, one.probe.load) == (Source.OWN, Load.SINGLE)
        and one.probe.account in (Account.OWN, Account.NOBODY)
    ]
    passed = {one.probe.method for one in own if one.outcome is Outcome.OK}
    refused = {one.probe.method for one in own if one.outcome in REFUSALS and one.outcome not in _NOT_SERVED}
    return frozenset(refused - passed)
