"""The demo's processes: PBX, practice org, campaign, the connector of the incident, Shiftline's worker.

Each runs on its own, as in life: one event loop for pacing and for the PBX would falsify every figure.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from asyncio.subprocess import DEVNULL, Process
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx

from shiftline.clock import VARIABLE, boot_time, clock_setting
from shiftline.errors import UnavailableError
from shiftline.lab.campaign import CampaignConfig
from shiftline.lab.demo.naive import NaiveConfig
from shiftline.lab.demo.result import DemoSettings
from shiftline.lab.kamailio import KamailioConfig, KamailioPbx
from shiftline.lab.org.faults import Fault, FaultName
from shiftline.lab.org.practice import ADDRESS_FIELD, ADDRESS_SCHEMA, LAB_CLIENT, OrgSettings
from shiftline.lab.org.process_config import OrgProcessConfig
from shiftline.lab.pbx.agents import TRUNK_ACCOUNT, Truth, controls_of
from shiftline.lab.pbx.config import PracticePbxConfig
from shiftline.lab.pbx.faults import Faults, Throttle, ThrottleKey
from shiftline.lab.pbx.process import PracticePbxProcess
from shiftline.lab.pbx_log import Pbx
from shiftline.lab.process import Child, end_process, leashed
from shiftline.lab.scenario import DENY_RULE_VIOLATION, ScenarioSettings
from shiftline.secrets import Secret
from shiftline.wfm.outages import outage_in_words

OUR_HOST = "127.0.0.2"
CAMPAIGN_HOST = "127.0.0.3"
_ORG_WORDS = "org.err"
PASSWORD = "secret"  # noqa: S105 - every lab's password, on purpose
LEAST_CALLS = 3.0  # a second
CAMPAIGN_SHARE = 0.12  # of the hidden limit: what a campaign would use of it, were it shared
SECRET_VARIABLES = {"LAB_TRUNK_PASSWORD": PASSWORD, "LAB_WFM_SECRET": LAB_CLIENT.secret.reveal()}


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerSettings:
    """What the demo's worker is told about its trunk."""

    max_rate: float = 0.0
    learn: bool = True
    headroom: float = 0.0
    deny_violations: tuple[str, ...] = (DENY_RULE_VIOLATION,)
    """The demo's one explicit deny rule."""
    calls_per_minute: int = 5
    """The WFM's budget of shift-trading calls, and the practice org's too."""


