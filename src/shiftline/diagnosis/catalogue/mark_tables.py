"""All marks in one table."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from shiftline.diagnosis.catalogue import header_marks, log_marks, phrase_marks, traffic_marks
from shiftline.diagnosis.catalogue.marks import MarkKind
from shiftline.diagnosis.catalogue.phrases import Phrase

PHRASES: tuple[Phrase, ...] = (*header_marks.HEADERS, *phrase_marks.PHRASES)
"""What is looked for in answers."""
MARKS: Mapping[str, MarkKind] = MappingProxyType(
    {row.kind: row for row in (*log_marks.ROWS, *(phrase.mark for phrase in PHRASES), *traffic_marks.ROWS)}
)
"""Kinds of marks by name."""
