"""What an outcome means in a record of ordinary traffic: passed, troubled, or neither."""

from __future__ import annotations

from shiftline.diagnosis.outcome import REFUSALS, Outcome
from shiftline.diagnosis.passive.rows import OUTCOMES, Rows

_ANSWERS = frozenset(
    {
        Outcome.NOT_FOUND,
        Outcome.UNAVAILABLE_NOW,
        Outcome.BUSY,
        Outcome.NOT_ACCEPTABLE,
        Outcome.TIMEOUT,
    }
)
"""Of a question or a call, these speak of the user and not of the trunk."""
_ENDED = frozenset({487, 302, 301, 603})
"""Statuses of calls that went as the people wanted."""


def settled(rows: Rows, row: int) -> Outcome:
    """The outcome of a row, with all answers that speak of a user as OK."""
    outcome = OUTCOMES[rows.outcome[row]]
    if outcome is Outcome.OK or outcome not in REFUSALS:
        return outcome
    if rows.kind_of(row).method == "REGISTER":
        return outcome
    if outcome in _ANSWERS:
        return Outcome.OK
    if outcome is Outcome.OTHER and rows.said_of(row).status in _ENDED:
        return Outcome.OK
    return outcome


def verdicts(rows: Rows) -> tuple[bytearray, bytearray]:
    """By row: the number of the settled outcome, and whether it is trouble (2), passed (1) or neither (0)."""
    outcomes, marks = bytearray(len(rows)), bytearray(len(rows))
    known: dict[tuple[int, int, int], tuple[int, int]] = {}
    for row, key in enumerate(zip(rows.outcome, rows.kind, rows.said, strict=True)):
        found = known.get(key)
        if found is None:
            outcome = settled(rows, row)
            mark = 1 if outcome is Outcome.OK else 2 if outcome in REFUSALS else 0
            found = known[key] = (OUTCOMES.index(outcome), mark)
        outcomes[row], marks[row] = found
    return outcomes, marks


PASSED, TROUBLE = 1, 2
