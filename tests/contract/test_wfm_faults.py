"""The Genesys client and the practice org in bad times: every fault, and at most one decision a trade."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest

from shiftline.connector.records import BulkItem, BulkResult, Delivery
from shiftline.errors import PeerError, UnavailableError
from shiftline.lab.org.faults import Fault, FaultName
from shiftline.lab.org.practice import OrgSettings, PracticeOrg
from shiftline.lab.org.server import serve
from shiftline.lab.scenario import ScenarioSettings, build_scenario
from shiftline.secrets import Secret
from shiftline.trades.model import TradeState, Verdict
from shiftline.wfm.genesys import GenesysCloud, open_genesys
from shiftline.wfm.jobs import unlimited
from shiftline.wfm.settings import GenesysSettings

NINE = datetime(2026, 11, 23, 9, tzinfo=ZoneInfo("America/Chicago"))
SCENARIO = ScenarioSettings(published_at=NINE, trades=10, agents=30)
PLENTY = OrgSettings(trading_per_minute=1000, job_seconds=0.03)
BULK = "POST /api/v2/workforcemanagement/businessunits/{bu}/shifttrading/trades/state/bulk/jobs"


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """A served practice org, a client of it, and the first trade that nothing speaks against."""

    practice: PracticeOrg
    genesys: GenesysCloud
    lab: httpx.AsyncClient
    trade: str

    async def switch(self, **faults: dict[str, Any]) -> None:
        """Replace the faults, by the names they have on the wire."""
        named = {name.replace("_", "-"): fault for name, fault in faults.items()}
        answer = await self.lab.post("/lab/faults", json=named)
        assert answer.json() == {"faults": sorted(named)}

    def _pair(self) -> tuple[str, date]:
        trade = self.practice.org.trade(self.trade)
        return trade.management_unit, trade.week_date

    async def approve(self, version: int = 2) -> list[BulkResult]:
        """Approve the trade."""
        item = BulkItem(external_id=self.trade, state=TradeState.APPROVED, version=version)
        return await self.genesys.deliver([self._pair()], [item])

    async def read_back(self) -> BulkResult:
        """The trade as the org shows it."""
        unit, week = self._pair()
        delivery = Delivery(
            trade_id=1,
            external_id=self.trade,
            management_unit=unit,
            week_date=week,
            agents=("nobody", self.practice.org.agents(self.trade)[1]),
            version=2,
            verdict=Verdict.APPROVE,
            deadline=NINE,
            attempts=1,
        )
        (result,) = await self.genesys.read_back([delivery])
        return result

    async def settled(self, *, blindly: bool) -> bool:
        """Try once to deny the trade; after a lost answer, read back unless we go on blindly."""
        unit_week = self._pair()
        try:
            item = BulkItem(external_id=self.trade, state=TradeState.DENIED, version=2)
            (result,) = await self.genesys.deliver([unit_week], [item])
        except UnavailableError:
            if blindly:
                return False
        else:
            return result.state is TradeState.DENIED
        try:
            return (await self.read_back()).state is TradeState.DENIED
        except UnavailableError:
            return False

    def decisions(self) -> int:
        """How often a decision took effect."""
        return self.practice.org.effective_decisions(self.trade)


@asynccontextmanager
async def world(settings: OrgSettings = PLENTY, **changes: Any) -> AsyncIterator[World]:
    """Serve an org; ``changes`` are made to the client's settings."""
    scenario = build_scenario(SCENARIO)
    practice = PracticeOrg(scenario.org, settings, clock=lambda: NINE)
    async with serve(practice) as url:
        told = GenesysSettings(
            api_url=url,
            login_url=url,
            client_id="shiftline",
            client_secret=Secret("secret"),
            business_unit=scenario.org.business_unit.id,
            poll_steps_seconds=(0.01,),
            job_timeout_seconds=3.0,
        )
        told = replace(told, **changes)
        async with (
            open_genesys(told, clock=lambda: NINE, reserve=unlimited) as genesys,
            httpx.AsyncClient(base_url=url) as lab,
        ):
            yield World(practice=practice, genesys=genesys, lab=lab, trade=scenario.org.trades()[0].id)


async def test_a_drop_after_the_change_is_found_by_reading_back() -> None:
    """The answer is lost and the POST is not sent again; the change is in effect, once."""
    async with world() as here:
        await here.switch(drop_after_commit={"first": 1})
        with pytest.raises(UnavailableError, match="did not answer POST"):
            await here.approve()
        assert here.practice.requests[BULK] == 1
        found = await here.read_back()
        assert (found.state, found.version) == (TradeState.APPROVED, 3)
        (again,) = await here.approve()
        assert (again.failure_reason, again.state) == ("TransitionNotAllowed", TradeState.APPROVED)
        assert here.decisions() == 1


async def test_a_drop_before_the_change_changed_nothing() -> None:
    """To the client it looks the same; reading back tells."""
    async with world() as here:
        await here.switch(drop_before={"first": 1})
        with pytest.raises(UnavailableError, match="did not answer POST"):
            await here.approve()
        assert (await here.read_back()).state is TradeState.MATCHED
        assert (await here.approve())[0].failure_reason == ""
        assert here.decisions() == 1


async def test_a_garbage_answer_after_the_change_is_a_peer_error() -> None:
    """Nonsense says nothing of the change, which was made."""
    async with world() as here:
        await here.switch(garbage={"first": 1})
        with pytest.raises(PeerError, match="unreadable"):
            await here.approve()
        assert (await here.read_back()).state is TradeState.APPROVED


