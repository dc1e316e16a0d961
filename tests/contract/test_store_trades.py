"""The trade book: intake, what can be decided, what is overdue, what was decided."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import event, text
from sqlalchemy.ext.asyncio import AsyncEngine

from shiftline.connector.records import (
    AgentProfile,
    DecidedTrade,
    IntakeTrade,
    OpenTrade,
    Progress,
    WorkingHours,
)
from shiftline.store.leases import PostgresLeases
from shiftline.store.read_model import ReadModel
from shiftline.store.unit_of_work import PostgresStore
from shiftline.trades.model import Decision, Evaluation, Evidence, EvidenceKind, Verdict

NOW = datetime(2026, 11, 2, 15, 0, tzinfo=UTC)
WEEK = date(2026, 11, 9)
MARGIN = timedelta(seconds=71)
FRESH = 600.0

MakeTrade = Callable[..., IntakeTrade]


async def record(store: PostgresStore, *trades: IntakeTrade) -> int:
    async with store.work() as work:
        return await work.trades.record(trades, NOW)


async def give_addresses(store: PostgresStore, *agents: str) -> None:
    profiles = [
        AgentProfile(external_id=name, name=name, address=f"sip:{name}@lab", trunk="main") for name in agents
    ]
    async with store.work() as work:
        await work.roster.save(profiles, [], [])


async def bring(
    store: PostgresStore, leases: PostgresLeases, *agents: str, kind: EvidenceKind = EvidenceKind.AVAILABLE
) -> None:
    await bring_at(store, leases, NOW, *agents, kind=kind)


async def bring_at(
    store: PostgresStore,
    leases: PostgresLeases,
    taken_at: datetime,
    *agents: str,
    kind: EvidenceKind = EvidenceKind.AVAILABLE,
) -> None:
    lease = await leases.acquire("trunk", "worker", 60, 1)
    assert lease
    async with store.work() as work:
        await work.checks.record_evidence(
            "main",
            lease,
            [
                Evidence(agent=agent, kind=kind, method="options", taken_at=taken_at, status=200)
                for agent in agents
            ],
        )


async def decidable(store: PostgresStore, now: datetime = NOW, limit: int = 100) -> list[str]:
    async with store.work() as work:
        return [one.trade.external_id for one in await work.trades.decidable(now, FRESH, limit)]


def decided(trades: Sequence[OpenTrade], verdict: Verdict) -> list[DecidedTrade]:
    decision = Decision(verdict=verdict, rule="test", reasons=("evidence.available",))
    return [DecidedTrade(trade_id=one.id, decision=decision, detail={"status": [200, 200]}) for one in trades]


async def decide(store: PostgresStore, verdict: Verdict) -> None:
    async with store.work() as work:
        trades = await work.trades.decidable(NOW, FRESH, 100)
        assert trades
        await work.trades.decide(decided(trades, verdict), NOW)


async def progress(store: PostgresStore) -> Progress:
    async with store.work() as work:
        return await work.trades.progress()


async def test_a_trade_is_new_once(store: PostgresStore, make_trade: MakeTrade) -> None:
    """Recording the same trades again, even twice in one batch, adds nothing."""
    assert await record(store, make_trade("t1"), make_trade("t2"), make_trade("t1", version=2)) == 2
    assert await record(store, make_trade("t1"), make_trade("t3")) == 1
    assert await record(store) == 0


async def test_what_goes_in_comes_out(store: PostgresStore, make_trade: MakeTrade) -> None:
    """A trade and its evaluation come back as they were recorded, in aware UTC time."""
    evaluation = Evaluation(violations=("A", "B"), admin_review=("C",), unevaluated=("D",))
    two_sided = make_trade("t1", evaluation=evaluation)
    one_sided = make_trade("t2", "cy", "di", one_sided=True)
    await record(store, two_sided, one_sided)
    async with store.work() as work:
        found = await work.trades.decidable(NOW, FRESH, 10)
    assert [one.trade for one in found] == [two_sided.trade, one_sided.trade]
    assert found[0].evaluation == evaluation
    assert (found[0].deadline, found[0].refer_by) == (two_sided.deadline, two_sided.refer_by)
    assert found[0].deadline.tzinfo == found[0].trade.matched_at.tzinfo
    assert found[0].deadline.utcoffset() == timedelta(0)


async def test_a_refresh_takes_the_newest_version_and_review(
    store: PostgresStore, make_trade: MakeTrade
) -> None:
    """An open trade that is seen again gets the new version and review but keeps its place in the line."""
    await record(store, make_trade("t1"))
    await record(store, make_trade("t1", version=5, minute=9, evaluation=Evaluation(violations=("X",))))
    async with store.work() as work:
        (found,) = await work.trades.decidable(NOW, FRESH, 10)
    assert (found.trade.version, found.evaluation.violations) == (5, ("X",))
    assert found.trade.matched_at == NOW


async def test_reading_a_trade_again_never_moves_its_refer_by_back(
    store: PostgresStore, make_trade: MakeTrade
) -> None:
    """Refer-by is a promise to the supervisor: it may come earlier, never later."""
    await record(store, make_trade("t1", refer_by=NOW + timedelta(minutes=30)))
    await record(store, make_trade("t1", refer_by=NOW + timedelta(minutes=50)))
    async with store.work() as work:
        (late,) = await work.trades.overdue(NOW + timedelta(minutes=30), FRESH, 10)
        assert late.refer_by == NOW + timedelta(minutes=30)
    await record(store, make_trade("t1", refer_by=NOW + timedelta(minutes=10)))
    async with store.work() as work:
        (late,) = await work.trades.overdue(NOW + timedelta(minutes=10), FRESH, 10)
        assert late.refer_by == NOW + timedelta(minutes=10)


async def test_the_audit_trail_of_a_trade_can_be_read(store: PostgresStore, make_trade: MakeTrade) -> None:
    """What `shiftline trades show` prints: each decision with its rule, oldest first."""
    await record(store, make_trade("t1"))
    await decide(store, Verdict.REFER)
    (entry,) = await ReadModel(store._engine).audit_trail("t1")
    assert (entry.kind, entry.at) == ("decision.refer", NOW)
    assert "rule" in entry.detail


async def test_evidence_of_both_agents_makes_a_trade_decidable(
    store: PostgresStore, leases: PostgresLeases, make_trade: MakeTrade
) -> None:
    """A trade is decidable when each agent has evidence that is no older than asked for."""
    await give_addresses(store, "ada", "ben")
    await record(store, make_trade("t1"))
    await bring(store, leases, "ada")
    assert await decidable(store) == []
    await bring(store, leases, "ben")
    assert await decidable(store) == ["t1"]
    assert await decidable(store, NOW + timedelta(seconds=FRESH)) == ["t1"]
    assert await decidable(store, NOW + timedelta(seconds=FRESH + 1)) == []


async def test_evidence_from_ahead_does_not_count(
    store: PostgresStore, leases: PostgresLeases, make_trade: MakeTrade
) -> None:
    """What a clock that was set back has left is of unknown age, and is never shown to the table."""
    await give_addresses(store, "ada", "ben")
    await record(store, make_trade("t1"))
    await bring_at(store, leases, NOW + timedelta(minutes=10), "ada", "ben")
    assert await decidable(store) == []
    await bring(store, leases, "ada", "ben", kind=EvidenceKind.BUSY)
    async with store.work() as work:
        (found,) = await work.trades.decidable(NOW, FRESH, 10)
    assert found.initiating.evidence is not None
    assert found.initiating.evidence.taken_at == NOW


async def test_the_newest_evidence_is_shown(
    store: PostgresStore, leases: PostgresLeases, make_trade: MakeTrade
) -> None:
    """Of several pieces of evidence about an agent the newest counts, whatever order they came in."""
    await give_addresses(store, "ada", "ben")
    await record(store, make_trade("t1"))
    await bring(store, leases, "ada", "ben", kind=EvidenceKind.BUSY)
    await bring_at(store, leases, NOW - timedelta(seconds=5), "ada")
    async with store.work() as work:
        (found,) = await work.trades.decidable(NOW, FRESH, 10)
    assert found.initiating.evidence == Evidence(
        agent="ada", kind=EvidenceKind.BUSY, method="options", taken_at=NOW, status=200
    )


async def test_an_agent_without_address_is_not_waited_for(
    store: PostgresStore, make_trade: MakeTrade
) -> None:
    """Without an address, or without a profile, there will never be evidence, and the standing says so."""
    async with store.work() as work:
        await work.roster.save([AgentProfile(external_id="ada", name="Ada", address=None)], [], [])
    await record(store, make_trade("t1"))
    async with store.work() as work:
        (found,) = await work.trades.decidable(NOW, FRESH, 10)
    assert [(one.has_address, one.evidence) for one in (found.initiating, found.receiving)] == [
        (False, None)
    ] * 2


async def test_standing_knows_who_is_at_work(store: PostgresStore, make_trade: MakeTrade) -> None:
    """An agent is scheduled now from the start of a shift to just before its end."""
    shift = WorkingHours(agent="ada", starts_at=NOW, ends_at=NOW + timedelta(hours=8))
    async with store.work() as work:
        await work.roster.save([], [shift], ["ada"])
    await record(store, make_trade("t1"))
    at_work = []
    for now in (NOW - timedelta(seconds=1), NOW, shift.ends_at):
        async with store.work() as work:
            (found,) = await work.trades.decidable(now, FRESH, 10)
        at_work.append((found.initiating.scheduled_now, found.receiving.scheduled_now))
    assert at_work == [(False, False), (True, False), (False, False)]


async def test_the_most_urgent_come_first(store: PostgresStore, make_trade: MakeTrade) -> None:
    """Decidable trades come earliest refer-by first, and no more than asked for."""
    await record(
        store,
        *(
            make_trade(f"t{i}", f"a{i}", f"b{i}", refer_by=NOW + timedelta(minutes=minutes))
            for i, minutes in enumerate((30, 10, 20))
        ),
    )
    assert await decidable(store) == ["t1", "t2", "t0"]
    assert await decidable(store, limit=2) == ["t1", "t2"]


async def test_two_deciders_never_hold_the_same_trade(store: PostgresStore, make_trade: MakeTrade) -> None:
    """What one unit of work has locked is passed over by the other, not waited for."""
    await record(store, make_trade("t1"), make_trade("t2", "cy", "di"))
    async with store.work() as first:
        mine = await first.trades.decidable(NOW, FRESH, 1)
        async with store.work() as second:
            theirs = await second.trades.decidable(NOW, FRESH, 10)
            late = await second.trades.overdue(NOW + timedelta(hours=1), FRESH, 10)
    assert [one.trade.external_id for one in mine] == ["t1"]
    assert [one.trade.external_id for one in theirs] == ["t2"]
    assert [one.trade.external_id for one in late] == ["t2"]


async def test_overdue_takes_everything_open(
    store: PostgresStore, leases: PostgresLeases, make_trade: MakeTrade
) -> None:
    """At refer-by a trade is handed out with the evidence there is, complete or not, blocked or not."""
    await give_addresses(store, "ada", "ben", "cy")
    await record(store, make_trade("t1"), make_trade("t2", "ada", "cy", minute=1))
    await bring(store, leases, "ada")
    refer_by = NOW + timedelta(hours=1)
    async with store.work() as work:
        assert await work.trades.overdue(refer_by - timedelta(seconds=1), FRESH, 10) == []
        found = await work.trades.overdue(refer_by, 2 * 3600, 10)
        stale = await work.trades.overdue(refer_by, FRESH, 1)
    assert [one.trade.external_id for one in found] == ["t1", "t2"]
    assert found[0].initiating.evidence
    assert found[0].receiving.evidence is None
    assert stale[0].initiating.evidence is None


@pytest.mark.parametrize(
    ("verdict", "expected"),
    [
        (Verdict.APPROVE, {"delivering": 1, "referred": 0, "approved": 1, "denied": 0}),
        (Verdict.DENY, {"delivering": 1, "referred": 0, "approved": 0, "denied": 1}),
        (Verdict.REFER, {"delivering": 0, "referred": 1, "approved": 0, "denied": 0}),
    ],
)
async def test_a_decision_moves_the_trade_on(
    store: PostgresStore, make_trade: MakeTrade, verdict: Verdict, expected: dict[str, int]
) -> None:
    """Approve and deny make a delivery, refer makes none; the trade is no longer open."""
    await record(store, make_trade("t1"))
    await decide(store, verdict)
    found = await progress(store)
    assert {name: getattr(found, name) for name in expected} == expected
    assert found.open == 0
    assert await decidable(store) == []
    async with store.work() as work:
        assert (await work.deliveries.facts(NOW)).ready == expected["delivering"]


async def test_a_trade_is_decided_once(
    store: PostgresStore, engine: AsyncEngine, make_trade: MakeTrade
) -> None:
    """A decision that comes again after a crash changes nothing and leaves no second audit entry."""
    await record(store, make_trade("t1"))
    async with store.work() as work:
        trades = await work.trades.decidable(NOW, FRESH, 10)
        await work.trades.decide(decided(trades, Verdict.APPROVE), NOW)
    async with store.work() as work:
        await work.trades.decide(decided(trades, Verdict.DENY), NOW)
    found = await progress(store)
    assert (found.approved, found.denied) == (1, 0)
    async with engine.connect() as connection:
        rows = (await connection.execute(text("SELECT kind, detail FROM audit_entry"))).all()
    assert [tuple(row) for row in rows] == [
        ("decision.approve", {"rule": "test", "reasons": ["evidence.available"], "status": [200, 200]})
    ]


async def test_a_referral_nobody_answers_may_be_decided(store: PostgresStore, make_trade: MakeTrade) -> None:
    """From its deadline on a referred trade is handed out again, and takes an approval or denial then."""
    await record(store, make_trade("t1"))
    await decide(store, Verdict.REFER)
    deadline = NOW + timedelta(hours=3)
    async with store.work() as work:
        assert await work.trades.unanswered(deadline - timedelta(seconds=1), MARGIN, 10) == []
        trades = await work.trades.unanswered(deadline, MARGIN, 10)
        assert trades[0].initiating.evidence is None
        await work.trades.decide(decided(trades, Verdict.REFER), deadline)
        assert await work.trades.unanswered(deadline, MARGIN, 10) == trades
        await work.trades.decide(decided(trades, Verdict.DENY), deadline)
        assert await work.trades.unanswered(deadline, MARGIN, 10) == []
    found = await progress(store)
    assert (found.delivering, found.denied, found.referred) == (1, 1, 0)


async def test_an_answer_is_made_in_time_to_arrive(store: PostgresStore, make_trade: MakeTrade) -> None:
    """Before the WFM's expiration by the margin, or by half of what the person has, if that is less."""
    expiring, short = make_trade("t1"), make_trade("t2", "cy", "di")
    ends = expiring.trade.expires_at
    await record(
        store,
        replace(expiring, deadline=ends),
        replace(short, deadline=ends, refer_by=ends - timedelta(seconds=40)),
    )
    await decide(store, Verdict.REFER)

    async def due(seconds_before: float) -> list[str]:
        async with store.work() as work:
            now = ends - timedelta(seconds=seconds_before)
            return [one.trade.external_id for one in await work.trades.unanswered(now, MARGIN, 10)]

    assert [await due(seconds) for seconds in (72, 71, 21)] == [[], ["t1"], ["t1"]]
    assert sorted(await due(20)) == ["t1", "t2"]


