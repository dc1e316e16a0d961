"""What a slow limit may have refused is asked again when no window is full of our own questions."""

from __future__ import annotations

from dataclasses import replace

from shiftline.diagnosis.again import REST_SECONDS
from shiftline.diagnosis.belief import believe
from shiftline.diagnosis.choose import next_experiment
from shiftline.diagnosis.evidence import Evidence, Trial
from shiftline.diagnosis.experiment import Done, Means, Permission, Proposal, Risk, Stop
from shiftline.diagnosis.outcome import Outcome
from shiftline.diagnosis.probe import Load
from shiftline.diagnosis.programme import programme_of

PERMISSION = Permission(
    risk=Risk.HARMLESS, means=frozenset({Means.CREDENTIALS, Means.SUBSCRIPTIONS, Means.CONTROLS})
)
NOW = 1000.0
OK, REFUSED = Outcome.OK, Outcome.FORBIDDEN
ANSWERS = {
    "p0.options": OK,
    "p2.challenge": Outcome.CHALLENGE,
    "p3.credentials": OK,
    "p7.subscribe": REFUSED,
    "p7.other-event": OK,
}


def after(*, is_paced: bool, again: tuple[str, ...] = ()) -> list[Proposal | Stop]:
    """All that is proposed, one after the other, where every question but a subscription passes."""
    programme = programme_of(PERMISSION.means)
    asked = list(ANSWERS.items())
    asked += [(name, REFUSED) for name in again]
    steps: list[Proposal | Stop] = []
    while not steps or isinstance(steps[-1], Proposal):
        trials = tuple(
            Trial(
                probe=replace(programme[name].probe, load=Load.PACED)
                if is_paced and outcome is REFUSED
                else programme[name].probe,
                outcome=outcome,
                experiment=name,
                carried=outcome is OK,
            )
            for name, outcome in asked
        )
        done = [Done(experiment=name, at=NOW, outcome=outcome, requests=1) for name, outcome in asked]
        step = next_experiment(believe(Evidence(trials=trials)), PERMISSION, done, budget=500, now=NOW)
        steps.append(step)
        if isinstance(step, Proposal):
            name = step.experiment.id
            asked.append((name, ANSWERS.get(name, Outcome.NOT_FOUND if "absent" in name else OK)))
    return steps


def rested(steps: list[Proposal | Stop]) -> list[str]:
    return [
        step.experiment.id
        for step in steps
        if isinstance(step, Proposal) and step.not_before == NOW + REST_SECONDS
    ]


def test_one_question_is_asked_again_after_a_rest() -> None:
    assert rested(after(is_paced=True)) == ["p7.subscribe"]


def test_none_is_where_no_limit_explains_it() -> None:
    assert not rested(after(is_paced=False))


def test_none_is_where_it_was_asked_again() -> None:
    assert not rested(after(is_paced=True, again=("p7.subscribe",)))
