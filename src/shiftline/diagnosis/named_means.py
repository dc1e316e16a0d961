"""What the user has named is tried before a verdict is called sure: he named it because it may matter."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from shiftline.diagnosis.again import repeated
from shiftline.diagnosis.belief import Belief
from shiftline.diagnosis.experiment import Done, Experiment, Means, Permission, Risk
from shiftline.diagnosis.outcome import REFUSALS, Outcome
from shiftline.diagnosis.probe import Credentials, Load, Method, Path, Probe, Shape, Source
from shiftline.diagnosis.programme import programme_of
from shiftline.diagnosis.stopping import DECIDED, is_askable
from shiftline.diagnosis.telling import price

_NAMED = {
    Means.WORKING_AGENT: Shape.OTHER_AGENT,
    Means.SERVED_DOMAIN: Shape.OTHER_DOMAIN,
    Means.OTHER_CALLER: Shape.OTHER_CALLER,
    Means.METADATA: Shape.WITH_METADATA,
}
"""What may be named, and how a message looks that has it."""
_UNHEARD = frozenset({Outcome.SILENCE, Outcome.ICMP})


_SAYS_WHAT_IT_LACKS = (Outcome.NO_METHOD, Outcome.BAD_EVENT)


def untried(
    belief: Belief, permission: Permission, done: Sequence[Done], *, budget: int, now: float
) -> Experiment | None:
    """A refused question with what was named and never tried; None if there is none that may be asked.

    Of questions that are refused alike one is enough; what REGISTER passes with, OPTIONS may want. A shape
    that was tried together with others counts as tried only where that passed, and nothing else that was
    named was among them: else nobody knows which change was wrong, or needed.

    What is only silent may be a ban, which more questions prolong, or whose end looks like their doing: there
    it is asked only before a verdict is called sure.
    """
    is_sure = belief.leading.probability >= DECIDED
    shapes = {shape for means, shape in _NAMED.items() if means in permission.means}
    asked = {past.experiment for past in done}
    refused = _refused(belief)
    tried = _tried(belief, refused)
    found = [
        one
        for one in programme_of(permission.means).values()
        if one.id not in asked
        and one.probe.shape in shapes
        and (outcome := refused.get(_usual(one.probe))) is not None
        and (is_sure or outcome not in _UNHEARD)
        and (outcome, one.probe.shape) not in tried
        and one.risk <= Risk.HARMLESS
        and one.cost <= budget
        and permission.permits(one)
        and is_askable(one, belief, done, now)
    ]
    return min(found, key=lambda one: (price(one), one.id)) if found else None


def alone(
    belief: Belief, permission: Permission, done: Sequence[Done], *, budget: int, now: float
) -> Experiment | None:
    """What was named, by itself, where a login passed with it and with guesses of ours among the changes.

    Whoever named it thinks that it may matter; until it was tried, no guess beside it is worth believing.
    """
    together = [
        trial.probe.changes
        for trial in belief.evidence.trials
        if trial.probe.shape is Shape.ALL_CHANGED and trial.outcome not in REFUSALS
    ]
    refused = _refused(belief)
    asked = {past.experiment for past in done}
    found = [
        one
        for one in programme_of(permission.means).values()
        if one.id not in asked
        and one.probe.method is Method.REGISTER
        and one.probe.credentials is Credentials.FRESH
        and any(_NAMED.get(means) is one.probe.shape for means in permission.means)
        and any(one.probe.shape in changes for changes in together)
        and _usual(one.probe) in refused
        and one.cost <= budget
        and permission.permits(one)
        and is_askable(one, belief, done, now)
    ]
    return min(found, key=lambda one: (price(one), one.id)) if found else None


def helped_once(
    belief: Belief, permission: Permission, done: Sequence[Done], *, budget: int, now: float
) -> Experiment | None:
    """A refused question that passed once with what was named: chance does not do that twice."""
    refused = _refused(belief)
    found = [
        one
        for trial in belief.evidence.trials
        if trial.outcome not in REFUSALS
        and trial.probe.shape in _NAMED.values()
        and _usual(trial.probe) in refused
        and (one := repeated(trial.experiment, permission, done)) is not None
        and one.cost <= budget
        and is_askable(one, belief, done, now)
    ]
    return found[0] if found else None


def _tried(belief: Belief, refused: Mapping[Probe, Outcome]) -> set[tuple[Outcome, Shape]]:
    """How the usual question is refused, and what was tried on one that is refused so.

    Where the usual question was not asked, that of its method counts.
    """
    asked = {trial.probe for trial in belief.evidence.trials}
    tried: set[tuple[Outcome, Shape]] = set()
    for trial in belief.evidence.trials:
        probe, usual = trial.probe, _usual(trial.probe)
        named = probe.changes & frozenset(_NAMED.values())
        is_told = probe.shape is not Shape.ALL_CHANGED or (trial.outcome not in REFUSALS and len(named) < 2)
        if probe.load is Load.SINGLE and is_told:
            alike = {usual} if usual in asked else {one for one in refused if one.method is probe.method}
            tried |= {(refused[one], shape) for one in alike & refused.keys() for shape in probe.changes}
    return tried


def _refused(belief: Belief) -> dict[Probe, Outcome]:
    """As it was meant: an OPTIONS that was refused ahead of any challenge was to carry a login."""
    return {
        trial.probe: trial.outcome
        for trial in belief.evidence.trials
        if trial.outcome in REFUSALS and trial.outcome not in _SAYS_WHAT_IT_LACKS
    }


def _usual(probe: Probe) -> Probe:
    """The same question without the change."""
    return replace(probe, shape=Shape.USUAL, unchanged=frozenset(), source=Source.OWN, path=Path.USUAL)
