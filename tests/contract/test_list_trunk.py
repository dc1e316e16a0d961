"""A worker whose PBX has a list of all agents: a burst of trades, and what happens without the list."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine
from tests.contract.floor import Floor, Log, lay_floor, lines, until, working
from typer.testing import CliRunner

from shiftline.cli.app import app
from shiftline.lab.org.server import serve
from shiftline.lab.pbx.agents import controls_of
from shiftline.lab.pbx.config import PracticePbxConfig
from shiftline.lab.pbx.faults import Faults
from shiftline.lab.pbx.process import PracticePbxProcess
from shiftline.lab.pbx_log import RequestRecord
from shiftline.secrets import Secret
from shiftline.store.read_model import ReadModel
from shiftline.store.schema import evidence

DOMAIN = "pbx.example"


@pytest.fixture
def floor(tmp_path: Path, database_url: str, engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch) -> Floor:
    """Its list is that of the practice PBX."""
    for name in ("SHIFTLINE_TRUNK_PASSWORD", "SHIFTLINE_WFM_SECRET"):
        monkeypatch.setenv(name, "secret")
    monkeypatch.setenv("SHIFTLINE_TRUNK__DOMAIN", DOMAIN)
    monkeypatch.setenv("SHIFTLINE_TRUNK__LIST", "everyone")
    return lay_floor(tmp_path, database_url, ReadModel(engine))


class Worked:
    """What was left of a worker's time."""

    def __init__(self, log: Log, config: Path, requests: list[RequestRecord]) -> None:
        self.log = log
        self.config = config
        self.requests = requests


@asynccontextmanager
async def pbx_with_list(floor: Floor, **changes: object) -> AsyncIterator[PracticePbxProcess]:
    config = PracticePbxConfig(
        log_path=floor.directory / "pbx.log",
        agents=floor.scenario.pbx,
        password=Secret("secret"),
        answer_seconds=(0.001, 0.002),
        realm=DOMAIN,
    )
    pbx = PracticePbxProcess(replace(config, **changes))  # type: ignore[arg-type]
    await pbx.start()
    try:
        yield pbx
    finally:
        await pbx.stop()


async def work_through(floor: Floor, **changes: object) -> Worked:
    """Let a worker bring every trade to the end that the truth gives it."""
    async with serve(floor.practice) as org, pbx_with_list(floor, **changes) as pbx:
        config = floor.config(org=org, pbx=pbx.address)
        async with working(config, floor.clock) as log:
            await floor.until_as_truth_has_it()
            await until(lambda: _saved(floor))
    return Worked(log, config, pbx.log_records())


async def _saved(floor: Floor) -> bool:
    rows = await floor.books.trunks()
    return bool(rows) and rows[0].governor.get("list", {}).get("state") in ("active", "refused")


async def methods(engine: AsyncEngine) -> Counter[str]:
    """How often evidence of each method is in the books."""
    async with engine.connect() as connection:
        return Counter(await connection.scalars(select(evidence.c.method)))


async def test_one_subscription_answers_a_burst(floor: Floor, engine: AsyncEngine) -> None:
    """Only the controls are asked; everybody else is in the books by presence. The end unsubscribes."""
    worked = await work_through(floor)
    found = await methods(engine)
    asked = {record.user for record in worked.requests if record.method == "OPTIONS" and record.user}
    assert found["presence"] >= 15
    assert len(worked.requests) < found.total() / 2
    assert asked <= set(controls_of(floor.scenario.pbx).values())
    subscribes = [record for record in worked.requests if record.method == "SUBSCRIBE"]
    assert [record.status for record in subscribes] == [401, 200, 200]
    (trunk,) = await floor.books.trunks()
    shown = trunk.governor["list"]
    assert (shown["state"], shown["qualification"], shown["members"]) == (
        "active", "qualified", len(floor.scenario.pbx),
    )  # fmt: skip
    assert len(lines(worked.log, "list subscription active")) == 1


async def test_the_list_is_taken_away(floor: Floor, engine: AsyncEngine) -> None:
    """Ended (deactivated), then refused (489): agents are asked, nothing is lost, it is said and shown."""
    worked = await work_through(floor, faults=Faults(list_notifies=2))
    assert (await methods(engine))["options"] > 0
    subscribes = [record for record in worked.requests if record.method == "SUBSCRIBE"]
    assert [record.status for record in subscribes][-1] == 489
    told = await asyncio.to_thread(
        CliRunner().invoke, app, ["trunk", "show", "pbx", "--config", str(worked.config)]
    )
    assert "489" in told.stdout
    (trunk,) = await floor.books.trunks()
    assert (trunk.governor["list"]["state"], trunk.governor["list"]["known"]) == ("refused", 0)
    assert len(lines(worked.log, "list subscription failed")) == 2


async def test_a_blind_list_is_not_believed(floor: Floor, engine: AsyncEngine) -> None:
    """It calls everybody available; the controls show it, and every agent is asked."""
    worked = await work_through(floor, faults=Faults(blind_methods=frozenset({"presence"})))
    assert set(await methods(engine)) == {"options"}
    (trunk,) = await floor.books.trunks()
    assert trunk.governor["list"]["qualification"] == "blind"
    assert len(lines(worked.log, "list not believed")) == 1
