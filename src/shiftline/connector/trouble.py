"""What is wrong with a trunk, in one line when it begins and one when it ends."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import structlog

from shiftline.connector.ownership import Ownership
from shiftline.connector.ports import CheckRunner

log = structlog.get_logger("shiftline.trunk")

_REARM = "then run: shiftline trunk rearm {trunk}"
TROUBLES: Mapping[str, str] = MappingProxyType(
    {
        "network.unreachable": "The PBX does not answer. Checks wait, and trades are referred in time. "
        "Check that it runs, trunk.address, and what filters the network between us.",
        "credentials.wrong-password": "The PBX refuses our credentials, so nothing more is sent. "
        f"Correct trunk.username or its password, {_REARM}, and start the worker again.",
        "acl.source": "The PBX refuses all that we send, so nothing more is sent. "
        f"Have it admit our address (trunk.source), {_REARM}.",
        "ban.source": "The PBX has refused all that we send for a while. We ask again, ever less often. "
        "If it has banned our address, lift the ban there.",
        "method.blind": "No control shows that the PBX tells the present from the absent, so no agent "
        "counts as available, and trades are referred. See: shiftline trunk show {trunk}",
    }
)


class TrunkWatch:
    """Tells the log about a trunk. ``address`` is HOST:PORT, where it is asked."""

    def __init__(self, *, runner: CheckRunner, ownership: Ownership, trunk: str, address: str) -> None:
        self._runner = runner
        self._ownership = ownership
        self._log = log.bind(trunk=trunk, address=address)
        self._trunk = trunk
        self._told: str | None = None
        self._was_stopped = False
        self._is_unheard = False
        """It was re-armed, and nothing has passed since."""

    def look(self) -> None:
        """Log what has changed since the last look; only the trunk's owner knows."""
        if not self._ownership.holds():
            return
        known = self._runner.knowledge()
        trouble: str | None = known.get("trouble")
        has_changed, self._told = trouble != self._told, trouble
        was_stopped, self._was_stopped = self._was_stopped, self._runner.stopped_by() is not None
        if trouble is None:
            self._tell_end(known, has_changed=has_changed, was_stopped=was_stopped)
        elif has_changed:
            self._is_unheard = False
            why = TROUBLES.get(trouble, "See: shiftline trunk show {trunk}")
            words = " ".join(filter(None, (known.get("failure"), why.format(trunk=self._trunk))))
            self._log.warning("trunk in trouble", cause=trouble, why=words)

    def _tell_end(self, known: Mapping[str, Any], *, has_changed: bool, was_stopped: bool) -> None:
        """A stopped trunk that was re-armed is told of twice: it may send, and it answers."""
        if has_changed and was_stopped:
            self._is_unheard = True
            self._log.info("trunk re-armed", why="It is asked again; nothing has been heard yet.")
        elif has_changed or (self._is_unheard and known.get("passed")):
            self._is_unheard = False
            self._log.info("trunk answers again")
