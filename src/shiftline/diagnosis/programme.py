"""All experiments the doctor knows, in the order from safe to risky. The ids are stable.

``p0`` path and parser, ``p1`` the path once more, ``p2`` the challenge, ``p3`` credentials, ``p4`` another
account, ``p5`` another source, ``p6`` what is certainly refused, ``p7`` methods, ``p8`` rate, ``p9``
concurrency, ``p10`` the message, ``p11`` Via. What a clock or a log tells costs no question.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from shiftline.diagnosis.bisections import BISECTIONS
from shiftline.diagnosis.experiment import Experiment
from shiftline.diagnosis.loads import LOADS
from shiftline.diagnosis.questions import QUESTIONS

PROGRAMME: Mapping[str, Experiment] = MappingProxyType(
    {experiment.id: experiment for experiment in (*QUESTIONS, *BISECTIONS, *LOADS)}
)
"""Experiments by id, from safe to risky within each question."""
