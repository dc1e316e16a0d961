"""The platform's book: of whom it must tell, what its word completes, and that it stays out of SIP's way."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

import pytest

from shiftline.connector.records import AgentProfile, Fallback, IntakeTrade, Lease, OpenTrade, WantedCheck
from shiftline.store.leases import PostgresLeases
from shiftline.store.unit_of_work import PostgresStore
from shiftline.trades.model import PLATFORM, Evidence, EvidenceKind

NOW = datetime(2026, 11, 2, 15, 0, tzinfo=UTC)
FRESH = 600.0
FALLBACK = Fallback(lead=timedelta(seconds=60), patience=0.75)
IN_AN_HOUR = NOW + timedelta(hours=1)  # when the trades of these tests are referred

MakeTrade = Callable[..., IntakeTrade]


@pytest.fixture
async def trunk(leases: PostgresLeases) -> Lease:
    """The trunk's lease."""
    taken = await leases.acquire("trunk:main", "worker", 60, 1)
    assert taken
    return taken


@pytest.fixture
async def wfm(leases: PostgresLeases) -> Lease:
    """The WFM's lease."""
    taken = await leases.acquire("wfm:org", "worker", 60, 1)
    assert taken
    return taken


async def record(store: PostgresStore, *trades: IntakeTrade, without_address: Sequence[str] = ()) -> None:
    """Store trades, and an address for all their agents but these."""
    agents = {agent for item in trades for agent in item.trade.agents}
    profiles = [
        AgentProfile(
            external_id=agent,
            name=agent,
            address=None if agent in without_address else f"sip:{agent}@lab",
            trunk=None if agent in without_address else "main",
        )
        for agent in sorted(agents)
    ]
    async with store.work() as work:
        await work.trades.record(trades, NOW)
        await work.roster.save(profiles, [], [])


def found(agent: str, kind: EvidenceKind, method: str = "options", taken_at: datetime = NOW) -> Evidence:
    cause = "network.unreachable" if kind is EvidenceKind.UNVERIFIABLE else None
    return Evidence(agent=agent, kind=kind, method=method, taken_at=taken_at, cause=cause)


async def by_sip(store: PostgresStore, lease: Lease, kind: EvidenceKind, *agents: str) -> None:
    async with store.work() as work:
        await work.checks.record_evidence("main", lease, [found(agent, kind) for agent in agents])


async def by_platform(
    store: PostgresStore, lease: Lease, kind: EvidenceKind, *agents: str, taken_at: datetime = NOW
) -> None:
    async with store.work() as work:
        await work.platform.record(lease, [found(agent, kind, PLATFORM, taken_at) for agent in agents])


async def to_ask(store: PostgresStore, now: datetime = NOW, limit: int = 100) -> list[str]:
    async with store.work() as work:
        return [*await work.platform.to_ask(now, FRESH, FALLBACK, limit)]


async def decidable(
    store: PostgresStore, now: datetime = NOW, fallback: Fallback | None = FALLBACK
) -> list[OpenTrade]:
    async with store.work() as work:
        return await work.trades.decidable(now, FRESH, 100, fallback=fallback)


async def test_agents_of_whom_sip_could_not_tell_are_asked_about(
    store: PostgresStore, make_trade: MakeTrade, trunk: Lease
) -> None:
    """Once each, the earliest refer-by first, at most so many; others are not."""
    await record(
        store,
        make_trade("late", "ada", "ben", refer_by=NOW + timedelta(hours=2)),
        make_trade("soon", "cyd", "dan"),
    )
    await by_sip(store, trunk, EvidenceKind.UNVERIFIABLE, "ada", "cyd", "dan")
    await by_sip(store, trunk, EvidenceKind.NOT_REGISTERED, "ben")
    assert await to_ask(store) == ["cyd", "dan", "ada"]
    assert await to_ask(store, limit=2) == ["cyd", "dan"]


async def test_a_check_under_way_has_its_chance(store: PostgresStore, make_trade: MakeTrade) -> None:
    """Of whom SIP has said nothing yet, the platform is asked shortly before refer-by and not sooner."""
    await record(store, make_trade("t", "ada", "ben"))
    assert await to_ask(store, IN_AN_HOUR - timedelta(seconds=61)) == []
    assert await to_ask(store, IN_AN_HOUR - timedelta(seconds=60)) == ["ada", "ben"]


async def test_a_short_trade_leaves_sip_most_of_its_time(store: PostgresStore, make_trade: MakeTrade) -> None:
    """Three quarters of what there was; the lead would be all of it."""
    await record(store, make_trade("t", "ada", "ben", refer_by=NOW + timedelta(seconds=40)))
    assert await to_ask(store, NOW + timedelta(seconds=29)) == []
    assert await to_ask(store, NOW + timedelta(seconds=30)) == ["ada", "ben"]


async def test_nobody_is_asked_about_in_vain(
    store: PostgresStore, make_trade: MakeTrade, trunk: Lease, wfm: Lease
) -> None:
    """Not those without an address, not those of trades that wait for another, not those known already."""
    await record(
        store,
        make_trade("first", "ada", "ben", minute=0),
        make_trade("waits for it", "ben", "cyd", minute=1),
        make_trade("other", "eve", "kim", minute=2),
        without_address=["kim"],
    )
    await by_sip(store, trunk, EvidenceKind.UNVERIFIABLE, "ada", "ben", "cyd", "eve", "kim")
    assert sorted(await to_ask(store)) == ["ada", "ben", "eve"]
    await by_platform(store, wfm, EvidenceKind.UNVERIFIABLE, "ada")
    await by_platform(store, wfm, EvidenceKind.BUSY, "eve")
    assert await to_ask(store) == ["ben"]


