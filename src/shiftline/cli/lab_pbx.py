"""``shiftline lab pbx``: the practice PBX, or real Kamailio in its place."""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from shiftline.cli.running import told_by_signals
from shiftline.cli.writing import require_writable, toml_table, write_text
from shiftline.clock import clock_from_environment
from shiftline.errors import ConfigurationError
from shiftline.secrets import Secret

if TYPE_CHECKING:
    from shiftline.governor.limiters.spec import LimiterSpec
    from shiftline.lab.kamailio import KamailioConfig
    from shiftline.lab.pbx.agents import Truth
    from shiftline.lab.pbx.config import PracticePbxConfig
    from shiftline.lab.pbx.faults import Throttle

PASSWORD = "secret"  # noqa: S105 - every lab's password, on purpose
PBX_PORT = 5060


class Engine(StrEnum):
    """Who plays the PBX."""

    PRACTICE = "practice"
    KAMAILIO = "kamailio"


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


def pbx(
    engine: Annotated[
        Engine, typer.Option(help="Who plays it; kamailio has to be installed.")
    ] = Engine.PRACTICE,
    fault: Annotated[
        list[str] | None, typer.Option("--fault", help="Switch a fault on; see [bold]lab faults[/].")
    ] = None,
    limit: Annotated[
        int | None, typer.Option(min=1, help="403 to whatever exceeds so many requests a second.")
    ] = None,
    limit_key: Annotated[
        LimitKey, typer.Option(help="Counted per source address or for all.")
    ] = LimitKey.SOURCE,
    throttle: Annotated[
        str | None,
        typer.Option(metavar="LIMITER", help="Any limiter, such as [bold]bucket:50/s,burst=10[/]."),
    ] = None,
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
    """Run the practice PBX on 127.0.0.1 until Ctrl-C, or real Kamailio in its place.

    Example: [bold]shiftline lab pbx --limit 50 --limit-key trunk[/]

    Example: [bold]shiftline lab pbx --engine kamailio --throttle pike:30/2s,ban=300s[/]
    """
    from shiftline.lab.fault_bank import pbx_faults
    from shiftline.lab.pbx.config import PracticePbxConfig

    require_writable(log)
    wanted = fault or []
    one, limiter = _limits(wanted, limit, limit_key, throttle)
    faults = replace(pbx_faults(wanted, one), limiter=str(limiter or ""))
    if engine is Engine.KAMAILIO:
        _require_possible(wanted, has_practice_options=bool(package or blind))
        asyncio.run(_run_kamailio(_people(agents, seed), one, limiter, port=port, seed=seed, log=log))
        return
    config = PracticePbxConfig(
        log_path=log,
        agents=_people(agents, seed),
        password=Secret(PASSWORD),
        faults=replace(faults, blind_methods=faults.blind_methods | set(blind or ())),
        event_packages=frozenset(package or EventPackage),
        port=port,
        seed=seed,
    )
    asyncio.run(_run_practice(config))


def _limits(
    faults: list[str], limit: int | None, limit_key: LimitKey, throttle: str | None
) -> tuple[Throttle | None, LimiterSpec | None]:
    from shiftline.governor.limiters.spec import parse_limiter
    from shiftline.lab.fault_bank import USUAL_LIMIT
    from shiftline.lab.pbx.faults import Throttle, ThrottleKey

    has_limit = limit is not None or "throttle.source" in faults
    if throttle is None:
        return Throttle(limit=limit or USUAL_LIMIT, key=ThrottleKey(limit_key)) if has_limit else None, None
    if has_limit:
        raise ConfigurationError(
            "A PBX has one limiter, not --throttle and --limit or the fault throttle.source as well.",
            remedy="Leave one of them away.",
        )
    return None, parse_limiter(throttle)


def _people(agents: int, seed: int) -> Mapping[str, Truth]:
    from shiftline.lab.scenario import ScenarioSettings, build_scenario

    now = clock_from_environment()()
    return build_scenario(ScenarioSettings(published_at=now, trades=0, agents=agents, seed=seed)).pbx


def _require_possible(faults: list[str], *, has_practice_options: bool) -> None:
    others = [name for name in faults if name != "throttle.source"]
    if others or has_practice_options:
        what = f"the fault {others[0]}" if others else "--package and --blind"
        raise ConfigurationError(
            f"Kamailio does not know {what}.", remedy="Leave it away, or use --engine practice."
        )


def _tell(name: str, address: str, agents: Mapping[str, Truth], limit: str) -> None:
    from shiftline.lab.pbx.agents import TRUNK_ACCOUNT, controls_of

    typer.echo(
        f"{name}: sip:{address} over UDP and TCP, account {TRUNK_ACCOUNT}, password {PASSWORD}, "
        f"agents agent0001 to agent{len(agents):04d}. Stop it with Ctrl-C."
    )
    if limit:
        typer.echo(limit)
    typer.echo("For shiftline.toml, which wants the password in SHIFTLINE_TRUNK_PASSWORD:")
    typer.echo(
        toml_table(
            "trunk",
            address=f"sip:{address}",
            source="127.0.0.2",
            username=TRUNK_ACCOUNT,
            learn=True,
            max_rate=0,
            **controls_of(agents),
        )
    )


def _in_words(throttle: Throttle | None, limiter: str) -> str:
    if throttle:
        return f"It refuses more than {throttle.limit} requests a second per {throttle.key}."
    return f"Its limiter is {limiter}." if limiter else ""


async def _run_practice(config: PracticePbxConfig) -> None:
    from shiftline.lab.pbx.server import serve

    limit = _in_words(config.faults.throttle, config.faults.limiter)
    with told_by_signals() as told:
        await serve(config, told, lambda address: _tell("Practice PBX", address, config.agents, limit))


async def _run_kamailio(
    agents: Mapping[str, Truth],
    throttle: Throttle | None,
    limiter: LimiterSpec | None,
    *,
    port: int,
    seed: int,
    log: Path,
) -> None:
    from shiftline.lab.kamailio import KamailioConfig

    with tempfile.TemporaryDirectory(prefix="shiftline-kamailio-") as directory:
        config = KamailioConfig(
            directory=Path(directory),
            agents=agents,
            password=Secret(PASSWORD),
            throttle=throttle,
            limiter=limiter,
            port=port,
            seed=seed,
        )
        await _serve_kamailio(config, log)


async def _serve_kamailio(config: KamailioConfig, log: Path) -> None:
    """Until told to end; its log is written then."""
    from shiftline.lab.kamailio import KamailioPbx

    pbx = KamailioPbx(config)
    with told_by_signals() as told:
        await pbx.start()
        try:
            address = "{}:{}".format(*pbx.address)
            _tell("Kamailio", address, config.agents, _in_words(config.throttle, str(config.limiter or "")))
            await told.wait()
        finally:
            await pbx.stop()
    write_text(log, "".join(record.to_json() for record in pbx.log_records()))
