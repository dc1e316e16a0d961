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
from shiftline.cli.tracing import (
    AsLadder,
    HepCollector,
    HepKeyVariable,
    MermaidFile,
    PcapFile,
    TraceFile,
    TraceWishes,
    WithCredentials,
    show_trace,
)
from shiftline.clock import clock_from_environment
from shiftline.errors import ConfigurationError, ShiftlineError

if TYPE_CHECKING:
    from shiftline.cli.check.plan import AskedServer, Asking
    from shiftline.cli.check.report import Report
    from shiftline.net.checkup import Found
    from shiftline.sip.trace import TracedMessage

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
    listed: Annotated[
        str | None,
        typer.Option("--list", metavar="URI", help="Ask this list of the PBX once, about all its members."),
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
        str | None,
        typer.Option(
            help="options, registration, reg-event, presence, dialog or auto; else the trunk's, or options."
        ),
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
    tls_ca: Annotated[
        str, typer.Option(metavar="FILE", help="Over TLS, for [bold]--server[/]: whom to trust (PEM).")
    ] = "",
    tls_no_verify: Annotated[
        bool, typer.Option("--tls-no-verify", help="Over TLS: take any certificate.")
    ] = False,
    as_ladder: AsLadder = False,
    mermaid: MermaidFile = None,
    pcap: PcapFile = None,
    trace_file: TraceFile = None,
    hep: HepCollector = "",
    hep_key_env: HepKeyVariable = "",
    with_credentials: WithCredentials = False,
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
    from shiftline.cli.check.plan import Asking
    from shiftline.net.tls import TlsSettings

    wishes = TraceWishes(
        ladder=as_ladder,
        mermaid=mermaid,
        pcap=pcap,
        trace=trace_file,
        hep=hep,
        hep_key_env=hep_key_env,
        with_credentials=with_credentials,
    )
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
        tls=TlsSettings(ca=tls_ca, verify=not tls_no_verify),
        path=path,
        listed=listed,
    )
    _carry_out(asking, timeout, wishes, as_json=as_json, nagios=nagios)


def _carry_out(
    asking: Asking, timeout_seconds: float, wishes: TraceWishes, *, as_json: bool, nagios: bool
) -> None:
    """Ask, show the messages that somebody wants to see, then what was found; ends with its exit code."""
    with _told_to_monitor(wanted=nagios):
        wishes.check()
        report = asyncio.run(_run(asking, timeout_seconds, wishes))
        if wishes.any:
            quiet = as_json or nagios  # standard output belongs to the machine that reads it
            console = Console(stderr=quiet, highlight=False)
            show_trace(console, report.trace, wishes, epoch_offset=report.epoch_offset)
            if wishes.ladder:
                console.print()
    _print(report, as_json=as_json, nagios=nagios)


def _read(file: Path | None) -> list[str]:
    """The addresses of a file: one a line, blank lines and what follows # left out."""
    if file is None:
        return []
    if file == Path("-") and sys.stdin is None:
        raise ConfigurationError("There is no standard input to read.", remedy="Give a file's name.")
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


async def _run(asking: Asking, timeout_seconds: float, wishes: TraceWishes) -> Report:
    from shiftline.cli.check.list import ask_list
    from shiftline.cli.check.plan import find_servers
    from shiftline.cli.check.report import Line, Report

    clock = clock_from_environment()
    report = Report(epoch_offset=clock().timestamp() - asyncio.get_running_loop().time())
    on_message = report.trace.add if wishes.any else None
    with ended_by_signals():
        report.is_interrupted = True
        servers = await find_servers(asking)
        report.lines = [Line(uri=str(uri), found=None) for server in servers for uri in server.uris]
        with _progress(len(report.lines)) as told:
            for server in servers:
                ask = _ask if server.listed is None else ask_list
                await ask(server, report, timeout_seconds, told, on_message)
        report.is_interrupted = False
    return report


async def _ask(
    server: AskedServer,
    report: Report,
    timeout_seconds: float,
    told: Callable[[Found], None],
    on_message: Callable[[TracedMessage], None] | None,
) -> None:
    """Ask one server, and put what was found into the report even when the run is cut short."""
    from shiftline.bootstrap import new_token
    from shiftline.cli.check.plan import open_endpoint
    from shiftline.net.asking import Speaker
    from shiftline.net.checkup import Checkup
    from shiftline.net.failover import request_to
    from shiftline.net.package_method import PACKAGE_METHODS, OpenQuestions
    from shiftline.net.subscription_driver import NotifyInbox

    if not server.targets:
        report.put({}, server.uris, "dns.failure")
        return
    inbox = NotifyInbox()
    subscribes = not PACKAGE_METHODS.keys().isdisjoint(server.policy.methods)
    async with await open_endpoint(
        server, inbox, on_message, timeout_seconds, accept_tcp=subscribes
    ) as endpoint:
        checkup = Checkup(
            send=partial(request_to, endpoint, targets=server.targets, timeout_seconds=timeout_seconds),
            speaker=Speaker(
                domain=server.domain,
                identity=server.identity,
                token=new_token,
                questions=OpenQuestions(inbox, contact=endpoint.contact(server.targets[0].transport)),
                family=server.policy.family,
            ),
            digest=server.digest(),
            policy=server.policy,
            rate=server.rate,
            clock=clock_from_environment(),
        )
        try:
            await checkup.ask_controls()
            await checkup.ask_all(server.uris, told)
        finally:
            report.put(checkup.found, server.uris, checkup.stopped)
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
    from shiftline.cli.check.report import level_of, nagios_line, show

    if nagios:
        typer.echo(nagios_line(report))
        raise typer.Exit(level_of(report))
    if as_json:
        typer.echo(json.dumps(report.as_json(), indent=2))
    else:
        show(report, Console(highlight=False))
    if not report.is_fine or report.is_interrupted:
        raise typer.Exit(1)
