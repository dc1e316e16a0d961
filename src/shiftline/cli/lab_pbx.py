"""``shiftline lab pbx``: the practice PBX, or real Kamailio in its place."""

from __future__ import annotations

import asyncio
import json
import os
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
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
    from shiftline.lab.certificates import LabCertificates
    from shiftline.lab.kamailio import KamailioConfig
    from shiftline.lab.pbx.agents import Truth
    from shiftline.lab.pbx.bank.wishes import Wishes
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
    order = _Order(
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


@dataclass(frozen=True, slots=True, kw_only=True)
class _Order:
    """What both engines are told."""

    faults: tuple[str, ...]
    wishes: Wishes
    throttle: Throttle | None
    limiter: LimiterSpec | None
    people: Mapping[str, Truth]
    wants_tls: bool
    port: int
    seed: int
    log: Path
    truth: Path | None


def _run(
    order: _Order,
    engine: Engine,
    personality: str,
    packages: Sequence[EventPackage],
    blind: Sequence[BlindMethod],
) -> None:
    """Play it until a signal ends it."""
    with tempfile.TemporaryDirectory(prefix="shiftline-lab-") as directory:
        if engine is Engine.KAMAILIO:
            _require_possible(personality, has_practice_options=bool(packages or blind))
            asyncio.run(_run_kamailio(_kamailio(order, Path(directory)), order))
            return
        config = _practice(order, Path(directory), personality)
        faults = replace(config.faults, blind_methods=frozenset(blind))
        known = frozenset(packages or EventPackage)
        asyncio.run(_run_practice(replace(config, faults=faults, event_packages=known), order))


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


def _practice(order: _Order, directory: Path, personality: str) -> PracticePbxConfig:
    from shiftline.lab.pbx.config import PracticePbxConfig
    from shiftline.lab.pbx.faults import Faults

    if "tls.version" in order.faults:
        raise ConfigurationError(
            "The practice PBX speaks no TLS older than 1.2.",
            remedy="Use --engine kamailio for the fault tls.version.",
        )
    certificates = _certificates(order, directory)
    return PracticePbxConfig(
        log_path=order.log,
        agents=order.people,
        password=Secret(PASSWORD),
        personality=personality,
        fault_ids=order.faults,
        wishes=order.wishes,
        faults=Faults(throttle=order.throttle, limiter=str(order.limiter or "")),
        tls_certificate=str(certificates.server) if certificates else "",
        tls_authority=str(certificates.wanted or "") if certificates else "",
        port=order.port,
        seed=order.seed,
    )


def _certificates(order: _Order, directory: Path) -> LabCertificates | None:
    from shiftline.lab.certificates import make_certificates

    if not order.wants_tls:
        return None
    wrong = next((name for name in order.faults if name.startswith("tls.")), "")
    return make_certificates(directory, "127.0.0.1", wrong)


def _kamailio(order: _Order, directory: Path) -> KamailioConfig:
    from shiftline.lab.kamailio import KamailioConfig

    certificates = _certificates(order, directory)
    return KamailioConfig(
        directory=directory,
        agents=order.people,
        password=Secret(PASSWORD),
        throttle=order.throttle,
        limiter=order.limiter,
        fault_ids=order.faults,
        wishes=order.wishes,
        tls_certificate=str(certificates.server) if certificates else "",
        tls_authority=str(certificates.authority) if certificates else "",
        port=order.port,
        seed=order.seed,
    )


def _tell(name: str, address: str, order: _Order, authority: str) -> None:
    from shiftline.lab.pbx.agents import TRUNK_ACCOUNT, controls_of

    typer.echo(
        f"{name}: sip:{address} over UDP and TCP, account {TRUNK_ACCOUNT}, password {PASSWORD}, "
        f"agents agent0001 to agent{len(order.people):04d}. Stop it with Ctrl-C."
    )
    if order.throttle:
        typer.echo(f"It refuses more than {order.throttle.limit} requests a second per {order.throttle.key}.")
    if order.limiter:
        typer.echo(f"Its limiter is {order.limiter}.")
    if order.faults:
        typer.echo(f"Its faults: {', '.join(order.faults)}.")
    if authority:
        host, _, port = address.rpartition(":")
        typer.echo(f"TLS: sips:{host}:{int(port) + 1}, authority {authority}.")
    typer.echo("For shiftline.toml, which wants the password in SHIFTLINE_TRUNK_PASSWORD:")
    typer.echo(
        toml_table(
            "trunk",
            address=f"sip:{address}",
            source="127.0.0.2",
            username=TRUNK_ACCOUNT,
            learn=True,
            max_rate=0,
            **controls_of(order.people),
        )
    )


def _write_truth(
    path: Path | None, engine: str, order: _Order, drawn: Sequence[Mapping[str, object]]
) -> None:
    if path is None:
        return
    written = json.dumps({"pbx": engine, "seed": order.seed, "faults": [*drawn]}, indent=2)
    if str(path) == "-":
        typer.echo(written)
    else:
        write_text(path, f"{written}\n")


def _authority(certificate: str) -> str:
    return str(Path(certificate).with_name("authority.pem")) if certificate else ""


async def _run_practice(config: PracticePbxConfig, order: _Order) -> None:
    from shiftline.lab.pbx.core import PracticePbx
    from shiftline.lab.pbx.server import serve

    # The same configuration draws the same faults, here as in what serves them.
    drawn = PracticePbx(config, address=(config.host, config.port)).truth
    authority = _authority(config.tls_certificate)
    _write_truth(order.truth, config.personality, order, [fault.to_json() for fault in drawn])
    with told_by_signals() as told:
        await serve(config, told, lambda address: _tell("Practice PBX", address, order, authority))


async def _run_kamailio(config: KamailioConfig, order: _Order) -> None:
    """Until told to end; its log is written then."""
    from shiftline.lab.kamailio import KamailioPbx

    pbx = KamailioPbx(config)
    _write_truth(order.truth, "kamailio, real", order, pbx.truth)
    with told_by_signals() as told:
        await pbx.start()
        try:
            _tell("Kamailio", "{}:{}".format(*pbx.address), order, _authority(config.tls_certificate))
            await told.wait()
        finally:
            await pbx.stop()
    write_text(order.log, "".join(record.to_json() for record in pbx.log_records()))
