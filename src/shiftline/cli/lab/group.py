"""``shiftline lab``: pbx, org, faults."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from shiftline.cli.lab.pbx import pbx
from shiftline.cli.lab.record import record
from shiftline.cli.options import AsJson
from shiftline.cli.running import told_by_signals
from shiftline.cli.writing import toml_table
from shiftline.clock import clock_from_environment

if TYPE_CHECKING:
    from shiftline.lab.org.practice import PracticeOrg

app = typer.Typer(no_args_is_help=True, help="Stand-ins to try things on: a PBX, a WFM organisation.")

ORG_PORT = 8766
EXPIRES_AFTER_SECONDS = (3600.0, 3 * 3600.0)
"""When the practice org's trades expire, from the first to the last: time enough to look at them."""
FEWEST_AGENTS = 30
"""So many agents can have a few trades with one another."""

app.command()(pbx)
app.command()(record)


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
    """List the faults of [bold]lab pbx[/] and [bold]lab org[/]; with [bold]--json[/] also how each shows.

    Example: [bold]shiftline lab faults --json[/]
    """
    from shiftline.lab.fault_bank import all_faults
    from shiftline.lab.pbx.personalities import PERSONALITIES

    listed = all_faults()
    if as_json:
        typer.echo(json.dumps([fault.to_json() for fault in listed], indent=2))
        return
    table = Table("of", "--fault", "what it does", "shown by", "Kamailio")
    table.columns[1].no_wrap = True
    for fault in listed:
        table.add_row(
            fault.of,
            fault.fault,
            fault.does,
            "all" if len(fault.shown) == len(PERSONALITIES) else ", ".join(fault.shown),
            "yes" if fault.kamailio else "",
        )
    Console().print(table)


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
                toml_table(
                    "wfm",
                    api_url=url,
                    login_url=url,
                    client_id=LAB_CLIENT.id,
                    business_unit=practice.org.business_unit.id,
                    address_attribute=f"{settings.address_schema}/{settings.address_field}",
                )
            )
            typer.echo(toml_table("policy", allow_shared_secret=True))  # every lab has one password
            await told.wait()
