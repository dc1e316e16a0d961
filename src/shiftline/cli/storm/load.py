"""``shiftline storm``: what can this trunk take?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from shiftline.cli.numbers import between
from shiftline.storm.script import BINDING_SECONDS

DEFAULT_SECONDS = 10.0


def run(
    server: Annotated[
        str, typer.Argument(metavar="SERVER", help="HOST[:PORT], or sip:HOST;transport=tcp, sips:HOST.")
    ],
    method: Annotated[
        str,
        typer.Option(
            metavar="METHOD",
            help="register, query, options, subscribe, invite; or a mix as in register=3,options=1.",
        ),
    ] = "register",
    scenario: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="A SIPp scenario file instead of a method (REGISTER, OPTIONS)."),
    ] = None,
    concurrency: Annotated[
        int,
        typer.Option(callback=between(1), metavar="N", help="Flows at any time, unless a rate is given."),
    ] = 500,
    rate: Annotated[
        float | None,
        typer.Option(
            callback=between(0.01), metavar="R", help="Flows per second, whatever becomes of earlier ones."
        ),
    ] = None,
    shape: Annotated[
        str | None,
        typer.Option(metavar="SHAPE", help="A rate over time, as in ramp:10-500/60s; see the reference."),
    ] = None,
    requests: Annotated[
        int | None, typer.Option(callback=between(1), metavar="N", help="End after so many flows.")
    ] = None,
    duration: Annotated[
        float | None,
        typer.Option(
            callback=between(0.1), metavar="S", help="End after so many seconds; 10 if neither is given."
        ),
    ] = None,
    users: Annotated[
        int, typer.Option(callback=between(1, 1_000_000), metavar="N", help="How many users take turns.")
    ] = 500,
    user_template: Annotated[
        str, typer.Option(metavar="TEXT", help="Their names, n from 1.")
    ] = "agent{n:04d}",
    users_file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Lines user,password instead; # begins a comment.")
    ] = None,
    password_env: Annotated[
        str, typer.Option(metavar="VAR", help="The environment variable that holds the password of all.")
    ] = "",
    source: Annotated[
        list[str] | None, typer.Option(metavar="IP", help="A source address; may be given again.")
    ] = None,
    ports: Annotated[
        int, typer.Option(callback=between(1), metavar="N", help="Source ports per address.")
    ] = 1,
    fresh_challenge: Annotated[
        bool,
        typer.Option(
            "--fresh-challenge/--reuse-nonce",
            help="Be challenged in each flow, as phones are, or answer one nonce per source for all.",
        ),
    ] = True,
    expires: Annotated[
        int,
        typer.Option(
            callback=between(1, 86_400),
            metavar="S",
            help="How long REGISTERs ask to be bound, and stay so afterwards.",
        ),
    ] = BINDING_SECONDS,
    timeout: Annotated[
        float, typer.Option(callback=between(0.1, 64), metavar="S", help="Seconds to wait for each answer.")
    ] = 32.0,
    silence: Annotated[
        float,
        typer.Option(
            callback=between(1, 120),
            metavar="S",
            help="Stop when nothing was answered for so many seconds.",
        ),
    ] = 10.0,
    processes: Annotated[
        int, typer.Option(callback=between(1, 64), metavar="N", help="Engines, each on a core of its own.")
    ] = 1,
    single_datagrams: Annotated[
        bool,
        typer.Option(
            "--single-datagrams", help="One system call per datagram, so that captures here read well."
        ),
    ] = False,
    may_load: Annotated[
        str,
        typer.Option("--i-may-load", metavar="TARGET", help="Names a public server that is yours to load."),
    ] = "",
    tls_ca: Annotated[str, typer.Option(metavar="FILE", help="Over TLS: whom to trust (PEM).")] = "",
    tls_no_verify: Annotated[
        bool, typer.Option("--tls-no-verify", help="Over TLS: take any certificate.")
    ] = False,
    verdict: Annotated[
        bool,
        typer.Option(
            "--verdict/--no-verdict",
            help="After the load, find out with short, lighter ones: a limiter, or capacity?",
        ),
    ] = True,
    find_knee: Annotated[
        bool,
        typer.Option("--find-knee", help="Then search the highest rate without a failure, and confirm it."),
    ] = False,
    asserted: Annotated[
        list[str] | None,
        typer.Option("--assert", metavar="COND", help="As p99<200ms or errors<1%; exit code 1 if not."),
    ] = None,
    metrics_port: Annotated[
        int | None,
        typer.Option(
            callback=between(1, 65535),
            metavar="PORT",
            help="Serve /metrics for Prometheus on 127.0.0.1 while it runs.",
        ),
    ] = None,
    json_file: Annotated[
        Path | None,
        typer.Option("--json", metavar="FILE", help="Write the figures here; - is standard output."),
    ] = None,
    csv_file: Annotated[
        Path | None, typer.Option("--csv", metavar="FILE", help="Write a row for each second here.")
    ] = None,
    report_file: Annotated[
        Path | None, typer.Option("--report", metavar="FILE", help="Write an HTML page with charts here.")
    ] = None,
) -> None:
    """Load a SIP server, say what it took, and whether a limiter or its capacity holds it back.

    500 concurrent REGISTERs for a minute:
    [bold]shiftline storm 192.168.0.10 --concurrency 500 --duration 60 --password-env PBX_PASSWORD[/]

    Two runs side by side: [bold]shiftline storm compare BEFORE.json AFTER.json[/]
    """
    from shiftline.cli.storm.plan import Wishes, make_plan
    from shiftline.cli.storm.run import Wanted, carry_out
    from shiftline.net.tls import TlsSettings
    from shiftline.storm.asserts import parse_condition

    wanted = Wanted(
        verdict=verdict,
        find_knee=find_knee,
        may_load=may_load,
        conditions=tuple(parse_condition(text) for text in asserted or ()),
        metrics_port=metrics_port,
        json_file=json_file,
        csv_file=csv_file,
        report_file=report_file,
        users_file=users_file,
    )
    wanted.require_writable()
    plan = make_plan(
        Wishes(
            server=server,
            method=method,
            scenario=scenario,
            concurrency=concurrency,
            rate=rate,
            shape=shape,
            flows=requests,
            seconds=DEFAULT_SECONDS if requests is None and duration is None else duration,
            users=users,
            user_template=user_template,
            users_file=users_file,
            password_env=password_env,
            sources=tuple(source or ("",)),
            ports=ports,
            fresh_challenge=fresh_challenge,
            expires_seconds=expires,
            timeout_seconds=timeout,
            silence_seconds=silence,
            processes=processes,
            batches=not single_datagrams,
            tls=TlsSettings(ca=tls_ca, verify=not tls_no_verify),
        )
    )
    raise typer.Exit(carry_out(plan, wanted))
