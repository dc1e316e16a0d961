"""Bodies of several parts."""

from __future__ import annotations

import pytest

from shiftline.errors import MisuseError, SipSyntaxError
from shiftline.sip.headers import Headers
from shiftline.sip.multipart import Part, parse_multipart, write_multipart
from shiftline.sip.values import MediaType

RELATED = MediaType.parse('multipart/related;boundary="a b"')
BODY = (
    b"for readers without MIME\r\n"
    b"--a b\r\nContent-Type: text/plain\r\nContent-ID: <one@lab>\r\n\r\none\r\n"
    b"--a b \r\n\r\n\x00\r\n--a bc\r\n\xff\r\n"
    b"--a b\r\nContent-Type: text/plain\r\n\r\n\r\n"
    b"--a b--\r\nafterwards\r\n--a b\r\n\r\nnot a part"
)


def test_parts_are_read_byte_for_byte() -> None:
    """The line break before a boundary belongs to it; a longer boundary is none; the rest is skipped."""
    parts = parse_multipart(BODY, RELATED)
    assert [part.body for part in parts] == [b"one", b"\x00\r\n--a bc\r\n\xff", b""]
    assert (parts[0].content_id, parts[0].media_type.essence) == ("one@lab", "text/plain")
    assert (parts[1].content_id, parts[1].media_type.essence) == (None, "text/plain")


def test_bare_lf_and_a_missing_end_are_forgiven() -> None:
    """As some stacks write them, and as cut bodies look."""
    parts = parse_multipart(b"--b\nA: 1\n\none\n--b\n\ntwo", MediaType.parse("multipart/mixed;boundary=b"))
    assert [(part.headers.get("A"), part.body) for part in parts] == [("1", b"one"), (None, b"two")]


def test_a_part_may_have_headers_and_no_body() -> None:
    """The blank line may be missing then (RFC 2046 section 5.1.1)."""
    (part,) = parse_multipart(b"--b\r\nA: 1\r\n--b--", MediaType.parse("multipart/mixed;boundary=b"))
    assert (part.headers.get("A"), part.body) == ("1", b"")


def test_a_part_may_be_multipart_itself() -> None:
    """Whoever wants to go deeper reads it again; this reader does not recurse."""
    inner = write_multipart((Part(headers=Headers(), body=b"deep"),), "in")
    outer = write_multipart(
        (Part(headers=Headers([("Content-Type", "multipart/mixed;boundary=in")]), body=inner),), "out"
    )
    (part,) = parse_multipart(outer, MediaType.parse("multipart/mixed;boundary=out"))
    (deep,) = parse_multipart(part.body, part.media_type)
    assert deep.body == b"deep"


def test_what_was_written_is_read() -> None:
    """Headers and bytes of each part, in order."""
    parts = parse_multipart(BODY, RELATED)
    assert parse_multipart(
        write_multipart(parts, "x-42"), MediaType.parse("multipart/mixed;boundary=x-42")
    ) == (parts)


@pytest.mark.parametrize(
    ("body", "content_type", "why"),
    [
        (b"--b\r\n\r\nx\r\n--b--", "text/plain;boundary=b", "not multipart"),
        (b"--b\r\n\r\nx\r\n--b--", "multipart/mixed", "boundary"),
        (b"--b\r\n\r\nx\r\n--b--", f"multipart/mixed;boundary={'b' * 71}", "boundary"),
        (b"--b\r\n\r\nx\r\n--b--", 'multipart/mixed;boundary="b "', "boundary"),
        (b"nothing here", "multipart/mixed;boundary=b", "No part"),
        (b"--b--\r\n", "multipart/mixed;boundary=b", "No part"),
        (b"--b\r\nno colon\r\n\r\nx", "multipart/mixed;boundary=b", "no name and colon"),
        (b"--b\r\n" * 1026, "multipart/mixed;boundary=b", "more than 1024"),
    ],
)
def test_what_is_no_multipart_is_a_syntax_error(body: bytes, content_type: str, why: str) -> None:
    """The error says what is wrong."""
    with pytest.raises(SipSyntaxError, match=why):
        parse_multipart(body, MediaType.parse(content_type))


@pytest.mark.parametrize("boundary", ["", "b\r\nX: y", "b" * 71, "one"])
def test_a_boundary_that_would_mislead_is_refused(boundary: str) -> None:
    """Not legal, or part of what it is to separate."""
    with pytest.raises(MisuseError):
        write_multipart((Part(headers=Headers(), body=b"x\r\n--one\r\n"),), boundary)
