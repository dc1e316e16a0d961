"""One record per request that reached a lab PBX, whichever PBX it was.

The practice PBX writes a JSON object per line. Kamailio's script writes the same fields, parted by single
blanks, among Kamailio's other messages (see ``kamailio.cfg``, route LOG).
Lines are in the order of the answers, not always of the arrivals.
"""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Protocol
from urllib.parse import unquote


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestRecord:
    """A request that arrived. ACKs and retransmissions of a known transaction are not arrivals."""

    at: float
    """Arrival, in seconds since the epoch."""
    source: str
    source_port: int
    method: str
    user: str | None
    """The user of the Request-URI, of To for a REGISTER; None when there was none."""
    auth_user: str | None
    carried_credentials: bool
    status: int | None
    """The final status that was sent; None for silence."""
    reason: str
    """ok, challenge, stale, wrong-password, throttled, policy, too-brief, silent, malformed or no-phone; or
    the id of the fault that struck.

    Kamailio says banned of what a ban refuses, and throttled of what began it.
    """
    call_id: str | None
    window: int | None = None
    """The number of the throttle's window; None without a throttle, and in Kamailio's log, which has none."""

    def to_json(self) -> str:
        """One line of the practice PBX's log."""
        return json.dumps(asdict(self)) + "\n"


class Pbx(Protocol):
    """What a lab needs of a PBX, practice or real."""

    @property
    def address(self) -> tuple[str, int]:
        """Host and UDP port; known once started."""

    @property
    def log_path(self) -> Path:
        """The file a `PbxLog` can follow while the PBX runs."""

    async def start(self) -> None:
        """Return when the PBX answers. Raises UnavailableError when it cannot be started."""

    async def stop(self) -> None:
        """End it and flush its log; harmless when it does not run."""

    def log_records(self) -> list[RequestRecord]:
        """Every request so far."""


class PbxLog:
    """Follows a PBX's log while it grows."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offset = 0

    def new_records(self) -> list[RequestRecord]:
        """The records of all lines completed since the last call."""
        with self._path.open("rb") as file:
            file.seek(self._offset)
            text = file.read()
        complete = text[: text.rfind(b"\n") + 1]
        self._offset += len(complete)
        found = (_read_line(line) for line in complete.decode(errors="replace").splitlines())
        return [record for record in found if record is not None]


def read_log(path: Path) -> list[RequestRecord]:
    """All records of a practice PBX's or a Kamailio log."""
    return PbxLog(path).new_records()


_KAMAILIO_LINE = re.compile(
    r"<script>: request (?P<at>[0-9.]+) (?P<source>\S+) (?P<port>[0-9]+) (?P<method>\S+) (?P<user>\S*)"
    r" (?P<auth_user>\S*) (?P<status>[0-9]+) (?P<reason>\S+) (?P<call_id>\S*)$"
)


def _read_line(line: str) -> RequestRecord | None:
    if line.startswith("{"):
        return RequestRecord(**json.loads(line))
    found = _KAMAILIO_LINE.search(line)
    if found is None:
        return None
    auth_user = unquote(found["auth_user"]) or None
    return RequestRecord(
        at=float(found["at"]),
        source=found["source"],
        source_port=int(found["port"]),
        method=found["method"],
        user=found["user"] or None,
        auth_user=auth_user,
        carried_credentials=auth_user is not None,
        status=int(found["status"]) or None,
        reason=found["reason"],
        call_id=found["call_id"] or None,
    )
