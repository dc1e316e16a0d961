"""What nothing was asked about takes nothing from health, however usual it is; what was seen does."""

from __future__ import annotations

from dataclasses import replace

import pytest

from shiftline.diagnosis.belief import Belief, believe
from shiftline.diagnosis.conclude import RIVAL, conclude
from shiftline.diagnosis.evidence import Evidence, Trial
from shiftline.diagnosis.experiment import Means, Permission, Risk
from shiftline.diagnosis.finding import Diagnosis
from shiftline.diagnosis.hypotheses import HEALTHY
from shiftline.diagnosis.outcome import Outcome
from shiftline.diagnosis.probe import Account, Credentials, Method, Probe

LIMIT = "throttle.source"
SERVED = (
    Trial(probe=Probe(method=Method.OPTIONS, account=Account.NOBODY), outcome=Outcome.OK),
    Trial(probe=Probe(), outcome=Outcome.CHALLENGE),
    Trial(probe=Probe(credentials=Credentials.FRESH), outcome=Outcome.OK, carried=True),
)
REFUSED = Trial(probe=Probe(method=Method.SUBSCRIBE), outcome=Outcome.FORBIDDEN)


def usual_limits(*trials: Trial) -> Belief:
    """What is believed where limits are nearly as usual as health."""
    belief = believe(Evidence(trials=trials))
    shares = {HEALTHY: 0.45, LIMIT: 0.4}
    told = [one for one in belief.explanations if len(one.causes) == 1 and one.causes[0] in shares]
    told = [replace(one, probability=shares[one.causes[0]]) for one in told]
    told.sort(key=lambda one: -one.probability)
    rest = [one for one in belief.explanations if one.causes not in {kept.causes for kept in told}]
    faint = [replace(one, probability=0.15 * one.probability) for one in rest]
    return replace(belief, explanations=(*told, *faint), causes={**belief.causes, **shares})


def found(*trials: Trial, risk: Risk = Risk.HARMLESS) -> Diagnosis:
    return conclude([usual_limits(*trials)], Permission(risk=risk, means=frozenset(Means)))


def test_a_limit_that_nobody_could_look_for_leaves_a_trunk_healthy() -> None:
    """It is told beside it, and the confidence stays that of health alone."""
    diagnosis = found(*SERVED)
    assert diagnosis.cause == HEALTHY
    assert diagnosis.confidence == pytest.approx(0.45)
    assert LIMIT in diagnosis.findings[0].indistinguishable_from
    assert RIVAL * 0.45 <= 0.4


def test_a_refusal_that_it_explains_makes_it_a_rival() -> None:
    assert found(*SERVED, REFUSED).cause is None


def test_a_limit_that_could_be_looked_for_is_a_rival() -> None:
    assert found(*SERVED, risk=Risk.MAY_TRIP).cause is None
