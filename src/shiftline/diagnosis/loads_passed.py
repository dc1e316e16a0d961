"""Up to which rate the loads passed: what was tried is said, and that a limit may lie above it."""

from __future__ import annotations

from collections.abc import Sequence

from shiftline.diagnosis.evidence import Trial
from shiftline.diagnosis.outcome import REFUSALS, Outcome
from shiftline.diagnosis.probe import Load, Method
from shiftline.diagnosis.programme import PROGRAMME

_LADDER = (Load.BRISK, Load.RAISED, Load.STORM)
ASKED = "asked"
"""The figure of a load that passed: of how many requests it was."""
_ANSWERS = (Outcome.NOT_FOUND, Outcome.NO_METHOD)
"""No refusals of a load: the user or the method is unknown at any rate."""


def loads_passed(trials: Sequence[Trial]) -> str:
    """A sentence; empty if no load was put on, or one was refused."""
    loads = [one for one in trials if one.probe.load in (*_LADDER, Load.CONCURRENT)]
    if any(one.outcome in REFUSALS and one.outcome not in _ANSWERS for one in loads):
        return ""
    most: dict[Method, tuple[float, int]] = {}
    for one in loads:
        plan = PROGRAMME[one.experiment].plan if one.experiment in PROGRAMME else None
        if plan is not None and one.probe.load in _LADDER:
            method = one.probe.method
            asked = round(one.figures.get(ASKED, plan.requests))
            most[method] = max(most.get(method, (0.0, 0)), (plan.rate, asked))
    if not most:
        return ""
    told = " and ".join(
        f"{number:,} {method} at {rate:.0f} a second" for method, (rate, number) in sorted(most.items())
    )
    return f"No limit was met by {told}; one that lets more pass was not looked for."
