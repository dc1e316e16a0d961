"""What speaks for and against a cause, in sentences, the weightiest first."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache

from shiftline.diagnosis.belief import Belief
from shiftline.diagnosis.catalogue.mark_tables import MARKS
from shiftline.diagnosis.catalogue.marks import MarkKind
from shiftline.diagnosis.evidence import MOST_PLACES, Mark, Trial
from shiftline.diagnosis.finding import Statement
from shiftline.diagnosis.hypotheses import HEALTHY, PRIOR_OF_HEALTH, candidates, column
from shiftline.diagnosis.outcome import Outcome
from shiftline.diagnosis.probe import Probe
from shiftline.diagnosis.wording import trial_sentence

_SLIGHT = 0.2
"""Weights below this change nothing worth a sentence."""


def statements_for(belief: Belief, cause: str, others: Sequence[str] = ()) -> tuple[Statement, ...]:
    """Each piece of evidence with its weight for this cause against all that are neither it nor the others.

    What was noticed and backs one of the others is told as well: it is why that one is named.
    """
    told = [_of_trial(trial, cause) for trial in belief.evidence.trials]
    told += [
        max((_of_mark(mark, one) for one in (cause, *others)), key=lambda one: one.weight)
        for mark in belief.evidence.marks
        if mark.kind in MARKS
    ]
    kept = [statement for statement in _once_each(told) if abs(statement.weight) >= _SLIGHT]
    return tuple(sorted(kept, key=lambda statement: -abs(statement.weight)))


def _once_each(told: Sequence[Statement]) -> list[Statement]:
    """A sentence that two experiments came to is told once, with the places of both."""
    found: dict[tuple[str, float], Statement] = {}
    for one in told:
        key = one.sentence, one.weight
        before = found.get(key)
        places = one.places if before is None else (*before.places, *one.places)
        found[key] = replace(one, places=places[:MOST_PLACES])
    return list(found.values())


def _of_trial(trial: Trial, cause: str) -> Statement:
    weight = _weight(trial.as_sent, trial.outcome, cause)
    return Statement(
        sentence=trial_sentence(trial),
        speaks_for=weight > 0.0,
        weight=weight,
        places=trial.places[:MOST_PLACES],
    )


def _of_mark(mark: Mark, cause: str) -> Statement:
    kind = MARKS[mark.kind]
    weight = math.log(kind.causes.get(cause, 1.0) / _spared(kind))
    return Statement(
        sentence=f"There is {kind.meaning}" + (f": {mark.text.rstrip('.')}." if mark.text else "."),
        speaks_for=weight > 0.0,
        weight=weight,
        places=mark.places[:MOST_PLACES],
    )


def _spared(kind: MarkKind) -> float:
    """The mean factor of all explanations, where one is out of the question: what is left gains by it."""
    return 1.0 - PRIOR_OF_HEALTH * (1.0 - kind.causes[HEALTHY]) if HEALTHY in kind.causes else 1.0


@lru_cache(maxsize=50_000)
def _weight(probe: Probe, outcome: Outcome, cause: str) -> float:
    """Logarithm of: likelihood under the cause's best candidate, by the mean of all that are not it."""
    mine, others, total = 0.0, 0.0, 0.0
    for one, log in zip(candidates(), column(probe, outcome), strict=True):
        if one.cause == cause:
            mine = max(mine, math.exp(log))
        else:
            others += one.prior * math.exp(log)
            total += one.prior
    return math.log(mine / (others / total)) if mine > 0.0 else 0.0
