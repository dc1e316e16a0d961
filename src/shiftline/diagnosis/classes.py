"""Which causes nobody could tell apart on a kind of PBX, with the experiments that are allowed."""

from __future__ import annotations

from collections import defaultdict
from functools import lru_cache

from shiftline.diagnosis.experiment import Means, Permission, Risk
from shiftline.diagnosis.families import Family
from shiftline.diagnosis.hypotheses import HEALTHY, Candidate, candidates, expected
from shiftline.diagnosis.outcome import Outcome
from shiftline.diagnosis.programme import programme_of

ALIKE = 0.3
"""Expectations that differ by no more, in total variation, are alike: one question would not settle it."""
EVERYTHING = Permission(risk=Risk.MAY_RING, means=frozenset(Means), patience_seconds=600.0)

_USUAL = 0.1
"""Ways to show that make up less of their cause on a family are left out, with all the answers they have."""

_Expectation = tuple[dict[Outcome, float], ...]


@lru_cache(maxsize=4000)
def class_of(cause: str, family: Family, permission: Permission = EVERYTHING) -> frozenset[str]:
    """The cause with all that share a signature with it on this family, under what is permitted.

    A cause that shows in several ways has the others of each of them. A cause that no experiment shows, or
    that this family cannot have, is alone.
    """
    found = {cause}
    for shapes in _shapes(family, permission).values():
        mine = [shape for name, shape in shapes if name == cause]
        for name, shape in shapes:
            if name not in found and any(_alike(shape, other) for other in mine):
                found.add(name)
    return frozenset(found)


@lru_cache(maxsize=64)
def _shapes(family: Family, permission: Permission) -> dict[int, list[tuple[str, _Expectation]]]:
    """What each candidate is expected to answer to every experiment that is permitted, by home."""
    probes = [one.probe for one in programme_of(permission.means).values() if permission.permits(one)]
    found: dict[int, list[tuple[str, _Expectation]]] = {}
    usual = _usual(family)
    for number, one in enumerate(candidates()):
        is_shown = one.signature is not None or one.cause == HEALTHY
        if is_shown and one.family is family and _way(one) in usual:
            shape = tuple(expected((number,), probe) for probe in probes)
            found.setdefault(one.home, []).append((one.cause, shape))
    return found


def _usual(family: Family) -> frozenset[tuple[str, str]]:
    """The ways to show that are not rare; one that has many answers is not rare for that."""
    ways: defaultdict[tuple[str, str], float] = defaultdict(float)
    causes: defaultdict[str, float] = defaultdict(float)
    for one in candidates():
        if one.family is family:
            ways[_way(one)] += one.prior
            causes[one.cause] += one.prior
    return frozenset(way for way, prior in ways.items() if prior >= _USUAL * causes[way[0]])


def _way(one: Candidate) -> tuple[str, str]:
    return one.cause, "" if one.signature is None else one.signature.id


def _alike(one: _Expectation, other: _Expectation) -> bool:
    return all(
        mine == theirs or _distance(mine, theirs) <= ALIKE for mine, theirs in zip(one, other, strict=True)
    )


def _distance(one: dict[Outcome, float], other: dict[Outcome, float]) -> float:
    return 0.5 * sum(abs(one.get(outcome, 0.0) - other.get(outcome, 0.0)) for outcome in {*one, *other})
