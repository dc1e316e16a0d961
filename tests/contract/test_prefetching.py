"""Prefetching on a real database and the practice PBX: a shorter burst, and never stale evidence."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine
from tests.contract.floor import NINE, Floor, lay_floor, lines, pbx_of, until, working

from shiftline.bootstrap import open_trunk, plan_trunk, trunk_key
from shiftline.clock import boot_time, moved_clock
from shiftline.config import load_settings
from shiftline.connector.checking import Checker
from shiftline.connector.ownership import RENEW_SECONDS, Ownership
from shiftline.connector.prefetching import Prefetcher
from shiftline.connector.records import AgentProfile, IntakeTrade, WantedCheck
from shiftline.lab.org.server import serve
from shiftline.net.trunk import TrunkDriver
from shiftline.store.leases import PostgresLeases
from shiftline.store.read_model import ReadModel
from shiftline.store.unit_of_work import PostgresStore
from shiftline.trades.prefetch import PrefetchPolicy
from shiftline.trades.windows import PublishWindow

MakeTrade = Callable[..., IntakeTrade]
FRESH = 30.0
RATE = 25.0
AGENTS = 40
POLICY = PrefetchPolicy(fresh_seconds=FRESH, worth_seconds=1.0, settle_seconds=0.5)
WINDOW = PublishWindow(
    weekday=0,
    opens=time(9),
    length=timedelta(minutes=30),
    zone=NINE.tzinfo,  # type: ignore[arg-type]
)


@dataclass(kw_only=True)
class Trunk:
    """A trunk at work, its books, and the two loops that feed it."""

    floor: Floor
    store: PostgresStore
    driver: TrunkDriver
    checker: Checker
    prefetcher: Prefetcher
    clock: Callable[[], datetime]

    async def trade(self, *trades: IntakeTrade) -> None:
        """Take the trades in, and want their checks."""
        async with self.store.work() as books:
            await books.trades.record(trades, self.clock())
            wanted = [
                WantedCheck(agent=agent, address=f"sip:{agent}@lab", needed_by=one.refer_by, trunk="pbx")
                for one in trades
                for agent in one.trade.agents
            ]
            await books.checks.want(wanted, self.clock(), FRESH)

    async def pending(self) -> int:
        async with self.store.work() as books:
            return await books.checks.pending()

    async def decidable(self) -> int:
        async with self.store.work() as books:
            return len(await books.trades.decidable(self.clock(), FRESH, 100))

    async def until_decidable(self, count: int) -> float:
        """Check until so many trades have all they need; return the seconds that took."""
        began = boot_time()
        while await self.decidable() < count:
            await self.checker.step(0.02)
        return boot_time() - began

    async def until(self, moment: datetime, *, prefetches: bool) -> None:
        """Let both loops run."""
        while self.clock() < moment:
            await self.checker.step(0.02)
            if prefetches:
                await self.prefetcher.step()

    def sent(self, lane: str) -> int:
        sent: int = self.driver.knowledge()["lanes"][lane]["sent"]
        return sent


@pytest.fixture
def floor(tmp_path: Path, database_url: str, engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch) -> Floor:
    """The usual parts."""
    for name in ("SHIFTLINE_TRUNK_PASSWORD", "SHIFTLINE_WFM_SECRET"):
        monkeypatch.setenv(name, "secret")
    return lay_floor(tmp_path, database_url, ReadModel(engine), agents=AGENTS + 10)


@asynccontextmanager
async def kept(ownership: Ownership) -> AsyncIterator[None]:
    """Hold the trunk's lease, as a worker's loop does."""

    async def renew() -> None:
        while True:
            await ownership.keep()
            await asyncio.sleep(RENEW_SECONDS)

    assert await ownership.keep()
    async with asyncio.TaskGroup() as group:
        task = group.create_task(renew())
        yield
        task.cancel()


@asynccontextmanager
async def trunk(floor: Floor, engine: AsyncEngine, *, opens_in: float) -> AsyncIterator[Trunk]:
    """A trunk with a declared rate, whose roster is known, and whose window opens in so many seconds."""
    clock = moved_clock(NINE - timedelta(seconds=opens_in), boot_time())
    async with pbx_of(floor) as pbx:
        path = floor.config(org="http://127.0.0.1:9", pbx=pbx.address)
        text = path.read_text(encoding="utf-8").replace("learn = true", "learn = false")
        path.write_text(text.replace("max_rate = 0", f"max_rate = {RATE}"), encoding="utf-8")
        settings = load_settings(path)
        (one,) = settings.trunks
        plan, store = await plan_trunk(settings, one), PostgresStore(engine, wfm="genesys")
        async with (
            open_trunk(plan, store, PostgresLeases(engine), "worker", clock) as opened,
            kept(opened.ownership),
        ):
            yield Trunk(
                floor=floor,
                store=store,
                driver=opened.driver,
                clock=clock,
                checker=Checker(
                    work=store.work,
                    clock=clock,
                    runner=opened.driver,
                    ownership=opened.ownership,
                    trunk=trunk_key(one),
                    recall=opened.rearmed,
                ),
                prefetcher=Prefetcher(
                    foresight=store.foresight(one.name),
                    clock=clock,
                    runner=opened.driver,
                    ownership=opened.ownership,
                    trunk=one.name,
                    windows=[WINDOW],
                    policy=POLICY,
                ),
            )


async def know_the_roster(trunk: Trunk, make_trade: MakeTrade) -> list[IntakeTrade]:
    """Every agent has traded before; the controls have spoken. Returns the trades of the burst."""
    names = [f"agent{n:04d}" for n in range(1, AGENTS + 1)]
    profiles = [
        AgentProfile(external_id=name, name=name, address=f"sip:{name}@lab", trunk="pbx") for name in names
    ]
    refer_by = NINE + timedelta(hours=1)
    async with trunk.store.work() as books:
        await books.roster.save(profiles, [], names)
    await trunk.trade(make_trade("first", names[0], names[1], refer_by=refer_by))
    await trunk.until_decidable(1)
    pairs = zip(names[2::2], names[3::2], strict=True)
    return [make_trade(f"t{a}", a, b, refer_by=refer_by) for a, b in pairs]


@pytest.mark.parametrize("prefetches", [True, False])
async def test_a_prefetched_burst_is_over_sooner(
    floor: Floor, engine: AsyncEngine, make_trade: MakeTrade, prefetches: bool
) -> None:
    """Its agents are known when the window opens, so the trunk has nothing to catch up with."""
    async with trunk(floor, engine, opens_in=12.0) as at_work:
        burst = await know_the_roster(at_work, make_trade)
        await at_work.until(NINE, prefetches=prefetches)
        before = at_work.sent("decision")
        await at_work.trade(*burst)
        waiting = await at_work.pending()
        seconds = await at_work.until_decidable(1 + len(burst))
        asked, ahead = at_work.sent("decision") - before, at_work.sent("prefetch")
    if prefetches:
        assert (waiting, asked) == (0, 0)
        assert AGENTS - 2 <= ahead <= AGENTS + 1  # a challenge may be among them
        assert seconds < 0.5
    else:
        assert (waiting, ahead) == (AGENTS - 2, 0)
        assert asked >= AGENTS - 2
        assert seconds > 0.9 * (AGENTS - 2) / RATE


async def test_prefetched_evidence_is_not_used_when_it_is_stale(
    floor: Floor, engine: AsyncEngine, make_trade: MakeTrade
) -> None:
    """What was asked ahead of need grows old like all evidence: then the agents are asked again."""
    async with trunk(floor, engine, opens_in=12.0) as at_work:
        burst = await know_the_roster(at_work, make_trade)
        await at_work.until(NINE, prefetches=True)
        later = moved_clock(NINE + timedelta(seconds=FRESH + 1), boot_time())
        at_work.clock = later
        before = at_work.sent("decision")
        await at_work.trade(*burst)
        assert await at_work.decidable() == 0
        async with at_work.store.work() as books:
            assert await books.checks.renew(later(), FRESH) == 2  # those of the trade before the window
        assert await at_work.pending() == AGENTS
        while at_work.sent("decision") - before < AGENTS:
            await at_work.checker.step(0.02)


async def test_a_restarted_worker_prefetches_if_it_is_told_to(floor: Floor) -> None:
    """The setting, the window and the books are all it needs: who traded lately is asked before it opens."""
    async with serve(floor.practice) as org, pbx_of(floor) as pbx:
        path = floor.config(org=org, pbx=pbx.address)
        text = path.read_text(encoding="utf-8").replace("learn = true", "learn = false")
        path.write_text(text.replace("max_rate = 0", "max_rate = 20"), encoding="utf-8")
        async with working(path, floor.clock):
            await floor.until_as_truth_has_it()
        opens = (floor.clock() + timedelta(seconds=15)).astimezone(NINE.tzinfo)
        text = text.replace("max_rate = 0", "max_rate = 3")
        text = text.replace("[policy]", "[policy]\nprefetch = true\nfresh_seconds = 24")
        window = f'[[windows]]\nweekday = "monday"\nopens = "{opens:%H:%M:%S}"\nminutes = 30\n'
        path.write_text(f"{text}\n{window}", encoding="utf-8")
        async with working(path, floor.clock) as log:
            await until(lambda: _prefetched(floor), seconds=30.0)
    (line,) = lines(log, "prefetching")
    assert line["trunk"] == "pbx"


async def _prefetched(floor: Floor) -> bool:
    (trunk,) = await floor.books.trunks()
    sent: int = trunk.governor["lanes"]["prefetch"]["sent"]
    return sent > 0
