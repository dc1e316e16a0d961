"""``shiftline storm compare``: two runs side by side."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from shiftline.cli.options import AsJson

_COLOURS = {"better": "green", "worse": "bold red", "same": "dim", "": "dim"}


def compare(
    before: Annotated[Path, typer.Argument(help="What --json wrote of the first run.")],
    after: Annotated[Path, typer.Argument(help="And of the second.")],
    as_json: AsJson = False,
) -> None:
    """Compare two runs; exit code 1 if a figure got worse by more than 5 %, or a run is invalid.

    Example: [bold]shiftline storm compare monday.json tuesday.json[/]
    """
    from shiftline.storm.comparison import compare_runs, read_figures

    found = compare_runs(read_figures(before), read_figures(after))
    if as_json:
        typer.echo(json.dumps(found.as_json(), indent=2))
    else:
        console = Console(highlight=False)
        table = Table("", before.stem, after.stem, "change", "")
        for row in found.rows:
            change = "" if row.change is None else f"{row.change:+.1%}"
            judged = f"[{_COLOURS[row.judgement]}]{row.judgement}[/]"
            table.add_row(row.name, f"{row.before:,.4g}", f"{row.after:,.4g}", change, judged)
        console.print(table)
        for name, sentence in zip((before.stem, after.stem), found.verdicts, strict=True):
            if sentence:
                console.print(f"[bold]{escape(name)}:[/] {escape(sentence)}", soft_wrap=True)
        for difference in found.differences:
            console.print(f"[yellow]not the same load:[/] {escape(difference)}", soft_wrap=True)
        for name in found.invalid:
            console.print(f"[bold red]invalid:[/] the run {name}", soft_wrap=True)
    raise typer.Exit(1 if found.is_worse or found.invalid else 0)
