"""The head of a message read row by row: slow, and the measure of what shapes and stencils read."""

from __future__ import annotations

import re
from collections.abc import Iterable

from shiftline.doctor.reading.holes import holes_in
from shiftline.doctor.reading.layout import (
    BRANCH_PART,
    BY_LOWER,
    CHALLENGES,
    FIRST,
    LAYOUTS,
    NAMES,
    PARTIES,
    SECOND,
    SENT_BY_PART,
)
from shiftline.doctor.reading.stencils import Changing

PARTY = rb'((?:"[^"\r]*+"[^<\r]*+)?+[^;>\r]*+)'
_FIRST_PARTY = re.compile(PARTY)
_BRANCH = re.compile(rb";\s*branch\s*=\s*([^;,\s]*)", re.IGNORECASE)
_FOLD = re.compile(rb"\n[ \t]+")
_LONGEST_HEAD = 65_536
_MOST_ROWS = 512
LONGEST_NAMES = 2048


def rows_of(data: bytes) -> tuple[bytes, list[tuple[bytes, bytes, bytes]]]:
    """The start line, and of each row usual name, what stands before its value, and value.

    At most 512, folds undone.
    """
    head = data[:_LONGEST_HEAD].replace(b"\r\n", b"\n").partition(b"\n\n")[0]
    start, *lines = _FOLD.sub(b" ", head).split(b"\n", _MOST_ROWS + 1)
    rows = []
    for line in lines[:_MOST_ROWS]:
        name, colon, value = line.partition(b":")
        if colon:
            before = line[: len(line) - len(value.lstrip())]
            rows.append((BY_LOWER.get(name.strip().lower(), name), before, value.strip()))
    return start.rstrip(b"\r"), rows


def call_id_of(data: bytes) -> bytes:
    """The Call-ID: it stands in for the branch that a client of RFC 2543 does not write."""
    return next((value for name, _, value in rows_of(data)[1] if name == b"Call-ID"), b"")


def challenge_rows(data: bytes) -> list[bytes]:
    """The values of all challenges of a response, in their order."""
    return [value for name, _, value in rows_of(data)[1] if name in CHALLENGES]


def values_of(start: bytes, rows: list[tuple[bytes, bytes, bytes]]) -> tuple[Changing, tuple[bytes, ...]]:
    """What changes, and what is common."""
    first: dict[bytes, bytes] = {}
    for name, _, value in rows:
        first.setdefault(name, value)
    words = [*start.split(None, 2), b"", b"", b""]
    via = first.get(b"Via", b"")
    branch = _BRANCH.search(via)
    first |= {BRANCH_PART: branch[1] if branch else b"", SENT_BY_PART: via.partition(b";")[0]}
    if words[0][:4].upper() == b"SIP/":
        is_status = words[1].isdigit() and len(words[1]) == 3
        first |= {FIRST: words[1] if is_status else b"", SECOND: words[2]}
        return _in_order(first, is_response=True, may_cut=has_one_challenge(name for name, _, _ in rows))
    first |= {FIRST: words[0], SECOND: words[1], NAMES: names_of(before for _, before, _ in rows)}
    for name in PARTIES:
        found = _FIRST_PARTY.match(first.get(name, b""))
        first[name] = found[1] if found else b""
    return _in_order(first, is_response=False)


def names_of(written: Iterable[bytes]) -> bytes:
    """The names of headers, a line each, from what stands before their values."""
    return b"\n".join([before.partition(b":")[0].strip() for before in written])[:LONGEST_NAMES]


def has_one_challenge(names: Iterable[bytes]) -> bool:
    """Whether one header among these holds a challenge: then the others need no look."""
    return sum(BY_LOWER.get(name.lower()) in CHALLENGES for name in names) == 1


def _in_order(
    first: dict[bytes, bytes], *, is_response: bool, may_cut: bool = True
) -> tuple[Changing, tuple[bytes, ...]]:
    changing, common = LAYOUTS[is_response]
    branch, told, cseq, one, other, last = (first.get(part, b"") for part in changing)
    row = one or other
    holes = holes_in(row, is_login=not is_response) if may_cut else None
    shared = [first.get(part, b"") for part in common]
    if holes is None:
        return (branch, told, cseq, b"", row, last), (*shared, b"")
    nonce, count = row[slice(*holes.nonce)], row[slice(*holes.nonce_count)]
    return (branch, told, cseq, nonce, b"", last if is_response else count), (*shared, holes.words)
