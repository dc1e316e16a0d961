"""However a stream is cut on its way, the same messages come out."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from shiftline.errors import SipSyntaxError
from shiftline.sip.framing import KeepAlive, StreamFramer

bodies = st.binary(max_size=12)
names = st.sampled_from([b"Content-Length", b"l", b"CONTENT-LENGTH", b"L "])
ends = st.sampled_from([b"\r\n", b"\n"])


@st.composite
def messages(draw: st.DrawFn) -> bytes:
    body, name, end = draw(bodies), draw(names), draw(ends)
    return b"INFO sip:a SIP/2.0%s%s: %d%sVia: x%s%s" % (end, name, len(body), end, end, end) + body


parts = st.one_of(messages(), st.just(b"\r\n"), st.just(b"\r\n\r\n"))
hostile = st.one_of(parts, st.binary(max_size=20))


def cut(stream: bytes, places: list[int]) -> list[bytes]:
    edges = [0, *sorted(place % (len(stream) + 1) for place in places), len(stream)]
    return [stream[start:end] for start, end in pairwise(edges)]


def frame(chunks: list[bytes], *, expects_pong: bool) -> tuple[list[bytes | KeepAlive], str]:
    framer = StreamFramer()
    framer.expects_pong = expects_pong
    seen: list[bytes | KeepAlive] = []
    try:
        for chunk in chunks:
            for piece in framer.feed(chunk):
                seen.append(piece)  # noqa: PERF402 - what came before an error counts
    except SipSyntaxError as error:
        return seen, str(error)
    return seen, ""


@given(st.lists(hostile, max_size=6), st.lists(st.integers(0, 10_000), max_size=12), st.booleans())
def test_cutting_changes_nothing(stream: list[bytes], places: list[int], expects_pong: bool) -> None:
    """Messages, keep-alives and the error, if there is one, are those of the uncut stream."""
    whole = b"".join(stream)
    expected = frame([whole], expects_pong=expects_pong)
    assert frame(cut(whole, places), expects_pong=expects_pong) == expected
    assert frame([bytes([byte]) for byte in whole], expects_pong=expects_pong) == expected


@given(st.lists(messages(), max_size=6))
def test_every_message_comes_out_as_it_was(stream: list[bytes]) -> None:
    """Byte for byte, in order, with nothing beside it."""
    assert frame([b"".join(stream)], expects_pong=False) == (stream, "")
