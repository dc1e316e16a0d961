"""A ladder as mermaid text, safe against whatever a peer wrote into its messages."""

from __future__ import annotations

import re

from shiftline.sip.ladder import Ladder, Row

_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 .,:/@()=?!_*+-")
# Mermaid takes these for its own words, wherever they stand in a line.
_KEYWORD = re.compile(r"\b(?:end|style|classdef|wrap|nowrap)", re.IGNORECASE)
_LONGEST_LABEL = 160


def mermaid_of(drawn: Ladder) -> str:
    """A ``sequenceDiagram``; solid arrows are requests, dashed ones responses."""
    lines = ["sequenceDiagram"]
    for place, participant in enumerate(drawn.participants):
        name = f"Shiftline {participant}" if participant.is_ours else str(participant)
        lines.append(f"    participant p{place} as {escape(name)}")
    if drawn.dropped and drawn.participants:
        lines.append(f"    Note over p0: {drawn.dropped} earlier messages are not shown")
    lines += [_line(row) for row in drawn.rows]
    return "\n".join([*lines, ""])


def _line(row: Row) -> str:
    arrow = "-->>" if row.status else "->>"
    times = f" x{row.times}" if row.times > 1 else ""
    notes = "".join([f" - {note}" for note in row.notes])
    text = row.label if len(row.label) <= _LONGEST_LABEL else f"{row.label[: _LONGEST_LABEL - 1]}…"
    return f"    p{row.source}{arrow}p{row.target}: {row.seconds:.3f} s {escape(text + times + notes)}"


def escape(text: str) -> str:
    """Text that mermaid shows as it is and never obeys: all but plain characters become entity codes.

    ``;`` would end the statement, ``#`` begin an entity, ``%%`` a comment or a directive, ``<`` a tag, and
    the word ``end`` a block.
    """
    keyword_starts = {found.start() for found in _KEYWORD.finditer(text)}
    return "".join(
        [
            char if char in _PLAIN and place not in keyword_starts else f"#{ord(char)};"
            for place, char in enumerate(text)
        ]
    )
