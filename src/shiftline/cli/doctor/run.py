"""``shiftline doctor run``: examines a trunk by experiments, and says what is the matter."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from shiftline.cli.doctor.report import (
    BundleFile,
    ReportFile,
    ReportWishes,
    WithPseudonyms,
    material_of_examination,
)
from shiftline.cli.options import DEFAULT_CONFIG, ConfigFile
from shiftline.cli.running import Ending
from shiftline.cli.tracing import STDOUT, TraceFile, TraceWishes, show_trace
from shiftline.cli.writing import do_all, put_json, require_apart, require_writable
from shiftline.clock import clock_from_environment

if TYPE_CHECKING:
    from datetime import datetime

    from shiftline.cli.doctor.plan import Examined
    from shiftline.cli.doctor.wishes import Wishes
    from shiftline.doctor.examination import Examination
    from shiftline.sip.trace import Trace


@dataclass(frozen=True, slots=True)
class _Run:
    """What was examined, and what came of it."""

    examined: Examined
    examination: Examination
    trace: Trace
    epoch_offset: float
    failures: list[Exception]
    """Handed over, not raised: what was learned is told first."""


def run(
    trunk: Annotated[str | None, typer.Option(help="Examine this trunk of the configuration.")] = None,
    server: Annotated[
        str | None, typer.Option(metavar="sip:HOST:PORT", help="Examine this server; sips: for TLS.")
    ] = None,
    user: Annotated[str, typer.Option(help="The trunk's digest account, for [bold]--server[/].")] = "",
    password_env: Annotated[
        str, typer.Option(metavar="VAR", help="The environment variable that holds its password.")
    ] = "",
    known_good: Annotated[
        str, typer.Option(metavar="USER", help="Another account of the PBX, that works.")
    ] = "",
    known_good_password_env: Annotated[
        str, typer.Option(metavar="VAR", help="The environment variable that holds its password.")
    ] = "",
    source: Annotated[
        list[str] | None,
        typer.Option(metavar="IP", help="Our address; given twice, the second is the other source."),
    ] = None,
    present: Annotated[str, typer.Option(metavar="USER", help="A user who is certainly there.")] = "",
    absent: Annotated[str, typer.Option(metavar="USER", help="A real user who certainly is not.")] = "",
    domain: Annotated[
        list[str] | None, typer.Option(help="A domain that the PBX may serve; may be given again.")
    ] = None,
    caller: Annotated[str, typer.Option(metavar="USER", help="A name that From may have to carry.")] = "",
    public_address: Annotated[
        str, typer.Option(metavar="IP", help="The address that the PBX's lists have of us.")
    ] = "",
    header: Annotated[
        list[str] | None,
        typer.Option(metavar="'NAME: VALUE'", help="A header that production adds; may be given again."),
    ] = None,
    agent: Annotated[str, typer.Option(help="The User-Agent of a client that works.")] = "",
    subscribes: Annotated[
        bool,
        typer.Option("--subscribes", help="Its checks are subscriptions: a refused SUBSCRIBE is a fault."),
    ] = False,
    allow: Annotated[
        str | None,
        typer.Option(
            metavar="CLASS",
            help="harmless, counts-as-failure, may-trip or may-ring; else harmless, may-trip on loopback.",
        ),
    ] = None,
    budget: Annotated[int, typer.Option(min=1, max=10_000, help="Requests at most.")] = 3200,
    patience: Annotated[
        int,
        typer.Option(
            metavar="SECONDS",
            min=0,
            max=3600,
            help="The longest silence before a question: 310 waits for a ban's end, 900 for another login.",
        ),
    ] = 60,
    may_load: Annotated[
        str,
        typer.Option("--i-may-load", metavar="TARGET", help="Names a public server that is yours to ask."),
    ] = "",
    tls_ca: Annotated[str, typer.Option(metavar="FILE", help="Over TLS: whom to trust (PEM).")] = "",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print what may be asked, at which risk, and send nothing.")
    ] = False,
    json_file: Annotated[
        Path | None,
        typer.Option("--json", metavar="FILE|-", help="Write the result here; - is standard output."),
    ] = None,
    report_file: ReportFile = None,
    bundle_file: BundleFile = None,
    pseudonyms: WithPseudonyms = False,
    trace_file: TraceFile = None,
    path: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """Ask a trunk one question after the other until it is clear why it refuses; says what to do about it.

    Nothing that may lock an account, set off a limit or ring a phone is sent unless it is allowed.

    Example: [bold]shiftline doctor run --server sip:192.0.2.10 --user trunk --password-env SIP_PASSWORD
    --known-good 4711 --known-good-password-env GOOD_PASSWORD --dry-run[/]
    """
    from shiftline.cli.doctor.wishes import Wishes
    from shiftline.net.tls import TlsSettings

    wishes = Wishes(
        trunk=trunk,
        server=server,
        user=user,
        password_env=password_env,
        known_good=known_good,
        known_good_password_env=known_good_password_env,
        sources=source or [],
        allow=allow,
        budget=budget,
        patience_seconds=float(patience),
        present=present,
        absent=absent,
        domains=domain or [],
        caller=caller,
        public_address=public_address,
        headers=header or [],
        agent=agent,
        subscribes=subscribes,
        tls=TlsSettings(ca=tls_ca),
        may_load=may_load,
        dry_run=dry_run,
        path=path,
    )
    tracing = TraceWishes(trace=trace_file)
    tracing.check()
    if json_file is not None and json_file != STDOUT:
        require_writable(json_file)
    reports = ReportWishes(report=report_file, bundle=bundle_file, pseudonyms=pseudonyms)
    reports.check()
    require_apart(json_file, report_file, bundle_file, trace_file)
    _do(wishes, tracing, reports, json_file)


def _do(wishes: Wishes, tracing: TraceWishes, reports: ReportWishes, json_file: Path | None) -> None:
    from shiftline.cli.doctor.accounts import Accounts
    from shiftline.cli.doctor.plan import plan_run
    from shiftline.cli.doctor.run_report import print_plan

    examined = asyncio.run(plan_run(wishes))
    console = Console(highlight=False)
    if wishes.dry_run:
        print_plan(examined, console)
        return
    accounts = Accounts.of(examined)
    clock = clock_from_environment()
    examined, said = accounts.spare(examined, clock().timestamp())
    logins = accounts.shared(lambda: clock().timestamp())
    examined = replace(examined, plan=replace(examined.plan, logins=logins))
    if said:
        typer.echo(said, err=True)
    with Ending() as ending:
        run_ = asyncio.run(_examine(examined, ending))
        again = accounts.again_after(run_.examination.stop, clock().timestamp())
        _write(run_, again, console, tracing, reports, json_file)


def _write(
    run_: _Run,
    again: datetime | None,
    console: Console,
    tracing: TraceWishes,
    reports: ReportWishes,
    json_file: Path | None,
) -> None:
    from shiftline.cli.doctor.findings import exit_code
    from shiftline.cli.doctor.run_report import as_json, print_result

    examined, examination, trace, offset = run_.examined, run_.examination, run_.trace, run_.epoch_offset
    result = as_json(examined, examination, again)
    steps = [
        lambda: reports.fulfil(lambda: material_of_examination(examined, examination, trace, offset), result),
        lambda: put_json(json_file, result),
    ]
    if tracing.any:
        steps.append(lambda: show_trace(console, trace, tracing, epoch_offset=offset))
    if STDOUT not in (json_file, tracing.trace):
        steps.append(lambda: print_result(examined, examination, console, again))
    do_all(*steps, *(partial(_tell, failure) for failure in run_.failures))
    if code := exit_code(examination.diagnosis(), is_over=examination.is_over):
        raise typer.Exit(code)


def _tell(failure: Exception) -> None:
    raise failure


async def _examine(examined: Examined, ending: Ending) -> _Run:
    """Ask to the end, or until Ctrl-C or a failure; what is known by then is the result."""
    from shiftline.bootstrap import new_token
    from shiftline.cli.doctor.screen import watched
    from shiftline.doctor.run import open_run
    from shiftline.sip.trace import Trace

    loop, trace = asyncio.get_running_loop(), Trace()
    offset = clock_from_environment()().timestamp() - loop.time()
    failures: list[Exception] = []
    with watched(examined.name) as show:
        run_ = await open_run(examined.plan, token=new_token, on_change=show, on_message=trace.add)
        try:
            with ending.asking():
                await run_.until_over()
        except Exception as failure:  # noqa: BLE001 - told once the result is written
            failures.append(failure)
        finally:
            await run_.aclose()
    return _Run(examined, run_.examination, trace, offset, failures)
