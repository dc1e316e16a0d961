"""``shiftline config``: check, show, example."""

from __future__ import annotations

import asyncio
import json
from importlib.resources import files
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape

from shiftline.cli.options import DEFAULT_CONFIG, AsJson, ConfigFile
from shiftline.clock import clock_from_environment
from shiftline.config import Settings, TrunkSettings, check_secrets, load_settings

if TYPE_CHECKING:
    from shiftline.bootstrap import TrunkPlan
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
    if len(settings.trunks) == 1:
        (shown["trunk"],) = shown["trunk"]  # as most files have it
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
        trunks: list[dict[str, str]] = report.get("trunks", [])
        for part in (*trunks, {name: value for name, value in report.items() if name != "trunks"}):
            for name, value in part.items():
                console.print(f"[green]ok[/]  {name.replace('_', ' ')}: {escape(str(value))}")
        for note in _notes(settings):
            console.print(f"[cyan]note[/] {note}")
        for finding in findings:
            console.print(f"[yellow]!![/]  {finding['cause']}: {finding['message']} {finding['remedy']}")
    if findings:
        raise typer.Exit(1)


async def _resolved(settings: Settings) -> dict[str, Any]:
    from shiftline import bootstrap

    plans = [await bootstrap.plan_trunk(settings, trunk) for trunk in settings.trunks]
    windows = bootstrap.publish_windows(settings)
    now = clock_from_environment()()
    opens = min((window.next_opening(now) for window in windows), default=None)
    zone = windows[0].zone if windows else None
    opening = opens.astimezone(zone).isoformat() if opens is not None else "none declared"
    if len(plans) == 1:
        return _of_trunk(plans[0]) | {"next_publish_window": opening}
    trunks = [_of_trunk(plan) | {"serves": _serves(plan.trunk)} for plan in plans]
    return {"trunks": trunks, "next_publish_window": opening}


def _of_trunk(plan: TrunkPlan) -> dict[str, str]:
    listed = plan.listed
    return {
        "trunk": f"{plan.trunk.name} at {plan.address.targets[0]}",
        "method": f"{plan.trunk.method}, {_proof(plan.qualification)}",
        **({"list": f"{listed.uri} by {listed.method}"} if listed else {}),
        **({"hep_collector": "{} port {}".format(*plan.collector)} if plan.collector else {}),
    }


def _serves(trunk: TrunkSettings) -> str:
    return ", ".join(trunk.serves) or "whom no other trunk serves"


def _proof(policy: QualificationPolicy) -> str:
    if policy.trust_unqualified:
        return "trusted without proof (policy.trust_unqualified = true)"
    if policy.controls is None:
        return "without controls"
    return "counts while {} is there by it and {} is not".format(*policy.controls)


def _notes(settings: Settings) -> list[str]:
    from shiftline.net.asking import METHODS, candidates

    names = dict.fromkeys(name for trunk in settings.trunks for name in candidates(trunk.method))
    notes = [f"method {name}: {METHODS[name].note}" for name in names if METHODS[name].note]
    if all(trunk.serves for trunk in settings.trunks):
        notes.append("agents whom no trunk serves: their trades are referred. See: shiftline roster check")
    if settings.policy.prefetch and not settings.windows:
        notes.append("policy.prefetch: there is no publish window to prepare for, so nobody is asked ahead")
    return notes


def _of_method(settings: Settings) -> list[dict[str, str]]:
    """What is wrong with how agents are asked, as far as the configuration shows it."""
    blind = [trunk.name for trunk in settings.trunks if not trunk.control_present]
    if settings.policy.trust_unqualified or not blind:
        return []
    alone = len(settings.trunks) == 1
    which = "The trunk" if alone else f"Of the trunks, {', '.join(map(repr, blind))}"
    whom = "no agent" if alone else "no agent on it"
    return [
        {
            "cause": "method.blind",
            "message": f"{which} has no control users, so {whom} will ever count as available.",
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
