"""All marks in one table."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from shiftline.diagnosis.catalogue import (
    asterisk_marks,
    header_marks,
    load_marks,
    log_marks,
    phrase_marks,
    traffic_marks,
)
from shiftline.diagnosis.catalogue.marks import MarkKind
from shiftline.diagnosis.catalogue.phrases import Phrase

PHRASES: tuple[Phrase, ...] = (*header_marks.HEADERS, *phrase_marks.PHRASES)
"""What is looked for in answers."""
_ROWS = (
    *asterisk_marks.ROWS,
    *log_marks.ROWS,
    *(phrase.mark for phrase in PHRASES),
    *load_marks.ROWS,
    *traffic_marks.ROWS,
)
MARKS: Mapping[str, MarkKind] = MappingProxyType({row.kind: row for row in _ROWS})
"""Kinds of marks by name."""
