"""UDP in batches: many datagrams by one system call, each with the kernel's own time of arrival.

Sending: equal-sized messages to one target leave as one UDP_SEGMENT call (generic segmentation offload,
Linux 4.18). Receiving: ``recvmmsg`` with SO_TIMESTAMPNS, so that a latency is the wire's and not that of
our loop. Where either is missing, plain sockets do. docs/decisions/0013 has the measurements.
"""

from __future__ import annotations

import ctypes
import errno
import socket
import struct
import sys
from array import array
from collections.abc import Callable
from itertools import groupby

from shiftline.storm.run_clock import RunClock

Take = Callable[[bytes, float], None]

_SLOT_BYTES = 4096
"""Of one received datagram; a longer one is cut, and what the engine reads stands at its beginning."""
_CONTROL_BYTES = 64
_BATCH = 64
_MOST_SEGMENTS = 64
_MOST_BYTES = 65_000
_SOL_UDP, _UDP_SEGMENT = 17, 103
SO_TIMESTAMPNS, _SO_RCVBUFFORCE, _SO_MEMINFO = 35, 33, 55
_MEMINFO_DROPS = 8
_BUFFER_BYTES = 8 * 1024 * 1024
_NO_SEGMENTS = frozenset({errno.EIO, errno.EINVAL, errno.ENOPROTOOPT, errno.EMSGSIZE})
_NO_ROOM = frozenset({errno.EAGAIN, errno.ENOBUFS})
_MOST_REFUSALS = 8
"""Earlier datagrams' refusals that one call may have to tell before it sends its own."""


class PathLostError(Exception):
    """Nothing can be sent to the target any more; the words say why. What was measured until then counts."""


class _IoVector(ctypes.Structure):
    _fields_ = (("base", ctypes.c_void_p), ("length", ctypes.c_size_t))


class _MessageHeader(ctypes.Structure):
    """``struct mmsghdr`` of 64-bit Linux: a msghdr and the bytes received."""

    _fields_ = (
        ("name", ctypes.c_void_p), ("name_length", ctypes.c_uint32), ("vectors", ctypes.c_void_p),
        ("vector_count", ctypes.c_size_t), ("control", ctypes.c_void_p), ("control_length", ctypes.c_size_t),
        ("flags", ctypes.c_int), ("unused", ctypes.c_uint32), ("received", ctypes.c_uint32),
    )  # fmt: skip


