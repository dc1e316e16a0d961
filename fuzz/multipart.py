"""Bodies of several parts; the first line is the Content-Type."""

from __future__ import annotations

from shiftline.errors import MisuseError, SipSyntaxError
from shiftline.sip.multipart import Part, parse_multipart, write_multipart
from shiftline.sip.values import MediaType


def one(data: bytes) -> None:
    """Parts come out, no part is larger than the body, and parts written are parts read."""
    line, _, body = data.partition(b"\n")
    try:
        media_type = MediaType.parse(line.decode(errors="surrogateescape"))
        parts = parse_multipart(body, media_type)
    except SipSyntaxError:
        return
    assert sum(len(part.body) for part in parts) <= len(body)
    for part in parts:
        _look_at(part)
    try:
        written = write_multipart(parts, media_type.parameter("boundary") or "")
    except MisuseError:
        return
    assert parse_multipart(written, media_type) == parts


def _look_at(part: Part) -> None:
    assert part.content_id is None or isinstance(part.content_id, str)
    try:
        part.media_type.parameter("boundary")
    except SipSyntaxError:
        return
