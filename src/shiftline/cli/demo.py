"""``shiftline demo``: the main job, before and after, on one machine."""

from __future__ import annotations

import asyncio
import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from shiftline.cli.running import ended_by_signals
from shiftline.cli.writing import explained, require_apart, require_writable, write_text
from shiftline.config import HIGHEST_RATE, default_data_directory
from shiftline.lab.demo.result import DemoResult, DemoSettings

if TYPE_CHECKING:
    from shiftline.lab.demo.terminal import DemoScreen


class Engine(StrEnum):
    """Which PBX plays."""

    PRACTICE = "practice"
    KAMAILIO = "kamailio"


class LimitKey(StrEnum):
    """What the hidden throttle counts together."""

    SOURCE = "source"
    TRUNK = "trunk"


def run(
    pbx: Annotated[
        Engine, typer.Option(help="The practice PBX, or real Kamailio if installed.")
    ] = Engine.PRACTICE,
    trades: Annotated[int, typer.Option(min=2, max=20_000, help="Matched trades in the burst.")] = 500,
    limit: Annotated[int, typer.Option(min=2, help="The hidden throttle, requests per second.")] = 50,
    limit_key: Annotated[
        LimitKey, typer.Option(help="Counted per source address or for all.")
    ] = LimitKey.SOURCE,
    seed: Annotated[int, typer.Option(help="Another seed, another day.")] = 1,
    max_rate: Annotated[
        float, typer.Option(min=0, max=HIGHEST_RATE, help="Declare a rate instead of learning; 0 learns.")
    ] = 0.0,
    leave: Annotated[
        bool, typer.Option("--exit", help="No report unless [bold]--report[/] asks for one.")
    ] = False,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the figures here.")] = None,
    report_file: Annotated[Path | None, typer.Option("--report", help="Write an HTML report here.")] = None,
    keep: Annotated[Path | None, typer.Option(help="Keep logs and configuration in this directory.")] = None,
) -> None:
    """Play a publish-day burst: first the incident, then Shiftline against the same PBX.

    Example: [bold]shiftline demo --limit 20 --exit --json out.json --report report.html[/]
    """
    from shiftline.lab.demo.report import render_report
    from shiftline.lab.demo.terminal import result_table

    settings = DemoSettings(
        pbx=str(pbx), trades=trades, limit=limit, limit_key=str(limit_key), seed=seed, max_rate=max_rate
    )
    report = report_file or (None if leave else Path("shiftline-demo.html"))
    for path in (json_file, report):
        if path is not None:
            require_writable(path)
    require_apart(json_file, report)
    result = _play(settings, keep)
    Console().print(result_table(result))
    if json_file is not None:
        write_text(json_file, json.dumps(result.as_json(), indent=2) + "\n")
    if report is not None:
        write_text(report, render_report(result))
        typer.echo(f"Report: {report.resolve()}")
    if not result.passed:
        raise typer.Exit(1)


def _play(settings: DemoSettings, keep: Path | None) -> DemoResult:
    from shiftline.lab.demo.terminal import DemoScreen

    with DemoScreen(settings) as screen:
        result = asyncio.run(_play_until_told(settings, screen, keep))
    if result is None:
        raise KeyboardInterrupt
    return result


async def _play_until_told(
    settings: DemoSettings, screen: DemoScreen, keep: Path | None
) -> DemoResult | None:
    """Return None if a signal ended it; whatever was started and made is gone by then."""
    from shiftline.lab.demo.run import run_demo

    with ended_by_signals(), _directory(keep) as directory:
        return await run_demo(settings, screen, directory)
    return None


@contextmanager
def _directory(keep: Path | None) -> Iterator[Path]:
    """``keep``, or a directory that goes away: with this demo or, if it is killed, with the next."""
    if keep is not None:
        with explained(keep, "Give another directory to --keep."):
            keep.mkdir(parents=True, exist_ok=True)
            tempfile.TemporaryFile(dir=keep).close()
        yield keep.resolve()
        return
    from shiftline.lab.demo.leftovers import new_directory

    home = default_data_directory()
    with explained(home, "Set XDG_DATA_HOME to a directory that this user may write to, or give --keep."):
        home.mkdir(parents=True, exist_ok=True)
        owner, temporary = new_directory(home)
    with owner, temporary as directory:
        yield Path(directory)