class Receiver:
    """Buffers for one batch, shared by all sockets of a process."""

    def __init__(self) -> None:
        """Raises OSError where the system has no ``recvmmsg`` as we call it."""
        if not sys.platform.startswith("linux") or ctypes.sizeof(ctypes.c_void_p) != 8:
            raise OSError(errno.ENOSYS, "recvmmsg needs 64-bit Linux")
        self._call = ctypes.CDLL(None, use_errno=True).recvmmsg
        self._call.argtypes = [ctypes.c_int, ctypes.c_void_p, ctypes.c_uint, ctypes.c_int, ctypes.c_void_p]
        self._data = bytearray(_BATCH * _SLOT_BYTES)
        self._view = memoryview(self._data)
        self._control = bytearray(_BATCH * _CONTROL_BYTES)
        self._headers = (_MessageHeader * _BATCH)()
        self._vectors = (_IoVector * _BATCH)()
        data, control = _address(self._data), _address(self._control)
        for place, (header, vector) in enumerate(zip(self._headers, self._vectors, strict=True)):
            vector.base, vector.length = data + place * _SLOT_BYTES, _SLOT_BYTES
            header.vectors = ctypes.addressof(self._vectors) + place * ctypes.sizeof(_IoVector)
            header.vector_count = 1
            header.control = control + place * _CONTROL_BYTES
            header.control_length = _CONTROL_BYTES
        whole = memoryview(self._headers).cast("B")
        # Plain integers in place: an attribute of a ctypes structure costs five times as much.
        self._lengths = whole.cast("I")[
            _MessageHeader.received.offset // 4 :: ctypes.sizeof(_MessageHeader) // 4
        ]
        self._control_lengths = whole.cast("Q")[
            _MessageHeader.control_length.offset // 8 :: ctypes.sizeof(_MessageHeader) // 8
        ]
        # A slot of control data is a header of 16 bytes, then seconds and nanoseconds.
        words = memoryview(self._control).cast("q")
        self._seconds, self._nanoseconds = words[2 :: _CONTROL_BYTES // 8], words[3 :: _CONTROL_BYTES // 8]
        self._full_lengths = memoryview(array("Q", [_CONTROL_BYTES]) * _BATCH)
        self._at = ctypes.addressof(self._headers)

    def receive(self, sock: socket.socket, take: Take, wall_start: float) -> int:
        """Give a batch of what waits at ``sock`` to ``take``, with its time after ``wall_start``; how many.

        Raises OSError for what the socket reports, an ICMP refusal among it.
        """
        whole_second = int(wall_start)
        rest = wall_start - whole_second
        got = int(self._call(sock.fileno(), self._at, _BATCH, socket.MSG_DONTWAIT, None))
        if got < 0:
            error = ctypes.get_errno()
            if error in {errno.EAGAIN, errno.EINTR}:
                return 0
            raise OSError(error, "recvmmsg")
        lengths = self._lengths[:got].tolist()
        seconds, parts = self._seconds[:got].tolist(), self._nanoseconds[:got].tolist()
        view, start = self._view, 0
        for length, second, part in zip(lengths, seconds, parts, strict=True):
            take(bytes(view[start : start + length]), second - whole_second + (part * 1e-9 - rest))
            start += _SLOT_BYTES
        self._control_lengths[:got] = self._full_lengths[:got]
        return got


def _address(buffer: bytearray) -> int:
    return ctypes.addressof((ctypes.c_char * len(buffer)).from_buffer(buffer))


class UdpPort:
    """One connected socket: what waits to leave, and what came."""

    def __init__(
        self,
        local: tuple[str, int],
        remote: tuple[str, int],
        *,
        clock: RunClock,
        receiver: Receiver | None,
        segments: bool,
        is_ordered: bool = False,
    ) -> None:
        """Without ``receiver`` plain sockets do. ``is_ordered`` keeps messages of all sizes in their order.

        Raises OSError, for a source address that is not ours among others.
        """
        family = socket.AF_INET6 if ":" in remote[0] else socket.AF_INET
        self.socket = socket.socket(family, socket.SOCK_DGRAM)
        try:
            self._prepare(local, remote)
        except BaseException:
            self.socket.close()
            raise
        self.refused = 0
        """Datagrams that the other machine refused with ICMP."""
        self._clock, self._receiver = clock, receiver
        self._segments = segments and sys.platform.startswith("linux")
        self._is_ordered = is_ordered

    def _prepare(self, local: tuple[str, int], remote: tuple[str, int]) -> None:
        self.socket.setblocking(False)  # noqa: FBT003 - the standard library's signature
        if sys.platform.startswith("linux"):
            self.socket.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        try:
            self.socket.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _BUFFER_BYTES)
        except OSError:  # not root: as much as net.core.rmem_max allows
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER_BYTES)
        self.socket.bind(local)
        self.socket.connect(remote)

    @property
    def drops(self) -> int:
        """Datagrams that our kernel threw away since the buffer was full; 0 where it does not tell."""
        if not sys.platform.startswith("linux"):
            return 0
        info = self.socket.getsockopt(socket.SOL_SOCKET, _SO_MEMINFO, 64)
        words = struct.unpack(f"{len(info) // 4}I", info)
        return int(words[_MEMINFO_DROPS]) if len(words) > _MEMINFO_DROPS else 0

    def flush(self, out: list[bytes]) -> int:
        """Send what is in ``out``; what the kernel has no room for stays in it. How many left.

        Raises PathLostError when the kernel knows no way to the target any more, or may not take it.
        """
        waiting, out[:] = out.copy(), []
        try:
            if len(waiting) == 1 or not self._segments:
                out += self._send_singly(waiting)
            else:
                self._flush_batches(waiting, out)
        except OSError as error:
            raise _lost(error) from error
        return len(waiting) - len(out)

    def receive(self, take: Take) -> int:
        """Give a batch of what has come to ``take``, each with its time; how many. Raises PathLostError."""
        try:
            if self._receiver is not None:
                self._clock.follow()
                return self._receiver.receive(self.socket, take, self._clock.wall_zero)
            for count in range(_BATCH):
                try:
                    data = self.socket.recv(_SLOT_BYTES)
                except BlockingIOError:
                    return count
                take(data, self._clock())
        except ConnectionRefusedError:
            self.refused += 1
            return 0
        except OSError as error:
            raise _lost(error) from error
        return _BATCH

    def _send(self, message: bytes) -> bool:
        return self._told(lambda: self.socket.send(message))

    def _told(self, send: Callable[[], int]) -> bool:
        """Whether the kernel took it. What it reports of earlier datagrams comes first, instead of a send."""
        for _ in range(_MOST_REFUSALS):
            try:
                send()
            except ConnectionRefusedError:
                self.refused += 1
            except OSError as error:
                if error.errno in _NO_ROOM:
                    return False
                raise
            else:
                return True
        return False

    def _flush_batches(self, waiting: list[bytes], left: list[bytes]) -> None:
        if not self._is_ordered:
            waiting.sort(key=len)
        for size, group in groupby(waiting, key=len):
            messages = list(group)
            step = max(1, min(_MOST_SEGMENTS, _MOST_BYTES // size))
            for start in range(0, len(messages), step):
                self._send_batch(messages[start : start + step], size, left)

    def _send_batch(self, messages: list[bytes], size: int, left: list[bytes]) -> None:
        if left and self._is_ordered:
            left += messages
        elif len(messages) > 1 and self._segments:
            left += self._send_segments(messages, size)
        else:
            left += self._send_singly(messages)

    def _send_singly(self, messages: list[bytes]) -> list[bytes]:
        for place, message in enumerate(messages):
            if not self._send(message):
                return messages[place:]
        return []

    def _send_segments(self, messages: list[bytes], size: int) -> list[bytes]:
        control = [(_SOL_UDP, _UDP_SEGMENT, size.to_bytes(2, sys.byteorder))]
        data = [b"".join(messages)]
        try:
            return [] if self._told(lambda: self.socket.sendmsg(data, control)) else messages
        except OSError as error:
            if error.errno not in _NO_SEGMENTS:
                raise
            self._segments = False  # this path takes no segments: one by one from now on
            return self._send_singly(messages)


def _lost(error: OSError) -> PathLostError:
    return PathLostError(f"this machine cannot reach the target any more ({error.strerror or error})")
