"""Storm beside SIPp: the same flows against the same Kamailio (children=1), both timed from outside.

``python -m benchmarks.storm --pairs 10`` is the bar: flows per CPU-second, user and system time of the
program and its children as the kernel counts them for who waits, start included. Each pair begins with a
fresh Kamailio for each of the two, and the one that goes first takes turns. Both keep 200 flows under way
(500 overflow the buffer that Kamailio may have without root), each REGISTER challenged anew; storm
retransmits, proves its schedule and takes latencies as always.
"""

from __future__ import annotations

import argparse
import asyncio
import csv
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.sip_agent import Run, kamailio, on_core
from rich.console import Console
from rich.table import Table

from shiftline.lab.kamailio import kamailio_program

FLOWS = 200_000
"""Enough that the start of either program, half a second of ours, is not what is measured."""
USERS = 10_000
IN_FLIGHT = 200
STORM_HOST, SIPP_HOST = "127.0.0.2", "127.0.0.3"

REGISTRAR = """#!KAMAILIO
debug=1
log_stderror=yes
children={children}
disable_tcp=yes
auto_aliases=no
listen=udp:{host}:{port}
loadmodule "sl.so"
loadmodule "pv.so"
loadmodule "usrloc.so"
loadmodule "registrar.so"
loadmodule "auth.so"
loadmodule "textops.so"
modparam("usrloc", "db_mode", 0)
request_route {{
    if (is_method("OPTIONS")) {{ sl_send_reply("200", "OK"); exit; }}
    if (!pv_www_authenticate("lab", "secret", "0")) {{ www_challenge("lab", "1"); exit; }}
    save("location");
    exit;
}}
"""
_SIPP_HEAD = """<?xml version="1.0" encoding="ISO-8859-1" ?>
<scenario name="storm">
"""
_SIPP_REQUEST = """<send retrans="500"><![CDATA[
{method} sip:[remote_ip]:[remote_port] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];rport;branch=[branch]
Max-Forwards: 70
From: <sip:[field0]@[remote_ip]>;tag=[pid][call_number]
To: <sip:[field0]@[remote_ip]>
Call-ID: [call_id]
CSeq: {number} {method}
{extra}User-Agent: sipp
Content-Length: 0

]]></send>
"""
EXPIRES = 3600
"""Seconds; both programs ask for the same."""
_CONTACT = f"Contact: <sip:[field0]@[local_ip]:[local_port];transport=[transport]>\nExpires: {EXPIRES}\n"
_SIPP_SCENARIOS = {
    "register": _SIPP_REQUEST.format(method="REGISTER", number=1, extra=_CONTACT)
    + '<recv response="401" auth="true"/>\n'
    + _SIPP_REQUEST.format(method="REGISTER", number=2, extra=f"[field1]\n{_CONTACT}")
    + '<recv response="200" rtd="true"/>\n',
    "options": _SIPP_REQUEST.format(method="OPTIONS", number=1, extra="Accept: application/sdp\n")
    + '<recv response="200" rtd="true"/>\n',
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Load(Run):
    """One program's run; ``answered`` are flows that succeeded, and the start of the program counts."""

    failed: int
    retransmissions: int
    valid: bool = True
    engine_us: float = 0.0
    """Of storm: microseconds of the engine alone, per flow."""


def timed(command: Sequence[str], **environment: str) -> tuple[float, float]:
    """Run it on the first core; wall seconds, and user and system seconds of it and its children."""
    with on_core(0):
        began = time.perf_counter()
        process = subprocess.Popen(
            command,
            env={**os.environ, **environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        _, _, used = os.wait4(process.pid, 0)
        process.returncode = 0  # taken from under it by wait4
        return time.perf_counter() - began, used.ru_utime + used.ru_stime


def run_storm(address: tuple[str, int], method: str, flows: int, directory: Path, *options: str) -> Load:
    """Storm through its own verb, as a user has it."""
    figures_path = directory / "storm.json"
    seconds, cpu_seconds = timed(
        [
            *(sys.executable, "-m", "shiftline", "storm", "{}:{}".format(*address)),
            *("--method", method, "--requests", str(flows), "--concurrency", str(IN_FLIGHT)),
            *(
                "--expires",
                str(EXPIRES),
                "--users",
                str(USERS),
                "--user-template",
                "agent{n:06d}",
                "--source",
                STORM_HOST,
            ),
            *("--password-env", "STORM_PASSWORD", "--json", str(figures_path), "--no-verdict", *options),
        ],
        STORM_PASSWORD="secret",  # noqa: S106 - the lab's
    )
    figures = json.loads(figures_path.read_text())
    return Load(
        answered=figures["ok"],
        failed=flows - figures["ok"],
        retransmissions=figures["retransmissions"],
        seconds=seconds,
        cpu_seconds=cpu_seconds,
        valid=figures["valid"],
        engine_us=figures["cpu_us_per_flow"],
    )


def run_sipp(address: tuple[str, int], method: str, flows: int, directory: Path) -> Load:
    """SIPp with a scenario that sends the same."""
    scenario, users, figures = (directory / name for name in ("sipp.xml", "users.csv", "sipp.csv"))
    scenario.write_text(f"{_SIPP_HEAD}{_SIPP_SCENARIOS[method]}</scenario>\n")
    names = (f"agent{number:06d}" for number in range(1, USERS + 1))
    rows = (f"{name};[authentication username={name} password=secret]\n" for name in names)
    users.write_text("SEQUENTIAL\n" + "".join(rows))
    seconds, cpu_seconds = timed(
        [
            *("sipp", "{}:{}".format(*address), "-sf", str(scenario), "-inf", str(users), "-i", SIPP_HOST),
            *("-r", "50000", "-l", str(IN_FLIGHT), "-m", str(flows), "-nostdin"),
            *("-trace_stat", "-stf", str(figures), "-fd", "60"),
        ],
        TERM="xterm",
    )
    with figures.open(newline="") as lines:
        last = list(csv.DictReader(lines, delimiter=";"))[-1]
    return Load(
        answered=int(last["SuccessfulCall(C)"]),
        failed=int(last["FailedCall(C)"]),
        retransmissions=int(last["Retransmissions(C)"]),
        seconds=seconds,
        cpu_seconds=cpu_seconds,
    )


async def pair(program: str, method: str, flows: int, *, storm_first: bool) -> tuple[Load, Load]:
    """Storm and SIPp, each against a Kamailio that has served nobody yet."""
    runs: dict[str, Load] = {}
    for name in ("storm", "sipp") if storm_first else ("sipp", "storm"):
        async with kamailio(program, 1, REGISTRAR) as address:
            with tempfile.TemporaryDirectory() as directory:
                run = run_storm if name == "storm" else run_sipp
                runs[name] = run(address, method, flows, Path(directory))
    return runs["storm"], runs["sipp"]


def table_of(method: str, pairs: Sequence[tuple[Load, Load]]) -> Table:
    """Each pair, then the medians and the peaks."""
    table = Table(title=f"{method}: {IN_FLIGHT} flows at a time against Kamailio, children=1")
    for column in (
        "pair",
        "storm/CPU-s",
        "SIPp/CPU-s",
        "ratio",
        "storm/s",
        "SIPp/s",
        "failed",
        "copies",
        "engine",
        "valid",
    ):
        table.add_column(column, justify="right")
    for number, (storm, sipp) in enumerate(pairs, start=1):
        table.add_row(
            str(number),
            f"{storm.per_cpu_second:,.0f}",
            f"{sipp.per_cpu_second:,.0f}",
            f"{storm.per_cpu_second / sipp.per_cpu_second:.2f}",
            f"{storm.per_second:,.0f}",
            f"{sipp.per_second:,.0f}",
            f"{storm.failed} / {sipp.failed}",
            f"{storm.retransmissions} / {sipp.retransmissions}",
            f"{storm.engine_us:.1f} us",
            "yes" if storm.valid else "no",
        )
    table.add_section()
    table.add_row(
        "median",
        *(
            f"{statistics.median(run.per_cpu_second for run in runs):,.0f}"
            for runs in zip(*pairs, strict=True)
        ),
        f"{statistics.median(storm.per_cpu_second / sipp.per_cpu_second for storm, sipp in pairs):.2f}",
        *(f"{statistics.median(run.per_second for run in runs):,.0f}" for runs in zip(*pairs, strict=True)),
    )
    peaks = (f"{max(run.per_second for run in runs):,.0f}" for runs in zip(*pairs, strict=True))
    table.add_row("peak", "", "", "", *peaks)
    return table


async def measure(method: str, count: int, flows: int) -> list[tuple[Load, Load]]:
    """So many pairs; none where Kamailio or SIPp is missing."""
    program = kamailio_program()
    if program is None or shutil.which("sipp") is None:
        return []
    return [await pair(program, method, flows, storm_first=bool(number % 2)) for number in range(count)]


def compare(count: int, flows: int) -> None:
    """Print both tables."""
    for method in ("register", "options"):
        pairs = asyncio.run(measure(method, count, flows))
        if pairs:
            Console(width=120).print(table_of(method, pairs))
        else:
            Console().print("Storm beside SIPp: Kamailio or SIPp is not installed.")


def run_short() -> None:
    """What ``make bench`` has time for."""
    compare(2, FLOWS // 2)


def main() -> None:
    """Read the arguments and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=10)
    parser.add_argument("--flows", type=int, default=FLOWS)
    given = parser.parse_args()
    compare(given.pairs, given.flows)


if __name__ == "__main__":
    main()
