"""A practice PBX for the verbs that ask one, in a thread of its own."""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from shiftline.lab.pbx.agents import Truth
from shiftline.lab.pbx.config import PracticePbxConfig
from shiftline.lab.pbx.server import serve
from shiftline.lab.pbx_log import RequestRecord, read_log

AGENTS = {
    "here": Truth.AVAILABLE,
    "busy": Truth.BUSY,
    "gone": Truth.NOT_REGISTERED,
    "ada": Truth.AVAILABLE,
    "ben": Truth.NOT_REGISTERED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Pbx:
    """A practice PBX that runs in a thread of its own."""

    port: int
    log_path: Path

    @property
    def server(self) -> tuple[str, ...]:
        """The options that lead there, as the trunk's account."""
        account = ("--user", "shiftline", "--password-env", "LAB_PASSWORD")
        return ("--server", f"sip:127.0.0.1:{self.port}", "--source", "127.0.0.2", *account, "--rate", "1000")

    def records(self) -> list[RequestRecord]:
        """What it has been asked."""
        return read_log(self.log_path)


@contextmanager
def running(config: PracticePbxConfig) -> Iterator[Pbx]:
    """Run the PBX while the block runs."""
    ready: queue.Queue[tuple[str, Callable[[], object]]] = queue.Queue()

    async def play() -> None:
        told, loop = asyncio.Event(), asyncio.get_running_loop()
        await serve(
            config, told, lambda place: ready.put((place, lambda: loop.call_soon_threadsafe(told.set)))
        )

    thread = threading.Thread(target=lambda: asyncio.run(play()))
    thread.start()
    place, end = ready.get(timeout=10)
    try:
        yield Pbx(port=int(place.rpartition(":")[2]), log_path=config.log_path)
    finally:
        end()
        thread.join()
