"""TCP put together again and cut into SIP messages (RFC 3261 section 18.3).

A capture may begin in the middle of a connection, lose segments and lie: what cannot be placed is given
up after `_MOST_WAITING` bytes or `_LONGEST_GAP` seconds, and reading goes on at the next start line.
"""

from __future__ import annotations

import re
from collections import Counter, OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field

from shiftline.doctor.reading.sighting import looks_like_sip

_MOST_STREAMS = 5000
_MOST_WAITING = 256 * 1024
_MOST_SEGMENTS = 512
_LONGEST_GAP = 5.0
_LONGEST_HEAD = 65_536
_LONGEST_BODY = 1_048_576
_MOST_BYTES = 64 * 1024 * 1024
_TLS_RECORDS = frozenset(range(0x14, 0x18))
_MODULUS = 1 << 32
_HALF = 1 << 31
_START_LINE = re.compile(
    rb"(?:^|\n)(?=SIP/2\.0 [1-6]\d\d |[A-Z]{3,16} (?:sips?|tel):[^\r\n]{1,2048} SIP/2\.0\r?\n)"
)
_END_OF_HEAD = re.compile(rb"\n\r?\n")
_LENGTH = re.compile(rb"\n(?:content-length|l)[ \t]*:[ \t]*(\d{1,7})[ \t]*\r?\n", re.IGNORECASE)


@dataclass(slots=True)
class _Stream:
    """One direction of one connection."""

    expected: int
    waiting: dict[int, bytes] = field(default_factory=dict)
    waiting_bytes: int = 0
    gap_since: float = 0.0
    buffer: bytearray = field(default_factory=bytearray)
    is_encrypted: bool = False

    @property
    def held(self) -> int:
        """Bytes in memory."""
        return self.waiting_bytes + len(self.buffer)


class Streams:
    """All directions of all connections; ``skipped`` counts what could not be read."""

    def __init__(self, skipped: Counter[str]) -> None:
        self._skipped = skipped
        self._streams: OrderedDict[bytes, _Stream] = OrderedDict()
        self._held = 0

    def segment(self, key: bytes, sequence: int, data: bytes, at: float, *, opens: bool) -> Iterator[bytes]:
        """Take a segment's payload; yield each message that became whole.

        ``opens`` says that it carries SYN, ``at`` are the capture's seconds.
        """
        stream = self._streams.get(key)
        if opens:
            self._forget(key)
            self._open(key, (sequence + 1) % _MODULUS)
            return
        if not data:
            return
        if stream is None:
            stream = self._open(key, sequence)
        if stream.is_encrypted:
            self._skipped["TCP segments that are encrypted"] += 1
            return
        before = stream.held
        self._place(stream, sequence, data, at)
        yield from self._messages(stream)
        self._held += stream.held - before
        while self._held > _MOST_BYTES and len(self._streams) > 1:
            self._forget(next(iter(self._streams)))

    def close(self, key: bytes) -> None:
        """The connection is over, by FIN or RST; what is still waiting for a gap never comes."""
        self._forget(key)

    def _open(self, key: bytes, expected: int) -> _Stream:
        stream = self._streams[key] = _Stream(expected)
        if len(self._streams) > _MOST_STREAMS:
            self._forget(next(iter(self._streams)))
        return stream

    def _forget(self, key: bytes) -> None:
        stream = self._streams.pop(key, None)
        if stream is None:
            return
        self._held -= stream.held
        if stream.held:
            self._skipped["TCP connections given up with part of a message"] += 1

    def _place(self, stream: _Stream, sequence: int, data: bytes, at: float) -> None:
        """Append what follows, keep what is early, drop what was there before."""
        ahead = (sequence - stream.expected) % _MODULUS
        if ahead >= _HALF:  # it begins in the past: a retransmission, perhaps with something new
            seen = _MODULUS - ahead
            if seen >= len(data):
                return
            data, ahead = data[seen:], 0
        if ahead == 0:
            self._append(stream, data)
            self._drain(stream)
            return
        if not stream.waiting:
            stream.gap_since = at
        if sequence not in stream.waiting:
            stream.waiting[sequence] = data
            stream.waiting_bytes += len(data)
        if (
            stream.waiting_bytes > _MOST_WAITING
            or len(stream.waiting) > _MOST_SEGMENTS
            or abs(at - stream.gap_since) > _LONGEST_GAP
        ):
            self._skipped["gaps in TCP connections"] += 1
            stream.buffer.clear()
            stream.expected = min(stream.waiting, key=lambda start: (start - stream.expected) % _MODULUS)
            self._drain(stream)

    def _append(self, stream: _Stream, data: bytes) -> None:
        stream.buffer += data
        stream.expected = (stream.expected + len(data)) % _MODULUS

    def _drain(self, stream: _Stream) -> None:
        """Take what waited and now follows, or was overtaken."""
        while stream.waiting:
            data = stream.waiting.pop(stream.expected, None)
            if data is None:
                overtaken = [
                    start for start in stream.waiting if (start - stream.expected) % _MODULUS >= _HALF
                ]
                if not overtaken:
                    return
                for start in overtaken:
                    data = stream.waiting.pop(start)
                    stream.waiting_bytes -= len(data)
                    fresh = data[(stream.expected - start) % _MODULUS :]
                    self._append(stream, fresh)
                continue
            stream.waiting_bytes -= len(data)
            self._append(stream, data)

    def _messages(self, stream: _Stream) -> Iterator[bytes]:
        buffer = stream.buffer
        if len(buffer) > 1 and buffer[0] in _TLS_RECORDS and buffer[1] == 3:
            stream.is_encrypted = True
            self._skipped["TCP connections that are encrypted"] += 1
            buffer.clear()
            return
        while buffer:
            del buffer[: len(buffer) - len(buffer.lstrip(b"\r\n"))]
            if not self._synchronized(buffer):
                return
            end = _message_end(buffer)
            if end is None:
                return
            if end == 0:
                self._skipped["broken SIP messages on TCP"] += 1
                del buffer[:1]  # so that the next start line is looked for
                continue
            yield bytes(buffer[:end])
            del buffer[:end]

    def _synchronized(self, buffer: bytearray) -> bool:
        """Whether the buffer begins with a start line; drops what stands before one."""
        end = buffer.find(b"\n", 0, 4096)
        if end < 0 and len(buffer) < 4096:
            return bool(buffer)  # it may be the beginning of one
        if end >= 0 and looks_like_sip(bytes(buffer[: end + 1])):
            return True
        found = _START_LINE.search(buffer, 1)
        self._skipped["bytes on TCP that are no SIP"] += found.end() if found else len(buffer)
        del buffer[: found.end() if found else len(buffer)]
        return bool(found)


def _message_end(buffer: bytearray) -> int | None:
    """Where the first message ends; None while it is incomplete, 0 if it cannot be framed."""
    found = _END_OF_HEAD.search(buffer, 0, _LONGEST_HEAD)
    if found is None:
        return None if len(buffer) < _LONGEST_HEAD else 0
    length = _LENGTH.search(buffer, 0, found.end())
    body = int(length[1]) if length else 0  # without it the next start line follows, or is looked for
    if body > _LONGEST_BODY:
        return 0
    end = found.end() + body
    return end if len(buffer) >= end else None
