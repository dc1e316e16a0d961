"""Storm's figures put to the test: its memory over a million registrations, its latencies beside tshark's.

Both run the verb against real Kamailio with one child, each on a core of its own where there are two.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from math import ceil
from pathlib import Path
from typing import Any

from benchmarks.sip_agent import kamailio, on_core
from benchmarks.storm import REGISTRAR
from tests.accept.storm import Answer

from shiftline.lab.kamailio import kamailio_program

PASSWORD = "secret"
HOST = "127.0.0.2"
REGISTRATIONS, USERS, IN_FLIGHT = 1_000_000, 100_000, 200
SHARED_MIB = 1024
FLAT_MIB = 10.0
"""The least that a thing kept for each flow takes is a number in a list, 32 bytes: 27 MiB for the 900,000
flows after the first tenth. By then each user has registered once, and what is kept of each is there."""
PERCENTILES = {"p50": 0.50, "p95": 0.95, "p99": 0.99}
APART = 0.05
LOADS: Mapping[str, tuple[str, ...]] = {
    "1,000 flows/s": ("--rate", "1000"),
    "200 at a time": ("--concurrency", "200"),
}
LOAD_SECONDS = 10
_FIELDS = ("frame.time_epoch", "sip.Method", "sip.Status-Code", "sip.Call-ID", "sip.CSeq")
Address = tuple[str, int]


def figures_of_storm(part: str) -> Iterator[Answer]:
    """``million`` or ``tshark``; a line that says so where Kamailio or tshark is missing."""
    wanted = ("kamailio",) if part == "million" else ("kamailio", "dumpcap", "tshark")
    missing = [
        name for name in wanted if not (kamailio_program() if name == "kamailio" else shutil.which(name))
    ]
    if missing:
        yield Answer(
            name=f"storm, {part}", figures=f"not installed: {', '.join(missing)}", missed=("it ran",)
        )
    elif part == "million":
        yield _beside_kamailio(_million)
    else:
        for name in LOADS:
            yield _beside_kamailio(partial(_beside_tshark, name))


def _beside_kamailio(measure: Callable[[Address], Answer]) -> Answer:
    async def run() -> Answer:
        program = kamailio_program()
        assert program is not None
        async with kamailio(program, 1, REGISTRAR, shared_mib=SHARED_MIB) as address:
            return await asyncio.to_thread(measure, address)

    return asyncio.run(run())


def _command(address: Address, out: Path, *options: str) -> list[str]:
    return [
        *(sys.executable, "-m", "shiftline", "storm", "{}:{}".format(*address), "--source", HOST),
        *(
            "--user-template",
            "agent{n:06d}",
            "--password-env",
            "STORM_PASSWORD",
            "--json",
            str(out),
            *options,
        ),
    ]


@dataclass(frozen=True, slots=True)
class Reading:
    """Resident memory of storm's processes at one moment, in MiB."""

    at: float
    mib: float


def _million(address: Address) -> Answer:
    with tempfile.TemporaryDirectory() as directory:
        out = Path(directory) / "figures.json"
        command = _command(
            address, out, "--requests", str(REGISTRATIONS), "--users", str(USERS),
            "--concurrency", str(IN_FLIGHT), "--no-verdict",
        )  # fmt: skip
        readings = _watched(command)
        figures: dict[str, Any] = json.loads(out.read_text())
    tenth, half, whole = (_at(readings, share) for share in (0.1, 0.5, 1.0))
    peak = max(reading.mib for reading in readings)
    missed = {
        "a million registered": figures["ok"] != REGISTRATIONS,
        "the figures are valid": not figures["valid"],
        f"memory flat within {FLAT_MIB:.0f} MiB": peak - tenth > FLAT_MIB,
    }
    return Answer(
        name=f"{REGISTRATIONS:,} registrations of {USERS:,} users",
        figures=(
            f"{figures['ok']:,} ok in {readings[-1].at:.0f} s, {figures['flows_per_second']:,.0f} flows/s;"
            f" resident memory of storm's processes together: peak {peak:.1f} MiB; at 10 % {tenth:.1f},"
            f" at 50 % {half:.1f}, at 100 % {whole:.1f}; {'; '.join(figures['invalid_reasons'])}"
        ),
        missed=tuple(word for word, wrong in missed.items() if wrong),
    )


