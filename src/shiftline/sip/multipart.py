"""Bodies of several parts (RFC 2046 section 5.1), as list notifications carry them (RFC 4662 section 5).

A message's body is never changed by reading it: parts are slices of its bytes. A part may be multipart
itself; whoever wants to go deeper calls `parse_multipart` on it again, and so decides how deep.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from shiftline.errors import MisuseError, SipSyntaxError
from shiftline.sip.headers import Headers
from shiftline.sip.message import read_part_headers
from shiftline.sip.values import MediaType

_MOST_PARTS = 1024
_BOUNDARY = re.compile(r"[A-Za-z0-9'()+_,./:=? -]{0,69}[A-Za-z0-9'()+_,./:=?-]")
_BLANK_LINE = re.compile(rb"\r?\n\r?\n")
_FIRST_BREAK = re.compile(rb"\A\r?\n")
_DEFAULT_TYPE = MediaType(type="text", subtype="plain")


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One part: its own headers and its bytes, still in their transfer encoding (in SIP, binary)."""

    headers: Headers
    body: bytes

    @property
    def media_type(self) -> MediaType:
        """What the body is; text/plain when it is not said. Raises SipSyntaxError for an unreadable type."""
        written = self.headers.get("Content-Type")
        return MediaType.parse(written) if written is not None else _DEFAULT_TYPE

    @property
    def content_id(self) -> str | None:
        """The Content-ID without its angle brackets, as ``cid`` URIs and list items name it; or None."""
        written = self.headers.get("Content-ID")
        return written.strip("<> \t") if written is not None else None


def parse_multipart(body: bytes, media_type: MediaType) -> tuple[Part, ...]:
    """The parts of a multipart body, in order.

    Text before the first and after the last boundary is skipped; a missing last boundary is forgiven, as
    bodies get cut. Raises SipSyntaxError when the type is not multipart, its boundary is missing or not
    legal, no part begins, a part's headers cannot be read, or there are more than 1,024 parts.
    """
    if media_type.type != "multipart":
        raise SipSyntaxError(f"{media_type.essence} is not multipart.")
    boundary = media_type.parameter("boundary") or ""
    if not _BOUNDARY.fullmatch(boundary):
        raise SipSyntaxError(f"The boundary {boundary[:80]!r} is not 1 to 70 of the allowed characters.")
    chunks = _between_delimiters(body, boundary.encode())
    if not chunks:
        raise SipSyntaxError("No part begins: the boundary does not occur in the body.")
    return tuple(_read_part(chunk) for chunk in chunks)


def write_multipart(parts: tuple[Part, ...], boundary: str) -> bytes:
    """A body of these parts. Raises MisuseError for a boundary that is not legal or occurs in a part."""
    if not _BOUNDARY.fullmatch(boundary):
        raise MisuseError("A multipart boundary must be 1 to 70 of the allowed characters.")
    delimiter = f"--{boundary}".encode()
    written = []
    for part in parts:
        rows = "".join(f"{name}: {value}\r\n" for name, value in part.headers)
        chunk = rows.encode(errors="surrogateescape") + b"\r\n" + part.body
        if delimiter in chunk:
            raise MisuseError("A multipart boundary occurs within a part.", remedy="Draw another one.")
        written.append(delimiter + b"\r\n" + chunk + b"\r\n")
    return b"".join(written) + delimiter + b"--\r\n"


def _between_delimiters(body: bytes, boundary: bytes) -> list[bytes]:
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
    # The chunk still has the line break of its delimiter, which is half the blank line when no headers come.
    found = _BLANK_LINE.search(chunk)
    head, body = (chunk[: found.start()], chunk[found.end() :]) if found else (chunk, b"")
    return Part(headers=read_part_headers(_FIRST_BREAK.sub(b"", head)), body=body)