async def test_a_trade_waits_for_the_platforms_word(
    store: PostgresStore, make_trade: MakeTrade, trunk: Lease, wfm: Lease
) -> None:
    """Then it is decided, with both evidences at hand; even a word that says nothing ends the wait."""
    await record(store, make_trade("t", "ada", "ben"))
    await by_sip(store, trunk, EvidenceKind.UNVERIFIABLE, "ada", "ben")
    assert await decidable(store) == []
    await by_platform(store, wfm, EvidenceKind.AVAILABLE, "ada")
    assert await decidable(store) == []
    await by_platform(store, wfm, EvidenceKind.UNVERIFIABLE, "ben")
    (trade,) = await decidable(store)
    assert trade.initiating.evidence is not None
    assert trade.initiating.evidence.method == "options"
    assert trade.initiating.platform == found("ada", EvidenceKind.AVAILABLE, PLATFORM)
    assert trade.receiving.platform == found("ben", EvidenceKind.UNVERIFIABLE, PLATFORM)


async def test_without_a_fallback_the_platform_does_not_exist(
    store: PostgresStore, make_trade: MakeTrade, trunk: Lease, wfm: Lease
) -> None:
    """What was stored while it was switched on completes nothing and is not even seen."""
    await record(store, make_trade("t", "ada", "ben"))
    await by_platform(store, wfm, EvidenceKind.AVAILABLE, "ada", "ben")
    assert await decidable(store, fallback=None) == []
    await by_sip(store, trunk, EvidenceKind.UNVERIFIABLE, "ada", "ben")
    (trade,) = await decidable(store, fallback=None)
    assert trade.initiating.platform is None
    async with store.work() as work:
        (late,) = await work.trades.overdue(IN_AN_HOUR, 3700.0, 10)
    assert late.initiating.platform is None


async def test_a_silent_sip_keeps_its_chance_to_the_end_where_the_platform_cannot_tell(
    store: PostgresStore, make_trade: MakeTrade, wfm: Lease
) -> None:
    """The platform's word counts for an agent without SIP evidence only at last, and only if it is one."""
    last = IN_AN_HOUR - timedelta(seconds=50)
    await record(store, make_trade("t", "ada", "ben"))
    await by_platform(store, wfm, EvidenceKind.AVAILABLE, "ada", "ben", taken_at=last - timedelta(seconds=99))
    assert await decidable(store, last - timedelta(seconds=20)) == []
    (trade,) = await decidable(store, last)
    assert (trade.initiating.evidence, trade.initiating.used) == (None, trade.initiating.platform)
    await by_platform(store, wfm, EvidenceKind.UNVERIFIABLE, "ben", taken_at=last)
    assert await decidable(store, last) == []


async def test_stale_words_are_not_used(
    store: PostgresStore, make_trade: MakeTrade, trunk: Lease, wfm: Lease
) -> None:
    """They complete nothing, and the platform is asked again."""
    await record(store, make_trade("t", "ada", "ben"))
    await by_sip(store, trunk, EvidenceKind.UNVERIFIABLE, "ada", "ben")
    stale = NOW - timedelta(seconds=FRESH + 1)
    await by_platform(store, wfm, EvidenceKind.AVAILABLE, "ada", "ben", taken_at=stale)
    assert await decidable(store) == []
    assert await to_ask(store) == ["ada", "ben"]


async def test_the_platform_answers_no_check(
    store: PostgresStore, make_trade: MakeTrade, trunk: Lease, wfm: Lease
) -> None:
    """Its fresh word neither ends a check nor keeps one from becoming due."""
    await record(store, make_trade("t", "ada", "ben"))
    wanted = [
        WantedCheck(agent=name, address=f"sip:{name}@lab", trunk="main", needed_by=NOW)
        for name in ("ada", "ben")
    ]
    async with store.work() as work:
        await work.checks.want(wanted[:1], NOW, FRESH)
    await by_platform(store, wfm, EvidenceKind.AVAILABLE, "ada", "ben")
    async with store.work() as work:
        assert await work.checks.pending() == 1
        assert await work.checks.want(wanted, NOW, FRESH) == 1
        assert await work.checks.renew(NOW, FRESH) == 0
        assert [check.agent for check in await work.checks.claim("main", trunk, 10, ())] == ["ada", "ben"]


async def test_a_former_owner_of_the_wfm_records_nothing(
    store: PostgresStore, leases: PostgresLeases, make_trade: MakeTrade, trunk: Lease, wfm: Lease
) -> None:
    """A process that was paused must not cover what its successor was told."""
    await record(store, make_trade("t", "ada", "ben"))
    await by_sip(store, trunk, EvidenceKind.UNVERIFIABLE, "ada", "ben")
    await leases.release(wfm)
    assert await leases.acquire("wfm:org", "successor", 60, 1)
    await by_platform(store, wfm, EvidenceKind.AVAILABLE, "ada", "ben")
    assert await to_ask(store) == ["ada", "ben"]


async def test_the_platforms_own_words_are_kept(
    store: PostgresStore, make_trade: MakeTrade, trunk: Lease, wfm: Lease
) -> None:
    """For the audit trail: which states the evidence was made of."""
    await record(store, make_trade("t", "ada", "ben"))
    await by_sip(store, trunk, EvidenceKind.UNVERIFIABLE, "ada", "ben")
    said = [
        Evidence(
            agent=agent, kind=EvidenceKind.BUSY, method=PLATFORM, taken_at=NOW, said="OnQueue, INTERACTING"
        )
        for agent in ("ada", "ben")
    ]
    async with store.work() as work:
        await work.platform.record(wfm, said)
    (trade,) = await decidable(store)
    assert [trade.initiating.platform, trade.receiving.platform] == said
