"""What ``shiftline lab pbx`` runs: the practice PBX or Kamailio as ordered, until a signal ends it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import typer

from shiftline.cli.running import told_by_signals
from shiftline.cli.writing import toml_table, write_text
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
    from shiftline.lab.pbx_log import PbxLog

PASSWORD = "secret"  # noqa: S105 - every lab's password, on purpose
LOG_SECONDS = 1.0
"""How often is copied what Kamailio has logged."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
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


def practice_config(order: Order, directory: Path, personality: str) -> PracticePbxConfig:
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


def _certificates(order: Order, directory: Path) -> LabCertificates | None:
    from shiftline.lab.certificates import make_certificates

    if not order.wants_tls:
        return None
    wrong = next((name for name in order.faults if name.startswith("tls.")), "")
    return make_certificates(directory, "127.0.0.1", wrong)


def kamailio_config(order: Order, directory: Path) -> KamailioConfig:
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


def _tell(name: str, address: str, order: Order, authority: str) -> None:
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


def _write_truth(path: Path | None, engine: str, order: Order, drawn: Sequence[Mapping[str, object]]) -> None:
    if path is None:
        return
    written = json.dumps({"pbx": engine, "seed": order.seed, "faults": [*drawn]}, indent=2)
    if str(path) == "-":
        typer.echo(written)
    else:
        write_text(path, f"{written}\n")


def _authority(certificate: str) -> str:
    return str(Path(certificate).with_name("authority.pem")) if certificate else ""


async def run_practice(config: PracticePbxConfig, order: Order) -> None:
    from shiftline.lab.pbx.core import PracticePbx
    from shiftline.lab.pbx.server import serve

    # The same configuration draws the same faults, here as in what serves them.
    drawn = PracticePbx(config, address=(config.host, config.port)).truth
    authority = _authority(config.tls_certificate)
    _write_truth(order.truth, config.personality, order, [fault.to_json() for fault in drawn])
    with told_by_signals() as told:
        await serve(config, told, lambda address: _tell("Practice PBX", address, order, authority))


async def run_kamailio(config: KamailioConfig, order: Order) -> None:
    """Until told to end; what it logs is copied meanwhile, for its own log has other lines as well."""
    from shiftline.lab.kamailio import KamailioPbx
    from shiftline.lab.pbx_log import PbxLog

    pbx = KamailioPbx(config)
    _write_truth(order.truth, "kamailio, real", order, pbx.truth)
    with told_by_signals() as told, order.log.open("w", encoding="utf-8") as log:
        await pbx.start()
        following = PbxLog(pbx.log_path)
        try:
            _tell("Kamailio", "{}:{}".format(*pbx.address), order, _authority(config.tls_certificate))
            await copy_log(following, log, told)
        finally:
            await pbx.stop()
            copy_new(following, log)


async def copy_log(following: PbxLog, log: TextIO, told: asyncio.Event) -> None:
    """Write what comes to a PBX's log, as the practice PBX writes it, until told to end."""
    while not told.is_set():
        copy_new(following, log)
        with suppress(TimeoutError):
            await asyncio.wait_for(told.wait(), LOG_SECONDS)


def copy_new(following: PbxLog, log: TextIO) -> None:
    """Write what has come since the last time, so that a reader sees it."""
    log.write("".join(record.to_json() for record in following.new_records()))
    log.flush()
