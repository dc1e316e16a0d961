"""Evidence in, probabilities out.

Rules of this file: the order of the evidence plays no role; a repeat is hardly more than the first time; a
cause that nothing has asked about keeps its prior. No likelihood is written here: all come from the
catalogue.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from shiftline.diagnosis.catalogue.mark_tables import MARKS
from shiftline.diagnosis.evidence import Evidence, Mark
from shiftline.diagnosis.families import Family
from shiftline.diagnosis.hypotheses import (
    PRIOR_OF_SOMETHING_ELSE,
    Candidate,
    candidates,
    likelihoods,
    pair_likelihood,
    unknown_likelihood,
)
from shiftline.diagnosis.model import Hypothesis
from shiftline.diagnosis.outcome import Outcome
from shiftline.diagnosis.probe import Probe

TEMPER = 0.85
"""Exponent of every likelihood: facts of one PBX are less independent than they look."""
UNKNOWN = "unknown"
"""Something that is not in the catalogue."""
SEEDS = 12
"""Candidates that a second fault is looked for beside."""
_KEPT = 200
_FAINT = 1e-5

Facts = Mapping[tuple[Probe, Outcome], float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """One way to explain everything: health, a fault, two, or something that is not in the catalogue."""

    causes: tuple[str, ...]
    """Cause ids in alphabetical order; ("unknown",) is something else."""
    probability: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Belief:
    """How likely every explanation is, given the evidence. The probabilities sum to one."""

    evidence: Evidence
    explanations: tuple[Explanation, ...]
    """By falling probability."""
    causes: Mapping[str, float]
    """How likely each cause is at work, alone or with another."""
    families: Mapping[Family, float]
    details: tuple[tuple[Hypothesis, float], ...]
    """The likeliest explanations by signature and family, for what is asked next."""

    @property
    def leading(self) -> Explanation:
        """The likeliest explanation."""
        return self.explanations[0]


def worth(count: int) -> float:
    """What a fact that was seen so often weighs, against once: twice at most."""
    return 2.0 - 1.0 / count


def facts_of(evidence: Evidence) -> dict[tuple[Probe, Outcome], float]:
    """Each distinct fact with its weight."""
    counts: Counter[tuple[Probe, Outcome]] = Counter()
    for trial in evidence.trials:
        counts[trial.probe, trial.outcome] += trial.count
    return {fact: TEMPER * worth(count) for fact, count in counts.items()}


def believe(evidence: Evidence) -> Belief:
    """Weigh every explanation of the catalogue against the evidence."""
    facts = facts_of(evidence)
    kinds = sorted({mark.kind for mark in evidence.marks})
    singles = _singles(facts, kinds)
    scored = [(one.hypothesis(), score) for one, score in zip(candidates(), singles, strict=True)]
    scored += _pairs(facts, kinds, singles)
    something_else = Hypothesis(
        signatures=(), causes=(UNKNOWN,), family=Family.OTHER, prior=PRIOR_OF_SOMETHING_ELSE
    )
    score = math.log(PRIOR_OF_SOMETHING_ELSE) + sum(
        weight * math.log(unknown_likelihood(*fact)) for fact, weight in facts.items()
    )
    return _belief(evidence, [*scored, (something_else, score)])


def _singles(facts: Facts, kinds: Sequence[str]) -> list[float]:
    scores = [math.log(one.prior) + _marked(kinds, (one.cause,), one.family) for one in candidates()]
    for (probe, outcome), weight in facts.items():
        for number, value in enumerate(likelihoods(probe, outcome)):
            scores[number] += weight * math.log(value)
    return scores


def _pairs(facts: Facts, kinds: Sequence[str], singles: Sequence[float]) -> list[tuple[Hypothesis, float]]:
    """The likeliest candidates with every other of their family."""
    every = candidates()
    able = [number for number, one in enumerate(every) if one.signature is not None]
    seeds = sorted(able, key=lambda number: -singles[number])[:SEEDS]
    found: dict[frozenset[int], tuple[Hypothesis, float]] = {}
    for seed in seeds:
        for other in able:
            key = frozenset((seed, other))
            if key in found or not _may_join(every[seed], every[other]):
                continue
            pair = every[seed].with_second(every[other])
            first, second = (seed, other) if pair.causes[0] == every[seed].cause else (other, seed)
            score = math.log(pair.prior) + _marked(kinds, pair.causes, pair.family)
            for (probe, outcome), weight in facts.items():
                score += weight * math.log(pair_likelihood(first, second, probe, outcome))
            found[key] = (pair, score)
    return list(found.values())


def _may_join(one: Candidate, other: Candidate) -> bool:
    return one.family is other.family and one.cause != other.cause


def _marked(kinds: Iterable[str], causes: tuple[str, ...], family: Family) -> float:
    return sum(TEMPER * math.log(MARKS[kind].factor(causes, family)) for kind in kinds if kind in MARKS)


def _belief(evidence: Evidence, scored: list[tuple[Hypothesis, float]]) -> Belief:
    top = max(score for _, score in scored)
    weights = [math.exp(score - top) for _, score in scored]
    total = sum(weights)
    by_explanation: dict[tuple[str, ...], float] = {}
    by_family: dict[Family, float] = dict.fromkeys(Family, 0.0)
    details = []
    for (hypothesis, _), weight in zip(scored, weights, strict=True):
        share = weight / total
        causes = tuple(sorted(hypothesis.causes))
        by_explanation[causes] = by_explanation.get(causes, 0.0) + share
        by_family[hypothesis.family] += share
        if share > _FAINT:
            details.append((hypothesis, share))
    ranked = sorted(by_explanation.items(), key=lambda item: (-item[1], item[0]))
    by_cause: dict[str, float] = {}
    for causes, share in ranked:
        for cause in causes:
            by_cause[cause] = by_cause.get(cause, 0.0) + share
    return Belief(
        evidence=evidence,
        explanations=tuple(Explanation(causes=causes, probability=share) for causes, share in ranked),
        causes=by_cause,
        families=by_family,
        details=tuple(sorted(details, key=lambda item: -item[1])[:_KEPT]),
    )


def marks_of(evidence: Evidence, kind: str) -> tuple[Mark, ...]:
    """The marks of one kind."""
    return tuple(mark for mark in evidence.marks if mark.kind == kind)
