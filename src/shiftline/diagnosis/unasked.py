"""What a run could not ask about for want of a word on the command line: it stands beside health."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from shiftline.diagnosis.experiment import Experiment, Means, Permission
from shiftline.diagnosis.families import Family
from shiftline.diagnosis.finding import Unasked
from shiftline.diagnosis.hypotheses import HEALTHY, candidates, expected
from shiftline.diagnosis.options import options_for
from shiftline.diagnosis.probe import Probe
from shiftline.diagnosis.programme import PROGRAMME, means_wanted, programme_of
from shiftline.diagnosis.telling import distance, price

_TELLS = 0.3
"""From this total variation on, an answer shows the cause."""


def unasked(
    causes: Collection[str], homes: Collection[Family], permission: Permission
) -> tuple[Unasked, ...]:
    """By what has to be said: those of the causes that the cheapest experiment would then show."""
    closed = sorted(_closed(permission), key=lambda pair: (price(pair[0]), len(pair[1]), pair[0].id))
    found: dict[tuple[str, ...], list[str]] = {}
    for cause in causes:
        hidden = [number for number in _ways(cause, homes) if _is_hidden(number, permission)]
        options = next(
            (options for one, options in closed if any(_shows(number, one.probe) for number in hidden)), None
        )
        if options is not None:
            found.setdefault(options, []).append(cause)
    return tuple(Unasked(causes=tuple(names), options=options) for options, names in found.items())


def _ways(cause: str, homes: Collection[Family]) -> list[int]:
    """The candidates of a cause on these kinds of PBX, by number."""
    return [
        number for number, one in enumerate(candidates()) if one.cause == cause and one.family in homes
    ]  # fmt: skip


def _is_hidden(number: int, permission: Permission) -> bool:
    """Whether nothing that may be asked by now shows it."""
    every = programme_of(permission.means).values()
    return not any(permission.permits(one) and _shows(number, one.probe) for one in every)


def _closed(permission: Permission) -> Iterator[tuple[Experiment, tuple[str, ...]]]:
    """Experiments that were not asked, or not in full, each with what it wants."""
    for name, known in PROGRAMME.items():
        one = programme_of(permission.means | means_wanted(known))[name]
        options = options_for(one, permission)
        if options and Means.OTHER_TRANSPORT not in one.needs - permission.means:
            yield one, options


def _shows(number: int, probe: Probe) -> bool:
    """Whether a candidate answers otherwise than health there."""
    mine = candidates()[number]
    healthy = next(
        other
        for other, one in enumerate(candidates())
        if one.cause == HEALTHY and one.home == mine.home
    )  # fmt: skip
    return distance(expected((number,), probe), expected((healthy,), probe)) > _TELLS
