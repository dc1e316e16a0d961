"""What the user has named is tried before a verdict is called sure: he named it because it may matter."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from shiftline.diagnosis.belief import Belief
from shiftline.diagnosis.experiment import Done, Experiment, Means, Permission, Risk
from shiftline.diagnosis.outcome import REFUSALS
from shiftline.diagnosis.probe import Load, Path, Probe, Shape, Source
from shiftline.diagnosis.programme import programme_of
from shiftline.diagnosis.stopping import is_askable
from shiftline.diagnosis.telling import price

_NAMED = {
    Means.WORKING_AGENT: Shape.OTHER_AGENT,
    Means.SERVED_DOMAIN: Shape.OTHER_DOMAIN,
    Means.OTHER_CALLER: Shape.OTHER_CALLER,
    Means.METADATA: Shape.WITH_METADATA,
}
"""What may be named, and how a message looks that has it."""


def untried(
    belief: Belief, permission: Permission, done: Sequence[Done], *, budget: int, now: float
) -> Experiment | None:
    """A refused question with what was named and never tried; None if there is none that may be asked.

    A shape that was tried together with others counts as tried only where that passed: of a refusal nobody
    knows which change was wrong.
    """
    shapes = {shape for means, shape in _NAMED.items() if means in permission.means} - _tried(belief)
    asked = {past.experiment for past in done}
    refused = {trial.as_sent for trial in belief.evidence.trials if trial.outcome in REFUSALS}
    found = [
        one
        for one in programme_of(permission.means).values()
        if one.id not in asked
        and one.probe.shape in shapes
        and _usual(one.probe) in refused
        and one.risk <= Risk.HARMLESS
        and one.cost <= budget
        and permission.permits(one)
        and is_askable(one, belief, done, now)
    ]
    return min(found, key=lambda one: (price(one), one.id)) if found else None


def _tried(belief: Belief) -> set[Shape]:
    tried: set[Shape] = set()
    for trial in belief.evidence.trials:
        probe = trial.as_sent
        if probe.load is Load.SINGLE and (
            trial.outcome not in REFUSALS or probe.shape is not Shape.ALL_CHANGED
        ):
            tried |= probe.changes
    return tried


def _usual(probe: Probe) -> Probe:
    """The same question without the change."""
    return replace(probe, shape=Shape.USUAL, unchanged=frozenset(), source=Source.OWN, path=Path.USUAL)
