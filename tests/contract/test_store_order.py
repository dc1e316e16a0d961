"""The line: trades that share an agent or a shift are decided one after the other."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime, timedelta

from shiftline.connector.records import DecidedTrade, DeliveryFate, DeliveryOutcome, IntakeTrade
from shiftline.store.unit_of_work import PostgresStore
from shiftline.trades.model import Decision, TradeState, Verdict

NOW = datetime(2026, 11, 2, 15, 0, tzinfo=UTC)
WEEK = date(2026, 11, 9)
FRESH = 600.0

MakeTrade = Callable[..., IntakeTrade]


async def record(store: PostgresStore, *trades: IntakeTrade) -> None:
    async with store.work() as work:
        await work.trades.record(trades, NOW)


async def decidable(store: PostgresStore) -> list[str]:
    async with store.work() as work:
        return [one.trade.external_id for one in await work.trades.decidable(NOW, FRESH, 100)]


async def decide(store: PostgresStore, name: str, verdict: Verdict = Verdict.APPROVE) -> int:
    async with store.work() as work:
        trades = await work.trades.overdue(NOW + timedelta(hours=1), FRESH, 100)
        (trade_id,) = (one.id for one in trades if one.trade.external_id == name)
        decision = Decision(verdict=verdict, rule="test")
        await work.trades.decide([DecidedTrade(trade_id=trade_id, decision=decision, detail={})], NOW)
    return trade_id


async def settle(
    store: PostgresStore, trade_id: int, fate: DeliveryFate, state: TradeState | None = None
) -> None:
    async with store.work() as work:
        await work.deliveries.settle([DeliveryOutcome(trade_id=trade_id, fate=fate, state=state)], NOW)


async def test_the_first_matched_goes_first(store: PostgresStore, make_trade: MakeTrade) -> None:
    """Of trades that share an agent only the earliest matched can be decided, whatever order they came in."""
    await record(store, make_trade("later", "ben", "cy", minute=1))
    assert await decidable(store) == ["later"]
    await record(store, make_trade("earlier", "ada", "ben"), make_trade("apart", "di", "eve", minute=2))
    assert await decidable(store) == ["earlier", "apart"]


async def test_equal_times_are_told_apart_by_id(store: PostgresStore, make_trade: MakeTrade) -> None:
    """Two trades matched at the same moment line up by their external ids."""
    await record(store, make_trade("t2"), make_trade("t1"))
    assert await decidable(store) == ["t1"]


async def test_a_shared_shift_lines_up_too(store: PostgresStore, make_trade: MakeTrade) -> None:
    """Trades without a common agent still wait for each other when they move the same shift."""
    await record(
        store,
        make_trade("t1", "ada", "ben", shifts=("s1", "s2")),
        make_trade("t2", "cy", "di", minute=1, shifts=("s3", "s1")),
    )
    assert await decidable(store) == ["t1"]


async def test_an_agent_named_like_a_shift_shares_nothing(
    store: PostgresStore, make_trade: MakeTrade
) -> None:
    """Agents are compared with agents and shifts with shifts; a missing shift equals no other."""
    await record(
        store,
        make_trade("t1", "x", "ben", shifts=("s1", "s2"), one_sided=True),
        make_trade("t2", "cy", "di", minute=1, shifts=("x", "s4"), one_sided=True),
    )
    assert await decidable(store) == ["t1", "t2"]


async def test_a_referral_lets_the_next_one_pass(store: PostgresStore, make_trade: MakeTrade) -> None:
    """A referred trade blocks nobody, but all earlier ones have to be out of the way."""
    await record(
        store,
        make_trade("t1", "ada", "ben"),
        make_trade("t2", "ada", "cy", minute=1),
        make_trade("t3", "ada", "di", minute=2),
    )
    await decide(store, "t2", Verdict.REFER)
    assert await decidable(store) == ["t1"]
    await decide(store, "t1", Verdict.REFER)
    assert await decidable(store) == ["t3"]


async def test_an_approval_makes_the_next_need_evaluation(
    store: PostgresStore, make_trade: MakeTrade
) -> None:
    """While an approval is delivered its followers wait; once confirmed they need the WFM's new review."""
    trades = [
        make_trade("t1", "ada", "ben"),
        make_trade("t2", "ben", "cy", minute=1),
        make_trade("t3", "x", "y"),
    ]
    await record(store, *trades)
    trade_id = await decide(store, "t1")
    assert await decidable(store) == ["t3"]
    await settle(store, trade_id, DeliveryFate.CONFIRMED)
    assert await decidable(store) == ["t3"]
    async with store.work() as work:
        assert await work.trades.weeks_to_evaluate() == [("north", WEEK)]
        assert (await work.deliveries.facts(NOW)).still_deciding == 1
    await record(store, *trades[1:])
    assert await decidable(store) == ["t2", "t3"]
    async with store.work() as work:
        assert await work.trades.weeks_to_evaluate() == []
        assert (await work.deliveries.facts(NOW)).still_deciding == 2


