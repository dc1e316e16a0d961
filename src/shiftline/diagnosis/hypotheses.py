"""All explanations that are weighed: each cause in each signature on each family, alone or in pairs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from shiftline.diagnosis.catalogue import CATALOGUE
from shiftline.diagnosis.catalogue.baseline import healthy
from shiftline.diagnosis.catalogue.cause import DOUBT, Cause, Signature
from shiftline.diagnosis.families import Family
from shiftline.diagnosis.model import DOUBT_OF_HEALTH, Hypothesis, answer_share, in_order, reach
from shiftline.diagnosis.outcome import Outcome
from shiftline.diagnosis.probe import Probe

HEALTHY = "healthy"
PRIOR_OF_HEALTH = 0.15
PRIOR_OF_SOMETHING_ELSE = 0.02
PRIOR_OF_A_SECOND = 0.06
"""That a second, independent fault is at work."""
_SHARE = 1.0 / len(Outcome)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A cause in one signature on one family."""

    cause: str
    signature: Signature | None
    """None: it changes no answer; only marks speak for it."""
    family: Family
    prior: float
    """Of cause, signature and family together."""
    prior_within_family: float

    def hypothesis(self) -> Hypothesis:
        """This alone."""
        signatures = () if self.signature is None else (self.signature,)
        return Hypothesis(signatures=signatures, causes=(self.cause,), family=self.family, prior=self.prior)

    def with_second(self, other: Candidate) -> Hypothesis:
        """This and another, in the order in which they act."""
        signatures = in_order(one.signature for one in (self, other) if one.signature is not None)
        first, second = (self, other) if signatures[0] is self.signature else (other, self)
        return Hypothesis(
            signatures=signatures,
            causes=(first.cause, second.cause),
            family=self.family,
            prior=PRIOR_OF_A_SECOND * self.prior * other.prior_within_family,
        )


@lru_cache(maxsize=1)
def candidates() -> tuple[Candidate, ...]:
    """Every cause of the catalogue in each of its signatures, and health, on every family."""
    found = [
        Candidate(HEALTHY, None, family, PRIOR_OF_HEALTH / len(Family), PRIOR_OF_HEALTH) for family in Family
    ]
    total = sum(cause.prior for cause in CATALOGUE.values() if cause.id != HEALTHY)
    for cause in CATALOGUE.values():
        if cause.id != HEALTHY:
            share = (1.0 - PRIOR_OF_HEALTH - PRIOR_OF_SOMETHING_ELSE) * cause.prior / total
            found += _of_cause(cause, share)
    return tuple(found)


def _of_cause(cause: Cause, share: float) -> list[Candidate]:
    if not cause.signatures:
        return [Candidate(cause.id, None, family, share / len(Family), share) for family in Family]
    by_family = {
        family: [signature for signature in cause.signatures if family in signature.families]
        for family in Family
    }
    homes = [family for family, signatures in by_family.items() if signatures]
    found = []
    for family in homes:
        weights = sum(signature.weight for signature in by_family[family])
        for signature in by_family[family]:
            part = share * signature.weight / weights
            found.append(Candidate(cause.id, signature, family, part / len(homes), part))
    return found


@lru_cache(maxsize=20_000)
def column(probe: Probe, outcome: Outcome) -> tuple[Mapping[Family, float], tuple[tuple[float, float], ...]]:
    """Of one fact: its likelihood on a healthy trunk by family, and (reach, answer) for each candidate."""
    base = {family: healthy(family, probe).get(outcome, 0.0) for family in Family}
    cells = tuple(
        (0.0, 0.0)
        if one.signature is None
        else (reach(one.signature, probe), answer_share(one.signature, probe, outcome))
        for one in candidates()
    )
    return base, cells


@lru_cache(maxsize=20_000)
def likelihoods(probe: Probe, outcome: Outcome) -> tuple[float, ...]:
    """Of one fact under each candidate alone."""
    base, cells = column(probe, outcome)
    return tuple(
        _doubted(share * answer + (1.0 - share) * base[one.family], doubt_of(one))
        for one, (share, answer) in zip(candidates(), cells, strict=True)
    )


def pair_likelihood(first: int, second: int, probe: Probe, outcome: Outcome) -> float:
    """Of one fact under two candidates of one family, given by number, the first acting first."""
    every = candidates()
    base, cells = column(probe, outcome)
    (share, answer), (later, after) = cells[first], cells[second]
    behind = later * after + (1.0 - later) * base[every[first].family]
    doubt = max(doubt_of(every[first]), doubt_of(every[second]))
    return _doubted(share * answer + (1.0 - share) * behind, doubt)


def unknown_likelihood(probe: Probe, outcome: Outcome) -> float:
    """Of one fact under something else: half as if nothing were wrong, half anything."""
    base, _ = column(probe, outcome)
    return 0.5 * base[Family.OTHER] + 0.5 * _SHARE


def doubt_of(one: Candidate) -> float:
    """The doubt that its table deserves."""
    return DOUBT_OF_HEALTH if one.signature is None else DOUBT[one.signature.grounds]


def _doubted(value: float, doubt: float) -> float:
    return (1.0 - doubt) * value + doubt * _SHARE
