"""``shiftline trades``: list, show."""

from __future__ import annotations

import json
from dataclasses import asdict
from enum import StrEnum
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Column, Table

from shiftline.cli.options import DEFAULT_CONFIG, AsJson, ConfigFile
from shiftline.cli.reading import read_books
from shiftline.errors import ConfigurationError

app = typer.Typer(no_args_is_help=True, help="See trades, their decisions and why.")


class State(StrEnum):
    """Where a trade stands with us."""

    OPEN = "open"
    DELIVERING = "delivering"
    REFERRED = "referred"
    SETTLED = "settled"


@app.command("list")
def list_all(
    path: ConfigFile = DEFAULT_CONFIG,
    state: Annotated[State | None, typer.Option("--state", help="Only those that stand so.")] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="How many at most.")] = 50,
    as_json: AsJson = False,
) -> None:
    """Trades, the earliest deadline first.

    Example: [bold]shiftline trades list --state referred[/]
    """
    rows = read_books(path, lambda books: books.trades(state=state, limit=limit))
    if as_json:
        typer.echo(json.dumps([asdict(row) for row in rows], indent=2, default=str))
        return
    table = Table(
        Column("trade", no_wrap=True), "state", "verdict", Column("why", overflow="fold"), "refer by (UTC)"
    )
    for row in rows:
        table.add_row(
            row.external_id,
            row.outcome or row.state,
            row.verdict or "-",
            ", ".join(row.reasons) or "-",
            f"{row.refer_by:%m-%d %H:%M:%S}",
        )
    Console().print(table)


@app.command()
def show(
    trade: Annotated[str, typer.Argument(help="The trade's id in the WFM.")],
    path: ConfigFile = DEFAULT_CONFIG,
    as_json: AsJson = False,
) -> None:
    """One trade's audit trail: every decision and delivery, with the evidence behind it.

    Example: [bold]shiftline trades show TRADE --json[/]
    """
    rows = read_books(path, lambda books: books.audit_trail(trade))
    if not rows:
        raise ConfigurationError(
            f"Nothing is noted about a trade {trade!r}.", remedy="See: shiftline trades list"
        )
    if as_json:
        typer.echo(json.dumps([asdict(row) for row in rows], indent=2, default=str))
        return
    console = Console(highlight=False)
    for row in rows:
        console.print(f"[bold]{row.at:%Y-%m-%d %H:%M:%S} UTC  {row.kind}[/]")
        console.print_json(json.dumps(row.detail))
