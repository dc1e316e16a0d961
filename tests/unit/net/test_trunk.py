"""The trunk driver against a small PBX on loopback: whom a refusal is about."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest
from tests.unit.net.bench import NOW, a_governor, trunk_driver
from tests.unit.net.jumping import jumping

from shiftline.connector.records import DueCheck
from shiftline.governor.governor import Governor
from shiftline.governor.state import Mode
from shiftline.net.endpoint import SipEndpoint
from shiftline.net.trunk import TrunkDriver
from shiftline.sip.events import RequestReceived
from shiftline.sip.message import response_to
from shiftline.sip.targets import Target
from shiftline.trades.model import Evidence, EvidenceKind


@asynccontextmanager
async def trunk(
    status_of: Callable[[str | None], int], *, timeout_seconds: float = 1.0
) -> AsyncIterator[tuple[TrunkDriver, Governor, Counter[str]]]:
    """A driver and a PBX that answers each user's OPTIONS with ``status_of(user)``, 0 for silence."""
    asked: Counter[str] = Counter()

    def answer(endpoint: SipEndpoint, event: RequestReceived) -> None:
        user = event.request.uri.user
        asked[user or "canary"] += 1
        status = status_of(user)
        if event.key is not None and status:
            endpoint.respond(event.key, response_to(event.request, status))

    governor = a_governor()
    async with (
        await SipEndpoint.open(local_host="127.0.0.1", on_request=answer) as pbx,
        await SipEndpoint.open(local_host="127.0.0.2") as ours,
        trunk_driver(
            ours, Target.over_udp(pbx.local), governor=governor, timeout_seconds=timeout_seconds
        ) as driver,
    ):
        yield driver, governor, asked


async def gather(driver: TrunkDriver, wanted: int) -> dict[str, Evidence]:
    """Collect evidence until there is enough of it; the test's time limit ends a wait in vain."""
    found: dict[str, Evidence] = {}
    while len(found) < wanted:
        found |= {evidence.agent: evidence for evidence in await driver.gathered(1.0)}
    return found


def checks(count: int) -> list[DueCheck]:
    """Checks of agent0 and on, in this order of need."""
    return [
        DueCheck(id=n, agent=f"agent{n}", address=f"sip:agent{n}@lab", needed_by=NOW + timedelta(seconds=n))
        for n in range(count)
    ]


async def test_one_refused_agent_does_not_stop_the_others() -> None:
    """A 403 about one agent costs that agent a verdict, and nobody else."""
    async with trunk(lambda user: 403 if user == "agent5" else 200) as (driver, governor, asked):
        driver.submit(checks(30))
        found = await gather(driver, 30)
    assert found["agent5"].kind is EvidenceKind.UNVERIFIABLE
    assert sum(evidence.kind is EvidenceKind.AVAILABLE for evidence in found.values()) == 29
    assert governor.mode is not Mode.STOPPED
    assert asked["agent5"] == 3


async def test_a_refused_agent_at_the_end_stops_nothing() -> None:
    """The last check of a burst has nobody beside it; canaries that pass tell the same."""
    async with trunk(lambda user: 403 if user == "agent4" else 200) as (driver, governor, _):
        driver.submit(checks(5))
        found = await gather(driver, 5)
    assert found["agent4"].kind is EvidenceKind.UNVERIFIABLE
    assert governor.mode is not Mode.STOPPED


@pytest.mark.parametrize("dead", [{"agent0"}, {"agent9"}, {"agent0", "agent1", "agent2"}])
@jumping
async def test_a_phone_that_never_answers_does_not_stop_the_others(dead: set[str]) -> None:
    """First, last or several: the dead are called unreachable, the rest are asked.

    Three silences count, each after something else passed; alone, three are needed for a canary to pass.
    """
    async with trunk(lambda user: 0 if user in dead else 200, timeout_seconds=0.1) as (driver, _, asked):
        driver.submit(checks(10))
        found = await gather(driver, 10)
    unreachable = {agent for agent, one in found.items() if one.cause == "network.unreachable"}
    assert unreachable == dead
    assert sum(one.kind is EvidenceKind.AVAILABLE for one in found.values()) == 10 - len(dead)
    assert max(asked[agent] for agent in dead) <= 1 + 3 + 3


@jumping
async def test_a_pbx_that_is_away_says_nothing_about_an_agent() -> None:
    """Nothing has passed, so the silence is the PBX's; when it is back, everybody is asked."""
    away = True
    async with trunk(lambda _: 0 if away else 200, timeout_seconds=0.05) as (driver, _, _):
        driver.submit(checks(3))
        assert await driver.gathered(2.5) == []
        away = False
        found = await gather(driver, 3)
    assert {one.kind for one in found.values()} == {EvidenceKind.AVAILABLE}


async def test_a_declined_check_is_the_agents_own_answer() -> None:
    """603 comes from the callee: the trunk is not slowed down for it."""
    async with trunk(lambda user: 603 if user == "agent1" else 200) as (driver, governor, asked):
        driver.submit(checks(4))
        found = await gather(driver, 4)
    assert (found["agent1"].kind, found["agent1"].status) == (EvidenceKind.UNVERIFIABLE, 603)
    assert (asked["canary"], governor.overshoots) == (0, 0)


@jumping
async def test_a_trunk_that_falls_silent_at_speed_is_not_asked_again_and_again() -> None:
    """Once it is noticed, no request is sent again: only canaries leave, and those once each."""
    silent = False
    async with trunk(lambda _: 0 if silent else 200, timeout_seconds=4.0) as (driver, governor, asked):
        driver.submit(checks(400))
        await gather(driver, 50)
        silent = True
        while governor.mode is not Mode.LISTENING:
            await driver.gathered(0.05)
        before = Counter(asked)
        await asyncio.sleep(2.0)
        again = asked - before
        assert set(again) <= {"canary"}
        assert again["canary"] <= 2
