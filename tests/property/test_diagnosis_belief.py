"""What holds of every belief, whatever the evidence."""

from __future__ import annotations

import math

from hypothesis import given, settings
from hypothesis import strategies as st

from shiftline.diagnosis.belief import TEMPER, believe, facts_of, worth
from shiftline.diagnosis.catalogue.mark_tables import MARKS
from shiftline.diagnosis.choose import next_experiment
from shiftline.diagnosis.classes import EVERYTHING
from shiftline.diagnosis.conclude import conclude
from shiftline.diagnosis.evidence import Evidence, Mark, Trial
from shiftline.diagnosis.experiment import Done, Permission, Proposal, Risk
from shiftline.diagnosis.outcome import Outcome
from shiftline.diagnosis.probe import Credentials, Source
from shiftline.diagnosis.programme import PROGRAMME
from shiftline.diagnosis.stopping import is_askable
from shiftline.diagnosis.telling import information, outcomes

PROBES = st.sampled_from(sorted({one.probe for one in PROGRAMME.values()}, key=str))
TRIALS = st.builds(
    Trial, probe=PROBES, outcome=st.sampled_from(Outcome), count=st.integers(min_value=1, max_value=500)
)
MARKED = st.builds(Mark, kind=st.sampled_from(sorted(MARKS)))
EVIDENCE = st.builds(
    Evidence, trials=st.lists(TRIALS, max_size=5).map(tuple), marks=st.lists(MARKED, max_size=2).map(tuple)
)
DONE = st.lists(
    st.builds(
        Done,
        experiment=st.sampled_from(sorted(PROGRAMME)),
        at=st.floats(min_value=0.0, max_value=1000.0),
        outcome=st.sampled_from(Outcome),
        requests=st.integers(min_value=1, max_value=9),
        refused_credentials=st.integers(min_value=0, max_value=2),
    ),
    max_size=6,
)
FEW = settings(max_examples=8, deadline=None)


def _of(evidence: Evidence) -> dict[tuple[str, ...], float]:
    return {one.causes: one.probability for one in believe(evidence).explanations}


@FEW
@given(EVIDENCE)
def test_probabilities_sum_to_one(evidence: Evidence) -> None:
    """Whatever came back, all explanations together are certain, and so are all families."""
    belief = believe(evidence)
    assert math.isclose(sum(one.probability for one in belief.explanations), 1.0, abs_tol=1e-9)
    assert math.isclose(sum(belief.families.values()), 1.0, abs_tol=1e-9)
    assert all(0.0 <= share <= 1.0 + 1e-9 for share in belief.causes.values())


@FEW
@given(EVIDENCE)
def test_order_plays_no_role(evidence: Evidence) -> None:
    """The same evidence the other way round is the same belief."""
    turned = Evidence(trials=evidence.trials[::-1], marks=evidence.marks[::-1])
    one, other = _of(evidence), _of(turned)
    assert all(math.isclose(one[key], other.get(key, 0.0), abs_tol=1e-6) for key in one)


@given(st.integers(min_value=1, max_value=10**9))
def test_a_repeat_is_worth_less_than_the_first_time(count: int) -> None:
    """However often a thing is seen, it never weighs twice as much as once."""
    assert 1.0 <= worth(count) < worth(count + 1) + 1e-12
    assert worth(count) < 2.0


@given(EVIDENCE, TRIALS)
def test_a_thousand_repeats_are_no_more_than_twice(evidence: Evidence, trial: Trial) -> None:
    """A fact that is seen a million times weighs less than two facts, and more kinds of fact weigh more."""
    often = Trial(probe=trial.probe, outcome=trial.outcome, count=10**6)
    weights = facts_of(evidence.with_trials(often))
    assert weights[trial.probe, trial.outcome] < 2.0 * TEMPER
    assert len(weights) == len({(one.probe, one.outcome) for one in (*evidence.trials, trial)})


@FEW
@given(EVIDENCE)
def test_twins_are_never_parted(evidence: Evidence) -> None:
    """No question tells a rotated password from a wrong one: their odds stay what they were."""
    found, prior = _of(Evidence(trials=evidence.trials)), _of(Evidence())
    one, other = ("credentials.wrong-password",), ("credentials.rotated",)
    assert math.isclose(found[one] / found[other], prior[one] / prior[other], rel_tol=1e-6)


@FEW
@given(EVIDENCE, PROBES)
def test_a_question_is_never_expected_to_confuse(evidence: Evidence, probe: object) -> None:
    """Expected information is not negative, and the expected outcomes sum to one."""
    belief = believe(evidence)
    for one in list(PROGRAMME.values())[::9]:
        assert information(belief, one.probe) >= 0.0
        assert math.isclose(sum(outcomes(belief, one.probe).values()), 1.0, abs_tol=1e-6)


