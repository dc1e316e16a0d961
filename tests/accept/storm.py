"""The question "is it a limiter or capacity?" put to real Kamailio, with each of its limiters and without.

`shiftline storm` is run as a user runs it, 500 concurrent REGISTERs for a minute from 127.0.0.2. A verdict
counts if its kind and key are right and its threshold is within a tenth.
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
from shiftline.secrets import Secret

PASSWORD = "secret"
USERS = 500
AGENTS = {f"agent{number:04d}": Truth.NOT_REGISTERED for number in range(1, USERS + 1)}
WITHIN = 0.10
LONGEST_SECONDS = 400.0
STOPPED_SECONDS, RUNNING_SECONDS = 0.080, 0.015


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A limiter in the bank's words, and what has to be said of it; ``rate`` is per key."""

    limiter: str
    key: str
    rate: float


CASES = (
    Case(limiter="window:50/1s", key="source", rate=50.0),
    Case(limiter="window:50/1s,key=all", key="all", rate=50.0),
    Case(limiter="window:5/1s,key=user", key="user", rate=5.0),
    Case(limiter="red:50/1s", key="source", rate=50.0),
    Case(limiter="retry-after:40/2s,seconds=5,key=all", key="all", rate=20.0),
    Case(limiter="pike:60/2s,ban=0s", key="source", rate=30.0),
    Case(limiter="pike:60/2s,ban=20s", key="source", rate=30.0),
    Case(limiter="lockout:20/10s,lock=20s", key="user", rate=2.0),
)
"""pipelimit by source, by trunk, by user, with RED; ratelimit; pike alone and with a ban; a lockout."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What storm said, for the table."""

    name: str
    figures: str
    missed: tuple[str, ...]


def answers(seconds: float, only: Sequence[str] = ()) -> Iterator[Answer]:
    """Every case, then Kamailio without a limiter, then storm starved of processor time."""
    for case in CASES:
        if not only or any(word in case.limiter for word in only):
            yield _judged(case, _asked(case.limiter, seconds))
    if not only or "none" in only:
        yield _of_kind("no limiter", "capacity", _asked("", seconds))
    if not only or "starved" in only:
        yield _of_kind("no limiter, storm starved", "invalid", _asked("", seconds / 3.0, starved=True))


def _judged(case: Case, figures: dict[str, Any]) -> Answer:
    knee = figures["knee"] or {}
    rate = knee.get("rate")
    missed = {
        "verdict limiter": knee.get("kind") != "limiter",
        "right key": knee.get("key") != case.key,
        "threshold within 10 %": rate is None or abs(rate - case.rate) > WITHIN * case.rate,
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
        return asyncio.run(_beside_kamailio(limiter, seconds, Path(directory), starved=starved))


async def _beside_kamailio(limiter: str, seconds: float, directory: Path, *, starved: bool) -> dict[str, Any]:
    pbx = KamailioPbx(
        KamailioConfig(
            directory=directory,
            agents=AGENTS,
            password=Secret(PASSWORD),
            limiter=parse_limiter(limiter) if limiter else None,
        )
    )
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
