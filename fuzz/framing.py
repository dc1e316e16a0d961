"""A byte stream, cut in other places; the first byte says how, and whether a pong is due."""

from __future__ import annotations

from shiftline.errors import SipSyntaxError
from shiftline.sip.framing import MAX_BODY_BYTES, MAX_HEAD_BYTES, KeepAlive, StreamFramer


def one(data: bytes) -> None:
    """However it is cut, the same messages and keep-alives come out, and the same error ends them."""
    first, stream = data[0] if data else 0, data[1:]
    expects_pong = bool(first & 1)
    whole = _framed([stream], expects_pong=expects_pong)
    for size in (1, 2 + (first >> 1)):
        pieces = [stream[start : start + size] for start in range(0, len(stream), size)]
        assert _framed(pieces, expects_pong=expects_pong) == whole
    messages = [piece for piece in whole[0] if isinstance(piece, bytes)]
    assert all(len(message) <= MAX_HEAD_BYTES + MAX_BODY_BYTES for message in messages)
    assert sum(map(len, messages)) <= len(stream)


def _framed(pieces: list[bytes], *, expects_pong: bool) -> tuple[list[bytes | KeepAlive], str]:
    framer = StreamFramer()
    framer.expects_pong = expects_pong
    seen: list[bytes | KeepAlive] = []
    try:
        for piece in pieces:
            seen.extend(framer.feed(piece))
    except SipSyntaxError as error:
        return seen, str(error)
    return seen, ""