async def test_a_conflict_changes_nothing_and_is_worth_another_try() -> None:
    """The whole request is refused; the next one takes effect."""
    async with world() as here:
        await here.switch(conflict_409={"first": 1})
        with pytest.raises(UnavailableError, match="409"):
            await here.approve()
        assert here.decisions() == 0
        assert (await here.approve())[0].state is TradeState.APPROVED


async def test_a_429_hands_on_the_wish_of_the_platform() -> None:
    """Retry-After arrives in the error, and nothing was done."""
    async with world() as here:
        await here.switch(http_429={"first": 1, "seconds": 9})
        with pytest.raises(UnavailableError, match=r"too\.many\.requests") as raised:
            await here.approve()
        assert raised.value.retry_after_seconds == 9.0
        assert here.decisions() == 0


@pytest.mark.parametrize("status", [500, 502, 503, 504])
async def test_a_5xx_is_an_outage(status: int) -> None:
    """Every second request fails, every other one works."""
    async with world() as here:
        await here.switch(server_5xx={"every": 2, "status": status, "route": "weeks/summary"})
        await here.genesys.week_summaries()
        with pytest.raises(UnavailableError, match=str(status)):
            await here.genesys.week_summaries()
        await here.genesys.week_summaries()


async def test_a_broken_login_is_an_outage() -> None:
    """Faults reach the token route when they are told to."""
    async with world() as here:
        await here.switch(server_5xx={"route": "/oauth/"})
        with pytest.raises(UnavailableError, match="login answered 503"):
            await here.genesys.week_summaries()


async def test_always_202_gives_the_same_results() -> None:
    """The change is made when the job is done, and the client waits for it."""
    async with world() as here:
        await here.switch(always_202={})
        assert (await here.approve())[0].state is TradeState.APPROVED
        assert (await here.read_back()).state is TradeState.APPROVED
        assert here.practice.requests[f"GET {BULK.removeprefix('POST ')}/{{job}}"] >= 1


async def test_polling_survives_outages() -> None:
    """Lost job reads are repeated; the POST is not."""
    async with world() as here:
        await here.switch(always_202={}, drop_before={"every": 2, "route": "state/bulk/jobs/"})
        assert (await here.approve())[0].state is TradeState.APPROVED
        assert here.practice.requests[BULK] == 1
        assert here.decisions() == 1


async def test_a_job_that_is_later_than_our_patience_still_decides_once() -> None:
    """We give up, read Matched, and send again: both jobs run, and one of them takes effect."""
    async with world(replace(PLENTY, job_seconds=60.0), job_timeout_seconds=0.1) as here:
        await here.switch(always_202={"route": "state/bulk"})
        with pytest.raises(UnavailableError, match="was not done within"):
            await here.approve()
        assert (await here.read_back()).state is TradeState.MATCHED
        await here.switch()
        assert (await here.approve())[0].state is TradeState.APPROVED
        here.practice.jobs.finish_due(here.practice.monotonic() + 60.0)
        assert here.decisions() == 1


async def test_slowness_beyond_the_timeout_is_an_outage() -> None:
    """The client's own timeout ends the wait."""
    async with world(answer_timeout_seconds=0.2) as here:
        await here.switch(slow={"first": 1, "seconds": 0.6})
        with pytest.raises(UnavailableError, match="no answer came in time"):
            await here.approve()


async def test_slowness_within_the_timeout_is_nothing() -> None:
    """A slow answer is an answer."""
    async with world() as here:
        await here.switch(slow={"seconds": 0.05})
        assert (await here.approve())[0].state is TradeState.APPROVED


async def test_random_drops_never_double_a_decision() -> None:
    """Whether in doubt we read back or send blindly again, under seeded drops each trade is decided once."""
    faults = {
        FaultName.DROP_AFTER_COMMIT: Fault(probability=0.4, seed=3),
        FaultName.DROP_BEFORE: Fault(probability=0.3, seed=4),
    }
    async with world(replace(PLENTY, faults=faults)) as here:
        org = here.practice.org
        for number, trade in enumerate(org.trades()):
            mine = replace(here, trade=trade.id)
            blindly = number % 2 == 0
            while not await mine.settled(blindly=blindly):
                pass
        assert [org.effective_decisions(trade.id) for trade in org.trades()] == [1] * 10
        struck = (await here.lab.get("/lab/stats")).json()["faults"]
        assert struck["drop-after-commit"] > 0
        assert struck["drop-before"] > 0


async def test_an_org_that_is_gone_is_an_outage() -> None:
    """Nobody listens: the sentence names where we asked."""
    async with world() as here:
        pass
    async with open_genesys(
        GenesysSettings(
            api_url="http://127.0.0.1:9",
            login_url="http://127.0.0.1:9",
            client_id="shiftline",
            client_secret=Secret("secret"),
            business_unit=here.practice.org.business_unit.id,
        ),
        clock=lambda: NINE,
        reserve=unlimited,
    ) as genesys:
        with pytest.raises(UnavailableError, match=r"127\.0\.0\.1:9/oauth/token"):
            await genesys.week_summaries()


async def test_the_lab_shows_the_truth_and_refuses_unknown_faults() -> None:
    """The judge reads states, versions and effective decisions; a typo switches nothing."""
    async with world() as here:
        await here.approve()
        truth = (await here.lab.get("/lab/truth")).json()
        first = truth["trades"][0]
        assert (first["id"], first["state"], first["version"]) == (here.trade, "Approved", 3)
        assert (first["effectiveDecisions"], first["reviewedBy"]) == (1, "shiftline")
        assert [trade["effectiveDecisions"] for trade in truth["trades"][1:]] == [0] * 9
        assert (await here.lab.post("/lab/faults", json={"typo": {}})).status_code == 400
        stats = (await here.lab.get("/lab/stats")).json()
        assert stats["requests"][BULK] == 1
        assert stats["statuses"]["200"] >= 2
