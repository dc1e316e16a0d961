"""A burst on several trunks and two workers, of which one is paused and the other killed on the way."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import sys
import time
from asyncio.subprocess import DEVNULL, Process
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from tests.durable.burst import Aftermath

from shiftline.clock import VARIABLE, boot_time, clock_setting
from shiftline.connector.ownership import TTL_SECONDS
from shiftline.connector.records import Holdings
from shiftline.connector.sharing import LIVE_SECONDS
from shiftline.lab.demo.run import POLICY, PUBLISHED_AT
from shiftline.lab.demo.stage import OUR_HOST, PASSWORD, SECRET_VARIABLES
from shiftline.lab.demo.truth import true_verdicts
from shiftline.lab.org.practice import ADDRESS_FIELD, ADDRESS_SCHEMA, LAB_CLIENT, OrgSettings
from shiftline.lab.org.process_config import OrgProcessConfig
from shiftline.lab.pbx.agents import TRUNK_ACCOUNT, Truth, controls_of
from shiftline.lab.pbx.config import PracticePbxConfig
from shiftline.lab.pbx.faults import Faults, Throttle
from shiftline.lab.pbx.process import PracticePbxProcess
from shiftline.lab.process import Child, end_process, leashed
from shiftline.lab.scenario import DENY_RULE_VIOLATION, Scenario, ScenarioSettings, build_scenario
from shiftline.secrets import Secret
from shiftline.store.database import open_database
from shiftline.store.embedded import EmbeddedPostgres
from shiftline.store.read_model import ReadModel
from shiftline.store.workers import PostgresWorkers

CALLS_PER_MINUTE = 600  # the WFM's budget would only be waited for here
BALANCED_SECONDS = 90.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """A publish-day burst on several trunks. Each trunk's PBX has its hidden ``limit`` per second."""

    trunks: int = 8
    trades: int = 400
    seed: int = 1
    limit: int = 10
    max_rate: float = 0.0
    """Declared, in requests per second; 0: learned."""
    warm_requests: int = 5
    """So many requests each trunk has had when the ordeal begins."""
    balanced: bool = True
    """Whether the burst waits until each worker has its share; otherwise the first has all, and is paused."""
    stray_seconds: float = 4.0
    """So long is looked for what the resumed owner still sends, and its retransmissions."""
    limit_seconds: float = 240.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Takeover:
    """How one trunk passed from an owner to the next, as its PBX saw it."""

    trunk: str
    seconds: float
    """From the old owner's last datagram to the new one's first."""
    since_signal: float
    """From the signal that stopped the old owner to the new one's first datagram: a trunk may have been
    silent before it, because its governor listened or nothing waited."""
    strays: int
    """Datagrams of the old owner after the new one's first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shared:
    """What came of it."""

    shares: Sequence[int]
    """Trunks of each worker before the burst."""
    paused: list[Takeover]
    killed: list[Takeover]
    aftermath: Aftermath


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """A datagram at a PBX."""

    at: float
    port: int


@dataclass(slots=True)
class Floor:
    """The processes; whatever was started is ended by its stack."""

    directory: Path
    trial: Trial
    stack: AsyncExitStack
    scenario: ScenarioSettings
    pbxs: dict[str, PracticePbxProcess] = field(default_factory=dict)
    org_port: int = 0

    def arrivals(self, trunk: str) -> list[Arrival]:
        """Every complete line of a PBX's tally."""
        text = (self.directory / trunk / "datagrams").read_text(encoding="utf-8")
        lines = text[: text.rfind("\n") + 1].splitlines()
        return [Arrival(at=float(at), port=int(port)) for at, _, port in map(str.split, lines)]

    async def start_pbxs(self, agents: Mapping[str, Truth]) -> None:
        """One PBX a trunk; each knows all agents and is asked about its own."""
        for number in range(self.trial.trunks):
            folder = self.directory / f"trunk{number}"
            folder.mkdir()
            pbx = PracticePbxProcess(
                PracticePbxConfig(
                    log_path=folder / "requests.jsonl",
                    datagrams_path=folder / "datagrams",
                    agents=agents,
                    password=Secret(PASSWORD),
                    faults=Faults(throttle=Throttle(limit=self.trial.limit)),
                    seed=self.trial.seed + number,
                )
            )
            self.stack.push_async_callback(pbx.stop)
            self.pbxs[folder.name] = pbx
        await asyncio.gather(*(pbx.start() for pbx in self.pbxs.values()))

    async def open_org(self) -> None:
        """Start the organisation, with all its trades matched."""
        config = OrgProcessConfig(
            scenario=self.scenario,
            settings=OrgSettings(trading_per_minute=CALLS_PER_MINUTE),
            port=self.org_port,
        )
        org = await Child.start("shiftline.lab.org", config, self.directory)
        self.stack.push_async_callback(org.stop)

    def write_config(self, scenario: Scenario) -> Path:
        """As a user would: a table for each trunk, with every so-manieth ten of the agents."""
        tens = range(self.scenario.agent_count // 10 + 1)
        org = f"http://127.0.0.1:{self.org_port}"
        tables: list[tuple[str, dict[str, Any]]] = [
            (
                "[[trunk]]",
                {
                    "name": name,
                    "address": "sip:{}:{}".format(*pbx.address),
                    "serves": [
                        f"agent{ten:03d}*@{self.scenario.sip_domain}"
                        for ten in tens
                        if ten % self.trial.trunks == number
                    ],
                    "source": OUR_HOST,
                    "username": TRUNK_ACCOUNT,
                    "password_env": "LAB_TRUNK_PASSWORD",
                    "max_rate": self.trial.max_rate,
                    "learn": self.trial.max_rate == 0,
                    **controls_of(scenario.pbx),
                },
            )
            for number, (name, pbx) in enumerate(self.pbxs.items())
        ]
        wfm = {
            "api_url": org,
            "login_url": org,
            "client_id": LAB_CLIENT.id,
            "client_secret_env": "LAB_WFM_SECRET",
            "business_unit": scenario.org.business_unit.id,
            "address_attribute": f"{ADDRESS_SCHEMA}/{ADDRESS_FIELD}",
            "job_poll_seconds": 0.2,
            "calls_per_minute": CALLS_PER_MINUTE,
            "poll_seconds": 60,
        }
        tables.append(("[wfm]", wfm))
        tables.append(("[policy]", {"deny_violations": [DENY_RULE_VIOLATION], "allow_shared_secret": True}))
        tables.append(("[database]", {"directory": str(self.directory / "postgres")}))
        path = self.directory / "shiftline.toml"
        lines = [
            line
            for header, table in tables
            for line in (header, *(f"{key} = {json.dumps(value)}" for key, value in table.items()))
        ]
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return path

    async def start_worker(self, config: Path, name: str) -> Process:
        """Start a worker; its log is ``NAME.log``."""
        with (self.directory / f"{name}.log").open("ab") as log:
            process = await asyncio.create_subprocess_exec(
                *leashed((sys.executable, "-m", "shiftline", "worker", "--config", str(config))),
                stdin=DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, **SECRET_VARIABLES},
            )
        self.stack.push_async_callback(end_process, process)
        return process