async def test_what_the_wfm_no_longer_shows_is_settled(store: PostgresStore, make_trade: MakeTrade) -> None:
    """Open and referred trades of a polled week that are no longer Matched are settled; others stay."""
    await record(store, make_trade("t1"))
    await decide(store, Verdict.REFER)
    await record(store, make_trade("t2", "cy", "di"), make_trade("t3", "eve", "fay"))
    async with store.work() as work:
        assert await work.trades.settle_missing([], [("north", WEEK + timedelta(weeks=1))], NOW) == 0
        assert await work.trades.settle_missing(["t3"], [("north", WEEK)], NOW) == 2
    found = await progress(store)
    assert (found.open, found.referred, found.settled) == (1, 0, 2)


async def test_a_trade_that_reappears_comes_back(store: PostgresStore, make_trade: MakeTrade) -> None:
    """A trade that was only missing is open again (or referred, if it was decided) when it is shown again."""
    await record(store, make_trade("t1"))
    await decide(store, Verdict.REFER)
    await record(store, make_trade("t2", "cy", "di"))
    async with store.work() as work:
        await work.trades.settle_missing([], [("north", WEEK)], NOW)
    assert await record(store, make_trade("t1"), make_trade("t2", "cy", "di")) == 0
    found = await progress(store)
    assert (found.open, found.referred, found.settled) == (1, 1, 0)


