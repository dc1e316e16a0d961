"""What an outcome means in a record of ordinary traffic: passed, troubled, or neither."""

from __future__ import annotations

from shiftline.diagnosis.notice import kinds_of
from shiftline.diagnosis.outcome import REFUSALS, Outcome
from shiftline.diagnosis.passive.rows import OUTCOMES, Rows
from shiftline.diagnosis.passive.sorts import Kind, Said, Sorts

_ANSWERS = frozenset(
    {
        Outcome.NOT_FOUND,
        Outcome.REDIRECTED,
        Outcome.UNAVAILABLE_NOW,
        Outcome.BUSY,
        Outcome.NOT_ACCEPTABLE,
        Outcome.TIMEOUT,
    }
)
"""Of a question or a call, these speak of the user and not of the trunk, unless they name the domain."""
_DOMAIN = "phrase.domain"
_ENDED = frozenset({487, 603})
"""Statuses of calls that went as the people wanted."""


_OUTCOME_BITS = 6
PASSED, TROUBLE = 1, 2
UNTOLD = 3
"""Under load, an answer that the user gets at rest in a limiter's words: it may be either."""
_OUTCOME_OF = bytes(code & (1 << _OUTCOME_BITS) - 1 for code in range(256))
_MARK_OF = bytes(code >> _OUTCOME_BITS for code in range(256))


def settled(outcome: Outcome, kind: Kind, said: Said) -> Outcome:
    """The outcome, with all answers that speak of a user as OK."""
    if outcome is Outcome.OK or outcome not in REFUSALS:
        return outcome
    if kind.method == "REGISTER":
        return outcome
    if outcome in _ANSWERS and not _is_about_domain(said):
        return Outcome.OK
    if outcome is Outcome.OTHER and said.status in _ENDED:
        return Outcome.OK
    return outcome


def _is_about_domain(said: Said) -> bool:
    """Whether it says that the domain is not served, for which a 404 is the answer as well (RFC 3261 section
    21.4.5): then no user was looked for.
    """
    return _DOMAIN in kinds_of("phrase", said.phrase, said.status)


def verdicts(rows: Rows) -> tuple[bytearray, bytearray]:
    """By row: the number of the settled outcome, and whether it is trouble (2), passed (1) or neither (0)."""
    codes = {outcome: _codes(rows.sorts, OUTCOMES[outcome]) for outcome in set(rows.outcome)}
    both = bytearray([codes[outcome][sort] for outcome, sort in zip(rows.outcome, rows.sort, strict=True)])
    return both.translate(_OUTCOME_OF), both.translate(_MARK_OF)


def _codes(sorts: Sorts, outcome: Outcome) -> bytes:
    """By sort, what an outcome means for it: mark and settled outcome in one byte."""
    known: dict[tuple[int, int], int] = {}
    codes = bytearray()
    for sort, key in enumerate(zip(sorts.kind, sorts.said, strict=True)):
        code = known.get(key)
        if code is None:
            means = settled(outcome, sorts.kind_of(sort), sorts.said_of(sort))
            mark = PASSED if means is Outcome.OK else TROUBLE if means in REFUSALS else 0
            code = known[key] = mark << _OUTCOME_BITS | OUTCOMES.index(means)
        codes.append(code)
    return bytes(codes)
