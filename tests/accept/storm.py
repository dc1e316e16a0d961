"""The question "is it a limiter or capacity?" put to real Kamailio, with each of its limiters and without.

`shiftline storm` is run as a user runs it, 500 concurrent REGISTERs for a minute from 127.0.0.2. A verdict
counts if its kind and key are right and its threshold is within a tenth. Kamailio has no cap on what is
under way at a time; the practice PBX is asked about it, for a third of the time. All take 16 minutes.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shiftline.governor.limiters.spec import parse_limiter
from shiftline.lab.kamailio import KamailioConfig, KamailioPbx
from shiftline.lab.pbx.agents import Truth
from shiftline.lab.pbx.config import PracticePbxConfig
from shiftline.lab.pbx.faults import Faults
from shiftline.lab.pbx.process import PracticePbxProcess
from shiftline.secrets import Secret

PASSWORD = "secret"
USERS = 500
AGENTS = {f"agent{number:04d}": Truth.NOT_REGISTERED for number in range(1, USERS + 1)}
WITHIN = 0.10
LONGEST_SECONDS = 400.0
STOPPED_SECONDS, RUNNING_SECONDS = 0.080, 0.015


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A limiter in the bank's words, and what has to be said of it.

    ``threshold`` is requests per second and key; of a cap on what is under way, its places.
    """

    limiter: str
    key: str
    threshold: float

    @property
    def is_cap(self) -> bool:
        """Whether it counts what is under way."""
        return self.limiter.startswith("concurrency:")


CASES = (
    Case(limiter="window:50/1s", key="source", threshold=50.0),
    Case(limiter="window:50/1s,key=all", key="all", threshold=50.0),
    Case(limiter="window:5/1s,key=user", key="user", threshold=5.0),
    Case(limiter="red:50/1s", key="source", threshold=50.0),
    Case(limiter="retry-after:40/2s,seconds=5,key=all", key="all", threshold=20.0),
    Case(limiter="pike:60/2s,ban=0s", key="source", threshold=30.0),
    Case(limiter="pike:60/2s,ban=20s", key="source", threshold=30.0),
    Case(limiter="lockout:20/10s,lock=20s", key="user", threshold=2.0),
)
"""pipelimit by source, by trunk, by user, with RED; ratelimit; pike alone and with a ban; a lockout."""
CAPS = (
    Case(limiter="concurrency:20", key="all", threshold=20.0),
    Case(limiter="concurrency:12,key=source,status=403", key="source", threshold=12.0),
)
"""Of the practice PBX."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What storm said, for the table."""

    name: str
    figures: str
    missed: tuple[str, ...]


def answers(seconds: float, only: Sequence[str] = ()) -> Iterator[Answer]:
    """Every case, then Kamailio without a limiter, then storm starved of processor time."""
    for case in (*CASES, *CAPS):
        if not only or any(word in case.limiter for word in only):
            yield _judged(case, _asked(case.limiter, seconds / 3.0 if case.is_cap else seconds))
    if not only or "none" in only:
        yield _of_kind("no limiter", "capacity", _asked("", seconds))
    if not only or "starved" in only:
        yield _of_kind("no limiter, storm starved", "invalid", _asked("", seconds / 3.0, starved=True))


def _judged(case: Case, figures: dict[str, Any]) -> Answer:
    knee = figures["knee"] or {}
    limit = (figures["verdict"] or {}).get("limit") or {}
    seen = limit.get("count") if case.is_cap else knee.get("rate")
    missed = {
        "verdict limiter": knee.get("kind") != "limiter",
        "right key": knee.get("key") != case.key,
        "threshold within 10 %": seen is None or abs(seen - case.threshold) > WITHIN * case.threshold,
        "a cap on what is under way": case.is_cap and limit.get("seconds", 0.0) is not None,
    }
    found = tuple(word for word, wrong in missed.items() if wrong)
    return Answer(name=case.limiter, figures=_words(figures, with_evidence=bool(found)), missed=found)


def _of_kind(name: str, kind: str, figures: dict[str, Any]) -> Answer:
    said = (figures["knee"] or {}).get("kind")
    missed = () if said == kind else (f"verdict {kind}",)
    return Answer(name=name, figures=_words(figures, with_evidence=bool(missed)), missed=missed)


def _words(figures: dict[str, Any], *, with_evidence: bool) -> str:
    evidence = "; ".join((figures["verdict"] or {}).get("evidence", [])) if with_evidence else ""
    verdict = figures["verdict"] or {}
    limit = verdict.get("limit") or {}
    return (
        f"{figures['flows']:,} flows, {figures['ok']:,} ok, {limit.get('spec', '')} "
        f"{limit.get('agreement', 0):.0%}, {figures['wall']:.0f} s: {verdict.get('sentence', 'no verdict')}"
        f" {evidence}"
    )


def _asked(limiter: str, seconds: float, *, starved: bool = False) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as directory:
        return asyncio.run(_beside(limiter, seconds, Path(directory), starved=starved))


def _pbx(limiter: str, directory: Path) -> KamailioPbx | PracticePbxProcess:
    if limiter.startswith("concurrency:"):
        return PracticePbxProcess(
            PracticePbxConfig(
                log_path=directory / "pbx.log",
                agents=AGENTS,
                password=Secret(PASSWORD),
                faults=Faults(limiter=limiter),
            )
        )
    return KamailioPbx(
        KamailioConfig(
            directory=directory,
            agents=AGENTS,
            password=Secret(PASSWORD),
            limiter=parse_limiter(limiter) if limiter else None,
        )
    )


async def _beside(limiter: str, seconds: float, directory: Path, *, starved: bool) -> dict[str, Any]:
    pbx = _pbx(limiter, directory)
    await pbx.start()
    try:
        return await asyncio.to_thread(_storm, pbx.address, seconds, starved=starved)
    finally:
        await pbx.stop()


def _storm(address: tuple[str, int], seconds: float, *, starved: bool) -> dict[str, Any]:
    host, port = address
    command = [sys.executable, "-m", "shiftline", "storm", f"sip:{host}:{port}", "--concurrency", "500"]
    command += ["--duration", str(seconds), "--users", str(USERS), "--user-template", "agent{n:04d}"]
    command += ["--password-env", "STORM_PASSWORD", "--source", "127.0.0.2", "--json", "-"]
    began = time.monotonic()
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "STORM_PASSWORD": PASSWORD},
        start_new_session=True,
    ) as process:
        if starved:
            _starve(process)
        out, _ = process.communicate(timeout=LONGEST_SECONDS)
    figures: dict[str, Any] = json.loads(out)
    figures["wall"] = time.monotonic() - began
    return figures


def _starve(process: subprocess.Popen[bytes]) -> None:
    """Let it run for a part of the time only, its engines too."""
    time.sleep(1.5)
    while process.poll() is None:
        for number, pause in ((signal.SIGSTOP, STOPPED_SECONDS), (signal.SIGCONT, RUNNING_SECONDS)):
            try:
                os.killpg(process.pid, number)
            except ProcessLookupError:
                return
            time.sleep(pause)
