"""What speaks for and against a cause, in sentences, the weightiest first."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache

from shiftline.diagnosis.belief import UNKNOWN, Belief
from shiftline.diagnosis.catalogue import CATALOGUE
from shiftline.diagnosis.catalogue.mark_tables import MARKS
from shiftline.diagnosis.catalogue.marks import STRONG, MarkKind
from shiftline.diagnosis.evidence import MOST_PLACES, Mark, Trial
from shiftline.diagnosis.finding import Statement
from shiftline.diagnosis.hypotheses import (
    HEALTHY,
    PRIOR_OF_HEALTH,
    candidates,
    column,
    unknown_likelihood,
)
from shiftline.diagnosis.outcome import Outcome
from shiftline.diagnosis.probe import Probe
from shiftline.diagnosis.wording import trial_sentence

_SLIGHT = 0.2
"""Weights below this change nothing worth a sentence."""


def statements_for(
    belief: Belief, cause: str, others: Sequence[str] = (), beside: Sequence[str] = ()
) -> tuple[Statement, ...]:
    """Each piece of evidence with its weight for this cause against all that are neither it nor the others.

    What was noticed and backs one of the others is told as well: it is why that one is named. But beside
    health that is what could not be asked about, and what backs it speaks for no health. What a second
    fault ``beside`` it has done speaks neither for nor against it.
    """
    shape = _believed(belief, cause)
    backed = (cause,) if cause == HEALTHY else (cause, *others)
    doers = [(one, _believed(belief, one)) for one in beside]
    told = [
        one
        for trial in belief.evidence.trials
        if (one := _of_trial(trial, cause, shape)).weight > 0.0
        or not any(_of_trial(trial, *doer).weight > 0.0 for doer in doers)
    ]
    told += [
        one
        for mark in belief.evidence.marks
        if mark.kind in MARKS
        and (
            (one := max((_of_mark(mark, name) for name in backed), key=_weight_of)).weight > 0.0
            or not any(_of_mark(mark, doer).weight > 0.0 for doer in beside)
        )
    ]
    kept = [statement for statement in _once_each(told) if abs(statement.weight) >= _SLIGHT]
    return tuple(sorted(kept, key=lambda statement: -abs(statement.weight)))


def _believed(belief: Belief, cause: str) -> int:
    """The candidate as which the cause is believed, by number; -1 where it hardly is: then its best shape.

    One cause shows in several ways, and on one PBX it shows in one of them: what another of its ways would
    explain speaks for nothing.
    """
    every = candidates()
    return next(
        (number for one in belief.details for number in one.numbers if every[number].cause == cause), -1
    )


def _once_each(told: Sequence[Statement]) -> list[Statement]:
    """A sentence that two experiments came to is told once, by the weightier, with the places of both."""
    found: dict[tuple[str, bool], Statement] = {}
    for one in told:
        key = one.sentence, one.speaks_for
        before = found.get(key, one)
        places = one.places if key not in found else (*before.places, *one.places)
        found[key] = replace(max(before, one, key=lambda two: abs(two.weight)), places=places[:MOST_PLACES])
    return list(found.values())


def _of_trial(trial: Trial, cause: str, shape: int) -> Statement:
    weight = _weight(trial.as_sent, trial.outcome, cause, shape)
    return Statement(
        sentence=trial_sentence(trial),
        speaks_for=weight > 0.0,
        weight=weight,
        places=trial.places[:MOST_PLACES],
    )


def _weight_of(statement: Statement) -> float:
    return statement.weight


def _of_mark(mark: Mark, cause: str) -> Statement:
    kind = MARKS[mark.kind]
    weight = math.log(kind.causes.get(cause, 1.0) / _by_others(kind, cause))
    return Statement(
        sentence=f"There {'are' if kind.is_plural else 'is'} {kind.meaning}"
        + (f": {mark.text.rstrip('.')}." if mark.text else "."),
        speaks_for=weight > 0.0,
        weight=weight,
        places=mark.places[:MOST_PLACES],
    )


def _by_others(kind: MarkKind, cause: str) -> float:
    """The mean factor of all other explanations. What names one of them speaks against whoever it is not."""
    if cause in kind.causes or max(kind.causes.values(), default=0.0) < STRONG:
        return _spared(kind)
    total = sum(one.prior for one in CATALOGUE.values())
    gained = sum(
        CATALOGUE[name].prior * (factor - 1.0) for name, factor in kind.causes.items() if name in CATALOGUE
    )
    return _spared(kind) * (1.0 + max(0.0, gained) / total)


def _spared(kind: MarkKind) -> float:
    """The mean factor of all explanations, where one is out of the question: what is left gains by it."""
    return 1.0 - PRIOR_OF_HEALTH * (1.0 - kind.causes[HEALTHY]) if HEALTHY in kind.causes else 1.0


@lru_cache(maxsize=50_000)
def _weight(probe: Probe, outcome: Outcome, cause: str, shape: int) -> float:
    """Logarithm of: likelihood under the cause in this shape, by the mean of all that are not the cause.

    ``shape`` is the number of a candidate; -1: the best of the cause.
    """
    mine, others, total = unknown_likelihood(probe, outcome) if cause == UNKNOWN else 0.0, 0.0, 0.0
    for number, (one, log) in enumerate(zip(candidates(), column(probe, outcome), strict=True)):
        if one.cause == cause:
            mine = max(mine, math.exp(log)) if shape in (-1, number) else mine
        else:
            others += one.prior * math.exp(log)
            total += one.prior
    return math.log(mine / (others / total)) if mine > 0.0 else 0.0
