"""``shiftline demo``: the main job, before and after, on one machine."""

from __future__ import annotations

import asyncio
import json
import tempfile
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from shiftline.config import default_data_directory
from shiftline.errors import ConfigurationError
from shiftline.lab.demo.result import DemoResult, DemoSettings


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
        float, typer.Option(min=0, help="Declare a rate instead of learning; 0 learns.")
    ] = 0.0,
    leave: Annotated[bool, typer.Option("--exit", help="End after the table instead of waiting.")] = False,
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
    result = _play(settings, keep)
    Console().print(result_table(result))
    if json_file is not None:
        _write(json_file, json.dumps(result.as_json(), indent=2) + "\n")
    report = report_file or (None if leave else Path("shiftline-demo.html"))
    if report is not None:
        _write(report, render_report(result))
        typer.echo(f"Report: {report.resolve()}")
    if not result.passed:
        raise typer.Exit(1)


def _play(settings: DemoSettings, keep: Path | None) -> DemoResult:
    from shiftline.lab.demo.run import run_demo
    from shiftline.lab.demo.terminal import DemoScreen

    with DemoScreen(settings) as screen:
        if keep is not None:
            keep.mkdir(parents=True, exist_ok=True)
            return asyncio.run(run_demo(settings, screen, keep.resolve()))
        home = default_data_directory()
        home.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="demo-", dir=home) as directory:
            return asyncio.run(run_demo(settings, screen, Path(directory)))


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise ConfigurationError(
            f"{path} cannot be written: {error.strerror}.", remedy="Give another file."
        ) from error
