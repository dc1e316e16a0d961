"""``shiftline worker``: run the connector."""

from __future__ import annotations

import asyncio
import signal
from typing import Annotated

import typer

from shiftline.bootstrap import open_worker
from shiftline.cli.options import DEFAULT_CONFIG, ConfigFile
from shiftline.clock import clock_from_environment
from shiftline.config import Settings, load_settings
from shiftline.telemetry import configure_logging


def run(
    path: ConfigFile = DEFAULT_CONFIG,
    json_logs: Annotated[bool, typer.Option("--json-logs", help="Log JSON lines.")] = False,
) -> None:
    """Take trades from the WFM, check their agents over SIP, decide, deliver. Ends at Ctrl-C or SIGTERM."""
    configure_logging(as_json=json_logs)
    asyncio.run(_run(load_settings(path)))


async def _run(settings: Settings) -> None:
    async with open_worker(settings, clock_from_environment()) as worker:
        running = asyncio.current_task()
        loop = asyncio.get_running_loop()
        stopped = asyncio.Event()

        def stop() -> None:
            stopped.set()
            if running is not None:
                running.cancel()

        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop)
        try:
            await worker.run()
        except asyncio.CancelledError:
            if not stopped.is_set():
                raise
