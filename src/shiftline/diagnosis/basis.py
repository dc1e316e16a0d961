"""What a diagnosis rests on."""

from __future__ import annotations

from collections.abc import Sequence

from shiftline.diagnosis.belief import Belief
from shiftline.diagnosis.catalogue.mark_tables import MARKS
from shiftline.diagnosis.finding import Basis
from shiftline.diagnosis.hypotheses import HEALTHY
from shiftline.diagnosis.probe import Load


def basis_of(beliefs: Sequence[Belief], *, is_recorded: bool) -> Basis:
    """Of beliefs about a record, or about answers to questions of ours."""
    evidence = [belief.evidence for belief in beliefs]
    trials = [trial for one in evidence for trial in one.trials]
    if any(one.subject.requests for one in evidence) or (is_recorded and trials):
        return Basis.RECORD
    if trials:
        is_loaded = any(trial.probe.load not in (Load.SINGLE, Load.PACED) for trial in trials)
        return Basis.LOADS if is_loaded else Basis.QUESTIONS
    known = [MARKS[mark.kind].causes for one in evidence for mark in one.marks if mark.kind in MARKS]
    if any(factor > 1.0 for causes in known for cause, factor in causes.items() if cause != HEALTHY):
        return Basis.RECORD
    return Basis.HEARSAY if is_recorded else Basis.NOTHING
