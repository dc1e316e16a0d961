"""All experiments the doctor knows, in the order from safe to risky. The ids are stable.

``p0`` path and parser, ``p1`` the path once more, ``p2`` the challenge, ``p3`` credentials, ``p4`` another
account, ``p5`` another source, ``p6`` what is certainly refused, ``p7`` methods, ``p8`` rate, ``p9``
concurrency, ``p10`` the message, ``p11`` Via. What a clock or a log tells costs no question.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from types import MappingProxyType

from shiftline.diagnosis.bisections import BISECTIONS
from shiftline.diagnosis.experiment import Experiment, Means
from shiftline.diagnosis.loads import LOADS
from shiftline.diagnosis.method_questions import METHOD_QUESTIONS
from shiftline.diagnosis.probe import Aim, Probe, Shape
from shiftline.diagnosis.questions import QUESTIONS

PROGRAMME: Mapping[str, Experiment] = MappingProxyType(
    {experiment.id: experiment for experiment in (*QUESTIONS, *METHOD_QUESTIONS, *BISECTIONS, *LOADS)}
)
"""Experiments by id, from safe to risky within each question."""

_WANTED = MappingProxyType(
    {
        Shape.OTHER_AGENT: Means.WORKING_AGENT,
        Shape.OTHER_CALLER: Means.OTHER_CALLER,
        Shape.OTHER_DOMAIN: Means.SERVED_DOMAIN,
        Shape.OTHER_DIGEST_URI: Means.OTHER_HOST,
        Shape.WITH_METADATA: Means.METADATA,
    }
)
"""What a change of `Shape.ALL_CHANGED` is made with."""
_INSTEAD = MappingProxyType(
    {
        Shape.OTHER_AGENT: (Means.WORKING_AGENT, Shape.INVENTED_AGENT),
        Shape.OTHER_DOMAIN: (Means.SERVED_DOMAIN, Shape.GUESSED_DOMAIN),
    }
)
"""What is done where nobody says what to change to: something is invented, or guessed."""


@lru_cache(maxsize=256)
def programme_of(means: frozenset[Means]) -> Mapping[str, Experiment]:
    """The same experiments with the probes that really leave, where there is no more than this to ask with.

    Who knows no other caller cannot change it: what comes back tells nothing of callers then.
    """
    return MappingProxyType(
        {name: replace(one, probe=_as_asked(one.probe, means)) for name, one in PROGRAMME.items()}
    )


def _as_asked(probe: Probe, means: frozenset[Means]) -> Probe:
    if probe.shape is Shape.ALL_CHANGED:
        lacking = frozenset(shape for shape, wanted in _WANTED.items() if wanted not in means)
        return replace(probe, unchanged=lacking)
    if Means.CONTROLS not in means and probe.shape is not Shape.USUAL and probe.aim is Aim.PRESENT:
        probe = replace(probe, aim=Aim.SERVER)  # nobody said who is there
    wanted, instead = _INSTEAD.get(probe.shape, (None, probe.shape))
    return probe if wanted is None or wanted in means else replace(probe, shape=instead)


def means_wanted(one: Experiment) -> frozenset[Means]:
    """All that an experiment is asked with where everything is known, not only what it cannot do without."""
    if one.probe.shape is Shape.ALL_CHANGED:
        return one.needs | frozenset(_WANTED.values())
    better = _INSTEAD.get(one.probe.shape)
    return one.needs if better is None else one.needs | {better[0]}
