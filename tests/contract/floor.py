"""What a worker stands on in these tests: the practice org, the practice PBX, a database, a configuration."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from structlog.testing import capture_logs
from tests.support import started

from shiftline.bootstrap import open_worker
from shiftline.clock import Clock, boot_time, clock_setting, moved_clock
from shiftline.config import load_settings
from shiftline.lab.demo.truth import true_verdicts
from shiftline.lab.org.practice import ADDRESS_FIELD, ADDRESS_SCHEMA, OrgSettings, PracticeOrg
from shiftline.lab.pbx.agents import controls_of
from shiftline.lab.pbx.config import PracticePbxConfig
from shiftline.lab.pbx.faults import Faults
from shiftline.lab.pbx.process import PracticePbxProcess
from shiftline.lab.scenario import Scenario, ScenarioSettings, build_scenario
from shiftline.secrets import Secret
from shiftline.store.read_model import ReadModel, TradeRow
from shiftline.trades.decision import DecisionPolicy
from shiftline.trades.model import Verdict

NINE = datetime(2026, 11, 23, 9, tzinfo=ZoneInfo("America/Chicago"))
SCENARIO = ScenarioSettings(published_at=NINE, trades=10, agents=30, expires_after_seconds=(600.0, 900.0))
PLENTY = OrgSettings(trading_per_minute=1000, job_seconds=0.02)
PASSWORD = "secret"
NOWHERE = ("127.0.0.1", 9)  # the discard port: nobody answers
ENDS = {Verdict.APPROVE: "approved", Verdict.DENY: "denied", Verdict.REFER: "referred"}

Log = list[MutableMapping[str, Any]]
Found = TypeVar("Found")


@dataclass(frozen=True, slots=True, kw_only=True)
class Floor:
    """The parts, and the truth about them."""

    directory: Path
    database_url: str
    books: ReadModel
    clock: Clock
    civil_start: str
    """The same clock, as another process is told of it."""
    scenario: Scenario
    practice: PracticeOrg

    def config(self, *, org: str, pbx: tuple[str, int] = NOWHERE) -> Path:
        """Write the worker's configuration."""
        controls = "\n".join(f'{key} = "{user}"' for key, user in controls_of(self.scenario.pbx).items())
        text = f"""
            [trunk]
            address = "sip:{pbx[0]}:{pbx[1]}"
            source = "127.0.0.2"
            username = "shiftline"
            learn = true
            max_rate = 0
            answer_timeout_seconds = 0.3
            {controls}
            [wfm]
            api_url = "{org}"
            login_url = "{org}"
            client_id = "shiftline"
            business_unit = "{self.scenario.org.business_unit.id}"
            address_attribute = "{ADDRESS_SCHEMA}/{ADDRESS_FIELD}"
            poll_seconds = 0.5
            job_poll_seconds = 0.02
            calls_per_minute = 1000
            [policy]
            allow_shared_secret = true
            [database]
            url = {json.dumps(self.database_url)}
        """
        path = self.directory / "shiftline.toml"
        path.write_text(text, encoding="utf-8")
        return path

    async def until_all(self, condition: Callable[[TradeRow], bool]) -> list[TradeRow]:
        """Wait until the books have every trade, and it holds for each; return them."""

        async def found() -> list[TradeRow]:
            rows = await self.books.trades()
            complete = len(rows) == len(self.practice.org.trades()) and all(map(condition, rows))
            return rows if complete else []

        return await until(found)

    async def until_as_truth_has_it(self) -> None:
        """Wait until every trade has the end that the decision table gives it, once, in the org as well."""
        fresh = build_scenario(self.scenario.settings)
        truth = true_verdicts(fresh, DecisionPolicy(), NINE)
        rows = await self.until_all(lambda row: row.state in ("settled", "referred"))
        assert {row.external_id: row.outcome or row.state for row in rows} == {
            trade: ENDS[verdict] for trade, verdict in truth.items()
        }
        decided = Counter(self.practice.org.effective_decisions(trade) for trade in truth)
        assert decided == Counter(verdict is not Verdict.REFER for verdict in truth.values())


def lay_floor(directory: Path, database_url: str, books: ReadModel, **changes: Any) -> Floor:
    """Build the parts; ``changes`` are made to the scenario."""
    anchor = boot_time()
    clock = moved_clock(NINE, anchor)
    scenario = build_scenario(replace(SCENARIO, **changes))
    return Floor(
        directory=directory,
        database_url=database_url,
        books=books,
        clock=clock,
        civil_start=clock_setting(NINE, anchor),
        scenario=scenario,
        practice=PracticeOrg(scenario.org, PLENTY, clock=clock),
    )


async def until(found: Callable[[], Awaitable[Found]], *, seconds: float = 15.0) -> Found:
    """Wait until something is found, and return it."""
    async with asyncio.timeout(seconds):
        while not (what := await found()):  # noqa: ASYNC110 - other processes and the database change it
            await asyncio.sleep(0.05)
    return what


@asynccontextmanager
async def working(config: Path, clock: Clock) -> AsyncIterator[Log]:
    """Run a worker while the block runs; gives its log."""
    with capture_logs() as log:
        async with open_worker(load_settings(config), clock) as worker, asyncio.TaskGroup() as group:
            task = group.create_task(worker.run())
            yield log
            task.cancel()


@asynccontextmanager
async def pbx_of(
    floor: Floor, *, port: int = 0, faults: Faults | None = None, password: str = PASSWORD
) -> AsyncIterator[PracticePbxProcess]:
    """The practice PBX with the scenario's phones."""
    pbx = PracticePbxProcess(
        PracticePbxConfig(
            log_path=floor.directory / "pbx.log",
            agents=floor.scenario.pbx,
            password=Secret(password),
            port=port,
            faults=faults or Faults(),
            answer_seconds=(0.001, 0.002),
        )
    )
    async with started(pbx):
        yield pbx


def lines(log: Log, event: str) -> Log:
    """The lines of a log that tell of this event."""
    return [line for line in log if line["event"] == event]
