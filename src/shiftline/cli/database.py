"""``shiftline db``: upgrade, status, stop."""

from __future__ import annotations

import asyncio
import json

import typer

from shiftline.cli.options import DEFAULT_CONFIG, AsJson, ConfigFile
from shiftline.config import Settings, load_settings
from shiftline.errors import ConfigurationError

app = typer.Typer(no_args_is_help=True, help="Look after the database.")


@app.command()
def upgrade(path: ConfigFile = DEFAULT_CONFIG) -> None:
    """Bring the schema to this version; starts the embedded server if need be.

    Example: [bold]shiftline db upgrade --config shiftline.toml[/]
    """
    from shiftline.store.database import open_database

    settings = load_settings(path)

    async def work() -> None:
        async with open_database(settings.database.url or None, settings.data_directory()):
            pass

    asyncio.run(work())
    typer.echo("The database is up to date.")


@app.command()
def status(path: ConfigFile = DEFAULT_CONFIG, as_json: AsJson = False) -> None:
    """Say whether the database answers; exit code 1 if it does not.

    Example: [bold]shiftline db status --json[/]
    """
    from shiftline.store.embedded import EmbeddedPostgres

    settings = load_settings(path)
    if settings.database.url:
        asyncio.run(_reach(settings))
        typer.echo(json.dumps({"running": True}) if as_json else "The database answers.")
        return
    found = EmbeddedPostgres(settings.data_directory()).status()
    if as_json:
        typer.echo(json.dumps({"running": found.ready, "pid": found.pid, "directory": str(found.data_dir)}))
    elif found.ready:
        typer.echo(f"The embedded PostgreSQL {found.version} runs (process {found.pid}) in {found.data_dir}.")
    else:
        typer.echo(f"The embedded PostgreSQL in {found.data_dir} does not run; a worker starts it.")
    if not found.ready:
        raise typer.Exit(1)


@app.command()
def stop(path: ConfigFile = DEFAULT_CONFIG) -> None:
    """Stop the embedded server; workers wait until it is started again.

    Example: [bold]shiftline db stop --config shiftline.toml[/]
    """
    from shiftline.store.embedded import EmbeddedPostgres

    settings = load_settings(path)
    if settings.database.url:
        raise ConfigurationError(
            "database.url names a server of your own.", remedy="Stop it with its own means."
        )
    stopped = EmbeddedPostgres(settings.data_directory()).stop()
    typer.echo("Stopped." if stopped else "It did not run.")


async def _reach(settings: Settings) -> None:
    from shiftline.store.database import open_engine

    await (await open_engine(settings.database.url)).dispose()
