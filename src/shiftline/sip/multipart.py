"""Bodies of several parts (RFC 2046 section 5.1), as list notifications carry them (RFC 4662 section 5)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from shiftline.errors import SipSyntaxError
from shiftline.sip.grammar import parameter, parse_parameters
from shiftline.sip.headers import Headers

_MOST_PARTS = 1024
_MOST_ROWS = 64
_BOUNDARY = re.compile(r"[A-Za-z0-9'()+_,./:=? -]{0,69}[A-Za-z0-9'()+_,./:=?-]")
_BLANK_LINE = re.compile(rb"\r?\n\r?\n")
_FOLD = re.compile(r"\r?\n[ \t]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One part: its own headers and its bytes."""

    headers: Headers
    body: bytes

    @property
    def content_id(self) -> str | None:
        """The Content-ID without its angle brackets, as list documents name it; None when absent."""
        written = self.headers.get("Content-ID")
        return written.strip("<> \t") if written is not None else None


def parse_multipart(body: bytes, content_type: str) -> list[Part]:
    """The parts of a multipart body, in order. A missing last boundary is forgiven.

    Raises SipSyntaxError when the type is not multipart, has no legal boundary, no part begins, a part's
    headers cannot be read or are more than 64, or there are more than 1,024 parts.
    """
    essence, _, parameters = content_type.partition(";")
    if not essence.strip().lower().startswith("multipart/"):
        raise SipSyntaxError(f"{content_type[:80]!r} is not multipart.")
    boundary = parameter(parse_parameters(parameters), "boundary") or ""
    if not _BOUNDARY.fullmatch(boundary):
        raise SipSyntaxError(f"The boundary {boundary[:80]!r} is not 1 to 70 of the allowed characters.")
    chunks = _chunks(body, boundary.encode())
    if not chunks:
        raise SipSyntaxError("No part begins: the boundary does not occur in the body.")
    return [_read_part(chunk) for chunk in chunks]


def _chunks(body: bytes, boundary: bytes) -> list[bytes]:
    """What stands between delimiter lines; the line break before a delimiter belongs to the delimiter."""
    line = re.compile(rb"(?:\A|\r?\n)--" + re.escape(boundary) + rb"(--)?[ \t]*+(?=\r?\n|\Z)")
    chunks: list[bytes] = []
    begin: int | None = None
    for found in line.finditer(body):
        if begin is not None:
            chunks.append(body[begin : found.start()])
        if found[1]:
            return chunks
        if len(chunks) == _MOST_PARTS:
            raise SipSyntaxError(f"There are more than {_MOST_PARTS} parts in one body.")
        begin = found.end()
    if begin is not None:
        chunks.append(body[begin:])
    return chunks


def _read_part(chunk: bytes) -> Part:
    # The chunk still has the line break of its delimiter: half the blank line when there are no headers.
    found = _BLANK_LINE.search(chunk)
    head, body = (chunk[: found.start()], chunk[found.end() :]) if found else (chunk, b"")
    headers = Headers()
    text = _FOLD.sub(" ", head.decode(errors="surrogateescape").strip("\r\n"))
    rows = text.splitlines()
    if len(rows) > _MOST_ROWS:
        raise SipSyntaxError(f"A part has more than {_MOST_ROWS} headers.")
    for row in rows:
        name, colon, value = row.partition(":")
        if not colon or not re.fullmatch(r"[A-Za-z0-9-]+", name.strip()) or "\0" in value:
            raise SipSyntaxError(f"The part header {row[:80]!r} cannot be read.")
        headers.add(name.strip(), value.strip())
    return Part(headers=headers, body=body)
