"""``shiftline lab``: pbx, org, faults."""

from __future__ import annotations

import asyncio
import json
import os
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from shiftline.cli.options import AsJson
from shiftline.cli.running import told_by_signals
from shiftline.cli.writing import require_writable
from shiftline.clock import clock_from_environment
from shiftline.secrets import Secret

if TYPE_CHECKING:
    from shiftline.lab.org.practice import PracticeOrg
    from shiftline.lab.pbx.config import PracticePbxConfig

app = typer.Typer(no_args_is_help=True, help="Stand-ins to try things on: a PBX, a WFM organisation.")

PASSWORD = "secret"  # noqa: S105 - every lab's password, on purpose
PBX_PORT = 5060
ORG_PORT = 8766
EXPIRES_AFTER_SECONDS = (3600.0, 3 * 3600.0)
"""When the practice org's trades expire, from the first to the last: time enough to look at them."""
FEWEST_AGENTS = 30
"""So many agents can have a few trades with one another."""


class LimitKey(StrEnum):
    """What the throttle counts together."""

    SOURCE = "source"
    TRUNK = "trunk"


class EventPackage(StrEnum):
    """What one may subscribe to."""

    PRESENCE = "presence"
    DIALOG = "dialog"
    REG = "reg"


class BlindMethod(StrEnum):
    """What may call everybody available."""

    OPTIONS = "options"
    PRESENCE = "presence"
    DIALOG = "dialog"
    REG = "reg"


@app.command()
def pbx(
    fault: Annotated[
        list[str] | None, typer.Option("--fault", help="Switch a fault on; see [bold]lab faults[/].")
    ] = None,
    limit: Annotated[
        int | None, typer.Option(min=1, help="403 to whatever exceeds so many requests a second.")
    ] = None,
    limit_key: Annotated[
        LimitKey, typer.Option(help="Counted per source address or for all.")
    ] = LimitKey.SOURCE,
    package: Annotated[
        list[EventPackage] | None,
        typer.Option("--package", help="Take SUBSCRIBE for this only, and 489 for others; repeat it."),
    ] = None,
    blind: Annotated[
        list[BlindMethod] | None,
        typer.Option("--blind", help="Call everybody available to whoever asks like this; repeat it."),
    ] = None,
    port: Annotated[int, typer.Option(min=0, max=65535, help="UDP and TCP; 0 takes a free one.")] = PBX_PORT,
    agents: Annotated[int, typer.Option(min=1, max=100_000, help="agent0001 and up.")] = 600,
    seed: Annotated[int, typer.Option(help="Another seed, other agents available.")] = 1,
    log: Annotated[Path, typer.Option(help="Write one JSON line a request here.")] = Path(os.devnull),
) -> None:
    """Run the practice PBX on 127.0.0.1 until Ctrl-C.

    Example: [bold]shiftline lab pbx --limit 50 --limit-key trunk[/]
    """
    from shiftline.lab.fault_bank import USUAL_LIMIT, pbx_faults
    from shiftline.lab.pbx.config import PracticePbxConfig
    from shiftline.lab.pbx.faults import Throttle, ThrottleKey
    from shiftline.lab.scenario import ScenarioSettings, build_scenario

    require_writable(log)
    wanted = fault or []
    throttle = None
    if limit is not None or "throttle.source" in wanted:
        throttle = Throttle(limit=limit or USUAL_LIMIT, key=ThrottleKey(limit_key))
    faults = pbx_faults(wanted, throttle)
    now = clock_from_environment()()
    config = PracticePbxConfig(
        log_path=log,
        agents=build_scenario(ScenarioSettings(published_at=now, trades=0, agents=agents, seed=seed)).pbx,
        password=Secret(PASSWORD),
        faults=replace(faults, blind_methods=faults.blind_methods | set(blind or ())),
        event_packages=frozenset(package or EventPackage),
        port=port,
        seed=seed,
    )
    asyncio.run(_run_pbx(config))


