"""Bad input to a worker at work: it says so, loses nothing, and goes on when the fault has passed.

Real parts on loopback: the worker with its database, the practice org, the practice PBX.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine
from tests.contract.floor import NINE, Floor, lay_floor, lines, pbx_of, until, working
from tests.support import free_port

from shiftline.bootstrap import genesys_settings
from shiftline.clock import boot_time, moved_clock
from shiftline.config import load_settings
from shiftline.connector.deciding import REFER_MARGIN
from shiftline.connector.intake import Intake
from shiftline.connector.qualifier import EAGER_AFTER
from shiftline.lab.org.entities import User
from shiftline.lab.org.faults import Fault, FaultName
from shiftline.lab.org.server import serve
from shiftline.net.udp import UdpSocket
from shiftline.store.read_model import ReadModel
from shiftline.store.unit_of_work import PostgresStore
from shiftline.trades.deadlines import DeadlinePolicy
from shiftline.trades.model import TradeState
from shiftline.wfm.genesys import GenesysCloud, open_genesys
from shiftline.wfm.jobs import unlimited

MakeFloor = Callable[..., Floor]


@pytest.fixture
def make_floor(
    tmp_path: Path, database_url: str, engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch
) -> MakeFloor:
    """Lay a floor; what is given is changed in the scenario."""
    for name in ("SHIFTLINE_TRUNK_PASSWORD", "SHIFTLINE_WFM_SECRET"):
        monkeypatch.setenv(name, "secret")
    return lambda **changes: lay_floor(tmp_path, database_url, ReadModel(engine), **changes)


@pytest.fixture
def floor(make_floor: MakeFloor) -> Floor:
    """The usual one."""
    return make_floor()


async def test_a_pbx_that_is_away_is_told_once_and_trades_are_referred(
    make_floor: MakeFloor,
) -> None:
    """One line with the address, whatever the number of checks; at refer-by each trade goes to a person."""
    floor = make_floor(expires_after_seconds=(6.0, 7.0))
    async with (
        serve(floor.practice) as org,
        working(floor.config(org=org), floor.clock) as log,
    ):
        rows = await floor.until_all(lambda row: row.verdict is not None)
    assert {row.verdict for row in rows} == {"refer"}
    for row in rows:
        assert row.reasons[:2] == ("late.refer-by", "trunk.network.unreachable")
        assert row.decided_at is not None
        assert row.refer_by - REFER_MARGIN <= row.decided_at < row.deadline
    (trouble,) = lines(log, "trunk in trouble")
    assert (trouble["address"], trouble["cause"]) == ("127.0.0.1:9 over UDP", "network.unreachable")
    assert "The PBX does not answer." in trouble["why"]
    assert not any(floor.practice.org.effective_decisions(row.external_id) for row in rows)


async def test_a_pbx_that_comes_back_is_asked_again(floor: Floor) -> None:
    """The checks have waited; the log tells both moments."""
    port = free_port(socket.SOCK_DGRAM)
    async with serve(floor.practice) as org:
        config = floor.config(org=org, pbx=("127.0.0.1", port))
        async with working(config, floor.clock) as log:

            async def in_trouble() -> bool:
                return bool(lines(log, "trunk in trouble"))

            await until(in_trouble)

            async def answers_again() -> bool:
                return bool(lines(log, "trunk answers again"))

            async with pbx_of(floor, port=port):
                await floor.until_as_truth_has_it()
                await until(answers_again)  # told once a second, perhaps after the last trade
    assert [line["event"] for line in log if line["event"].startswith(("trunk in", "trunk answers"))] == [
        "trunk in trouble",
        "trunk answers again",
    ]


async def test_a_rearmed_trunk_is_asked_at_once(floor: Floor, engine: AsyncEngine) -> None:
    """Long before a check would be due again; it is said to answer when it has, and not before."""
    port = free_port(socket.SOCK_DGRAM)
    store = PostgresStore(engine, wfm="genesys")

    async def is_disarmed() -> bool:
        return any(row.disarmed_at is not None for row in await floor.books.trunks())

    async with serve(floor.practice) as org, AsyncExitStack() as wrong:
        await wrong.enter_async_context(pbx_of(floor, port=port, password="another"))
        async with working(floor.config(org=org, pbx=("127.0.0.1", port)), floor.clock) as log:

            async def answers_again() -> bool:
                return bool(lines(log, "trunk answers again"))

            await until(is_disarmed)
            await wrong.aclose()
            async with pbx_of(floor, port=port) as pbx:
                before = len(pbx.log_records())
                async with store.work() as books:
                    assert await books.trunks.rearm("pbx", floor.clock()) == 1
                rearmed_at = boot_time()
                await until(answers_again)
                seconds = boot_time() - rearmed_at
                assert len(pbx.log_records()) > before
    assert seconds < EAGER_AFTER.total_seconds() / 2
    told = ("trunk in", "trunk re-", "trunk answers")
    assert [line["event"] for line in log if line["event"].startswith(told)] == [
        "trunk in trouble",
        "trunk re-armed",
        "trunk answers again",
    ]


async def test_an_org_that_is_away_at_the_start_is_waited_for(floor: Floor) -> None:
    """A warning that names where it was looked for; the work begins when it is there."""
    port = free_port(socket.SOCK_STREAM)
    async with pbx_of(floor) as pbx:
        config = floor.config(org=f"http://127.0.0.1:{port}", pbx=pbx.address)
        async with working(config, floor.clock) as log:
            (waiting,) = lines(log, "waiting for the WFM")
            url = f"http://127.0.0.1:{port}/oauth/token"
            assert f"{url} does not answer: no connection can be made (Connection refused)." in waiting["why"]
            async with serve(floor.practice, port=port):
                await floor.until_as_truth_has_it()


GARBAGE = (
    b"",
    b"\xff\x00\xfe" * 50,
    b"HTTP/1.1 400 Bad Request\r\n\r\n",
    b"SIP/2.0 200 OK\r\n\r\n",
    b"SIP/2.0 999999 What\r\nVia: SIP/2.0/UDP x;branch=z9hG4bK1\r\n\r\n",
    b"OPTIONS sip:x SIP/2.0\r\nCSeq: 1 INVITE\r\nContent-Length: -5\r\n\r\n",
)


class Relay:
    """Stands before a PBX and sends garbage, some of it made of the answer itself, before each answer."""

    def __init__(self, pbx: tuple[str, int]) -> None:
        self._pbx = pbx
        self._client = pbx
        self._socket = UdpSocket.open("127.0.0.1", 0)
        self._socket.start(on_datagram=self._pass_on, on_batch_end=lambda: None)
        self.address = self._socket.local

    def close(self) -> None:
        self._socket.close()

    def _pass_on(self, data: bytes, source: tuple[str, int]) -> None:
        if source != self._pbx:
            self._client = source
            self._socket.send(data, self._pbx)
            return
        for datagram in (*GARBAGE, data[: len(data) // 2], data.replace(b"Via", b"Vai"), data):
            self._socket.send(datagram, self._client)


async def test_malformed_datagrams_change_nothing(floor: Floor) -> None:
    """Garbage before every answer: each trade still comes to its true end."""
    async with pbx_of(floor) as pbx, serve(floor.practice) as org:
        with closing(Relay(pbx.address)) as relay:
            async with working(floor.config(org=org, pbx=relay.address), floor.clock) as log:
                await floor.until_as_truth_has_it()
    assert not lines(log, "defect")


@pytest.mark.parametrize(
    "faults",
    [
        {FaultName.GARBAGE: Fault(first=2)},
        {FaultName.GARBAGE: Fault(first=1, route="/state/bulk/jobs")},
        {FaultName.GARBAGE: Fault(first=1, route="/oauth/token")},
        {FaultName.GARBAGE: Fault(first=1, route="/agentschedules/search")},
        {FaultName.HTTP_429: Fault(first=2, seconds=1.0)},
        {FaultName.SERVER_5XX: Fault(first=2)},
    ],
    ids=["first-polls", "bulk", "token", "schedules", "429", "503"],
)
async def test_malformed_answers_are_waited_out(floor: Floor, faults: Mapping[FaultName, Fault]) -> None:
    """One sentence in the log; the trades stay Matched, or what was done is found by reading back."""
    floor.practice.faults.replace(faults)
    async with (
        pbx_of(floor) as pbx,
        serve(floor.practice) as org,
        working(floor.config(org=org, pbx=pbx.address), floor.clock) as log,
    ):
        await floor.until_as_truth_has_it()
    waited = [line["why"] for line in log if line["event"].startswith("waiting")]
    assert waited
    assert all(why.startswith("Genesys") for why in waited)
    assert not lines(log, "defect")


@pytest.mark.parametrize("version", [2**63, -1])
async def test_a_trade_that_cannot_be_read_does_not_hold_up_the_others(floor: Floor, version: int) -> None:
    """It stays Matched in the WFM, and the log names it; the others go their ways."""
    org = floor.practice.org
    broken = org.trades()[0]
    org.add(replace(broken, id="broken", version=version))
    async with (
        pbx_of(floor) as pbx,
        serve(floor.practice) as url,
        working(floor.config(org=url, pbx=pbx.address), floor.clock) as log,
    ):

        async def ended() -> bool:
            rows = await floor.books.trades()
            return len(rows) == floor.scenario.settings.trades and all(row.verdict for row in rows)

        await until(ended)
    assert {line["entity"] for line in lines(log, "left out what cannot be read")} == {"broken"}
    assert org.trade("broken").state is TradeState.MATCHED


class HiddenUser(dict[str, User]):
    """A directory that denies one of its users: a trade names an agent whom nobody knows."""

    hidden = ""

    def __contains__(self, key: object) -> bool:
        return key != self.hidden and super().__contains__(key)


async def test_a_trade_that_names_an_unknown_agent_is_referred(floor: Floor) -> None:
    """At once, with its reason; the agent is listed, and the other trades go their ways."""
    org = floor.practice.org
    stranger = org.trades()[0].receiving_user
    assert stranger is not None
    org.users = HiddenUser(org.users)
    org.users.hidden = stranger
    async with (
        pbx_of(floor) as pbx,
        serve(floor.practice) as url,
        working(floor.config(org=url, pbx=pbx.address), floor.clock) as log,
    ):
        rows = await floor.until_all(lambda row: row.state in ("settled", "referred"))
    his = [row for row in rows if stranger in (row.initiating_agent, row.receiving_agent)]
    assert his
    for row in his:
        assert row.state == "referred"
        assert any(reason.endswith(".no-address") for reason in row.reasons)
    assert any(row.outcome == "approved" for row in rows)
    assert (stranger, "") in await floor.books.agents_without_address()
    assert "shiftline roster check" in lines(log, "agents without a SIP address")[0]["why"]


async def test_a_trade_that_has_expired_is_referred_without_a_check(floor: Floor) -> None:
    """The WFM still shows it as Matched; we know better, ask no PBX about it, and settle it with the WFM."""
    late = moved_clock(NINE + timedelta(hours=1), boot_time())
    async with (
        pbx_of(floor) as pbx,
        serve(floor.practice) as org,
        working(floor.config(org=org, pbx=pbx.address), late),
    ):
        rows = await floor.until_all(lambda row: row.state == "referred")
        assert {row.reasons[0] for row in rows} == {"late.expired-before-decision"}
        assert {trade.state for trade in floor.practice.org.trades()} == {TradeState.MATCHED}
        floor.practice.clock = late
        await floor.until_all(lambda row: row.state == "settled")
    assert pbx.log_records() == []
    assert {trade.state for trade in floor.practice.org.trades()} == {TradeState.EXPIRED}


def wfm_of(floor: Floor, org: str) -> AbstractAsyncContextManager[GenesysCloud]:
    settings = genesys_settings(load_settings(floor.config(org=org)))
    return open_genesys(settings, clock=floor.clock, reserve=unlimited)


async def test_a_corrected_roster_takes_effect_at_the_next_start(floor: Floor, engine: AsyncEngine) -> None:
    """An address that was wrong at the first start does not stick."""
    agent = floor.practice.org.trades()[0].initiating_user
    store = PostgresStore(engine, wfm="genesys")

    async def address_after_a_start(roster: Mapping[str, str]) -> str | None:
        async with serve(floor.practice) as org, wfm_of(floor, org) as wfm:
            intake = Intake(
                wfm=wfm,
                work=store.work,
                clock=floor.clock,
                deadlines=DeadlinePolicy(),
                fresh_seconds=300.0,
                addresses=roster,
                trunk_of=lambda _: "pbx",
            )
            await intake.poll()
        async with store.work() as books:
            return (await books.roster.addresses([agent])).get(agent)

    assert await address_after_a_start({agent: "sip:1@wrong.example"}) == "sip:1@wrong.example"
    assert await address_after_a_start({agent: "sip:2@right.example"}) == "sip:2@right.example"
    assert await address_after_a_start({agent: "no address at all"}) is None
