"""What changes from message to message in credentials and challenges of digest (RFC 7616), cut out by place.

The words that are left are the same in all that one phone sends, so that they are understood once. Only what
is written as nearly everybody does is cut; anything else is read as a whole by `logins`.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from shiftline.doctor.reading.stencils import Span

HOLE = b"*"
_LONGEST = 4096
_DIGEST = re.compile(rb"[Dd]igest +")
_PARAMETER = re.compile(rb'([\w-]{1,32})=(?:"([^"\\]*+)"|([^\s,"\\]++))(?:, *|[ \t]*\Z)')
_QUOTED, _PLAIN = 2, 3
_COUNT = re.compile(rb"[0-9A-Fa-f]{1,8}")
_CHANGING = frozenset({b"nonce", b"response", b"cnonce", b"opaque"})


class Holes(NamedTuple):
    """The words with a `HOLE` for each value that was cut out, and where these stood in the row."""

    words: bytes
    spans: tuple[Span, ...]
    nonce: Span
    nonce_count: Span
    """That of the nonce count, (0, 0) where there is none."""


def holes_in(row: bytes, *, is_login: bool) -> Holes | None:
    """Cut a row with one set of credentials or one challenge; None if it is written in another way.

    Then nothing is left out: ``logins`` makes the same of the words and the nonce as of the row.
    """
    start = _DIGEST.match(row)
    if start is None or len(row) > _LONGEST:
        return None
    found: dict[bytes, Span] = {}
    at, end = start.end(), len(row)
    while at < end:
        part = _PARAMETER.match(row, at)
        if part is None:
            return None
        name, span = part[1].lower(), part.span(_QUOTED)
        if name == b"nc":
            span = part.span(_PLAIN)
            if not _COUNT.fullmatch(row, *span):
                return None
        elif name not in _CHANGING:
            span = (0, 0)
        if span != (0, 0):
            if name in found or span[0] >= span[1]:  # twice, without quotes, or empty
                return None
            found[name] = span
        at = part.end()
    if b"nonce" not in found or (is_login and b"response" not in found):
        return None
    spans = tuple(sorted(found.values()))
    return Holes(_without(row, spans), spans, found[b"nonce"], found.get(b"nc", (0, 0)))


def _without(row: bytes, spans: tuple[Span, ...]) -> bytes:
    kept, at = [], 0
    for begin, end in spans:
        kept.append(row[at:begin])
        at = end
    kept.append(row[at:])
    return HOLE.join(kept)
