"""The check queue: what becomes due, who may claim it, and what becomes of an owner that is no longer one."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection
from datetime import UTC, datetime, timedelta

import pytest

from shiftline.connector.records import AgentProfile, DueCheck, IntakeTrade, Lease, WantedCheck
from shiftline.store.leases import PostgresLeases
from shiftline.store.unit_of_work import PostgresStore
from shiftline.trades.decision import StandingWord, standing_word
from shiftline.trades.model import Evidence, EvidenceKind

NOW = datetime(2026, 11, 2, 15, 0, tzinfo=UTC)
FRESH = 600.0


@pytest.fixture
async def lease(leases: PostgresLeases) -> Lease:
    """The trunk's lease, held by the worker of the test."""
    taken = await leases.acquire("trunk:main", "worker", 60, 1)
    assert taken
    return taken


@pytest.fixture(autouse=True)
async def trades(store: PostgresStore, make_trade: Callable[..., IntakeTrade]) -> None:
    """An open trade for each agent of the tests: without one, nobody would be checked."""
    needed = [make_trade(f"trade of {name}", name, f"partner of {name}") for name in ("ada", "ben", "cy")]
    async with store.work() as work:
        await work.trades.record(needed, NOW)


async def want(
    store: PostgresStore,
    *agents: str,
    minutes: float = 30,
    now: datetime = NOW,
    host: str = "lab",
    trunk: str = "main",
) -> int:
    needed_by = NOW + timedelta(minutes=minutes)
    wanted = [
        WantedCheck(agent=name, address=f"sip:{name}@{host}", trunk=trunk, needed_by=needed_by)
        for name in agents
    ]
    async with store.work() as work:
        return await work.checks.want(wanted, now, FRESH)


async def claim(
    store: PostgresStore, lease: Lease, limit: int = 100, held: Collection[int] = (), trunk: str = "main"
) -> list[DueCheck]:
    async with store.work() as work:
        return await work.checks.claim(trunk, lease, limit, held)


async def bring(
    store: PostgresStore, lease: Lease, *agents: str, taken_at: datetime = NOW, trunk: str = "main"
) -> None:
    brought = [
        Evidence(agent=name, kind=EvidenceKind.AVAILABLE, method="options", taken_at=taken_at)
        for name in agents
    ]
    async with store.work() as work:
        await work.checks.record_evidence(trunk, lease, brought)


async def pending(store: PostgresStore) -> int:
    async with store.work() as work:
        return await work.checks.pending()


def names(checks: list[DueCheck]) -> list[str]:
    return [check.agent for check in checks]


async def test_wishes_for_one_agent_are_one_check(store: PostgresStore, lease: Lease) -> None:
    """Several wishes make one row with the earliest need; only a check that was not pending becomes due."""
    assert await want(store, "ada", "ben", "ada") == 2
    assert await want(store, "ada", minutes=10) == 0
    assert await want(store, "ben", minutes=50) == 0
    (ada, ben) = await claim(store, lease)
    assert (ada.agent, ada.needed_by) == ("ada", NOW + timedelta(minutes=10))
    assert (ben.agent, ben.needed_by) == ("ben", NOW + timedelta(minutes=30))
    assert await want(store) == 0


async def test_a_pending_check_takes_a_new_address(store: PostgresStore, lease: Lease) -> None:
    """An agent that has moved is asked at the new address, though the need has not become more urgent."""
    await want(store, "ada")
    await want(store, "ada", minutes=40, host="elsewhere")
    (check,) = await claim(store, lease)
    assert (check.address, check.needed_by) == ("sip:ada@elsewhere", NOW + timedelta(minutes=30))


async def test_fresh_evidence_spares_a_check(store: PostgresStore, lease: Lease) -> None:
    """An agent is not checked again before the evidence is stale, and then is."""
    await want(store, "ada")
    await claim(store, lease)
    await bring(store, lease, "ada")
    assert await want(store, "ada", now=NOW + timedelta(seconds=FRESH)) == 0
    assert await pending(store) == 0
    assert await want(store, "ada", now=NOW + timedelta(seconds=FRESH + 1)) == 1
    assert await pending(store) == 1


async def test_evidence_from_ahead_spares_no_check(store: PostgresStore, lease: Lease) -> None:
    """A clock that was set back has left it: nobody knows how old it is. Two clocks may differ a little."""
    await want(store, "ada", "ben")
    await claim(store, lease)
    await bring(store, lease, "ada", taken_at=NOW + timedelta(minutes=10))
    await bring(store, lease, "ben", taken_at=NOW + timedelta(seconds=2))
    assert await want(store, "ada", "ben") == 1
    assert names(await claim(store, lease)) == ["ada"]


async def test_the_earliest_need_is_claimed_first(store: PostgresStore, lease: Lease) -> None:
    """Claims come in the order of need, no more than asked for, and each check goes out once."""
    await want(store, "ada", minutes=30)
    await want(store, "ben", minutes=10)
    await want(store, "cy", minutes=20)
    first = await claim(store, lease, 2)
    assert names(first) == ["ben", "cy"]
    held = [check.id for check in first]
    rest = await claim(store, lease, 2, held)
    assert names(rest) == ["ada"]
    assert await claim(store, lease, 2, [*held, rest[0].id]) == []
    assert await pending(store) == 3


