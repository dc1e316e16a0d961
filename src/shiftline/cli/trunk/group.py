"""``shiftline trunk``: list, show, rearm."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape

from shiftline.cli.options import DEFAULT_CONFIG, AsJson, ConfigFile
from shiftline.cli.reading import read_books
from shiftline.clock import clock_from_environment
from shiftline.config import load_settings
from shiftline.errors import ConfigurationError

if TYPE_CHECKING:
    from shiftline.connector.records import TrunkKey, TrunkSample
    from shiftline.store.read_model import ReadModel, TrunkRow

    Series = Mapping[TrunkKey, Sequence[TrunkSample]]

app = typer.Typer(no_args_is_help=True, help="See what was learned about trunks; re-arm one.")
Name = Annotated[str, typer.Argument(help="The trunk's name in the configuration.")]


@app.command("list")
def list_all(path: ConfigFile = DEFAULT_CONFIG, as_json: AsJson = False) -> None:
    """All trunks with their learned rate and state.

    Example: [bold]shiftline trunk list --json[/]
    """
    rows = read_books(path, lambda books: books.trunks())
    _print(rows, clock_from_environment()(), as_json=as_json)


@app.command()
def show(name: Name, path: ConfigFile = DEFAULT_CONFIG, as_json: AsJson = False) -> None:
    """One trunk: rate, confidence, what it waits for, its last minutes, last refusals, lanes, method.

    Example: [bold]shiftline trunk show pbx[/]
    """
    from shiftline.cli.trunk.screen import CHART

    now = clock_from_environment()()

    async def look(books: ReadModel) -> tuple[list[TrunkRow], Series]:
        return await books.trunks(name), await books.trunk_samples(now - CHART, trunk=name)

    rows, series = read_books(path, look)
    if not rows:
        _require_trunk(name, path)
        raise ConfigurationError(
            f"Nothing is known about a trunk {name!r} yet.", remedy="Run a worker first."
        )
    rows.sort(key=lambda row: row.saved_at, reverse=True)
    if as_json:
        _print_whole(rows, series, now)
        return
    _print_screens(rows, series, now)
    _print_qualification(rows)
    _print_lists(rows)


@app.command()
def rearm(name: Name, path: ConfigFile = DEFAULT_CONFIG) -> None:
    """Let a trunk send again after a policy refusal was mended; a worker asks its controls at once.

    Example: [bold]shiftline trunk rearm pbx[/]
    """
    from shiftline import bootstrap

    settings = load_settings(path)
    _require_trunk(name, path)

    async def work() -> int:
        async with bootstrap.open_store(settings) as (_, store), store.work() as books:
            return await books.trunks.rearm(name, clock_from_environment()())

    lifted = asyncio.run(work())
    typer.echo(f"{name}: re-armed." if lifted else f"{name} was not disarmed.")


def _require_trunk(name: str, path: Path) -> None:
    """Raise ConfigurationError if neither the configuration nor the books know a trunk of that name."""
    names = [trunk.name for trunk in load_settings(path).trunks]
    names += sorted({row.trunk for row in read_books(path, lambda books: books.trunks())}.difference(names))
    if name in names:
        return
    near = get_close_matches(name, names, n=1)
    raise ConfigurationError(
        f"There is no trunk {name!r}.",
        remedy=f"Did you mean {near[0]!r}?" if near else f"There are: {', '.join(names)}.",
    )


def _print(rows: list[TrunkRow], now: datetime, *, as_json: bool) -> None:
    from shiftline.cli.trunk.table import trunk_table
    from shiftline.store.trunk_view import view_of

    if as_json:
        typer.echo(json.dumps([asdict(row) for row in rows], indent=2, default=str))
    elif rows:
        Console(highlight=False).print(trunk_table(view_of(row, now) for row in rows))
    else:
        typer.echo("Nothing is known about a trunk yet: no worker has run.")


def _print_screens(rows: list[TrunkRow], series: Series, now: datetime) -> None:
    """What an operator looks at first; registrations below."""
    from shiftline.cli.trunk.screen import trunk_screen
    from shiftline.cli.trunk.table import registration_in_words
    from shiftline.store.trunk_view import view_of

    console = Console(highlight=False)
    for row in rows:
        console.print(trunk_screen(view_of(row, now), series.get(row.key, ()), now))
        if row.governor.get("registration"):
            words = registration_in_words(row.governor["registration"])
            console.print(f"\n[bold]registration[/] {escape(words)}")


def _print_whole(rows: list[TrunkRow], series: Series, now: datetime) -> None:
    from shiftline.store.trunk_view import samples_as_json, view_of

    told = [
        {
            **asdict(row),
            "view": view_of(row, now).as_json(),
            "samples": samples_as_json(series.get(row.key, ())),
        }
        for row in rows
    ]
    typer.echo(json.dumps(told, indent=2, default=str))


def _print_qualification(rows: list[TrunkRow]) -> None:
    """Say which method is used and why, and why the others are not."""
    console = Console(highlight=False)
    for row in rows:
        known = row.governor.get("qualification")
        if not known:
            continue
        whose = f"{escape(row.source)}, {escape(row.auth_user)}"
        console.print(f"\n[bold]{escape(known['method'])}[/] ({whose}) is {_standing_of(known)}")
        for name, other in known["methods"].items():
            if name != known["method"]:
                console.print(f"{escape(name)} was not taken: {escape(other['why'])}")
        if known["trust_unqualified"]:
            console.print("[bold yellow]policy.trust_unqualified = true:[/] its word counts without proof.")


def _print_lists(rows: list[TrunkRow]) -> None:
    """Say how a trunk's list subscription stands, and whether it is believed."""
    console = Console(highlight=False)
    for row in rows:
        known = row.governor.get("list")
        if not known:
            continue
        proven = f", {known['qualification']}" if known["qualification"] else ""
        members = f", {known['known']} of {known['members']} members known" if known["members"] else ""
        again = f" Again at {known['again_at'][:19].replace('T', ' ')}." if known["again_at"] else ""
        standing = f"{known['state']}{proven}{members}. {escape(known['why'] or '')}{again}"
        console.print(f"\n[bold]list[/] {escape(known['uri'])} ({known['method']}): {standing.rstrip()}")


def _standing_of(known: Mapping[str, Any]) -> str:
    why = escape(known["why"])
    if known["until"] is None:
        return f"[yellow]not qualified[/] ({known['state']}). {why}"
    until = datetime.fromisoformat(known["until"])
    return f"[green]qualified[/] until {until:%Y-%m-%d %H:%M:%S} UTC. {why}"