def takeover(trunk: str, arrivals: Sequence[Arrival], since: float, until: float) -> Takeover | None:
    """The change of owners within these moments; None if nobody took the trunk over."""
    before = [arrival for arrival in arrivals if arrival.at <= since]
    if not before:
        return None
    old = before[-1].port
    window = [arrival for arrival in arrivals if arrival.at < until]
    first = next((one for one in window if one.at > since and one.port != old), None)
    if first is None:
        return None
    last = max(one.at for one in window if one.port == old and one.at < first.at)
    strays = sum(one.port == old and one.at > first.at for one in window)
    return Takeover(trunk=trunk, seconds=first.at - last, since_signal=first.at - since, strays=strays)


async def share(trial: Trial, directory: Path) -> Shared:
    """Balance the trunks, begin the burst, pause the first worker, resume it, kill the second."""
    scenario_settings = ScenarioSettings(
        published_at=PUBLISHED_AT,
        trades=trial.trades,
        agents=round(trial.trades * 1.2),
        seed=trial.seed,
        expires_after_seconds=(300.0, 500.0),
    )
    scenario = build_scenario(scenario_settings)
    truth = true_verdicts(build_scenario(scenario_settings), POLICY, PUBLISHED_AT)
    server = EmbeddedPostgres(directory / "postgres")
    async with AsyncExitStack() as stack:
        stack.push_async_callback(asyncio.to_thread, server.stop)
        floor = Floor(directory, trial, stack, scenario_settings, org_port=_free_port())
        stack.callback(os.environ.pop, VARIABLE, None)
        await floor.start_pbxs(scenario.pbx)
        async with open_database(None, server.data_dir) as engine:
            os.environ[VARIABLE] = clock_setting(PUBLISHED_AT, boot_time())
            config = floor.write_config(scenario)
            register, books = PostgresWorkers(engine), ReadModel(engine)
            first = await floor.start_worker(config, "first")
            await _until(lambda: _counts(register, floor), lambda found: found == [trial.trunks])
            second = await floor.start_worker(config, "second")
            fair = [-(-trial.trunks // 2), trial.trunks // 2] if trial.balanced else [trial.trunks]
            shares = await _until(lambda: _counts(register, floor), lambda found: found == sorted(fair))
            await _until(lambda: _live(register), lambda found: found == 2)
            began = time.monotonic()
            await floor.open_org()  # until now the workers have waited for it
            paused, killed = await _ordeal(floor, register, first, second)
            rows = []
            while time.monotonic() - began < trial.limit_seconds:
                rows = await books.trades()
                if sum(row.state in ("referred", "settled") for row in rows) == trial.trades:
                    break
                await asyncio.sleep(0.5)
            seconds = time.monotonic() - began
        trades = await _org_truth(floor.org_port)
        requests = [record for pbx in floor.pbxs.values() for record in pbx.log_records()]
    return Shared(
        shares=shares,
        paused=paused,
        killed=killed,
        aftermath=Aftermath(
            rows=rows,
            states={trade["id"]: trade["state"] for trade in trades},
            effective={trade["id"]: trade["effectiveDecisions"] for trade in trades},
            repeats={trade["id"]: trade["repeatedDecisions"] for trade in trades},
            truth=truth,
            requests=requests,
            kills=1,
            seconds=seconds,
        ),
    )


async def _ordeal(
    floor: Floor, register: PostgresWorkers, first: Process, second: Process
) -> tuple[list[Takeover], list[Takeover]]:
    """Pause one, resume it when all its trunks are the other's, then kill the other."""

    async def least() -> int:
        return min(len(pbx.log_records()) for pbx in floor.pbxs.values())

    await _until(least, lambda found: found >= floor.trial.warm_requests)
    paused_at = time.time()
    os.kill(first.pid, signal.SIGSTOP)
    lost = await _owned_by(first, register, floor)
    await asyncio.sleep(LIVE_SECONDS)
    await _until(lambda: _changed(floor, paused_at), lambda found: found == lost)
    os.kill(first.pid, signal.SIGCONT)
    await asyncio.sleep(floor.trial.stray_seconds)
    killed_at = time.time()
    os.kill(second.pid, signal.SIGKILL)
    await _until(lambda: _changed(floor, killed_at), lambda found: found == floor.trial.trunks)
    tallies = {trunk: floor.arrivals(trunk) for trunk in floor.pbxs}
    moments = ((paused_at, killed_at), (killed_at, float("inf")))
    paused, killed = (
        [one for trunk, tally in tallies.items() if (one := takeover(trunk, tally, since, until))]
        for since, until in moments
    )
    return paused, killed


async def _changed(floor: Floor, since: float) -> int:
    """How many trunks have another owner than at that moment."""
    found = (takeover(trunk, floor.arrivals(trunk), since, float("inf")) for trunk in floor.pbxs)
    return sum(one is not None for one in found)


async def _holdings(register: PostgresWorkers, trunks: Iterable[str]) -> Holdings:
    """Who lives, and who has these trunks."""
    leases = [f"trunk:{name}" for name in trunks]
    return await register.look(leases, live_seconds=LIVE_SECONDS, ttl_seconds=TTL_SECONDS, grace_seconds=0.0)


async def _counts(register: PostgresWorkers, floor: Floor) -> list[int]:
    """How many trunks each of the workers has that live."""
    seen = await _holdings(register, floor.pbxs)
    if len(seen.held) < len(floor.pbxs):
        return []
    owners = [*seen.held.values()]
    return sorted(owners.count(owner) for owner in {*owners})


async def _owned_by(worker: Process, register: PostgresWorkers, floor: Floor) -> int:
    seen = await _holdings(register, floor.pbxs)
    return sum(owner.split(":")[1] == str(worker.pid) for owner in seen.held.values())


async def _live(register: PostgresWorkers) -> int:
    return len((await _holdings(register, ())).workers)


async def _until(
    found: Callable[[], Awaitable[Any]], enough: Callable[[Any], bool], seconds: float = BALANCED_SECONDS
) -> Any:
    async with asyncio.timeout(seconds):
        while not enough(what := await found()):  # noqa: ASYNC110 - other processes change it
            await asyncio.sleep(0.1)
    return what


async def _org_truth(port: int) -> list[dict[str, Any]]:
    async with httpx.AsyncClient(trust_env=False, timeout=30.0) as http:
        answer = await http.get(f"http://127.0.0.1:{port}/lab/truth")
        trades: list[dict[str, Any]] = answer.raise_for_status().json()["trades"]
    return trades


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
    return port
