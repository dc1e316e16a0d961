"""Which faults the practice PBX answers alike under every allowed experiment: the classes, measured.

The cross-check of `doctor_classes`, without a likelihood in it: each experiment is done alone on a fresh
trunk, and two faults are of one class if for some seeds all outcomes are the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from benchmarks.doctor_bank import BankCase, knowledge, pbx_of
from benchmarks.doctor_classes import NO_ANSWER, alike_unheard

from shiftline.diagnosis.experiment import Experiment, Permission, Proposal, Stop, StopReason
from shiftline.diagnosis.outcome import Outcome
from shiftline.diagnosis.programme import programme_of
from shiftline.doctor.examination import Examination
from shiftline.lab.virtual_examination import examine

Vector = tuple[Outcome | None, ...]
_TRIPPING = ("p8.users.storm", "p8.options.storm", "p8.register.storm")


class _Path:
    """Proposes an experiment after those that it needs."""

    def __init__(self, steps: Sequence[Experiment]) -> None:
        self._steps = list(steps)

    def __call__(self, examination: Examination, now: float) -> Proposal | Stop:
        is_useless = any(
            done.experiment in _TRIPPING and done.outcome in (Outcome.OK, Outcome.CHALLENGE)
            for done in examination.done
        )
        if not self._steps or (is_useless and self._steps[0].after):
            return Stop(reason=StopReason.DECIDED, sentence="")
        one = self._steps.pop(0)
        return Proposal(experiment=one, why="", bits=0.0, not_before=now + one.wait_seconds, expected={})


def vector(case: BankCase) -> Vector:
    """What each allowed experiment shows, by itself; None: it could not be asked."""
    permission = Permission(risk=case.allow, means=knowledge(case).means)
    allowed = [one for one in programme_of(permission.means).values() if permission.permits(one)]
    return tuple(_outcome(case, one, permission) for one in allowed)


def _outcome(case: BankCase, one: Experiment, permission: Permission) -> Outcome | None:
    steps = [one]
    while steps[0].after and steps[0].after_outcomes == frozenset():
        steps.insert(0, programme_of(permission.means)[steps[0].after[0]])
    if one.after_outcomes and one.plan is None:
        return None  # what depends on a refusal adds nothing that the refusal does not tell
    found = examine(
        pbx_of(replace(case, is_clear=True)), knowledge(case), permission, choose=_Path(steps), budget=10_000
    )
    told = {trial.experiment: trial.outcome for trial in found.trials}
    return told.get(one.id)


def classes_by_lab(vectors: Iterable[tuple[BankCase, Vector]]) -> dict[BankCase, frozenset[str]]:
    """Of each case, the causes with the same vector on that personality, whatever the seed.

    Where not one question was answered nothing says which personality it is: then those of the catalogue
    count that look like it on any.
    """
    alike: dict[tuple[str, Vector], set[str]] = {}
    listed = list(vectors)
    for case, row in listed:
        alike.setdefault((case.personality, row), set()).add(case.truth[0])
    found = {case: frozenset(alike[case.personality, row]) for case, row in listed}
    for case, row in listed:
        if len(case.truth) == 1 and is_unheard(row):
            permission = Permission(risk=case.allow, means=knowledge(case).means)
            found[case] |= alike_unheard(case.truth[0], permission)
    return found


def is_unheard(row: Vector) -> bool:
    """Whether the PBX answered nothing of all that was asked."""
    return all(outcome is None or outcome in NO_ANSWER for outcome in row)
