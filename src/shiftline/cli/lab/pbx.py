"""``shiftline lab pbx``: the practice PBX, or real Kamailio in its place."""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from shiftline.cli.lab.pbx_engines import (
    Order,
    kamailio_config,
    practice_config,
    run_kamailio,
    run_practice,
)
from shiftline.cli.writing import require_writable
from shiftline.clock import clock_from_environment
from shiftline.errors import ConfigurationError

if TYPE_CHECKING:
    from shiftline.governor.limiters.spec import LimiterSpec
    from shiftline.lab.pbx.agents import Truth
    from shiftline.lab.pbx.faults import Throttle

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
    personality: Annotated[
        str,
        typer.Option(metavar="NAME", help="practice, chan_sip, pjsip, freeswitch, kamailio or sbc."),
    ] = "practice",
    fault: Annotated[
        list[str] | None, typer.Option("--fault", help="Switch a fault on; see [bold]lab faults[/].")
    ] = None,
    limit: Annotated[
        int | None,
        typer.Option(
            min=1, help="403 to whatever exceeds so many requests a second; with a throttle fault, its limit."
        ),
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
    tls: Annotated[
        bool, typer.Option("--tls", help="Listen on TLS too, one port above, with a certificate of its own.")
    ] = False,
    port: Annotated[int, typer.Option(min=0, max=65535, help="UDP and TCP; 0 takes a free one.")] = PBX_PORT,
    agents: Annotated[int, typer.Option(min=1, max=100_000, help="agent0001 and up.")] = 600,
    seed: Annotated[int, typer.Option(help="Another seed: other agents available, faults drawn anew.")] = 1,
    log: Annotated[Path, typer.Option(help="Write one JSON line a request here.")] = Path(os.devnull),
    truth: Annotated[
        Path | None,
        typer.Option("--json", help="Write what was drawn for the faults here; - for the screen."),
    ] = None,
) -> None:
    """Run the practice PBX on 127.0.0.1 until Ctrl-C, or real Kamailio in its place.

    Example: [bold]shiftline lab pbx --limit 50 --limit-key trunk[/]

    Example: [bold]shiftline lab pbx --personality chan_sip --fault throttle.source --seed 3 --json -[/]

    Example: [bold]shiftline lab pbx --engine kamailio --throttle pike:30/2s,ban=300s[/]
    """
    from shiftline.lab.pbx.bank.wishes import Wishes

    require_writable(log)
    wanted = tuple(dict.fromkeys(fault or ()))
    is_wish = any(name.startswith("throttle.") for name in wanted)
    one, limiter = _limits(wanted, None if is_wish else limit, limit_key, throttle)
    order = Order(
        faults=wanted,
        wishes=Wishes(limit=limit if is_wish else None),
        throttle=one,
        limiter=limiter,
        people=_people(agents, seed),
        wants_tls=tls or any(name.startswith("tls.") for name in wanted),
        port=port,
        seed=seed,
        log=log,
        truth=truth,
    )
    _run(order, engine, personality, package or (), blind or ())


def _run(
    order: Order,
    engine: Engine,
    personality: str,
    packages: Sequence[EventPackage],
    blind: Sequence[BlindMethod],
) -> None:
    """Play it until a signal ends it."""
    with tempfile.TemporaryDirectory(prefix="shiftline-lab-") as directory:
        if engine is Engine.KAMAILIO:
            _require_possible(personality, has_practice_options=bool(packages or blind))
            asyncio.run(run_kamailio(kamailio_config(order, Path(directory)), order))
            return
        config = practice_config(order, Path(directory), personality)
        faults = replace(config.faults, blind_methods=frozenset(blind))
        known = frozenset(packages or EventPackage)
        asyncio.run(run_practice(replace(config, faults=faults, event_packages=known), order))


def _limits(
    faults: tuple[str, ...], limit: int | None, limit_key: LimitKey, throttle: str | None
) -> tuple[Throttle | None, LimiterSpec | None]:
    from shiftline.governor.limiters.spec import parse_limiter
    from shiftline.lab.pbx.faults import Throttle, ThrottleKey

    if throttle is None:
        return Throttle(limit=limit, key=ThrottleKey(limit_key)) if limit else None, None
    if limit or "throttle.source" in faults:
        raise ConfigurationError(
            "A PBX has one limiter, not --throttle and --limit or the fault throttle.source as well.",
            remedy="Leave one of them away.",
        )
    return None, parse_limiter(throttle)


def _people(agents: int, seed: int) -> Mapping[str, Truth]:
    from shiftline.lab.scenario import ScenarioSettings, build_scenario

    now = clock_from_environment()()
    return build_scenario(ScenarioSettings(published_at=now, trades=0, agents=agents, seed=seed)).pbx


def _require_possible(personality: str, *, has_practice_options: bool) -> None:
    if has_practice_options or personality != "practice":
        what = "--package and --blind" if has_practice_options else "--personality"
        raise ConfigurationError(
            f"Kamailio does not know {what}.", remedy="Leave it away, or use --engine practice."
        )
