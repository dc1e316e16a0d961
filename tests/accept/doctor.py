"""The doctor in real time: processes, sockets and real Kamailio, as somebody types it.

A sample of the bank on the practice PBX, and every fault that stock Kamailio can have. What the doctor is
told is the same for all, but for what whoever runs a trunk knows: the domain, the name in From, the address
and the agent that pass, taken from what the lab says it drew.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.doctor_classes import class_of

from shiftline.diagnosis.experiment import Means, Permission, Risk
from shiftline.diagnosis.families import Family
from shiftline.lab.kamailio_faults import KAMAILIO_FAULTS

SAMPLE = (
    ("healthy", "pjsip"),
    ("healthy", "sbc"),
    ("acl.source", "pjsip"),
    ("acl.source", "sbc"),
    ("acl.partial", "kamailio"),
    ("ban.source", "chan_sip"),
    ("capacity.maintenance", "freeswitch"),
    ("credentials.identity-mismatch", "kamailio"),
    ("credentials.nonce-count", "freeswitch"),
    ("credentials.stale-nonce", "pjsip"),
    ("credentials.unknown-user", "chan_sip"),
    ("credentials.wrong-password", "freeswitch"),
    ("message.missing-metadata", "sbc"),
    ("method.blind", "kamailio"),
    ("network.unreachable", "sbc"),
    ("policy.method", "chan_sip"),
    ("registrar.max-contacts", "pjsip"),
    ("throttle.source", "kamailio"),
    ("throttle.source", "sbc"),
    ("throttle.user", "sbc"),
)
"""Twenty of the bank, each of another kind."""
TOGETHER = 3
"""Examinations at a time: each waits most of its time."""
LONGEST_SECONDS = 420.0
_ADDRESS = re.compile(r"sip:127\.0\.0\.1:\d+")
_CONTROLS = re.compile(r'control_(present|absent) = "([^"]+)"')
_METADATA = ("X-Agent-ID", "X-Genesys-Agent", "X-Queue", "X-Tenant")


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One line of the table."""

    name: str
    figures: str
    missed: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Trunk:
    fault: str
    personality: str
    engine: str
    seed: int

    @property
    def name(self) -> str:
        return f"doctor run, {self.engine} as {self.personality}, {self.fault}, seed {self.seed}"


def examinations(seeds: Sequence[int], *, quick: bool = False) -> Iterator[Found]:
    """Every examination, some at a time, in the order of the lists."""
    seed = seeds[0] if seeds else 1
    trunks = [_Trunk(fault=fault, personality=one, engine="practice", seed=seed) for fault, one in SAMPLE]
    kamailio = ["healthy", *KAMAILIO_FAULTS]
    trunks += [_Trunk(fault=one, personality="kamailio", engine="kamailio", seed=seed) for one in kamailio]
    yield from asyncio.run(_all(trunks[::7] if quick else trunks))


def live(faults: Sequence[tuple[str, str]], seed: int) -> list[Found]:
    """Some faults by personality, each on a practice PBX of its own."""
    trunks = [_Trunk(fault=fault, personality=one, engine="practice", seed=seed) for fault, one in faults]
    return asyncio.run(_all(trunks))


async def _all(trunks: Sequence[_Trunk]) -> list[Found]:
    free = asyncio.Semaphore(TOGETHER)

    async def one(trunk: _Trunk) -> Found:
        async with free:
            return await _examine(trunk)

    return list(await asyncio.gather(*(one(trunk) for trunk in trunks)))


async def _examine(trunk: _Trunk) -> Found:
    with tempfile.TemporaryDirectory() as folder:
        truth = Path(folder) / "truth.json"
        pbx = await _start_pbx(trunk, truth)
        try:
            said = await _said_by(pbx)
            result = await _run_doctor(trunk, said, json.loads(truth.read_text(encoding="utf-8")), folder)
        finally:
            if pbx.returncode is None:
                pbx.terminate()
            await pbx.wait()
    return _judge(trunk, result)


async def _start_pbx(trunk: _Trunk, truth: Path) -> asyncio.subprocess.Process:
    arguments = ["lab", "pbx", "--port", "0", "--engine", trunk.engine, "--seed", str(trunk.seed)]
    arguments += ["--json", str(truth)]
    arguments += ["--personality", trunk.personality] if trunk.engine == "practice" else []
    arguments += ["--fault", trunk.fault] if trunk.fault != "healthy" else []
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "shiftline", *arguments, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip


async def _said_by(pbx: asyncio.subprocess.Process) -> str:
    """What it says when it is ready: where it is, and who its controls are."""
    assert pbx.stdout is not None
    said = ""
    async with asyncio.timeout(30.0):
        while "control_absent" not in said:
            line = await pbx.stdout.readline()
            if not line:
                raise RuntimeError(f"The PBX ended: {said}")
            said += line.decode()
    return said


async def _run_doctor(trunk: _Trunk, said: str, truth: Any, state: str) -> dict[str, Any]:
    known = _known(truth)
    address, controls = _ADDRESS.findall(said)[0], dict(_CONTROLS.findall(said))
    arguments = [
        "doctor",
        "run",
        "--server",
        address,
        "--user",
        "shiftline",
        "--password-env",
        "SIP_PASSWORD",
    ]
    arguments += [
        "--known-good",
        "agent0002",
        "--known-good-password-env",
        "SIP_PASSWORD",
        "--present",
        controls["present"],
        "--absent",
        controls["absent"],
    ]
    arguments += ["--public-address", "127.0.0.10", "--json", "-"]
    arguments += [word for name in _METADATA for word in ("--header", f"{name}: 4711")]
    # The practice PBX is one that answers subscriptions, stock Kamailio is not.
    arguments += ["--subscribes"] if trunk.engine == "practice" else []
    for option, names in _OPTIONS.items():
        arguments += [word for name in names if name in known for word in (option, str(known[name]))]
    doctor = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "shiftline", *arguments,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "SIP_PASSWORD": "secret", "XDG_STATE_HOME": state},
    )  # fmt: skip
    async with asyncio.timeout(LONGEST_SECONDS):
        out, error = await doctor.communicate()
    if not out:
        raise RuntimeError(f"{trunk.name}: {error.decode().strip()}")
    result: dict[str, Any] = json.loads(out)
    return result


_OPTIONS = {
    "--domain": ("domain",),
    "--caller": ("identity", "verified"),
    "--agent": ("allowed_agents",),
}


def _known(truth: Any) -> dict[str, Any]:
    """What was drawn, by name, of all faults."""
    found: dict[str, Any] = {}
    faults = truth if isinstance(truth, list) else truth.get("faults", [])
    for fault in faults:
        found |= fault.get("drawn", {})
    return found


def _judge(trunk: _Trunk, result: Mapping[str, Any]) -> Found:
    named = [(one["cause"], *one["indistinguishable_from"]) for one in result["findings"]]
    reported = {cause for one in named for cause in one}
    means = frozenset(Means)
    right = class_of(trunk.fault, Family(trunk.personality), Permission(risk=Risk.MAY_TRIP, means=means))
    confidence = result["verdict"]["confidence"]
    missed = {
        "names the cause": trunk.fault not in reported,
        "and no more than its class": len(reported) > max(1, len(right)),
        "not confident and wrong": confidence >= 0.9 and trunk.fault not in reported,
    }
    return Found(
        name=trunk.name,
        figures=f"{'; '.join(', '.join(one) for one in named)} at {confidence:.2f},"
        f" {result['requests_sent']} requests",
        missed=tuple(word for word, wrong in missed.items() if wrong),
    )
