"""Evidence in, probabilities out.

Rules of this file: the order of the evidence plays no role; a repeat is hardly more than the first time; a
cause that nothing has asked about keeps its prior. No likelihood is written here: all come from the
catalogue.

A record shows the same comparison again and again, at this load and that, so its facts hang together. The
doubt of a table is then a doubt of the table, to be paid once, and not again for every fact that agrees with
it; else what is known from hearsay could never be named beside what was measured.
"""

from __future__ import annotations

import heapq
import math
from array import array
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

from shiftline.diagnosis.catalogue.mark_tables import MARKS
from shiftline.diagnosis.evidence import Evidence, Mark
from shiftline.diagnosis.families import Family
from shiftline.diagnosis.hypotheses import (
    PRIOR_OF_A_SECOND,
    PRIOR_OF_SOMETHING_ELSE,
    candidates,
    column,
    doubted,
    meeting,
    pair_likelihood,
    unknown_likelihood,
)
from shiftline.diagnosis.outcome import Outcome
from shiftline.diagnosis.probe import Probe

TEMPER = 0.85
"""Exponent of every likelihood: facts of one PBX are less independent than they look."""
UNKNOWN = "unknown"
"""Something that is not in the catalogue."""
SEEDS = 12
"""Candidates that a second fault is looked for beside."""
_OUT_OF_THE_QUESTION = 20.0
"""So much less likely than the best single fault, as a logarithm, two are not kept."""
_KEPT = 150
_FAINT = 1e-4

