"""Messages and keep-alives out of a byte stream, and what ends a connection."""

from __future__ import annotations

import pytest

from shiftline.errors import SipSyntaxError
from shiftline.sip.framing import MAX_BODY_BYTES, MAX_HEAD_BYTES, KeepAlive, StreamFramer

EMPTY = b"OPTIONS sip:a SIP/2.0\r\nVia: x\r\nContent-Length: 0\r\n\r\n"
FULL = b"MESSAGE sip:a SIP/2.0\r\nl: 6\r\nVia: x\r\n\r\n\r\n\r\nab"


def pieces(*chunks: bytes) -> list[bytes | KeepAlive]:
    framer = StreamFramer()
    return [piece for chunk in chunks for piece in framer.feed(chunk)]


def test_messages_are_cut_at_their_content_length() -> None:
    """Two messages in one chunk are two, and a body may look like a keep-alive."""
    assert pieces(EMPTY + FULL + EMPTY) == [EMPTY, FULL, EMPTY]


@pytest.mark.parametrize(
    "header",
    [
        b"Content-Length: 3",
        b"content-length:3",
        b"l : 3",
        b"L:\t3  ",
        b"Content-Length:\r\n 3",
        b"Content-Length: 3\r\nl: 3",
        b"Subject: a\r\n l: 9\r\nl: 3",
    ],
)
def test_every_shape_of_content_length_is_read(header: bytes) -> None:
    """Compact, folded, any case, repeated alike; a folded line of another header is none."""
    message = b"INFO sip:a SIP/2.0\r\n" + header + b"\r\n\r\nabc"
    assert pieces(message + EMPTY) == [message, EMPTY]


def test_bare_line_feeds_end_headers_too() -> None:
    """The reader takes them, so the framer does."""
    message = b"INFO sip:a SIP/2.0\nl: 2\n\nab"
    assert pieces(message) == [message]


@pytest.mark.parametrize(
    ("stream", "expected"),
    [
        (b"\r\n\r\n", [KeepAlive.PING]),
        (b"\r\n", []),
        (b"\r\n" + EMPTY, [EMPTY]),
        (b"\r\n\r\n\r\n\r\n" + EMPTY, [KeepAlive.PING, KeepAlive.PING, EMPTY]),
        (b"\r\n" + EMPTY + b"\r\n", [EMPTY]),
        (b"\n\r\r\n" + EMPTY, [EMPTY]),
    ],
)
def test_line_ends_between_messages(stream: bytes, expected: list[bytes | KeepAlive]) -> None:
    """Two are a ping; a single one that nobody waits for is nothing (section 7.5)."""
    assert pieces(stream) == expected


def test_the_line_end_after_our_ping_is_its_pong() -> None:
    """And is no half of a ping, however many pings there were."""
    framer = StreamFramer()
    for _ in range(3):
        framer.expects_pong = True
        assert list(framer.feed(b"\r\n")) == [KeepAlive.PONG]
        assert not framer.expects_pong
    framer.expects_pong = True
    assert list(framer.feed(b"\r\n\r\n\r\n")) == [KeepAlive.PONG, KeepAlive.PING]


@pytest.mark.parametrize(
    ("stream", "why"),
    [
        (b"INFO sip:a SIP/2.0\r\nVia: x\r\n\r\n", "no Content-Length"),
        (b"INFO sip:a SIP/2.0\r\nl: 1\r\nContent-Length: 2\r\n\r\n", "two Content-Length"),
        (b"INFO sip:a SIP/2.0\r\nl: -1\r\n\r\n", "not a number"),
        (b"INFO sip:a SIP/2.0\r\nl: 1, 1\r\n\r\n", "not a number"),
        (b"INFO sip:a SIP/2.0\r\nl:\r\n\r\n", "not a number"),
        (b"INFO sip:a SIP/2.0\r\nl: 99999999999\r\n\r\n", "not a number"),
        (b"INFO sip:a SIP/2.0\r\nl: %d\r\n\r\n" % (MAX_BODY_BYTES + 1), "above"),
        (b"A" * (MAX_HEAD_BYTES + 1), "above"),
        (b"\x16\x03\x01\x02\x00", "not SIP"),
    ],
)
def test_what_cannot_be_framed_is_an_error(stream: bytes, why: str) -> None:
    """What came before is still handed out; the rest of the connection means nothing."""
    found = StreamFramer().feed(EMPTY + stream)
    assert next(found) == EMPTY
    with pytest.raises(SipSyntaxError, match=why):
        next(found)
