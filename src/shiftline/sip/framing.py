"""From a byte stream to messages and keep-alives (RFC 3261 sections 7.5 and 18.3, RFC 5626 section 3.5.1).

Rules of this file: how the stream is cut into pieces on its way changes nothing; memory is bounded by the
largest message; what cannot be framed is a SipSyntaxError, after which the connection is of no use.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import Enum, auto

from shiftline.errors import SipSyntaxError
from shiftline.sip.grammar import TOKEN

PING = b"\r\n\r\n"
PONG = b"\r\n"
MAX_HEAD_BYTES = 65_536
MAX_BODY_BYTES = 1_048_576
"""A list notification about thousands of agents is large; a megabyte is beyond all of them."""

_LENGTH = re.compile(
    rb"^(?:content-length|l)[ \t]*:[ \t]*(?:\r?\n[ \t]+)?([^\r\n]*?)[ \t]*\r?$", re.IGNORECASE | re.MULTILINE
)
_END_OF_HEAD = re.compile(rb"\n\r?\n")


class KeepAlive(Enum):
    """What can stand between two messages."""

    PING = auto()
    """Two line ends: to be answered by one."""
    PONG = auto()
    """The one line end that answers our ping."""


class StreamFramer:
    """Cuts one direction of one connection."""

    def __init__(self) -> None:
        self.expects_pong = False
        """Set when a ping of ours left: the next line end is its pong, and no half of a ping."""
        self._buffer = bytearray()
        self._searched = 0
        self._line_ends = 0
        self._head_bytes: int | None = None
        self._body_bytes = 0

    def feed(self, data: bytes) -> Iterator[bytes | KeepAlive]:
        """Take bytes; yield each whole message and each keep-alive, in order. Raises SipSyntaxError."""
        self._buffer += data
        while True:
            if self._head_bytes is None:
                yield from self._between()
                if not self._read_head():
                    return
            end = (self._head_bytes or 0) + self._body_bytes
            if len(self._buffer) < end:
                return
            message = bytes(self._buffer[:end])
            del self._buffer[:end]
            self._head_bytes, self._searched, self._line_ends = None, 0, 0
            yield message

    def _between(self) -> Iterator[KeepAlive]:
        """Take line ends before a message (section 7.5); a lone CR or LF is dropped as noise."""
        buffer = self._buffer
        while buffer and buffer[0] in b"\r\n":
            if buffer[0] == 0x0D and len(buffer) == 1:
                return  # the LF may be on its way
            whole = buffer[:2] == b"\r\n"
            del buffer[: 2 if whole else 1]
            if not whole:
                continue
            if self.expects_pong:
                self.expects_pong = False
                yield KeepAlive.PONG
                continue
            self._line_ends += 1
            if self._line_ends == 2:
                self._line_ends = 0
                yield KeepAlive.PING

    def _read_head(self) -> bool:
        """Look for the end of the headers; False while it has not come."""
        buffer = self._buffer
        if not buffer or buffer[0] in b"\r\n":
            return False
        if not TOKEN.fullmatch(chr(buffer[0])):
            raise SipSyntaxError("What comes on the connection is not SIP.")
        found = _END_OF_HEAD.search(buffer, max(0, self._searched - 2))
        self._searched = len(buffer)
        head_bytes = found.end() if found else len(buffer)
        if head_bytes > MAX_HEAD_BYTES:
            raise SipSyntaxError(f"The headers of a message are above {MAX_HEAD_BYTES} bytes.")
        if found is None:
            return False
        self._body_bytes = _content_length(bytes(buffer[:head_bytes]))
        self._head_bytes = head_bytes
        return True


def _content_length(head: bytes) -> int:
    """The length of the body, which only this header tells on a stream (section 18.3)."""
    lengths = set(_LENGTH.findall(head))
    if not lengths:
        raise SipSyntaxError("A message on a stream has no Content-Length.")
    if len(lengths) > 1:
        raise SipSyntaxError("A message has two Content-Length headers that differ.")
    (text,) = lengths
    if not text.isdigit() or len(text) > 9:
        raise SipSyntaxError(f"The Content-Length {text[:20].decode(errors='replace')!r} is not a number.")
    length = int(text)
    if length > MAX_BODY_BYTES:
        raise SipSyntaxError(f"A body of {length} bytes is above {MAX_BODY_BYTES}.")
    return length
