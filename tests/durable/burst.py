"""One burst on real processes, with a worker, an organisation or a database that dies on the way."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from asyncio.subprocess import Process
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from shiftline.errors import UnavailableError
from shiftline.lab.demo.result import DemoSettings
from shiftline.lab.demo.run import POLICY, PUBLISHED_AT
from shiftline.lab.demo.stage import Stage, WorkerSettings, kill
from shiftline.lab.demo.truth import true_verdicts
from shiftline.lab.org.faults import Fault, FaultName
from shiftline.lab.pbx.faults import Faults
from shiftline.lab.pbx_log import RequestRecord
from shiftline.lab.scenario import ScenarioSettings, build_scenario
from shiftline.store.database import open_database
from shiftline.store.embedded import EmbeddedPostgres
from shiftline.store.read_model import ReadModel, TradeRow
from shiftline.trades.model import Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Ordeal:
    """A burst and what happens to it. Moments are seconds from the publish."""

    trades: int = 100
    limit: int = 50
    seed: int = 1
    worker_kills: Sequence[float] = ()
    database_kills: Sequence[float] = ()
    org_faults: Mapping[FaultName, Fault] = field(default_factory=dict)
    pbx_faults: Faults | None = None
    worker: WorkerSettings = WorkerSettings()  # noqa: RUF009 - a frozen value
    expires_after_seconds: tuple[float, float] = (240.0, 400.0)
    limit_seconds: float = 420.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Aftermath:
    """What was left when every trade was settled or time was up."""

    rows: Sequence[TradeRow]
    states: Mapping[str, str]
    """The organisation's own state of each trade."""
    effective: Mapping[str, int]
    """How often each trade really became Approved or Denied there."""
    repeats: Mapping[str, int]
    """How often a decision was sent there for a trade that was decided already."""
    truth: Mapping[str, Verdict]
    requests: Sequence[RequestRecord]
    kills: int
    seconds: float

    @property
    def lost(self) -> list[str]:
        """Trades that the books do not know."""
        known = {row.external_id for row in self.rows}
        return [trade for trade in self.truth if trade not in known]

    @property
    def undecided(self) -> list[str]:
        """Trades without a decision, or whose decision's fate in the WFM is not known."""
        return [row.external_id for row in self.rows if row.state not in ("referred", "settled")]

    @property
    def not_once(self) -> list[str]:
        """Trades without exactly one effective decision, or with one although they were referred."""
        wanted = {row.external_id: int(not row.is_referred) for row in self.rows}
        return [trade for trade, count in self.effective.items() if count != wanted.get(trade, 0)]

    @property
    def sent_again(self) -> list[str]:
        """Trades for which a decision reached the organisation although one had taken effect there."""
        return [trade for trade, count in self.repeats.items() if count]

    @property
    def wrong(self) -> list[str]:
        """Trades that are approved or denied although the truth says otherwise."""
        effect = {"Approved": Verdict.APPROVE, "Denied": Verdict.DENY}
        return [
            t for t, state in self.states.items() if state in effect and effect[state] is not self.truth[t]
        ]

    @property
    def as_truth(self) -> int:
        """How many trades ended exactly as the truth has it."""
        verdicts = {row.external_id: row.verdict for row in self.rows if row.delivery != "refused"}
        return sum(verdicts.get(trade, Verdict.REFER) == verdict for trade, verdict in self.truth.items())


def random_moments(count: int, *, seed: int, shortest: float = 0.5, longest: float = 9.0) -> list[float]:
    """Moments one after the other, each gap drawn evenly between both bounds (seconds)."""
    rng, at, moments = Random(seed), 0.0, []
    for _ in range(count):
        at += rng.uniform(shortest, longest)
        moments.append(at)
    return moments


async def endure(ordeal: Ordeal, directory: Path) -> Aftermath:
    """Play the burst with its kills and faults, and collect what is left."""
    settings = DemoSettings(trades=ordeal.trades, limit=ordeal.limit, seed=ordeal.seed)
    scenario_settings = ScenarioSettings(
        published_at=PUBLISHED_AT,
        trades=ordeal.trades,
        seed=ordeal.seed,
        expires_after_seconds=ordeal.expires_after_seconds,
    )
    scenario = build_scenario(scenario_settings)
    truth = true_verdicts(build_scenario(scenario_settings), POLICY, PUBLISHED_AT)
    stage = Stage(directory, settings, scenario_settings)
    server = EmbeddedPostgres(directory / "postgres")
    try:
        pbx = await stage.start_pbx(scenario.pbx, ordeal.pbx_faults)
        async with open_database(None, server.data_dir) as engine:
            stage.set_clock(PUBLISHED_AT)
            await stage.restart_org(ordeal.org_faults, calls_per_minute=ordeal.worker.calls_per_minute)
            config = stage.write_worker_config(pbx, scenario.org.business_unit.id, ordeal.worker)
            began = time.monotonic()
            hand = _Hand(stage, server, config, ordeal)
            await hand.start()
            rows = await _until_settled(ReadModel(engine), hand, ordeal, began)
            seconds = time.monotonic() - began
        books = await stage.org_truth()
        requests = pbx.log_records()
    finally:
        await stage.close()
        await asyncio.to_thread(server.stop)
    return Aftermath(
        rows=rows,
        states={trade["id"]: trade["state"] for trade in books},
        effective={trade["id"]: trade["effectiveDecisions"] for trade in books},
        repeats={trade["id"]: trade["repeatedDecisions"] for trade in books},
        truth=truth,
        requests=requests,
        kills=hand.kills,
        seconds=seconds,
    )


class _Hand:
    """Kills what is due, and starts the worker again as an init system would."""

    def __init__(self, stage: Stage, server: EmbeddedPostgres, config: Path, ordeal: Ordeal) -> None:
        self._stage = stage
        self._server = server
        self._config = config
        self._worker_kills = list(ordeal.worker_kills)
        self._database_kills = list(ordeal.database_kills)
        self._worker: Process | None = None
        self.kills = 0

    async def start(self) -> None:
        self._worker = await self._stage.start_worker(self._config)

    @property
    def is_done(self) -> bool:
        return not self._worker_kills and not self._database_kills

    async def strike(self, now: float) -> None:
        """Do what is due at ``now`` (seconds from the start); a worker that ended is started again."""
        assert self._worker is not None
        if self._database_kills and now >= self._database_kills[0]:
            self._database_kills.pop(0)
            pid = (await asyncio.to_thread(self._server.status)).pid
            if pid is not None:
                os.kill(pid, signal.SIGKILL)
                self.kills += 1
        if self._worker_kills and now >= self._worker_kills[0]:
            self._worker_kills.pop(0)
            if self._worker.returncode is None:
                kill(self._worker)
                self.kills += 1
            await self._worker.wait()
        if self._worker.returncode is not None:
            await self.start()


async def _until_settled(books: ReadModel, hand: _Hand, ordeal: Ordeal, began: float) -> list[TradeRow]:
    rows: list[TradeRow] = []
    looked = 0.0
    while True:
        now = time.monotonic() - began
        await hand.strike(now)
        if now - looked >= 0.5:
            looked = now
            try:
                rows = await books.trades()
            except UnavailableError:
                rows = []
            done = sum(row.state in ("referred", "settled") for row in rows)
            if (done == ordeal.trades and hand.is_done) or now > ordeal.limit_seconds:
                return rows
        await asyncio.sleep(0.05)
