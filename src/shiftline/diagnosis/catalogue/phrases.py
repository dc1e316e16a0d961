"""How a reason phrase or a header of an answer becomes a mark: by regular expression.

A phrase is free text and may lie (RFC 3261 section 20.43): it moves a belief and decides nothing alone.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from shiftline.diagnosis.catalogue.marks import MarkKind


@dataclass(frozen=True, slots=True)
class Phrase:
    """Where to look, what for, and the mark that it makes."""

    header: str
    """Lower-case header of the answer; ``phrase`` is the reason phrase."""
    pattern: re.Pattern[str]
    mark: MarkKind
    statuses: frozenset[int] = frozenset()
    """Only with these statuses; empty: with any."""


def said(header: str, pattern: str, mark: MarkKind, *statuses: int) -> Phrase:
    """What matches ``pattern`` in that header, whatever its case."""
    return Phrase(header, re.compile(pattern, re.IGNORECASE), mark, frozenset(statuses))
