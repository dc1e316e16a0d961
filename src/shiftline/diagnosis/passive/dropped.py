"""Requests of a load that were dropped, and answered when they were sent again (RFC 3261 section 17.1.2.2).

To the client that waits they are answered late; to a limiter that drops (pike, K2) or a server that cannot
keep up they were refused. A road that loses does so at rest as well.
"""

from __future__ import annotations

from shiftline.diagnosis.outcome import Outcome
from shiftline.diagnosis.passive.arrivals import AT_REST, Arrivals
from shiftline.diagnosis.passive.rows import OUTCOME_NUMBER, UNANSWERED, Rows
from shiftline.diagnosis.passive.verdicts import TROUBLE

_LEAST = 10
_T1_SECONDS = 0.4
"""Nearly T1: who sends again sooner than RFC 3261 says may be answered to the first copy."""
_OFTEN, _RARELY = 0.1, 0.02
"""Share that was dropped of a load, at least, and of single requests, at most."""


def is_dropped(rows: Rows, row: int) -> bool:
    """Whether the first copy of a request had no answer, and a later one had."""
    answered_after, dropped = rows.arrived.get(row, (0.0, ()))
    return bool(dropped) and (answered_after >= _T1_SECONDS or rows.latency[row] == UNANSWERED)


def tell_dropped(rows: Rows, arrivals: Arrivals, marks: bytearray, outcomes: bytearray) -> None:
    """Write into both columns that what a load lost at first was met by silence.

    Only where all was answered well in the end: else what was refused for good tells more.
    """
    if TROUBLE in marks:
        return
    dropped = [row for row in rows.arrived if is_dropped(rows, row) and rows.latency[row] != UNANSWERED]
    loaded = [row for row in dropped if arrivals.by_source[row] > AT_REST]
    if len(loaded) < _LEAST:
        return
    single = sum(count <= AT_REST for count in arrivals.by_source)
    if len(loaded) < _OFTEN * (len(rows) - single) or len(dropped) - len(loaded) > _RARELY * single:
        return
    for row in loaded:
        marks[row], outcomes[row] = TROUBLE, OUTCOME_NUMBER[Outcome.SILENCE]
