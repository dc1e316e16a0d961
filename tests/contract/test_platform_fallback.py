"""A worker that falls back on the platform, because SIP cannot tell: what is decided, what is referred.

Real parts on loopback: the worker with its database, the practice org, and no PBX.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine
from tests.contract.floor import ENDS, NINE, Floor, Log, lay_floor, lines, until, working

from shiftline.bootstrap import policies
from shiftline.connector.deciding import REFER_MARGIN
from shiftline.connector.records import Fallback, TrunkKey
from shiftline.lab.demo.truth import true_verdicts
from shiftline.lab.org.faults import FEED, Fault, FaultName
from shiftline.lab.org.server import serve
from shiftline.lab.pbx.agents import Truth
from shiftline.lab.scenario import Scenario, build_scenario
from shiftline.store.read_model import ReadModel, TradeRow
from shiftline.store.unit_of_work import PostgresStore
from shiftline.trades.decision import DecisionPolicy
from shiftline.trades.model import Verdict
from shiftline.wfm.genesys import GenesysCloud

MakeFloor = Callable[..., Floor]
TRUNK = TrunkKey(trunk="pbx", source="127.0.0.2", user="shiftline")
ASKED = "GET /api/v2/workforcemanagement/adherence"
TALKING = {"INTERACTING", "COMMUNICATING"}


@pytest.fixture
def make_floor(
    tmp_path: Path, database_url: str, engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch
) -> MakeFloor:
    """Lay a floor with the fallback switched on; what is given is changed in the scenario."""
    for name in ("SHIFTLINE_TRUNK_PASSWORD", "SHIFTLINE_WFM_SECRET"):
        monkeypatch.setenv(name, "secret")
    monkeypatch.setenv("SHIFTLINE_POLICY__PLATFORM_FALLBACK", "true")
    return lambda **changes: lay_floor(
        tmp_path, database_url, ReadModel(engine), **{"hidden": 0.2, **changes}
    )


@pytest.fixture
async def stopped(engine: AsyncEngine) -> None:
    """The trunk has been disarmed: every check is unverifiable at once."""
    store = PostgresStore(engine, wfm=GenesysCloud.name)
    async with store.work() as work:
        await work.trunks.disarm(TRUNK, "acl.source", NINE)


def shown_by_platform(scenario: Scenario) -> Iterator[tuple[str, Truth]]:
    """Each agent as far as the feed shows him; of whom it does not, nobody can be sure."""
    for agent in scenario.phones:
        presence = scenario.org.presences.get(agent)
        if presence is None:
            yield agent, Truth.UNKNOWN
        elif presence.system == "Offline":
            yield agent, Truth.NOT_REGISTERED
        else:
            yield agent, Truth.BUSY if presence.routing in TALKING else Truth.AVAILABLE


def expected(floor: Floor) -> dict[str, Verdict]:
    """What the decision table says of each trade, had the PBX told what the platform shows."""
    fresh = build_scenario(floor.scenario.settings)
    known = replace(fresh, phones=dict(shown_by_platform(fresh)))
    verdicts = true_verdicts(known, DecisionPolicy(), NINE)
    assert set(verdicts.values()) >= {Verdict.APPROVE, Verdict.REFER}
    return verdicts


async def until_as_the_platform_has_it(floor: Floor) -> list[TradeRow]:
    """Wait until every trade has the end that the platform's words give it."""
    rows = await floor.until_all(lambda row: row.state in ("settled", "referred"))
    assert {row.external_id: row.outcome or row.state for row in rows} == {
        trade: ENDS[verdict] for trade, verdict in expected(floor).items()
    }
    return rows


async def audited(floor: Floor, trade: str) -> Mapping[str, Any]:
    """What the audit entry of a trade's decision shows."""
    (entry,) = [e for e in await floor.books.audit_trail(trade) if e.kind.startswith("decision.")]
    return entry.detail


async def until_referred(floor: Floor) -> list[TradeRow]:
    """Wait until every trade is a person's."""
    rows = await floor.until_all(lambda row: row.verdict is not None)
    assert {row.verdict for row in rows} == {"refer"}
    return rows


