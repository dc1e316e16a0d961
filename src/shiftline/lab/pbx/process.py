"""The practice PBX seen from the lab that starts it."""

from __future__ import annotations

from pathlib import Path

from shiftline.lab.pbx.config import PracticePbxConfig
from shiftline.lab.pbx_log import RequestRecord, read_log
from shiftline.lab.process import Child


class PracticePbxProcess:
    """A `Pbx` in a process of its own; its files lie beside ``config.log_path``."""

    def __init__(self, config: PracticePbxConfig) -> None:
        self._config = config
        self._child: Child | None = None
        self._address = (config.host, config.port)

    @property
    def address(self) -> tuple[str, int]:
        """Host and UDP port; known once started."""
        return self._address

    @property
    def log_path(self) -> Path:
        """One JSON object per request."""
        return self._config.log_path

    async def start(self) -> None:
        """Return when it serves. Raises UnavailableError when it cannot."""
        directory = self.log_path.parent
        self._child = await Child.start("shiftline.lab.pbx.server", self._config, directory)
        host, _, port = self._child.ready.rpartition(":")
        self._address = (host, int(port))

    async def stop(self) -> None:
        """End it and flush its log; harmless when it does not run."""
        if self._child:
            await self._child.stop()
            self._child = None

    def log_records(self) -> list[RequestRecord]:
        """Every request so far."""
        return read_log(self.log_path)