async def test_a_claim_that_its_owner_does_not_hold_is_claimed_again(
    store: PostgresStore, lease: Lease
) -> None:
    """A commit whose answer never came leaves claims that nobody works on: they are not lost."""
    await want(store, "ada", "ben")
    (ada, ben) = await claim(store, lease)
    assert await claim(store, lease, held=[ben.id]) == [ada]


async def test_the_next_owner_gets_the_claims_of_the_last(
    store: PostgresStore, leases: PostgresLeases, lease: Lease
) -> None:
    """Claims of an earlier epoch are open again, and only for the owner of today."""
    await want(store, "ada", "ben")
    await claim(store, lease, 1)
    await leases.release(lease)
    heir = await leases.acquire("trunk:main", "heir", 60, 1)
    assert heir
    assert await claim(store, lease) == []
    assert names(await claim(store, heir)) == ["ada", "ben"]


async def test_evidence_of_a_former_owner_is_ignored(
    store: PostgresStore, leases: PostgresLeases, lease: Lease
) -> None:
    """Whoever has lost the lease marks no check as done and leaves no evidence."""
    await want(store, "ada")
    await claim(store, lease)
    await leases.release(lease)
    heir = await leases.acquire("trunk:main", "heir", 60, 1)
    assert heir
    await bring(store, lease, "ada")
    assert await pending(store) == 1
    assert await want(store, "ada") == 0
    await bring(store, heir, "ada")
    assert await pending(store) == 0


async def test_a_lease_of_another_name_opens_nothing(
    store: PostgresStore, leases: PostgresLeases, lease: Lease
) -> None:
    """The fence asks for the very lease, not for any lease with that epoch."""
    await want(store, "ada")
    forged = Lease(name=lease.name, owner="somebody else", epoch=lease.epoch)
    assert await claim(store, forged) == []
    assert await claim(store, Lease(name="trunk:none", owner=lease.owner, epoch=lease.epoch)) == []


async def test_an_answer_in_the_last_moment_is_not_asked_for_again(
    store: PostgresStore, lease: Lease, waiting: Callable[[], Awaitable[None]]
) -> None:
    """Evidence that is stored while somebody makes the check due spares the check, though it came later."""
    await want(store, "ada")
    await claim(store, lease)
    answer = Evidence(agent="ada", kind=EvidenceKind.AVAILABLE, method="options", taken_at=NOW)
    async with asyncio.TaskGroup() as group, store.work() as work:
        await work.checks.record_evidence("main", lease, [answer])
        late = group.create_task(want(store, "ada"))
        await waiting()
    assert late.result() == 0
    assert await pending(store) == 0


async def test_no_evidence_is_nothing(store: PostgresStore, lease: Lease) -> None:
    """An empty batch changes nothing."""
    await want(store, "ada")
    await bring(store, lease)
    assert await pending(store) == 1


async def test_each_trunk_has_its_own_queue(store: PostgresStore, lease: Lease) -> None:
    """The queue of one trunk is not seen from another; evidence about the agent counts for both."""
    await want(store, "ada")
    assert await want(store, "ada", trunk="other") == 1
    assert names(await claim(store, lease, trunk="other")) == ["ada"]
    await bring(store, lease, "ada", trunk="other")
    assert await pending(store) == 1
    assert names(await claim(store, lease, trunk="other")) == []
    assert names(await claim(store, lease)) == ["ada"]
    assert await want(store, "ada", trunk="other") == 0


async def test_a_check_follows_its_agent_to_another_trunk(store: PostgresStore, lease: Lease) -> None:
    """Once the configuration or the roster has moved him, the trunk before asks no more; nothing is lost."""
    ada = AgentProfile(external_id="ada", name="Ada", address="sip:ada@lab", trunk="main")
    async with store.work() as work:
        await work.roster.save([ada], [], [])
        assert await work.checks.renew(NOW, FRESH) == 1
        assert await work.roster.assign(lambda _: "other") == 1
        assert await work.checks.renew(NOW, FRESH) == 1
    assert names(await claim(store, lease)) == []
    assert names(await claim(store, lease, trunk="other")) == ["ada"]


async def test_whom_no_trunk_serves_is_not_waited_for(
    store: PostgresStore, make_trade: Callable[..., IntakeTrade]
) -> None:
    """His checks are over, and his trade can be decided: the standing says why."""
    profiles = [
        AgentProfile(external_id=name, name=name, address=f"sip:{name}@lab", trunk="main")
        for name in ("ada", "partner of ada")
    ]
    async with store.work() as work:
        await work.roster.save(profiles, [], [])
        assert await work.checks.renew(NOW, FRESH) == 2
        assert [trade.trade.external_id for trade in await work.trades.decidable(NOW, FRESH, 10)] == [
            "trade of ben",
            "trade of cy",
        ]
        assert await work.roster.assign(lambda _: None) == 2
        assert await work.roster.served(["ada"]) == {}
        assert await work.checks.renew(NOW, FRESH) == 0
        assert await work.checks.pending() == 0
        trades = await work.trades.decidable(NOW, FRESH, 10)
    (trade,) = (trade for trade in trades if trade.trade.external_id == "trade of ada")
    assert standing_word(trade.initiating) is StandingWord.NO_TRUNK
    assert standing_word(trades[-1].initiating) is StandingWord.NO_ADDRESS
