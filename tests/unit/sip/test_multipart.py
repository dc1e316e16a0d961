"""Bodies of several parts: slices by boundary, and errors of one type."""

from __future__ import annotations

import pytest

from shiftline.errors import SipSyntaxError
from shiftline.sip.multipart import parse_multipart

TYPE = 'multipart/related;type="application/rlmi+xml";boundary="=_cut here"'
BODY = (
    b"for old readers\r\n--=_cut here\r\nContent-Type: text/plain\r\nContent-ID: <one@lab>\r\n\r\n"
    b"first\r\n\r\n--=_cut here--still\r\n--=_cut here \r\n\r\nsecond\r\n--=_cut here--\r\nafter"
)


def test_parts_are_slices_of_the_body() -> None:
    """The break before a delimiter is the delimiter's; what only looks like one stays in the part."""
    first, second = parse_multipart(BODY, TYPE)
    assert (first.headers.get("Content-Type"), first.content_id) == ("text/plain", "one@lab")
    assert first.body == b"first\r\n\r\n--=_cut here--still"
    assert (second.content_id, second.body) == (None, b"second")


def test_a_body_that_was_cut_keeps_its_last_part() -> None:
    """The last boundary is forgiven."""
    assert [
        part.body for part in parse_multipart(b"--b\n\none\n--b\n\ntwo", "multipart/mixed;boundary=b")
    ] == [
        b"one",
        b"two",
    ]


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (BODY, "text/plain;boundary=b"),
        (BODY, "multipart/related"),
        (BODY, 'multipart/related;boundary="' + "b" * 71 + '"'),
        (BODY, "multipart/related;boundary=elsewhere"),
        (b"--b\r\nno colon\r\n\r\nx\r\n--b--", "multipart/mixed;boundary=b"),
        (b"--b\r\nName: \0\r\n\r\nx\r\n--b--", "multipart/mixed;boundary=b"),
        (b"--b\r\n" + b"a: b\r\n" * 65 + b"\r\nx\r\n--b--", "multipart/mixed;boundary=b"),
        (b"--b\r\n\r\n" * 1026, "multipart/mixed;boundary=b"),
    ],
)
def test_what_is_no_multipart_is_an_error(body: bytes, content_type: str) -> None:
    """Type, boundary, part headers and number of parts are checked."""
    with pytest.raises(SipSyntaxError):
        parse_multipart(body, content_type)