async def test_an_approval_by_somebody_else_counts_as_well(
    store: PostgresStore, make_trade: MakeTrade
) -> None:
    """Shifts have moved too when a person approved the trade in the WFM before us."""
    await record(store, make_trade("t1", "ada", "ben"), make_trade("t2", "ben", "cy", minute=1))
    await settle(store, await decide(store, "t1"), DeliveryFate.OVERTAKEN, TradeState.APPROVED)
    assert await decidable(store) == []


async def test_a_denial_frees_the_next_at_once(store: PostgresStore, make_trade: MakeTrade) -> None:
    """Nothing moved in the WFM, so the follower's evaluation still holds."""
    await record(store, make_trade("t1", "ada", "ben"), make_trade("t2", "ben", "cy", minute=1))
    await settle(store, await decide(store, "t1", Verdict.DENY), DeliveryFate.CONFIRMED)
    assert await decidable(store) == ["t2"]


async def test_what_needs_evaluation_but_is_blocked_is_not_asked_for(
    store: PostgresStore, make_trade: MakeTrade
) -> None:
    """The review of a trade that still waits for another one would be stale when its turn comes."""
    await record(
        store,
        make_trade("t1", "ada", "ben"),
        make_trade("t2", "ben", "cy", minute=1),
        make_trade("t3", "ben", "di", minute=2, management_unit="south"),
    )
    await settle(store, await decide(store, "t1"), DeliveryFate.CONFIRMED)
    async with store.work() as work:
        assert await work.trades.weeks_to_evaluate() == [("north", WEEK)]


async def test_a_trade_that_comes_late_waits_for_a_delivery(
    store: PostgresStore, make_trade: MakeTrade
) -> None:
    """An earlier matched trade that is seen late waits for one that is on its way to the WFM already."""
    await record(store, make_trade("t2", "ben", "cy", minute=1))
    trade_id = await decide(store, "t2")
    await record(store, make_trade("t1", "ada", "ben"))
    assert await decidable(store) == []
    await settle(store, trade_id, DeliveryFate.CONFIRMED)
    await record(store, make_trade("t1", "ada", "ben"))
    assert await decidable(store) == ["t1"]


async def test_a_settled_trade_blocks_nobody(store: PostgresStore, make_trade: MakeTrade) -> None:
    """A trade that the WFM dropped lets the next one through."""
    await record(store, make_trade("t1", "ada", "ben"), make_trade("t2", "ben", "cy", minute=1))
    async with store.work() as work:
        await work.trades.settle_missing(["t2"], [("north", WEEK)], NOW)
    assert await decidable(store) == ["t2"]


async def test_an_intake_and_a_decider_take_turns(
    store: PostgresStore, make_trade: MakeTrade, waiting: Callable[[], Awaitable[None]]
) -> None:
    """A trade that comes in while one it shares an agent with is decided waits for that one's delivery."""
    await record(store, make_trade("t2", "ben", "cy", minute=1))
    async with asyncio.TaskGroup() as group, store.work() as decider:
        (locked,) = await decider.trades.decidable(NOW, FRESH, 10)
        group.create_task(record(store, make_trade("t1", "ada", "ben")))
        await waiting()
        decision = Decision(verdict=Verdict.APPROVE, rule="test")
        await decider.trades.decide([DecidedTrade(trade_id=locked.id, decision=decision, detail={})], NOW)
    assert await decidable(store) == []


async def test_an_intake_and_a_settling_take_turns(
    store: PostgresStore, make_trade: MakeTrade, waiting: Callable[[], Awaitable[None]]
) -> None:
    """Both write to trades that the other one holds, and neither becomes the victim of a deadlock."""
    trades = [
        make_trade("t1", "ada", "ben"),
        make_trade("t2", "cy", "di"),
        make_trade("t3", "cy", "eve", minute=1),
    ]
    await record(store, *trades)
    sent = [await decide(store, "t1"), await decide(store, "t2")]
    async with asyncio.TaskGroup() as group, store.work() as work:
        first, second = (DeliveryOutcome(trade_id=one, fate=DeliveryFate.CONFIRMED) for one in sent)
        await work.deliveries.settle([first], NOW)
        group.create_task(record(store, *reversed(trades)))
        await waiting()
        await work.deliveries.settle([second], NOW)
    assert await decidable(store) == ["t3"]