class Stage:
    """Starts and ends processes; whatever it started is ended by `close`."""

    def __init__(self, directory: Path, settings: DemoSettings, scenario: ScenarioSettings) -> None:
        self.directory = directory
        self.settings = settings
        self.scenario = scenario
        self.org_url = ""
        self._stack = AsyncExitStack()
        self._org: Child | None = None
        self._anchor = 0.0
        self._controls: dict[str, str] = {}

    async def close(self) -> None:
        """End everything that runs, the newest first."""
        await self._stack.aclose()
        os.environ.pop(VARIABLE, None)

    def set_clock(self, published_at: datetime) -> None:
        """Make it ``published_at`` now, for every process that starts from here on."""
        self._anchor = boot_time()
        os.environ[VARIABLE] = clock_setting(published_at, self._anchor)

    def since_publish(self) -> float:
        """Seconds since `set_clock`."""
        return boot_time() - self._anchor

    async def start_pbx(self, agents: Mapping[str, Truth], faults: Faults | None = None) -> Pbx:
        """Start the PBX with the hidden throttle; ``faults`` replaces it (practice PBX only)."""
        settings = self.settings
        self._controls = controls_of(agents)
        throttle = Throttle(limit=settings.limit, key=ThrottleKey(settings.limit_key))
        pbx: Pbx
        if settings.pbx == "kamailio":
            pbx = KamailioPbx(
                KamailioConfig(
                    directory=self._folder("kamailio"),
                    agents=agents,
                    password=Secret(PASSWORD),
                    throttle=throttle,
                    seed=settings.seed,
                )
            )
        else:
            pbx = PracticePbxProcess(
                PracticePbxConfig(
                    log_path=self._folder("pbx") / "requests.jsonl",
                    agents=agents,
                    password=Secret(PASSWORD),
                    faults=faults or Faults(throttle=throttle),
                    seed=settings.seed,
                )
            )
        await pbx.start()
        self._stack.push_async_callback(pbx.stop)
        return pbx

    async def start_campaign(self, pbx: Pbx) -> Child:
        """Start the outbound campaign: another address and another account on the same PBX."""
        return await self._child(
            "shiftline.lab.campaign",
            CampaignConfig(
                pbx=pbx.address,
                password=Secret(PASSWORD),
                counts_path=self.directory / "campaign.counts.json",
                host=CAMPAIGN_HOST,
                calls_per_second=max(LEAST_CALLS, CAMPAIGN_SHARE * self.settings.limit),
                seed=self.settings.seed,
            ),
        )

    async def restart_org(
        self, faults: Mapping[FaultName, Fault] | None = None, *, calls_per_minute: int = 5
    ) -> str:
        """Start the practice org afresh, with all its trades matched; return its URL."""
        if self._org is not None:
            await self._org.stop()
        settings = OrgSettings(faults=dict(faults or {}), trading_per_minute=calls_per_minute)
        self._org = await self._child(
            "shiftline.lab.org", OrgProcessConfig(scenario=self.scenario, settings=settings)
        )
        self.org_url = self._org.ready
        return self.org_url

    async def org_truth(self) -> list[dict[str, Any]]:
        """Every trade as the practice org's own books have it; UnavailableError if it has died."""
        try:
            async with httpx.AsyncClient(trust_env=False, timeout=30.0) as http:
                answer = await http.get(f"{self.org_url}/lab/truth")
                trades: list[dict[str, Any]] = answer.raise_for_status().json()["trades"]
        except httpx.HTTPError as error:
            raise UnavailableError(
                f"The practice org has died in the middle of the run ({outage_in_words(error)}).",
                remedy=f"Play it again with --keep: the org's last words will be in {_ORG_WORDS} there.",
            ) from error
        return trades

    async def run_naive(self, pbx: Pbx, business_unit: str, *, limit_seconds: float) -> dict[str, str]:
        """Let the connector of the incident make its one pass; return what became of each trade."""
        outcome_path = self.directory / "naive.outcome.json"
        outcome_path.unlink(missing_ok=True)
        child = await self._child(
            "shiftline.lab.demo.naive",
            NaiveConfig(
                pbx=pbx.address,
                host=OUR_HOST,
                account=TRUNK_ACCOUNT,
                password=Secret(PASSWORD),
                org_url=self.org_url,
                business_unit=business_unit,
                deny_violations=(DENY_RULE_VIOLATION,),
                outcome_path=outcome_path,
            ),
        )
        try:
            async with asyncio.timeout(limit_seconds):
                while not outcome_path.exists():  # noqa: ASYNC110 - another process writes it
                    await asyncio.sleep(0.1)
        except TimeoutError as error:
            raise UnavailableError(
                f"The connector of the incident did not finish within {limit_seconds:g} s.",
                remedy=f"Its words are in {self.directory / 'naive.err'}.",
            ) from error
        await child.stop()
        outcome: dict[str, str] = json.loads(outcome_path.read_text(encoding="utf-8"))
        return outcome

    def write_worker_config(self, pbx: Pbx, business_unit: str, worker: WorkerSettings) -> Path:
        """Write the worker's configuration, as a user would, and return its path."""
        path = self.directory / "shiftline.toml"
        tables: dict[str, dict[str, Any]] = {
            "trunk": {
                "name": "lab",
                "address": f"sip:{pbx.address[0]}:{pbx.address[1]}",
                "source": OUR_HOST,
                "username": TRUNK_ACCOUNT,
                "password_env": "LAB_TRUNK_PASSWORD",
                "max_rate": worker.max_rate,
                "learn": worker.learn,
                "headroom": worker.headroom,
                **self._controls,
            },
            "wfm": {
                "api_url": self.org_url,
                "login_url": self.org_url,
                "client_id": LAB_CLIENT.id,
                "client_secret_env": "LAB_WFM_SECRET",
                "business_unit": business_unit,
                "address_attribute": f"{ADDRESS_SCHEMA}/{ADDRESS_FIELD}",
                "job_poll_seconds": 0.2,
                "calls_per_minute": worker.calls_per_minute,
                "poll_seconds": 60,
            },
            # Every lab has one password; a real installation must insist to get away with that.
            "policy": {"deny_violations": list(worker.deny_violations), "allow_shared_secret": True},
            "database": {"directory": str(self.directory / "postgres")},
        }
        lines = []
        for name, table in tables.items():
            lines.append(f"[{name}]")
            lines += [f"{key} = {json.dumps(value)}" for key, value in table.items()]
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return path

    async def start_worker(self, config: Path) -> Process:
        """Start Shiftline's own worker; its log is ``worker.log``."""
        with (self.directory / "worker.log").open("ab") as log:
            process = await asyncio.create_subprocess_exec(
                *leashed((sys.executable, "-m", "shiftline", "worker", "--config", str(config))),
                stdin=DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, **SECRET_VARIABLES},
            )
        self._stack.push_async_callback(end_process, process)
        return process

    def worker_words(self) -> str:
        """The last lines that the worker wrote, for an error message."""
        text = (self.directory / "worker.log").read_text(encoding="utf-8", errors="replace")
        return "\n".join(text.splitlines()[-5:])

    def _folder(self, name: str) -> Path:
        folder = self.directory / name
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    async def _child(self, module: str, config: object) -> Child:
        child = await Child.start(module, config, self.directory)
        self._stack.push_async_callback(child.stop)
        return child


def kill(process: Process) -> None:
    """End a worker as a crash would: no farewell, no flush."""
    os.kill(process.pid, signal.SIGKILL)
