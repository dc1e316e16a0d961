"""How much processor time the target's processes use, when the target is on this machine.

Whoever holds the socket that is bound to the target's port is the server: all of its processes, since
servers fork. Only what this user may look at is seen; otherwise nothing is said.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

from shiftline.storm.kernel import is_ours
from shiftline.storm.plan import Target
from shiftline.storm.verdict.capacity import Processors

_PROC = Path("/proc")
_TABLES = {"udp": ("net/udp", "net/udp6"), "tcp": ("net/tcp", "net/tcp6")}


class TargetProcessors:
    """Reads what the target's processes used since this object was made."""

    def __init__(self, target: Target) -> None:
        table = "udp" if target.transport.value == "UDP" else "tcp"
        self._pids = _holders(_inodes(table, target.port)) if is_ours(target.host) else []
        self._before = self._read()
        self._began = time.monotonic()
        self._idle = _idle_seconds()

    def since(self) -> Processors | None:
        """What was used since then; None when the target's processes cannot be seen."""
        used = self._read()
        seconds = time.monotonic() - self._began
        spent = [used[pid] - before for pid, before in self._before.items() if pid in used]
        if not spent or seconds <= 0:
            return None
        available = os.cpu_count() or 1
        return Processors(
            used=sum(spent) / seconds,
            machine_busy=1.0 - (_idle_seconds() - self._idle) / seconds / available,
            busiest=max(spent) / seconds,
            processes=len(spent),
            available=available,
        )

    def _read(self) -> dict[int, float]:
        found = {}
        for pid in self._pids:
            try:
                words = (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue  # it has ended
            found[pid] = (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")
        return found


def _idle_seconds() -> float:
    """What all processors idled since the machine started."""
    words = (_PROC / "stat").read_text().split("\n", 1)[0].split()
    return (int(words[4]) + int(words[5])) / os.sysconf("SC_CLK_TCK")


def _inodes(table: str, port: int) -> set[str]:
    found = set()
    for name in _TABLES[table]:
        try:
            lines = (_PROC / name).read_text().splitlines()[1:]
        except OSError:
            continue  # no IPv6 here
        for line in lines:
            words = line.split()
            if int(words[1].rpartition(":")[2], 16) == port:
                found.add(f"socket:[{words[9]}]")
    return found


def _holders(inodes: set[str]) -> list[int]:
    found = []
    for entry in _PROC.iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            links = {str(link.readlink()) for link in (entry / "fd").iterdir()}
        except OSError:
            continue  # not ours to look at, or gone
        if links & inodes:
            found.append(int(entry.name))
    return found
