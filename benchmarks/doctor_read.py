"""`shiftline doctor read`: SIP messages per CPU second from a large capture, beside tshark and sip-doctor.

Each reader is a process of its own; CPU (user and system) and peak memory are the kernel's. The capture is
made by seed: phones that register with digest, and OPTIONS of 500 agents, 400 to 700 bytes a message. Below
it, captures that are meant to hurt. ``--sip-doctor PATH`` names that program if it is not on the path. All
read the same capture; sip-doctor reads a tenth of it if it would take more than three minutes.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing import Process
from pathlib import Path
from random import Random

from benchmarks.doctor_captures import HOSTILE, ordinary
from rich.console import Console
from rich.table import Table

from shiftline.cli.doctor.gathered import few_collections
from shiftline.doctor.reading.reading import Reading

BAR_MESSAGES, BAR_MEGABYTES = 100_000, 300
MESSAGES = 1_000_000
_SHARE = 10
_PATIENCE_SECONDS = 180.0
_TSHARK_FIELDS = (
    "frame.time_epoch",
    "ip.src",
    "ip.dst",
    "sip.Method",
    "sip.Status-Code",
    "sip.Call-ID",
    "sip.CSeq",
)


@dataclass(frozen=True)
class Cost:
    """What a process took."""

    cpu_seconds: float
    seconds: float
    megabytes: float
    output: bytes


def cost_of(command: Sequence[str]) -> Cost:
    """Run a program to its end. Its errors are not looked at: a reader may call what it found a failure."""
    with tempfile.TemporaryFile() as output:
        began = time.perf_counter()
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.DEVNULL)
        _, _, used = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - began
        process.returncode = 0  # it was waited for
        output.seek(0)
        said = output.read(4096)
    return Cost(used.ru_utime + used.ru_stime, seconds, used.ru_maxrss / 1024, said)


def read_only(path: Path) -> None:
    """The part that is measured first: from file to exchanges, nothing concluded."""
    reading = Reading([path])
    with few_collections():
        count = sum(1 for _ in reading.briefs())
    sys.stdout.write(f"{reading.ledger.messages} {count}\n")


@dataclass(frozen=True)
class Row:
    """One reader's line."""

    name: str
    cost: Cost
    messages: int

    @property
    def rate(self) -> float:
        """Messages per CPU second."""
        return self.messages / self.cost.cpu_seconds


def made(make: Callable[..., None], *arguments: object) -> None:
    """Make a capture in a process of its own: what this one has grown to would count for its children."""
    process = Process(target=make, args=arguments)
    process.start()
    process.join()


def of_sip_doctor(program: str, folder: Path, whole: Path, messages: int) -> Row:
    """All of it, if that takes no longer than `_PATIENCE_SECONDS` by what a tenth takes; else that tenth."""
    part, few = folder / "part.pcap", max(1000, messages // _SHARE)
    made(ordinary, part, few, Random(2))
    row = Row("sip-doctor read", cost_of([program, "read", str(part)]), few)
    if messages / row.rate > _PATIENCE_SECONDS:
        return row
    return Row("sip-doctor read", cost_of([program, "read", str(whole)]), messages)


def speed(folder: Path, messages: int, sip_doctor: str | None) -> Table:
    """Messages per CPU second of each reader."""
    whole = folder / "whole.pcap"
    made(ordinary, whole, messages, Random(1))
    us = [sys.executable, "-m"]
    start_up = cost_of([*us, "benchmarks.doctor_read", "--read-only", os.devnull]).cpu_seconds
    to_exchanges = cost_of([*us, "benchmarks.doctor_read", "--read-only", str(whole)])
    verb = cost_of([*us, "shiftline", "doctor", "read", str(whole), "--json", "-"])
    rows = [
        Row("shiftline, to exchanges", to_exchanges, messages),
        Row("shiftline doctor read, with its verdict", verb, messages),
    ]
    if tshark := shutil.which("tshark"):
        fields = [option for name in _TSHARK_FIELDS for option in ("-e", name)]
        command = [tshark, "-n", "-r", str(whole), "-Y", "sip", "-T", "fields", *fields]
        rows.append(Row("tshark, seven fields", cost_of(command), messages))
    if sip_doctor:
        rows.append(of_sip_doctor(sip_doctor, folder, whole, messages))
    table = Table(
        title=f"{messages:,} SIP messages, {whole.stat().st_size / messages - 58:.0f} bytes each",
        caption=f"start-up of Shiftline ({start_up:.1f} s) is in its figures; bar: {BAR_MESSAGES:,}/s, "
        f"{BAR_MEGABYTES} MB. " + ("" if sip_doctor else "sip-doctor is not here (--sip-doctor PATH)."),
    )
    for column in ("reader", "messages read", "per CPU second", "CPU", "peak memory", "of the first"):
        table.add_column(column, justify="left" if column == "reader" else "right")
    for row in rows:
        table.add_row(
            row.name,
            f"{row.messages:,}",
            f"{row.rate:,.0f}",
            f"{row.cost.cpu_seconds:.1f} s",
            f"{row.cost.megabytes:.0f} MB",
            f"{row.rate / rows[0].rate:.2f} x",
        )
    return table


def hostile(folder: Path, messages: int) -> Table:
    """Time and memory of captures that lie."""
    table = Table(title="Captures that are meant to hurt, to exchanges")
    for column in ("capture", "size", "seconds", "peak memory", "messages, exchanges"):
        table.add_column(column, justify="left" if column == "capture" else "right")
    for name, make in HOSTILE.items():
        path = folder / "hostile.pcap"
        made(make, path, messages)
        cost = cost_of([sys.executable, "-m", "benchmarks.doctor_read", "--read-only", str(path)])
        size = path.stat().st_size / 1e6
        table.add_row(
            name,
            f"{size:,.0f} MB",
            f"{cost.seconds:.1f}",
            f"{cost.megabytes:.0f} MB",
            cost.output.decode().strip(),
        )
        path.unlink()
    return table


def main(messages: int = MESSAGES, sip_doctor: str | None = None) -> None:
    """Print both tables."""
    console = Console()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        console.print(speed(folder, messages, sip_doctor or shutil.which("sip-doctor")))
        for path in folder.iterdir():
            path.unlink()
        console.print(hostile(folder, messages))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m benchmarks.doctor_read")
    parser.add_argument("--messages", type=int, default=MESSAGES)
    parser.add_argument("--sip-doctor", metavar="PATH")
    parser.add_argument("--read-only", type=Path, metavar="FILE", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.read_only:
        read_only(given.read_only)
    else:
        main(given.messages, given.sip_doctor)
