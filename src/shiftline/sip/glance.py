"""What a look at a message tells, broken or not: enough to label it and to sort it into its call.

Rules of this file: never raise; never read more than is needed; what a peer sent comes back as printable
text, so that it can be shown in any terminal.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from enum import Enum, auto

LONGEST_TEXT = 256
"""Characters of one value that are kept."""
_MOST_BYTES = 4 * LONGEST_TEXT

_REQUEST = re.compile(
    rb"([A-Za-z0-9!%*_+`'~.-]{1,64})[ \t]+(\S{1,2048})[ \t]+SIP/\d\.\d[ \t]*\r?(?:\n|\Z)", re.IGNORECASE
)
_RESPONSE = re.compile(
    rb"SIP/\d\.\d[ \t]+([1-6]\d\d)(?:[ \t]+([^\r\n]{0,512}))?[ \t]*\r?(?:\n|\Z)", re.IGNORECASE
)
_ROW = re.compile(
    rb"(?:^|\n)(call-id|i|cseq|retry-after|(?:proxy-)?authorization|(?:www|proxy)-authenticate)[ \t]*:"
    rb"[ \t]*([^\r\n]{0,2048})",
    re.IGNORECASE,
)
_CSEQ = re.compile(r"(\d{1,10})(?:\s+(\S+))?")
_STALE = re.compile(rb"stale[ \t]*=[ \t]*\"?true", re.IGNORECASE)
_LONGEST_HEAD = 65536


class Kind(Enum):
    """What sort of thing went over the wire."""

    REQUEST = auto()
    RESPONSE = auto()
    KEEP_ALIVE = auto()
    OTHER = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class Glance:
    """What was seen. ``subject`` is the Request-URI or the reason phrase; absent values are empty or 0."""

    kind: Kind
    method: str = ""
    """Of a response, the one in its CSeq."""
    subject: str = ""
    status: int = 0
    call_id: str = ""
    cseq: str = ""
    retry_after: str = ""
    has_credentials: bool = False
    has_challenge: bool = False
    is_stale: bool = False


def glance(data: bytes) -> Glance:
    """Look at a message."""
    if not data.strip(b"\r\n\0"):
        return Glance(kind=Kind.KEEP_ALIVE)
    data = data.lstrip(b"\r\n")
    if found := _RESPONSE.match(data):
        seen = Glance(kind=Kind.RESPONSE, status=int(found[1]), subject=printable(found[2] or b""))
    elif found := _REQUEST.match(data):
        seen = Glance(kind=Kind.REQUEST, method=printable(found[1]), subject=printable(found[2]))
    else:
        return Glance(kind=Kind.OTHER)
    return _with_rows(seen, data[: _end_of_head(data)])


def _with_rows(seen: Glance, head: bytes) -> Glance:
    rows: dict[str, bytes] = {}
    for found in _ROW.finditer(head):
        name = found[1].decode().lower().removeprefix("proxy-").removeprefix("www-")
        rows.setdefault("call-id" if name == "i" else name, found[2].strip())
    cseq = _CSEQ.match(printable(rows.get("cseq", b"")))
    return replace(
        seen,
        method=seen.method or (cseq[2] if cseq and cseq[2] else ""),
        call_id=printable(rows.get("call-id", b"")),
        cseq=cseq[1] if cseq else "",
        retry_after=printable(rows.get("retry-after", b"").partition(b";")[0].strip()),
        has_credentials="authorization" in rows,
        has_challenge="authenticate" in rows,
        is_stale=_STALE.search(rows.get("authenticate", b"")) is not None,
    )


def _end_of_head(data: bytes) -> int:
    ends = [at for mark in (b"\n\r\n", b"\n\n") if (at := data.find(mark, 0, _LONGEST_HEAD)) >= 0]
    return min(ends, default=_LONGEST_HEAD)


def printable(value: bytes) -> str:
    """The bytes as text that no terminal takes for a command: what cannot be printed becomes U+FFFD.

    That includes line breaks, escapes, and marks that reverse the direction of writing.
    """
    text = value[:_MOST_BYTES].decode("utf-8", "replace")
    if len(text) <= LONGEST_TEXT and text.isprintable():
        return text  # nearly always
    shown = "".join([char if char.isprintable() else "\ufffd" for char in text])
    return shown if len(shown) <= LONGEST_TEXT else f"{shown[: LONGEST_TEXT - 1]}…"