@app.command()
def org(
    trades: Annotated[int, typer.Option(min=1, max=20_000, help="Matched trades.")] = 500,
    seed: Annotated[int, typer.Option(help="Another seed, other trades.")] = 1,
    port: Annotated[int, typer.Option(min=0, max=65535, help="TCP; 0 takes a free one.")] = ORG_PORT,
    fault: Annotated[
        list[str] | None, typer.Option("--fault", help="Switch a fault on; see [bold]lab faults[/].")
    ] = None,
) -> None:
    """Run the practice WFM organisation on 127.0.0.1 until Ctrl-C; its trades are lost with it.

    Example: [bold]shiftline lab org --trades 50 --fault drop-after-commit[/]
    """
    from shiftline.lab.fault_bank import org_faults
    from shiftline.lab.org.practice import OrgSettings, PracticeOrg
    from shiftline.lab.scenario import ScenarioSettings, build_scenario

    clock = clock_from_environment()
    settings = ScenarioSettings(
        published_at=clock(),
        trades=trades,
        agents=max(FEWEST_AGENTS, round(trades * 1.2)),
        seed=seed,
        expires_after_seconds=EXPIRES_AFTER_SECONDS,
    )
    practice = PracticeOrg(
        build_scenario(settings).org, OrgSettings(faults=org_faults(fault or [])), clock=clock
    )
    asyncio.run(_run_org(practice, port))


@app.command()
def faults(as_json: AsJson = False) -> None:
    """List the faults of [bold]lab pbx[/] and [bold]lab org[/].

    Example: [bold]shiftline lab faults --json[/]
    """
    from shiftline.lab.fault_bank import ORG_FAULTS, PBX_FAULTS

    listed = [
        {"of": of, "fault": name, "does": words}
        for of, named in (("pbx", PBX_FAULTS), ("org", ORG_FAULTS))
        for name, words in named.items()
    ]
    if as_json:
        typer.echo(json.dumps(listed, indent=2))
        return
    table = Table("of", "--fault", "what it does")
    for row in listed:
        table.add_row(*row.values())
    Console().print(table)


async def _run_pbx(config: PracticePbxConfig) -> None:
    from shiftline.lab.pbx.agents import TRUNK_ACCOUNT, controls_of
    from shiftline.lab.pbx.server import serve

    def tell(address: str) -> None:
        typer.echo(
            f"Practice PBX: sip:{address} over UDP and TCP, account {TRUNK_ACCOUNT}, password {PASSWORD}, "
            f"agents agent0001 to agent{len(config.agents):04d}. Stop it with Ctrl-C."
        )
        if throttle := config.faults.throttle:
            typer.echo(f"It refuses more than {throttle.limit} requests a second per {throttle.key}.")
        typer.echo("For shiftline.toml, which wants the password in SHIFTLINE_TRUNK_PASSWORD:")
        typer.echo(
            _toml(
                "trunk",
                address=f"sip:{address}",
                source="127.0.0.2",
                username=TRUNK_ACCOUNT,
                learn=True,
                max_rate=0,
                **controls_of(config.agents),
            )
        )

    with told_by_signals() as told:
        await serve(config, told, tell)


async def _run_org(practice: PracticeOrg, port: int) -> None:
    from shiftline.lab.org.practice import LAB_CLIENT
    from shiftline.lab.org.server import serve

    with told_by_signals() as told:
        async with serve(practice, port=port) as url:
            typer.echo(
                f"Practice org: {url}, OAuth client {LAB_CLIENT.id}, secret {LAB_CLIENT.secret.reveal()}, "
                f"{len(practice.org.trades())} matched trades. Stop it with Ctrl-C."
            )
            typer.echo("For shiftline.toml, which wants the secret in SHIFTLINE_WFM_SECRET:")
            settings = practice.settings
            typer.echo(
                _toml(
                    "wfm",
                    api_url=url,
                    login_url=url,
                    client_id=LAB_CLIENT.id,
                    business_unit=practice.org.business_unit.id,
                    address_attribute=f"{settings.address_schema}/{settings.address_field}",
                )
            )
            typer.echo(_toml("policy", allow_shared_secret=True))  # every lab has one password
            await told.wait()


def _toml(table: str, **values: str | float) -> str:
    return "\n".join([f"[{table}]", *(f"{name} = {json.dumps(value)}" for name, value in values.items())])
