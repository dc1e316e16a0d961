"""Causes for which nothing of the evidence speaks: they are as likely as they are usual, and no more."""

from __future__ import annotations

from collections.abc import Collection

from shiftline.diagnosis.belief import Belief
from shiftline.diagnosis.catalogue import CATALOGUE
from shiftline.diagnosis.catalogue.mark_tables import MARKS
from shiftline.diagnosis.hypotheses import HEALTHY
from shiftline.diagnosis.outcome import Outcome

Silent = dict[tuple[str, ...], float]
"""Explanations of one cause, each with its probability."""


def silent_causes(belief: Belief, among: Collection[str] | None = None) -> Silent:
    """How likely each cause is that explains nothing of the evidence, if it is ``among`` those."""
    return {
        one.causes: one.probability
        for one in belief.explanations
        if len(one.causes) == 1
        and one.causes != (HEALTHY,)
        and (among is None or one.causes[0] in among)
        and not explains(belief, *one.causes)
    }


def explains(belief: Belief, cause: str) -> bool:
    """Whether anything of the evidence is what the cause would do; else nothing but doubts speaks for it."""
    evidence = belief.evidence
    if any(MARKS[mark.kind].causes.get(cause, 1.0) > 1.0 for mark in evidence.marks if mark.kind in MARKS):
        return True
    if cause not in CATALOGUE:
        return False
    answers = {answer for one in CATALOGUE[cause].signatures for answer in one.answers}
    if Outcome.FORBIDDEN in answers:
        answers.add(Outcome.FORBIDDEN_AFTER_CHALLENGE)
    return any(trial.outcome in answers - {Outcome.OK} for trial in evidence.trials)
