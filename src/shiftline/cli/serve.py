"""``shiftline serve``: the worker with its status page."""

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
    host: Annotated[str | None, typer.Option(help="Where to listen, instead of web.host.")] = None,
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="Its port, instead of web.port; 0 takes a free one.")
    ] = None,
    no_worker: Annotated[
        bool, typer.Option("--no-worker", help="Only the page: a worker runs elsewhere.")
    ] = False,
    json_logs: Annotated[bool, typer.Option("--json-logs", help="Log JSON lines.")] = False,
) -> None:
    """Run a worker and a status page. Ends at Ctrl-C or SIGTERM.

    The page shows no names and asks for no password; it listens on 127.0.0.1 unless told otherwise.
    Each trunk has a page of its own at /trunks/NAME; /metrics is for Prometheus, /api/trunks for programs.
    Example: [bold]shiftline serve --port 8080[/], then open http://127.0.0.1:8080/
    """
    configure_logging(as_json=json_logs)
    settings = load_settings(path)
    asyncio.run(
        _run(
            settings,
            settings.web.host if host is None else host,
            settings.web.port if port is None else port,
            with_worker=not no_worker,
        )
    )


async def _run(settings: Settings, host: str, port: int, *, with_worker: bool) -> None:
    from shiftline import bootstrap
    from shiftline.store.read_model import ReadModel
    from shiftline.web.server import address_of, listening, serving
    from shiftline.web.status import status_app

    clock = clock_from_environment()
    plan = await bootstrap.plan_worker(settings) if with_worker else None
    with ended_by_signals(), listening(host, port) as listener:
        async with (
            bootstrap.open_store(settings) as (engine, store),
            serving(status_app(ReadModel(engine), clock), listener),
        ):
            typer.echo(f"Status page: {address_of(listener)}")
            if plan is None:
                await asyncio.Event().wait()  # for ever: a signal ends it
            else:
                async with bootstrap.open_worker_on(plan, engine, store, clock) as worker:
                    await worker.run()
