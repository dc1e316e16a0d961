"""All explanations that are weighed: each cause in each signature, with one answer, on each kind of PBX.

A PBX answers the same question the same way every time, so a signature that is known with several answers
is several candidates with one answer each, and a family with several habits is several homes.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

from shiftline.diagnosis.catalogue import CATALOGUE
from shiftline.diagnosis.catalogue.baseline import HOMES, healthy
from shiftline.diagnosis.catalogue.cause import DOUBT, Cause, Signature
from shiftline.diagnosis.families import Family
from shiftline.diagnosis.model import DOUBT_OF_HEALTH, acts, as_seen, reach
from shiftline.diagnosis.outcome import Outcome
from shiftline.diagnosis.probe import Load, Probe

HEALTHY = "healthy"
PRIOR_OF_HEALTH = 0.2
PRIOR_OF_SOMETHING_ELSE = 0.01
PRIOR_OF_A_SECOND = 0.15
"""That a second, independent fault is at work."""
DOUBT_OF_A_LOAD = 0.005
"""What a healthy trunk leaves to any outcome of a load: it is that of many requests, not of a lost packet."""
_LOADS = (Load.BRISK, Load.RAISED, Load.STORM, Load.CONCURRENT, Load.CROWD)
_SHARE = 1.0 / len(Outcome)
_KEPT_COLUMNS = 3000


@dataclass(frozen=True, slots=True)
class Candidate:
    """A cause in one signature with one answer on one kind of PBX."""

    cause: str
    signature: Signature | None
    """None: it changes no answer; only marks speak for it."""
    answer: Outcome
    home: int
    """Number in `HOMES`."""
    prior: float
    """Of all this together."""
    prior_here: float
    """Of cause, signature and answer on this family."""
    doubt: float
    """The doubt that its table deserves."""
    order: tuple[int, str]
    """What acts first sorts first."""

    @property
    def family(self) -> Family:
        """Of its home."""
        return HOMES[self.home].family


@lru_cache(maxsize=1)
def candidates() -> tuple[Candidate, ...]:
    """Every cause of the catalogue in each of its shapes, and health, on every kind of PBX."""
    found = list(_everywhere(HEALTHY, PRIOR_OF_HEALTH))
    total = sum(cause.prior for cause in CATALOGUE.values() if cause.id != HEALTHY)
    for cause in CATALOGUE.values():
        if cause.id != HEALTHY:
            share = (1.0 - PRIOR_OF_HEALTH - PRIOR_OF_SOMETHING_ELSE) * cause.prior / total
            found += _of_cause(cause, share) if cause.signatures else _everywhere(cause.id, share)
    return tuple(found)


def _everywhere(cause: str, share: float) -> Iterator[Candidate]:
    for number, home in enumerate(HOMES):
        prior = share * home.share / len(Family)
        yield Candidate(cause, None, Outcome.OK, number, prior, share, DOUBT_OF_HEALTH, (-1, cause))


def _of_cause(cause: Cause, share: float) -> Iterator[Candidate]:
    by_family = {
        family: [signature for signature in cause.signatures if family in signature.families]
        for family in Family
    }
    able = sum(1 for signatures in by_family.values() if signatures)
    for family, signatures in by_family.items():
        total = sum(signature.weight for signature in signatures)
        for signature in signatures:
            for answer, part in signature.answers.items():
                here = share * signature.weight / total * part
                yield from _at_home(cause.id, signature, answer, family, here, here / able)


def _at_home(
    cause: str, signature: Signature, answer: Outcome, family: Family, here: float, prior: float
) -> Iterator[Candidate]:
    doubt, order = DOUBT[signature.grounds], (int(signature.stage), signature.id)
    for number, home in enumerate(HOMES):
        if home.family is family:
            yield Candidate(cause, signature, answer, number, prior * home.share, here, doubt, order)


@dataclass(frozen=True, slots=True)
class Meeting:
    """How every candidate meets one probe: how surely, and what is seen then."""

    reach: array[float]
    seen: tuple[Outcome, ...]
    healthy: tuple[Mapping[Outcome, float], ...]
    """By home: what is seen of those that pass."""


@lru_cache(maxsize=2000)
def meeting(probe: Probe) -> Meeting:
    """Of all candidates, in their order."""
    shared = _shared()
    chances = {
        id(signature): acts(signature, probe) for signature, _ in shared.answers if signature is not None
    }
    reaches = [
        0.0 if signature is None else reach(signature, probe, HOMES[home], chances[id(signature)])
        for signature, home in shared.filters
    ]
    seen = [
        answer if signature is None else as_seen(answer, signature, probe)
        for signature, answer in shared.answers
    ]
    return Meeting(
        array("d", map(reaches.__getitem__, shared.filter_of)),
        tuple(map(seen.__getitem__, shared.answer_of)),
        tuple(healthy(home, probe) for home in HOMES),
    )


@dataclass(frozen=True, slots=True)
class _Shared:
    """Many candidates share a signature, and few of them differ in what follows from it."""

    filters: tuple[tuple[Signature | None, int], ...]
    """Each signature at each home."""
    filter_of: array[int]
    """By candidate, its place in ``filters``."""
    answers: tuple[tuple[Signature | None, Outcome], ...]
    answer_of: array[int]
    """By candidate, its place in ``answers``."""


@lru_cache(maxsize=1)
def _shared() -> _Shared:
    filters: dict[tuple[int, int], int] = {}
    answers: dict[tuple[int, Outcome], int] = {}
    filter_of, answer_of = array("I"), array("I")
    for one in candidates():
        filter_of.append(filters.setdefault((id(one.signature), one.home), len(filters)))
        answer_of.append(answers.setdefault((id(one.signature), one.answer), len(answers)))
    by_filter = dict(zip(filter_of, candidates(), strict=True))
    by_answer = dict(zip(answer_of, candidates(), strict=True))
    return _Shared(
        tuple((by_filter[place].signature, by_filter[place].home) for place in range(len(filters))),
        filter_of,
        tuple((by_answer[place].signature, by_answer[place].answer) for place in range(len(answers))),
        answer_of,
    )


@lru_cache(maxsize=_KEPT_COLUMNS)
def column(probe: Probe, outcome: Outcome) -> array[float]:
    """Logarithm of the likelihood of one fact under each candidate alone."""
    met = meeting(probe)
    base = [there.get(outcome, 0.0) for there in met.healthy]
    of_health = DOUBT_OF_A_LOAD if probe.load in _LOADS else DOUBT_OF_HEALTH
    return array(
        "d",
        (
            math.log(
                doubted(
                    (share if seen is outcome else 0.0) + (1.0 - share) * base[one.home],
                    one.doubt if one.signature is not None else of_health,
                )
            )
            for one, share, seen in zip(candidates(), met.reach, met.seen, strict=True)
        ),
    )


def pair_likelihood(first: int, second: int, probe: Probe, outcome: Outcome) -> float:
    """Of one fact under two candidates of one home, given by number, the first acting first."""
    met, every = meeting(probe), candidates()
    base = met.healthy[every[first].home].get(outcome, 0.0)
    share, later = met.reach[first], met.reach[second]
    behind = (later if met.seen[second] is outcome else 0.0) + (1.0 - later) * base
    value = (share if met.seen[first] is outcome else 0.0) + (1.0 - share) * behind
    return doubted(value, max(every[first].doubt, every[second].doubt))


def unknown_likelihood(probe: Probe, outcome: Outcome) -> float:
    """Of one fact under something else: half as if nothing were wrong, half anything."""
    ordinary = max(there.get(outcome, 0.0) for there in meeting(probe).healthy)
    return 0.5 * ordinary + 0.5 * _SHARE


def expected(numbers: tuple[int, ...], probe: Probe) -> dict[Outcome, float]:
    """How likely each outcome is under one candidate or two of one home; sums to one."""
    met, every = meeting(probe), candidates()
    found: dict[Outcome, float] = {}
    rest = 1.0
    for number in numbers:
        share = rest * met.reach[number]
        if share > 0.0:
            found[met.seen[number]] = found.get(met.seen[number], 0.0) + share
            rest -= share
    if rest > 0.0:
        for outcome, part in met.healthy[every[numbers[0]].home].items():
            found[outcome] = found.get(outcome, 0.0) + rest * part
    return found


def doubted(value: float, doubt: float) -> float:
    """A likelihood that leaves a share to any outcome."""
    return (1.0 - doubt) * value + doubt * _SHARE
