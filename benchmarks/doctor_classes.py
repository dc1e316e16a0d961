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
from shiftline.diagnosis.probe import Aim, Probe
from shiftline.diagnosis.programme import programme_of

TELLS = 0.5
"""From this total variation on, one answer tells two hypotheses apart."""
NO_ANSWER = frozenset({Outcome.SILENCE, Outcome.ICMP, Outcome.CONNECTION_REFUSED})
"""What tells nothing of the PBX: it comes from the way, or from nowhere."""


@cache
def probes_allowed(permission: Permission) -> tuple[Probe, ...]:
    """The different probes of all experiments that are permitted."""
    every = programme_of(permission.means).values()
    return tuple(dict.fromkeys(one.probe for one in every if permission.permits(one)))


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
    here = {family, *likewise}
    within = frozenset(number for number, one in enumerate(candidates()) if one.family in here)
    found: dict[str, set[str]] = {}
    for number, one in enumerate(candidates()):
        if one.family is family:
            alike = within.intersection(*(_hardly_told_by(probe)[number] for probe in probes))
            found.setdefault(one.cause, {one.cause}).update(candidates()[other].cause for other in alike)
    return {cause: frozenset(alike) for cause, alike in found.items()}


def class_of(cause: str, family: Family, permission: Permission) -> frozenset[str]:
    """The class of one cause; of a cause that the catalogue does not have there, itself."""
    return classes(family, permission).get(
        cause, frozenset({cause, HEALTHY} if cause == HEALTHY else {cause})
    )


@cache
def alike_unheard(cause: str, permission: Permission) -> frozenset[str]:
    """What looks like a cause that keeps every answer away, on whatever PBX.

    A PBX that nobody has heard a word of may be of any kind, so these are the causes that leave every allowed
    question unanswered on some kind of PBX as it does.
    """
    # A load about a user is put on only where it is known what is said of him at rest.
    probes = [one for one in probes_allowed(permission) if one.aim not in (Aim.USER, Aim.OTHER_USER)]
    unheard = [
        number for number in range(len(candidates())) if all(_is_unheard(number, probe) for probe in probes)
    ]
    mine = [number for number in unheard if candidates()[number].cause == cause]
    alike = frozenset[int]().union(
        *(frozenset(unheard).intersection(*(_hardly_told_by(probe)[one] for probe in probes)) for one in mine)
    )
    return frozenset({cause, *(candidates()[number].cause for number in alike)})


def _is_unheard(number: int, probe: Probe) -> bool:
    heard = sum(share for outcome, share in expected((number,), probe).items() if outcome not in NO_ANSWER)
    return heard < TELLS


@cache
def _hardly_told_by(probe: Probe) -> tuple[frozenset[int], ...]:
    """Of each candidate, by its number: those that one answer to this question would hardly tell from it."""
    outcomes = [expected((number,), probe) for number in range(len(candidates()))]
    same: dict[frozenset[tuple[Outcome, float]], set[int]] = {}
    for number, row in enumerate(outcomes):
        same.setdefault(frozenset(row.items()), set()).add(number)
    alike = {
        row: frozenset().union(*(numbers for other, numbers in same.items() if _distance(row, other) < TELLS))
        for row in same
    }
    return tuple(alike[frozenset(row.items())] for row in outcomes)


def _distance(one: frozenset[tuple[Outcome, float]], other: frozenset[tuple[Outcome, float]]) -> float:
    """Total variation, from 0 (alike) to 1."""
    here, there = dict(one), dict(other)
    return 0.5 * sum(abs(here.get(outcome, 0.0) - there.get(outcome, 0.0)) for outcome in {*here, *there})
