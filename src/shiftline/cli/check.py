"""``shiftline check``: can these agents be reached, and is the answer worth anything?"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from shiftline.cli.options import DEFAULT_CONFIG, AsJson, ConfigFile
from shiftline.cli.running import ended_by_signals
from shiftline.clock import clock_from_environment
from shiftline.errors import ConfigurationError, ShiftlineError

if TYPE_CHECKING:
    from shiftline.cli.check_plan import Asking, Target
    from shiftline.cli.check_report import Report
    from shiftline.net.checkup import Found

UNKNOWN = 3
"""What a monitoring plugin exits with when it could not look."""


def run(
    uris: Annotated[
        list[str] | None,
        typer.Argument(metavar="[SIP-URI]...", help="Whom to ask about.", show_default=False),
    ] = None,
    file: Annotated[
        Path | None, typer.Option("--file", help="Read addresses, one a line; - reads standard input.")
    ] = None,
    trunk: Annotated[str | None, typer.Option(help="Ask through this trunk of the configuration.")] = None,
    server: Annotated[
        str | None, typer.Option(metavar="sip:HOST:PORT", help="Ask this server; else each URI's own host.")
    ] = None,
    user: Annotated[str, typer.Option(help="The digest account, for [bold]--server[/].")] = "",
    password_env: Annotated[
        str, typer.Option(metavar="VAR", help="The environment variable that holds its password.")
    ] = "",
    method: Annotated[
        str | None, typer.Option(help="options, registration or auto; by default the trunk's, else options.")
    ] = None,
    present: Annotated[str | None, typer.Option(metavar="URI", help="A user who is certainly there.")] = None,
    absent: Annotated[
        str | None, typer.Option(metavar="URI", help="A real user who certainly is not.")
    ] = None,
    family: Annotated[
        str | None, typer.Option(help="What the PBX is: see the reference of methods. Default: generic.")
    ] = None,
    source: Annotated[
        str | None, typer.Option(metavar="IP", help="Our own address; else routing chooses.")
    ] = None,
    rate: Annotated[
        float | None, typer.Option(min=0.1, max=1000, help="Requests per second: 5, or 50 on the loopback.")
    ] = None,
    timeout: Annotated[float, typer.Option(min=0.1, max=60, help="Seconds to wait for each answer.")] = 4.0,
    as_json: AsJson = False,
    nagios: Annotated[
        bool, typer.Option("--nagios", help="Print one line with perfdata; exit 0, 1, 2 or 3 as plugins do.")
    ] = False,
    path: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """Ask over SIP whether agents can be reached; says how, how fast, and whether the answer is proven.

    Without a present and an absent control nothing is proven, and no agent counts as available.

    Example: [bold]shiftline check sip:4711@pbx.example.com --present sip:100@pbx.example.com --absent
    sip:199@pbx.example.com[/]
    """
    from shiftline.cli.check_plan import Asking

    asking = Asking(
        uris=list(dict.fromkeys([*(uris or []), *_read(file)])),
        trunk=trunk,
        server=server,
        user=user,
        password_env=password_env,
        method=method,
        present=present,
        absent=absent,
        family=family,
        source=source,
        rate=rate,
        path=path,
    )
    with _told_to_monitor(wanted=nagios):
        report = asyncio.run(_run(asking, timeout))
    _print(report, as_json=as_json, nagios=nagios)


def _read(file: Path | None) -> list[str]:
    """The addresses of a file: one a line, blank lines and what follows # left out."""
    if file is None:
        return []
    try:
        text = sys.stdin.read() if file == Path("-") else file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise ConfigurationError(
            f"{file} cannot be read: {why}.", remedy="Give a text file with one SIP URI a line."
        ) from error
    lines = (line.split("#", 1)[0].strip() for line in text.splitlines())
    return [line for line in lines if line]


@contextmanager
def _told_to_monitor(*, wanted: bool) -> Iterator[None]:
    """Let a fault that keeps us from looking be a plugin's UNKNOWN."""
    try:
        yield
    except ShiftlineError as error:
        if not wanted:
            raise
        typer.echo(f"SHIFTLINE UNKNOWN - {error}".replace("|", "/"))
        raise typer.Exit(UNKNOWN) from error


async def _run(asking: Asking, timeout_seconds: float) -> Report:
    from shiftline.cli.check_plan import make_targets
    from shiftline.cli.check_report import Line, Report

    report = Report()
    with ended_by_signals():
        report.is_interrupted = True
        targets = await make_targets(asking)
        report.lines = [Line(uri=str(uri), found=None) for target in targets for uri in target.uris]
        with _progress(len(report.lines)) as told:
            for target in targets:
                await _ask(target, report, timeout_seconds, told)
        report.is_interrupted = False
    return report


async def _ask(target: Target, report: Report, timeout_seconds: float, told: Callable[[Found], None]) -> None:
    """Ask one server, and put what was found into the report even when the run is cut short."""
    from shiftline.bootstrap import new_token
    from shiftline.net.asking import Speaker
    from shiftline.net.checkup import Checkup
    from shiftline.net.endpoint import SipEndpoint
    from shiftline.sip.digest import DigestClient

    if target.destination is None:
        report.put({}, target.uris, "dns.failure")
        return
    async with await SipEndpoint.open(local_host=target.source) as endpoint:
        checkup = Checkup(
            send=partial(endpoint.request, destination=target.destination, timeout_seconds=timeout_seconds),
            speaker=Speaker(
                domain=target.domain,
                identity=target.identity,
                token=new_token,
                family=target.policy.family,
            ),
            digest=DigestClient(target.account, token=new_token) if target.account else None,
            policy=target.policy,
            rate=target.rate,
            clock=clock_from_environment(),
        )
        try:
            await checkup.ask_controls()
            await checkup.ask_all(target.uris, told)
        finally:
            report.put(checkup.found, target.uris, checkup.stopped)
            report.close(checkup)


@contextmanager
def _progress(total: int) -> Iterator[Callable[[Found], None]]:
    """A bar on standard error, where that is a terminal."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    bar = Progress(
        TextColumn("Asking"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )
    with bar:
        task = bar.add_task("asking", total=total)
        yield lambda _: bar.advance(task)


def _print(report: Report, *, as_json: bool, nagios: bool) -> None:
    from shiftline.cli.check_report import level_of, nagios_line, show

    if nagios:
        typer.echo(nagios_line(report))
        raise typer.Exit(level_of(report))
    if as_json:
        typer.echo(json.dumps(report.as_json(), indent=2))
    else:
        show(report, Console(highlight=False))
    if not report.is_fine or report.is_interrupted:
        raise typer.Exit(1)