@FEW
@given(EVIDENCE, DONE, st.sampled_from(Risk), st.integers(min_value=0, max_value=60))
def test_what_is_asked_keeps_the_rules(evidence: Evidence, done: list[Done], risk: Risk, budget: int) -> None:
    """Within permission and budget, nothing twice, and no account beyond two refused logins."""
    permission = Permission(risk=risk, means=EVERYTHING.means)
    step = next_experiment(believe(evidence), permission, done, budget=budget, now=1000.0)
    if not isinstance(step, Proposal):
        return
    asked = step.experiment
    assert permission.permits(asked)
    assert asked.cost <= budget
    assert asked.id not in {past.experiment for past in done}
    if asked.probe.credentials in (Credentials.FRESH, Credentials.WRONG):
        lately = [past for past in done if past.account is asked.probe.account and past.at > 100.0]
        assert sum(past.refused_credentials for past in lately) < 2


@FEW
@given(EVIDENCE)
def test_a_verdict_is_never_surer_than_the_belief(evidence: Evidence) -> None:
    """The named cause is at least as likely as it is said to be."""
    belief = believe(evidence)
    diagnosis = conclude([belief], EVERYTHING)
    if diagnosis.cause is not None:
        assert belief.causes[diagnosis.cause] >= diagnosis.confidence - 1e-9
    assert 0.0 <= diagnosis.confidence <= 1.0


def test_a_banned_source_is_left_alone() -> None:
    """After a refusal at rest that followed a burst, nothing leaves this source but the late canary."""
    burst, after = PROGRAMME["p8.options.brisk"], PROGRAMME["p8.pause"]
    done = [
        Done(experiment=burst.id, at=0.0, outcome=Outcome.SILENCE, requests=12),
        Done(experiment=after.id, at=12.0, outcome=Outcome.SILENCE, requests=1),
    ]
    evidence = Evidence().with_trials(
        Trial(probe=burst.probe, outcome=Outcome.SILENCE), Trial(probe=after.probe, outcome=Outcome.SILENCE)
    )
    patient = Permission(risk=Risk.MAY_TRIP, means=EVERYTHING.means, patience_seconds=400.0)
    step = next_experiment(believe(evidence), patient, done, budget=100, now=13.0)
    while isinstance(step, Proposal):
        asked = step.experiment
        is_canary = asked.id == "p8.after-ban"
        assert is_canary or asked.probe.source is Source.OTHER
        assert not is_canary or step.not_before >= 12.0 + 300.0
        outcome = Outcome.SILENCE if is_canary else Outcome.OK
        done.append(Done(experiment=asked.id, at=step.not_before, outcome=outcome, requests=asked.cost))
        evidence = evidence.with_trials(Trial(probe=asked.probe, outcome=outcome))
        step = next_experiment(believe(evidence), patient, done, budget=100, now=step.not_before + 1.0)


def test_no_load_is_put_on_from_a_banned_source_to_ask_another() -> None:
    """What a second source is asked under a load would have the load sent from the address that is banned."""
    accepted = ("p0.options", "p2.challenge", "p3.credentials", "p8.register.brisk", "p1.source")
    outcomes_of = dict.fromkeys(accepted, Outcome.OK) | {"p2.challenge": Outcome.CHALLENGE}
    outcomes_of |= {"p9.register": Outcome.SILENCE, "p8.pause.login": Outcome.SILENCE}
    done = [
        Done(experiment=name, at=float(at), outcome=outcome, requests=1)
        for at, (name, outcome) in enumerate(outcomes_of.items())
    ]
    trials = [Trial(probe=PROGRAMME[name].probe, outcome=outcome) for name, outcome in outcomes_of.items()]
    belief = believe(Evidence().with_trials(*trials))
    beside = PROGRAMME["p8.during.source"]
    assert beside.probe.source is Source.OTHER
    assert not is_askable(beside, belief, done, 13.0)
    permission = Permission(risk=Risk.MAY_TRIP, means=EVERYTHING.means, patience_seconds=60.0)
    step = next_experiment(belief, permission, done, budget=3000, now=20.0)
    while isinstance(step, Proposal):
        assert not step.experiment.is_load
        done.append(Done(experiment=step.experiment.id, at=step.not_before, outcome=Outcome.OK, requests=1))
        step = next_experiment(belief, permission, done, budget=3000, now=step.not_before + 1.0)
