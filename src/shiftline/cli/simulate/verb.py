"""``shiftline simulate``: any limiter, any controller, any day, in virtual time."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from shiftline.cli.writing import require_apart, require_writable, write_text
from shiftline.config import HIGHEST_RATE
from shiftline.errors import ConfigurationError
from shiftline.governor.controllers.registry import CONTROLLERS, OURS
from shiftline.governor.limiters.spec import LimiterSpec, parse_limiter
from shiftline.governor.simulation import Scenario
from shiftline.governor.simulation.arrivals import Arrivals

STANDARD_OUTPUT = Path("-")
MOST_TRADES = 10_000_000
MOST_TRUNKS = 100_000
USUAL_THROTTLE = "window:50/1s"


def run(
    throttle: Annotated[
        list[str] | None,
        typer.Option(
            help=f"The limiter, such as window:50/1s or pike:30/2s,ban=300s. [default: {USUAL_THROTTLE}]"
        ),
    ] = None,
    controller: Annotated[
        list[str] | None,
        typer.Option(help=f"One of {', '.join(CONTROLLERS)}; several to compare them."),
    ] = None,
    trades: Annotated[int, typer.Option(min=1, max=MOST_TRADES, help="Trades of all trunks.")] = 500,
    trunks: Annotated[int, typer.Option(min=1, max=MOST_TRUNKS, help="Trunks, all alike.")] = 1,
    connectors: Annotated[int, typer.Option(min=1, max=50, help="How many share each trunk.")] = 1,
    agents: Annotated[
        int | None, typer.Option(min=2, help="Agents of all trunks; 1.2 for each trade by default.")
    ] = None,
    arrivals: Annotated[Arrivals, typer.Option(help="How the trades come.")] = Arrivals.BACKLOG,
    seed: Annotated[int, typer.Option(help="Another seed, another day.")] = 1,
    answer_ms: Annotated[float, typer.Option(min=0.1, max=4000, help="Mean time of an answer.")] = 40.0,
    refused_ms: Annotated[float, typer.Option(min=0, max=4000, help="Time of a refusal.")] = 2.0,
    learn: Annotated[bool, typer.Option("--learn/--no-learn", help="May the controller learn?")] = True,
    max_rate: Annotated[
        float, typer.Option(min=0, max=HIGHEST_RATE, help="Never faster than this; 0: no ceiling is known.")
    ] = 0.0,
    json_file: Annotated[
        Path | None, typer.Option("--json", help="Write the figures here; - is standard output.")
    ] = None,
    report_file: Annotated[Path | None, typer.Option("--report", help="Write an HTML report here.")] = None,
) -> None:
    """Simulate controllers at a limiter: what gets through, what is refused, and what it costs to find out.

    Example: [bold]shiftline simulate --throttle bucket:20/s --controller shiftline --controller aimd[/]
    """
    for path in (None if json_file == STANDARD_OUTPUT else json_file, report_file):
        if path is not None:
            require_writable(path)
    require_apart(json_file, report_file)
    if not learn and not max_rate:
        raise ConfigurationError(
            "A controller that may not learn needs a rate.",
            remedy="Give --max-rate, or leave --no-learn out.",
        )
    limiter = _the_limiter(throttle or [USUAL_THROTTLE])
    scenarios = [
        Scenario(
            throttle=limiter,
            controller=name,
            trades=trades,
            trunks=trunks,
            connectors=connectors,
            agents=agents,
            arrivals=arrivals,
            answer_seconds=answer_ms / 1000.0,
            refused_seconds=refused_ms / 1000.0,
            learn=learn,
            max_rate=max_rate,
        )
        for name in dict.fromkeys(controller or [OURS])
    ]
    _simulate(scenarios, seed, json_file, report_file)


def _the_limiter(throttles: Sequence[str]) -> LimiterSpec:
    """Read it. Raises ConfigurationError where several were given: the last one alone would count."""
    if len(throttles) > 1:
        raise ConfigurationError(
            f"{len(throttles)} limiters were given: {', '.join(throttles)}.",
            remedy="Give --throttle once, and run it for each; several --controller are compared.",
        )
    return parse_limiter(throttles[0])


def _simulate(
    scenarios: Sequence[Scenario], seed: int, json_file: Path | None, report_file: Path | None
) -> None:
    """Play the scenarios, and put the figures where they are wanted."""
    from shiftline.cli.simulate.pool import simulate_on_all_processors
    from shiftline.cli.simulate.report import as_json, print_report, render_report

    done = simulate_on_all_processors(scenarios, seed)
    figures = json.dumps(as_json(done, seed), indent=2) + "\n"
    if json_file == STANDARD_OUTPUT:
        typer.echo(figures, nl=False)
    else:
        print_report(done, Console())
        if json_file is not None:
            write_text(json_file, figures)
    if report_file is not None:
        write_text(report_file, render_report(done, seed))
        typer.echo(f"Report: {report_file.resolve()}", err=json_file == STANDARD_OUTPUT)