async def test_trades_of_agents_whom_the_platform_knows_are_decided_while_the_pbx_is_away(
    make_floor: MakeFloor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before refer-by, on the platform's word; the others go to a person at refer-by."""
    # A quarter of these seconds would be too short for a busy machine.
    monkeypatch.setattr(policies, "Fallback", lambda: Fallback(patience=0.25))
    floor = make_floor(trades=6, contested=0.0, expires_after_seconds=(10.0, 11.0))
    async with serve(floor.practice) as org, working(floor.config(org=org), floor.clock) as log:
        rows = await until_as_the_platform_has_it(floor)
    assert lines(log, "trunk in trouble")
    for row in rows:
        detail = await audited(floor, row.external_id)
        assert row.decided_at is not None
        if row.verdict == "approve":
            assert {detail[side]["method"] for side in ("initiating", "receiving")} == {"platform"}
            assert row.decided_at < row.refer_by
        elif row.decided_at >= row.refer_by - REFER_MARGIN:
            assert row.reasons[:2] == ("late.refer-by", "trunk.network.unreachable")
    assert floor.practice.requests[ASKED] >= 1


@pytest.mark.usefixtures("stopped")
async def test_a_stopped_trunk_falls_back_at_once(make_floor: MakeFloor) -> None:
    """The audit entry tells what was used, and what SIP could not tell beside it."""
    floor = make_floor()
    async with serve(floor.practice) as org, working(floor.config(org=org), floor.clock) as log:
        rows = await until_as_the_platform_has_it(floor)
    approved = next(row for row in rows if row.verdict == "approve")
    seen = (await audited(floor, approved.external_id))["initiating"]
    assert (seen["method"], seen["beside"]["method"], seen["beside"]["cause"]) == (
        "platform",
        "options",
        "acl.source",
    )
    presence = build_scenario(floor.scenario.settings).org.presences[seen["agent"]]
    assert seen["said"] == f"{presence.system}, {presence.routing}"
    assert sum(line["agents"] for line in lines(log, "asked the platform")) <= 30
    assert floor.practice.requests[ASKED] <= 5


@pytest.mark.usefixtures("stopped")
async def test_switched_off_the_platform_is_never_asked(
    make_floor: MakeFloor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That is the default: what SIP could not tell goes to a person."""
    monkeypatch.delenv("SHIFTLINE_POLICY__PLATFORM_FALLBACK")
    floor = make_floor()
    async with serve(floor.practice) as org, working(floor.config(org=org), floor.clock):
        await until_referred(floor)
    assert floor.practice.requests[ASKED] == 0


@pytest.mark.usefixtures("stopped")
@pytest.mark.parametrize(
    "names",
    [(FaultName.HTTP_429, FaultName.GARBAGE), (FaultName.SERVER_5XX, FaultName.DROP_BEFORE)],
    ids="-".join,
)
async def test_what_passes_is_waited_for(make_floor: MakeFloor, names: Sequence[FaultName]) -> None:
    """Each strikes once; the worker says why it waits, and everything ends as if nothing had been."""
    floor = make_floor()
    floor.practice.faults.replace({name: Fault(first=1, route=FEED, seconds=1.0) for name in names})
    async with serve(floor.practice) as org, working(floor.config(org=org), floor.clock) as log:
        await until_as_the_platform_has_it(floor)
    assert floor.practice.faults.struck == dict.fromkeys(names, 1)
    waits = [line for line in lines(log, "waiting") if line["step"] == "platform"]
    assert len(waits) == len(names)
    if FaultName.HTTP_429 in names:
        assert waits[0]["seconds"] == 1.0  # as Retry-After wished


@pytest.mark.usefixtures("stopped")
async def test_an_outage_that_lasts_refers_every_trade_in_time(make_floor: MakeFloor) -> None:
    """At refer-by, with what is known; deliveries and polls go on meanwhile."""
    floor = make_floor(expires_after_seconds=(4.0, 5.0))
    floor.practice.faults.replace({FaultName.SERVER_5XX: Fault(route=FEED)})
    async with serve(floor.practice) as org, working(floor.config(org=org), floor.clock):
        rows = await until_referred(floor)
    for row in rows:
        assert row.reasons[0] == "late.refer-by"
        assert row.decided_at is not None
        assert row.refer_by - REFER_MARGIN <= row.decided_at < row.deadline


def refusals(log: Log) -> Log:
    """What the platform's loop was refused."""
    return [line for line in lines(log, "refused") if line["step"] == "platform"]


@pytest.mark.usefixtures("stopped")
async def test_a_missing_permission_is_named_and_keeps_no_trade_waiting(make_floor: MakeFloor) -> None:
    """Everything goes to a person at once; one line names the permission."""
    floor = make_floor()
    floor.practice.faults.replace({FaultName.FORBIDDEN_403: Fault()})
    async with serve(floor.practice) as org, working(floor.config(org=org), floor.clock) as log:
        rows = await until_referred(floor)
        await until(lambda: _soon(refusals(log)))
    for row in rows:
        detail = await audited(floor, row.external_id)
        for side in ("initiating", "receiving"):
            beside = detail[side].get("beside")
            assert beside is None or beside["cause"] == "http.permission"
    assert "wfm:realtimeAdherence:view" in refusals(log)[0]["why"]
    assert floor.practice.requests[ASKED] == len(refusals(log))


async def _soon(found: Log) -> Log:
    return found


@pytest.mark.usefixtures("stopped")
async def test_a_stale_feed_is_not_believed(make_floor: MakeFloor) -> None:
    """A cache shows everybody on queue, an hour ago: nobody is approved on that."""
    floor = make_floor()
    floor.practice.faults.replace({FaultName.STALE_FEED: Fault(seconds=3600.0)})
    async with serve(floor.practice) as org, working(floor.config(org=org), floor.clock):
        rows = await until_referred(floor)
    details = [await audited(floor, row.external_id) for row in rows]
    causes = {
        beside["cause"]
        for detail in details
        for side in ("initiating", "receiving")
        if (beside := detail[side].get("beside"))
    }
    assert causes == {"platform.stale"}
