"""Which causes cannot be told apart on a PBX with the experiments that are allowed: computed, not measured.

By the catalogue: two causes are of one class if each has a signature there, and no allowed experiment is
expected to end so differently that one answer would tell. The luck of a run plays no part.
"""

from __future__ import annotations

from functools import cache

from shiftline.diagnosis.experiment import Permission
from shiftline.diagnosis.families import Family
from shiftline.diagnosis.hypotheses import HEALTHY, candidates, expected
from shiftline.diagnosis.outcome import Outcome
from shiftline.diagnosis.probe import Probe
from shiftline.diagnosis.programme import PROGRAMME

TELLS = 0.5
"""From this total variation on, one answer tells two hypotheses apart."""


@cache
def probes_allowed(permission: Permission) -> tuple[Probe, ...]:
    """The different probes of all experiments that are permitted."""
    return tuple(dict.fromkeys(one.probe for one in PROGRAMME.values() if permission.permits(one)))


@cache
def classes(family: Family, permission: Permission) -> dict[str, frozenset[str]]:
    """Of each cause on that family: the causes that cannot be told from it, itself among them."""
    return alike_under(probes_allowed(permission), family)


@cache
def alike_under(
    probes: tuple[Probe, ...], family: Family, likewise: frozenset[Family] = frozenset()
) -> dict[str, frozenset[str]]:
    """The same where these are all the questions that are asked.

    ``likewise`` are other families that the PBX may be, for all that is known of it: then a cause cannot be
    told from those either that look like it on one of them.
    """
    every = [(one, _row(number, probes)) for number, one in enumerate(candidates())]
    here = [(one.cause, row) for one, row in every if one.family is family]
    there = [(one.cause, row) for one, row in every if one.family is family or one.family in likewise]
    found: dict[str, set[str]] = {cause: {cause} for cause, _ in here}
    for cause, row in here:
        for other, its_row in there:
            if other not in found[cause] and _alike(row, its_row):
                found[cause].add(other)
    return {cause: frozenset(alike) for cause, alike in found.items()}


def class_of(cause: str, family: Family, permission: Permission) -> frozenset[str]:
    """The class of one cause; of a cause that the catalogue does not have there, itself."""
    return classes(family, permission).get(
        cause, frozenset({cause, HEALTHY} if cause == HEALTHY else {cause})
    )


def _row(number: int, probes: tuple[Probe, ...]) -> tuple[dict[Outcome, float], ...]:
    return tuple(expected((number,), probe) for probe in probes)


def _distance(one: dict[Outcome, float], other: dict[Outcome, float]) -> float:
    """Total variation, from 0 (alike) to 1."""
    return 0.5 * sum(abs(one.get(outcome, 0.0) - other.get(outcome, 0.0)) for outcome in {*one, *other})


def _alike(one: tuple[dict[Outcome, float], ...], other: tuple[dict[Outcome, float], ...]) -> bool:
    return all(_distance(mine, theirs) < TELLS for mine, theirs in zip(one, other, strict=True))
