"""``shiftline config``: check, show, example."""

from __future__ import annotations

import asyncio
import json
from importlib.resources import files
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from shiftline.cli.options import DEFAULT_CONFIG, AsJson, ConfigFile
from shiftline.clock import clock_from_environment
from shiftline.config import Settings, check_secrets, load_settings

if TYPE_CHECKING:
    from shiftline.connector.qualifier import QualificationPolicy

app = typer.Typer(no_args_is_help=True, help="Check, show or make the configuration.")


@app.command()
def example() -> None:
    """Print a commented configuration.

    Example: [bold]shiftline config example > shiftline.toml[/]
    """
    typer.echo(files("shiftline.cli").joinpath("example.toml").read_text(encoding="utf-8"), nl=False)


@app.command()
def show(path: ConfigFile = DEFAULT_CONFIG) -> None:
    """Print the configuration in force as JSON; secrets appear by the name of their variable only.

    Example: [bold]shiftline config show --config shiftline.toml[/]
    """
    settings = load_settings(path)
    shown: dict[str, Any] = settings.model_dump(mode="json", by_alias=True)
    shown["database"]["url"] = _without_password(shown["database"]["url"])
    typer.echo(json.dumps(shown, indent=2))


@app.command()
def check(
    path: ConfigFile = DEFAULT_CONFIG,
    online: Annotated[
        bool, typer.Option("--online", help="Also reach the database and the WFM, and read its settings.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Read the configuration, its secrets and the roster; with [bold]--online[/] also what they point to.

    A trunk without controls is a finding: nothing that it says can be proven.

    Example: [bold]shiftline config check --online[/]
    """
    from shiftline import bootstrap

    settings = load_settings(path)
    check_secrets(settings)
    addresses = bootstrap.roster_addresses(settings)
    report = asyncio.run(_resolved(settings)) | {"roster_file_addresses": len(addresses)}
    findings = [*_of_method(settings), *(asyncio.run(_online(settings)) if online else [])]
    if as_json:
        typer.echo(json.dumps({**report, "notes": _notes(settings), "findings": findings}, indent=2))
    else:
        console = Console(highlight=False)
        for name, value in report.items():
            console.print(f"[green]ok[/]  {name.replace('_', ' ')}: {value}")
        for note in _notes(settings):
            console.print(f"[cyan]note[/] {note}")
        for finding in findings:
            console.print(f"[yellow]!![/]  {finding['cause']}: {finding['message']} {finding['remedy']}")
    if findings:
        raise typer.Exit(1)


async def _resolved(settings: Settings) -> dict[str, Any]:
    from shiftline import bootstrap
    from shiftline.net.hep import find_collector

    target = await bootstrap.resolve_trunk(settings)
    collector = await find_collector(settings.trunk.hep)
    proof = bootstrap.qualification_policy(settings, target.domain)
    listed = bootstrap.list_policy(settings, target.domain)
    windows = bootstrap.publish_windows(settings)
    now = clock_from_environment()()
    opens = min((window.next_opening(now) for window in windows), default=None)
    zone = windows[0].zone if windows else None
    return {
        "trunk": f"{settings.trunk.name} at {target.targets[0]}",
        "method": f"{settings.trunk.method}, {_proof(proof)}",
        **({"list": f"{listed.uri} by {listed.method}"} if listed else {}),
        "next_publish_window": opens.astimezone(zone).isoformat() if opens is not None else "none declared",
        **({"hep_collector": "{} port {}".format(*collector)} if collector else {}),
    }


def _proof(policy: QualificationPolicy) -> str:
    if policy.trust_unqualified:
        return "trusted without proof (policy.trust_unqualified = true)"
    if policy.controls is None:
        return "without controls"
    return "counts while {} is there by it and {} is not".format(*policy.controls)


def _notes(settings: Settings) -> list[str]:
    from shiftline.net.asking import METHODS, candidates

    notes = ((name, METHODS[name].note) for name in candidates(settings.trunk.method))
    return [f"method {name}: {note}" for name, note in notes if note]


def _of_method(settings: Settings) -> list[dict[str, str]]:
    """What is wrong with how agents are asked, as far as the configuration shows it."""
    trunk = settings.trunk
    if settings.policy.trust_unqualified or trunk.control_present:
        return []
    return [
        {
            "cause": "method.blind",
            "message": "The trunk has no control users, so no agent will ever count as available.",
            "remedy": "Set trunk.control_present and trunk.control_absent; see docs/howto/check-agents.md.",
        }
    ]


async def _online(settings: Settings) -> list[dict[str, str]]:
    from shiftline import bootstrap

    clock = clock_from_environment()
    async with (
        bootstrap.open_store(settings) as (_, store),
        bootstrap.open_wfm(settings, store, clock) as wfm,
    ):
        found = await wfm.check_settings()
        if settings.policy.platform_fallback:
            found += await wfm.check_feed()
        return [{"cause": one.cause, "message": one.message, "remedy": one.remedy} for one in found]


def _without_password(url: str) -> str:
    from sqlalchemy import make_url
    from sqlalchemy.exc import ArgumentError

    if not url:
        return ""
    try:
        address = make_url(url).difference_update_query(["password"])
    except (ArgumentError, ValueError):
        return "(cannot be read)"  # and is not repeated: it may hold a password
    return address.render_as_string(hide_password=True)
