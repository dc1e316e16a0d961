"""``shiftline doctor causes``: everything the doctor can find."""

from __future__ import annotations

import json

import typer
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from shiftline.cli.options import AsJson


def run(as_json: AsJson = False) -> None:
    """List every cause that the doctor can find, with its meaning.

    Example: [bold]shiftline doctor causes --json[/]
    """
    from shiftline.diagnosis.catalogue import CATALOGUE
    from shiftline.diagnosis.reference import cause_as_json

    if as_json:
        typer.echo(json.dumps({"causes": [cause_as_json(cause) for cause in CATALOGUE.values()]}, indent=2))
        return
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, padding=(0, 2, 0, 0))
    table.add_column("cause", no_wrap=True)
    table.add_column("meaning")
    group = ""
    for cause in CATALOGUE.values():
        head, _, tail = cause.id.partition(".")
        if group not in ("", head):
            table.add_section()
        group = head
        name = Text.assemble((head, "cyan"), f".{tail}" if tail else "")
        table.add_row(name, cause.meaning)
    console = Console(highlight=False)
    console.print(table)
    console.print("\nMore on one of them: [bold]shiftline doctor explain CAUSE[/]")
