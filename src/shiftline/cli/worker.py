"""``shiftline worker``: run the connector."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer

from shiftline.cli.options import DEFAULT_CONFIG, ConfigFile
from shiftline.cli.running import ended_by_signals
from shiftline.clock import clock_from_environment
from shiftline.config import Settings, load_settings
from shiftline.telemetry import configure_logging


def run(
    path: ConfigFile = DEFAULT_CONFIG,
    json_logs: Annotated[bool, typer.Option("--json-logs", help="Log JSON lines.")] = False,
) -> None:
    """Take trades from the WFM, check their agents over SIP, decide, deliver. Ends at Ctrl-C or SIGTERM.

    Example: [bold]shiftline worker --config shiftline.toml --json-logs[/]
    """
    configure_logging(as_json=json_logs)
    asyncio.run(_run(load_settings(path)))


async def _run(settings: Settings) -> None:
    from shiftline.bootstrap import open_worker

    with ended_by_signals():
        async with open_worker(settings, clock_from_environment()) as worker:
            await worker.run()
