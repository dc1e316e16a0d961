"""Whom a load is compared with: the second source, and the account that is known to be good.

Whom an allow list does not have, or whose account is disabled, is refused at rest as well. Then what he got
beside a load tells nothing of what the limit counts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from shiftline.diagnosis.evidence import Trial
from shiftline.diagnosis.outcome import REFUSALS, Outcome
from shiftline.diagnosis.probe import Account, Load, Probe, Source

_NOT_SERVED = {*REFUSALS, Outcome.SILENCE}


def _is_elsewhere(probe: Probe) -> bool:
    return probe.source is Source.OTHER and probe.account is not Account.OTHER


def _is_another(probe: Probe) -> bool:
    return probe.account is Account.OTHER and probe.source is not Source.OTHER


_Is = Callable[[Probe], bool]
_PARTNERS: tuple[tuple[_Is, tuple[str, ...]], ...] = (
    (_is_elsewhere, ("p6.present.source", "p2.source", "p1.source")),
    (_is_another, ("p6.present.account", "p4.account")),
)
"""Each with the questions that ask for him at rest: the ones of checks first."""


def unknown_at_rest(asked: Mapping[Probe, Outcome | None]) -> tuple[str, ...]:
    """Experiments that ask at rest for whoever was refused beside a load and was not asked for otherwise."""
    refused = [probe for probe, outcome in asked.items() if outcome in _NOT_SERVED]
    beside = [probe for probe in refused if probe.load is Load.DURING]
    at_rest = [probe for probe in asked if probe.load is Load.SINGLE]
    return tuple(
        name
        for is_he, names in _PARTNERS
        if any(map(is_he, beside)) and not any(map(is_he, at_rest))
        for name in names
    )


def without_refused_at_rest(trials: Iterable[Trial]) -> tuple[Trial, ...]:
    """Without what was said beside a load to a partner who is refused at rest, and never served there."""
    told = tuple(trials)
    at_rest = [one for one in told if one.probe.load is Load.SINGLE]
    shut = [
        is_he
        for is_he, _ in _PARTNERS
        if (his := [one.outcome for one in at_rest if is_he(one.probe)]) and _NOT_SERVED.issuperset(his)
    ]
    return tuple(
        one for one in told if not (one.probe.load is Load.DURING and any(is_he(one.probe) for is_he in shut))
    )