async def test_an_organisation_sees_its_own_trades_only(
    store: PostgresStore, engine: AsyncEngine, make_trade: MakeTrade
) -> None:
    """Two WFMs in one database may use the same ids and do not see each other's trades."""
    other = PostgresStore(engine, wfm="other")
    assert await record(store, make_trade("t1")) == 1
    assert await record(other, make_trade("t1")) == 1
    await decide(store, Verdict.APPROVE)
    assert await decidable(other) == ["t1"]
    assert (await progress(other)).open == 1


async def test_a_batch_costs_as_many_statements_as_a_single_row(
    store: PostgresStore, engine: AsyncEngine, make_trade: MakeTrade
) -> None:
    """Every batch operation of the burst is set-based."""
    counts: list[int] = []

    @event.listens_for(engine.sync_engine, "before_cursor_execute")
    def count(*_: object) -> None:
        counts[-1] += 1

    for size in (1, 300):
        counts.append(0)
        trades = [make_trade(f"{size}-{i}", f"a{size}-{i}", f"b{size}-{i}") for i in range(size)]
        async with store.work() as work:
            await work.trades.record(trades, NOW)
            found = await work.trades.decidable(NOW, FRESH, size)
            assert len(found) == size
            await work.trades.decide(decided(found, Verdict.APPROVE), NOW)
            await work.deliveries.claim(NOW, size)
    assert counts[0] == counts[1]
