"""How long after a call to send began its datagram leaves, asked of the kernel.

The rest of the call is the target's: on one machine the kernel wakes it before it returns to us, which takes
longer than all that came before. A moment amid the call would then be some microseconds late, and a latency
of fifty a twentieth too short.
"""

from __future__ import annotations

import socket
import struct
import time
from statistics import median

from shiftline.storm.batch import SO_TIMESTAMPNS, UdpPort
from shiftline.storm.run_clock import RunClock

_TRIES = 33
_PAUSE_SECONDS = 0.001
"""A tick of the engine, after which caches are as cold as they are in a load."""
_BYTES = b"." * 500
"""About a REGISTER."""
_STAMP = struct.Struct("qq")


def leaving_seconds(host: str, clock: RunClock) -> float:
    """Of a lone datagram, from ``host``, an address of this machine: the median of some sent to ourselves.

    They arrive in the call that sends them, with the kernel's own time, and wake nobody. Raises OSError for
    an address that is not ours or where the kernel stamps nothing.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as hearer:
        hearer.setblocking(False)  # noqa: FBT003 - the standard library's signature
        hearer.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        hearer.bind((host, 0))
        port = UdpPort((host, 0), hearer.getsockname()[:2], clock=clock, receiver=None, segments=False)
        with port.socket:
            return median(_tried(port, hearer, clock) for _ in range(_TRIES))


def _tried(port: UdpPort, hearer: socket.socket, clock: RunClock) -> float:
    time.sleep(_PAUSE_SECONDS)
    began = clock()
    port.flush([_BYTES])
    _, control, _, _ = hearer.recvmsg(len(_BYTES), socket.CMSG_SPACE(_STAMP.size))
    if not control:
        raise OSError("The kernel gave no time of arrival.")
    seconds, nanoseconds = _STAMP.unpack(control[0][2])
    return float(seconds - clock.wall_zero + nanoseconds * 1e-9 - began)
