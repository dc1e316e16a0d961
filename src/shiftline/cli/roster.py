"""``shiftline roster``: import (try a file), check."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from shiftline.cli.options import DEFAULT_CONFIG, AsJson, ConfigFile
from shiftline.cli.reading import read_books

if TYPE_CHECKING:
    from shiftline.store.read_model import ReadModel

app = typer.Typer(no_args_is_help=True, help="Which agent is reached at which SIP address.")


@app.command("import")
def import_file(
    file: Annotated[Path, typer.Argument(help="A CSV file with the columns agent,address.")],
) -> None:
    """Try a roster file; name it as [bold]wfm.roster_file[/] in the configuration to use it.

    Example: [bold]shiftline roster import agents.csv[/]
    """
    from shiftline.wfm.roster_file import read_roster

    addresses = read_roster(file)
    typer.echo(f"{len(addresses)} agents have an address. Set wfm.roster_file = {json.dumps(str(file))}")


@app.command()
def check(path: ConfigFile = DEFAULT_CONFIG, as_json: AsJson = False) -> None:
    """List agents without an address, or with one that no trunk serves: their trades go to a supervisor.

    Exit code 1 if there are any.

    Example: [bold]shiftline roster check --json[/]
    """
    missing, unserved = read_books(path, _who_cannot_be_checked)
    if as_json:
        listed = [{"agent": agent, "name": name} for agent, name in missing]
        listed += [{"agent": agent, "name": name, "address": address} for agent, name, address in unserved]
        typer.echo(json.dumps(listed, indent=2))
        raise typer.Exit(int(bool(listed)))
    if unserved:
        typer.echo(f"{len(unserved)} agents have an address that no trunk serves; their trades are referred:")
        for agent, name, address in unserved:
            typer.echo(f"  {name or '(not in the directory)'}  {agent}  {address}")
        typer.echo("Name its host in a trunk's serves, or leave one trunk without serves: it takes the rest.")
    if missing:
        typer.echo(f"{len(missing)} agents have no SIP address; their trades are referred:")
        for agent, name in missing:
            typer.echo(f"  {name or '(not in the directory)'}  {agent}")
        typer.echo("Give them one in wfm.roster_file, or in the attribute that wfm.address_attribute names.")
    if missing or unserved:
        raise typer.Exit(1)
    typer.echo("Every known agent has a SIP address.")


async def _who_cannot_be_checked(
    books: ReadModel,
) -> tuple[list[tuple[str, str]], list[tuple[str, str, str]]]:
    return await books.agents_without_address(), await books.agents_without_trunk()