def _watched(command: Sequence[str]) -> list[Reading]:
    """Run it to its end; its memory each second."""
    readings = []
    with on_core(0):
        process = subprocess.Popen(
            command, env=_environment(), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )  # fmt: skip
    began = time.monotonic()
    while True:
        try:
            process.wait(timeout=1.0)
        except subprocess.TimeoutExpired:
            pids = _tree(process.pid)
            if len(pids) > 1:  # before and after the engine there is no load
                kib = sum(map(_resident_kib, pids))
                readings.append(Reading(time.monotonic() - began, kib / 1024))
        else:
            return readings


def _at(readings: Sequence[Reading], share: float) -> float:
    """The last reading before so much of the time had passed."""
    until = share * readings[-1].at
    return [reading.mib for reading in readings if reading.at <= until][-1]


def _tree(pid: int) -> list[int]:
    """The process and all below it."""
    try:
        text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    except OSError:
        return []  # it has ended
    return [pid, *(one for child in text.split() for one in _tree(int(child)))]


def _resident_kib(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("VmRSS:")), 0)


def _environment() -> dict[str, str]:
    return {**os.environ, "STORM_PASSWORD": PASSWORD}


def _beside_tshark(name: str, address: Address) -> Answer:
    with tempfile.TemporaryDirectory() as directory:
        out, capture = Path(directory) / "figures.json", Path(directory) / "capture.pcapng"
        options = ("--users", "1000", "--duration", str(LOAD_SECONDS), "--no-verdict", "--single-datagrams")
        with _captured(address, capture), on_core(0):
            subprocess.run(
                _command(address, out, *LOADS[name], *options), env=_environment(), check=False,
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            )  # fmt: skip
        figures: dict[str, Any] = json.loads(out.read_text())
        taken = _transactions(capture, address)
    told = figures["latency_ms"]
    seen = {word: 1000 * taken[ceil(share * len(taken)) - 1] for word, share in PERCENTILES.items()}
    apart = {word: told[word] / seen[word] - 1.0 for word in PERCENTILES}
    missed = [f"{word} within {APART:.0%}" for word in PERCENTILES if abs(apart[word]) > APART]
    missed += [] if len(taken) >= sum(figures["answers"].values()) else ["the capture is whole"]
    words = ", ".join(
        f"{word} {told[word]:.3f} and {seen[word]:.3f} ms ({apart[word]:+.1%})" for word in PERCENTILES
    )
    return Answer(
        name=f"{name}, latencies beside tshark's",
        figures=f"{len(taken):,} transactions; storm and tshark: {words}",
        missed=tuple(missed),
    )


@contextmanager
def _captured(address: Address, capture: Path) -> Iterator[None]:
    """Everything of Kamailio's port on the loopback interface."""
    command = ["dumpcap", "-q", "-i", "lo", "-f", f"udp port {address[1]}", "-B", "64", "-w", str(capture)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        _await(lambda: capture.exists() and capture.stat().st_size > 0)
        try:
            yield
        finally:
            time.sleep(1.0)  # what the kernel holds back for a batch
            process.terminate()


def _await(condition: Callable[[], bool], *, seconds: float = 10.0) -> None:
    until = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > until:
            raise TimeoutError("dumpcap does not capture: may this user capture on lo?")
        time.sleep(0.05)


def _transactions(capture: Path, address: Address) -> list[float]:
    """Seconds from each request's first copy to its first final answer, shortest first.

    Transactions are told apart by Call-ID and CSeq. Storm's first users and its questions about bindings,
    which its figures leave out, are among them: some forty of thousands.
    """
    command = ["tshark", "-r", str(capture), "-d", f"udp.port=={address[1]},sip", "-T", "fields"]
    command += [word for name in _FIELDS for word in ("-e", name)]
    ran = subprocess.run(command, check=True, capture_output=True, text=True)
    asked: dict[tuple[str, str], float] = {}
    taken: list[float] = []
    for line in ran.stdout.splitlines():
        moment, _, status, call, number = line.split("\t")
        if not status:
            asked.setdefault((call, number), float(moment))
        elif int(status) >= 200 and (began := asked.get((call, number), 0.0)):
            asked[call, number] = 0.0
            taken.append(float(moment) - began)
    return sorted(taken)