Facts = Mapping[tuple[Probe, Outcome], float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """One way to explain everything: health, a fault, two, or something that is not in the catalogue."""

    causes: tuple[str, ...]
    """Cause ids in alphabetical order; ("unknown",) is something else."""
    probability: float
    fit: float
    """Logarithm of the likelihood of all evidence under its best shape, whatever its prior."""
    fit_on: Mapping[Family, float] = field(default_factory=dict)
    """The same on each kind of PBX that can show it."""


class Detail(NamedTuple):
    """One candidate, or two in the order in which they act, by number in `hypotheses.candidates`."""

    numbers: tuple[int, ...]
    weight: float
    causes: tuple[str, ...]
    """Of the candidates, in alphabetical order."""
    prior: float
    """Logarithm."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Belief:
    """How likely every explanation is, given the evidence. The probabilities sum to one."""

    evidence: Evidence
    explanations: tuple[Explanation, ...]
    """By falling probability."""
    causes: Mapping[str, float]
    """How likely each cause is at work, alone or with another."""
    families: Mapping[Family, float]
    details: tuple[Detail, ...]
    """The likeliest explanations down to signature and PBX, for what is asked next."""

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
        counts[trial.as_sent, trial.outcome] += trial.count
    return {fact: TEMPER * worth(count) for fact, count in counts.items()}


def kinds_of_marks(evidence: Evidence) -> tuple[str, ...]:
    """The kinds of marks that the catalogue knows, each once, in alphabetical order."""
    return tuple(sorted({mark.kind for mark in evidence.marks if mark.kind in MARKS}))


def believe(evidence: Evidence, *, is_recorded: bool = False) -> Belief:
    """Weigh every explanation of the catalogue against the evidence; ``is_recorded``: it is of a record."""
    facts = facts_of(evidence)
    kinds = kinds_of_marks(evidence)
    singles = scores_of_singles(facts, kinds, is_recorded=is_recorded)
    scored = [
        Detail((number,), score, causes, prior)
        for number, (score, causes, prior) in enumerate(zip(singles, _alone(), _priors(), strict=True))
    ]
    scored += _pairs(facts, kinds, singles, is_recorded=is_recorded)
    something_else = math.log(PRIOR_OF_SOMETHING_ELSE) + sum(
        weight * math.log(unknown_likelihood(*fact)) for fact, weight in facts.items()
    )
    prior = math.log(PRIOR_OF_SOMETHING_ELSE)
    return _belief(evidence, [*scored, Detail((), something_else, (UNKNOWN,), prior)])


def scores_of_singles(facts: Facts, kinds: tuple[str, ...], *, is_recorded: bool) -> list[float]:
    """Logarithm of the weight of every candidate alone; ``kinds`` are those of marks."""
    scores = list(_priors())
    if kinds:
        scores = [score + by for score, by in zip(scores, _moved(kinds), strict=True)]
    for (probe, outcome), weight in facts.items():
        scores = [score + weight * log for score, log in zip(scores, column(probe, outcome), strict=True)]
    if is_recorded:
        total = sum(facts.values())
        scores = [
            score + _once(one.doubt) - total * price_of_doubt(one.doubt)
            for score, one in zip(scores, candidates(), strict=True)
        ]
    return scores


@lru_cache(maxsize=64)
def _moved(kinds: tuple[str, ...]) -> array[float]:
    """What marks of these kinds add to each candidate's score."""
    return array("d", (worth_of_marks(kinds, (one.cause,), one.family) for one in candidates()))


@lru_cache(maxsize=1)
def _priors() -> array[float]:
    """Logarithms, by candidate."""
    return array("d", (math.log(one.prior) for one in candidates()))


@lru_cache(maxsize=1)
def _alone() -> tuple[tuple[str, ...], ...]:
    """The causes of each candidate by itself."""
    return tuple((one.cause,) for one in candidates())


@lru_cache(maxsize=1)
def _families() -> tuple[Family, ...]:
    return tuple(one.family for one in candidates())


@lru_cache(maxsize=32)
def price_of_doubt(doubt: float) -> float:
    """What the doubt costs a fact that agrees entirely: a logarithm."""
    return math.log(doubted(1.0, doubt))


@lru_cache(maxsize=32)
def _once(doubt: float) -> float:
    """What the doubt costs a table that may be wrong as a whole."""
    return math.log(1.0 - doubt)


def _pairs(
    facts: Facts, kinds: tuple[str, ...], singles: Sequence[float], *, is_recorded: bool
) -> list[Detail]:
    """The likeliest candidates with every other of their home, but for those that are out of the question."""
    every = candidates()
    seeds = heapq.nlargest(SEEDS, _able(), key=singles.__getitem__)
    least = max(singles) - _OUT_OF_THE_QUESTION
    found: dict[tuple[int, int], Detail] = {}
    for seed in seeds:
        mine = every[seed]
        scores = _beside(seed, facts, singles, is_recorded=is_recorded)
        family = mine.family
        marked = worth_of_marks(kinds, (mine.cause,), family) if kinds else 0.0
        for other, score in zip(_by_home()[mine.home], scores, strict=True):
            second = every[other]
            if mine.cause == second.cause:
                continue
            if kinds:
                score += worth_of_marks(kinds, (mine.cause, second.cause), family) - marked  # noqa: PLW2901
            key = (seed, other) if mine.order <= second.order else (other, seed)
            if score < least or key in found:
                continue
            prior = math.log(mine.prior * PRIOR_OF_A_SECOND * second.prior_here)
            found[key] = Detail(key, score, tuple(sorted((mine.cause, second.cause))), prior)
    return list(found.values())


def _beside(seed: int, facts: Facts, singles: Sequence[float], *, is_recorded: bool) -> list[float]:
    """Score of the seed with each other of its home, in their order."""
    every = candidates()
    mine = every[seed]
    others = _by_home()[mine.home]
    scores = [singles[seed] + math.log(PRIOR_OF_A_SECOND * every[other].prior_here) for other in others]
    regained = [0.0] * len(others)
    if is_recorded:
        doubts = [max(mine.doubt, every[other].doubt) for other in others]
        regained = [price_of_doubt(mine.doubt) - price_of_doubt(doubt) for doubt in doubts]
        scores = [
            score + _once(doubt) - _once(mine.doubt) for score, doubt in zip(scores, doubts, strict=True)
        ]
    for (probe, outcome), weight in facts.items():
        gained = _gained(seed, probe, outcome)
        for place, gain in zip(_reached(probe, mine.home), gained, strict=True):
            scores[place] += weight * (gain + regained[place])
    return scores


@lru_cache(maxsize=20_000)
def _gained(seed: int, probe: Probe, outcome: Outcome) -> array[float]:
    """What one fact is likelier, as a logarithm, with each other that it reaches, than with the seed alone.

    Kept, for what was asked once is weighed again after each further question.
    """
    every = candidates()
    mine = every[seed]
    alone = column(probe, outcome)[seed]
    others = _by_home()[mine.home]
    found = array("d")
    for place in _reached(probe, mine.home):
        other = others[place]
        pair = (seed, other) if mine.order <= every[other].order else (other, seed)
        found.append(math.log(pair_likelihood(*pair, probe, outcome)) - alone)
    return found


@lru_cache(maxsize=10_000)
def _reached(probe: Probe, home: int) -> tuple[int, ...]:
    """The places of those of a home to which a fact makes any difference."""
    reaches = meeting(probe).reach
    return tuple(place for place, number in enumerate(_by_home()[home]) if reaches[number])


@lru_cache(maxsize=1)
def _able() -> tuple[int, ...]:
    return tuple(number for number, one in enumerate(candidates()) if one.signature is not None)


@lru_cache(maxsize=1)
def _by_home() -> Mapping[int, tuple[int, ...]]:
    found: dict[int, list[int]] = {}
    for number in _able():
        found.setdefault(candidates()[number].home, []).append(number)
    return {home: tuple(numbers) for home, numbers in found.items()}


@lru_cache(maxsize=20_000)
def worth_of_marks(kinds: tuple[str, ...], causes: tuple[str, ...], family: Family) -> float:
    """What marks of these kinds add to the score of causes that are at work on such a PBX."""
    return sum(TEMPER * math.log(MARKS[kind].factor(causes, family)) for kind in kinds)


def _belief(evidence: Evidence, scored: Sequence[Detail]) -> Belief:
    families = _families()
    top = max(one.weight for one in scored)
    shares = [math.exp(one.weight - top) for one in scored]
    total = sum(shares)
    by_explanation: dict[tuple[str, ...], float] = {}
    fits: dict[tuple[str, ...], dict[Family, float]] = {}
    by_family: dict[Family, float] = dict.fromkeys(Family, 0.0)
    details = []
    for one, part in zip(scored, shares, strict=True):
        share = part / total
        by_explanation[one.causes] = by_explanation.get(one.causes, 0.0) + share
        family = families[one.numbers[0]] if one.numbers else Family.OTHER
        here = fits.setdefault(one.causes, {})
        fit = one.weight - one.prior
        if fit > here.get(family, -math.inf):
            here[family] = fit
        if share > _FAINT and one.numbers:
            details.append(Detail(one.numbers, share, one.causes, one.prior))
            by_family[family] += share
    by_family[Family.OTHER] += 1.0 - sum(by_family.values())
    if not details:  # something else is all but certain; what to ask is still asked of what is known
        details = [max((one for one in scored if one.numbers), key=lambda one: one.weight)]
        details = [details[0]._replace(weight=1.0)]
    ranked = sorted(by_explanation.items(), key=lambda item: (-item[1], item[0]))
    by_cause: dict[str, float] = {}
    for causes, share in ranked:
        for cause in causes:
            by_cause[cause] = by_cause.get(cause, 0.0) + share
    return Belief(
        evidence=evidence,
        explanations=tuple(
            Explanation(causes=causes, probability=share, fit=max(fits[causes].values()), fit_on=fits[causes])
            for causes, share in ranked
        ),
        causes=by_cause,
        families=by_family,
        details=tuple(heapq.nlargest(_KEPT, details, key=lambda one: one.weight)),
    )


def marks_of(evidence: Evidence, kind: str) -> tuple[Mark, ...]:
    """The marks of one kind."""
    return tuple(mark for mark in evidence.marks if mark.kind == kind)
