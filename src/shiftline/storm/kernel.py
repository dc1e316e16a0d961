"""What the kernel threw away at the target, when the target is on this machine (facts: overload-control 4.2).

A server whose receive buffer is full loses requests without a word: that is no limiter and no busy PBX.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterable
from pathlib import Path

from shiftline.sip.transport import Transport
from shiftline.storm.plan import Target

_TABLES = (Path("/proc/net/udp"), Path("/proc/net/udp6"))


class TargetDrops:
    """Reads the drops of the target's UDP sockets since this object was made."""

    def __init__(self, target: Target) -> None:
        self._port = target.port
        self._readable = target.transport is Transport.UDP and is_ours(target.host)
        self._before = self._read()

    def since(self) -> int | None:
        """Datagrams dropped since the last call; None when the target's kernel is not ours to read."""
        now = self._read()
        if now is None or self._before is None:
            return None
        before, self._before = self._before, now
        return max(0, now - before)

    def _read(self) -> int | None:
        if not self._readable:
            return None
        try:
            texts = [table.read_text() for table in _TABLES if table.exists()]
        except OSError:
            return None
        found = [
            drops for text in texts for port, drops in read_table(text.splitlines()) if port == self._port
        ]
        return sum(found) if found else None


def read_table(lines: Iterable[str]) -> Iterable[tuple[int, int]]:
    """Local port and drops of each socket in the text of ``/proc/net/udp``."""
    for line in lines:
        words = line.split()
        _, colon, port = words[1].rpartition(":") if len(words) > 12 else ("", "", "")
        if colon and words[-1].isdigit():
            yield int(port, 16), int(words[-1])


def is_ours(host: str) -> bool:
    """Whether the address is one of this machine's: only then can a socket be bound to it."""
    if ipaddress.ip_address(host).is_loopback:
        return True
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((host, 0))
        except OSError:
            return False
        return True
