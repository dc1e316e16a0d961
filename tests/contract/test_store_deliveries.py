"""The outbox: what is sent, what is in doubt, and what each fate makes of the trade."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from shiftline.connector.delivering import Deliverer
from shiftline.connector.records import (
    ON_UNANSWERED,
    BulkItem,
    BulkResult,
    DecidedTrade,
    Delivery,
    DeliveryFacts,
    DeliveryFate,
    DeliveryOutcome,
    IntakeTrade,
)
from shiftline.errors import NotSentError
from shiftline.store.unit_of_work import PostgresStore
from shiftline.trades.model import Decision, TradeState, Verdict

NOW = datetime(2026, 11, 2, 15, 0, tzinfo=UTC)
LATER = NOW + timedelta(minutes=1)
FRESH = 600.0

MakeTrade = Callable[..., IntakeTrade]


async def approve(store: PostgresStore, *trades: IntakeTrade, verdict: Verdict = Verdict.APPROVE) -> None:
    decision = Decision(verdict=verdict, rule="test")
    async with store.work() as work:
        await work.trades.record(trades, NOW)
        found = await work.trades.decidable(NOW, FRESH, 100)
        await work.trades.decide(
            [DecidedTrade(trade_id=one.id, decision=decision, detail={}) for one in found], NOW
        )


async def claim(store: PostgresStore, limit: int = 100) -> list[Delivery]:
    async with store.work() as work:
        return await work.deliveries.claim(LATER, limit)


async def settle(
    store: PostgresStore,
    delivery: Delivery,
    fate: DeliveryFate,
    *,
    reason: str = "",
    version: int | None = None,
    state: TradeState | None = None,
) -> None:
    outcome = DeliveryOutcome(
        trade_id=delivery.trade_id, fate=fate, reason=reason, version=version, state=state
    )
    async with store.work() as work:
        await work.deliveries.settle([outcome], LATER)


class FullWfm:
    """A WFM whose budget of calls is spent."""

    async def deliver(self, weeks: Sequence[tuple[str, date]], items: Sequence[BulkItem]) -> list[BulkResult]:
        raise NotSentError(f"No budget for {len(items)} items of {len(weeks)} weeks.")


async def facts(store: PostgresStore) -> DeliveryFacts:
    async with store.work() as work:
        return await work.deliveries.facts(LATER)


async def ends(engine: AsyncEngine) -> list[tuple[str, str | None]]:
    async with engine.connect() as connection:
        rows = await connection.execute(text("SELECT state, outcome FROM trade ORDER BY id"))
        return [(row.state, row.outcome) for row in rows]


async def audited(engine: AsyncEngine) -> list[tuple[str, str]]:
    async with engine.connect() as connection:
        query = "SELECT kind, detail ->> 'reason' AS reason FROM audit_entry ORDER BY id"
        rows = await connection.execute(text(query))
        return [(row.kind, row.reason) for row in rows if row.kind.startswith("delivery.")]


async def test_a_delivery_carries_all_that_the_wfm_asks(store: PostgresStore, make_trade: MakeTrade) -> None:
    """A claimed delivery names the trade, its version, its week and the verdict, and counts the attempt."""
    await approve(store, make_trade("t1", version=7), verdict=Verdict.DENY)
    (found,) = await claim(store)
    assert found == Delivery(
        trade_id=found.trade_id,
        external_id="t1",
        management_unit="north",
        week_date=date(2026, 11, 9),
        agents=("ada", "ben"),
        version=7,
        verdict=Verdict.DENY,
        deadline=NOW + timedelta(hours=3),
        attempts=1,
    )


async def test_the_earliest_deadline_is_sent_first(store: PostgresStore, make_trade: MakeTrade) -> None:
    """Claims come in the order of deadlines, no more than asked for, and each goes out once."""
    trades = [
        make_trade(f"t{i}", f"a{i}", f"b{i}", refer_by=NOW + timedelta(minutes=minutes))
        for i, minutes in enumerate((30, 10, 20))
    ]
    await approve(store, *trades)
    assert [one.external_id for one in await claim(store, 2)] == ["t1", "t2"]
    assert [one.external_id for one in await claim(store, 2)] == ["t0"]
    assert await claim(store) == []


async def test_the_planner_sees_what_is_ready(store: PostgresStore, make_trade: MakeTrade) -> None:
    """Facts count what could be sent, how long it has waited, and what could still join."""
    assert await facts(store) == DeliveryFacts(
        ready=0, oldest_ready_at=None, earliest_deadline=None, still_deciding=0
    )
    await approve(store, make_trade("t1"), make_trade("t2", "cy", "di", refer_by=NOW + timedelta(minutes=5)))
    async with store.work() as work:
        # The second waits for the first, the third for t1's delivery: only the first could join.
        await work.trades.record(
            [make_trade("t3", "x", "y"), make_trade("t4", "y", "z", minute=1), make_trade("t5", minute=2)],
            NOW,
        )
    assert await facts(store) == DeliveryFacts(
        ready=2, oldest_ready_at=NOW, earliest_deadline=NOW + timedelta(hours=2, minutes=5), still_deciding=1
    )
    await claim(store)
    assert (await facts(store)).ready == 0


async def test_what_was_being_sent_is_in_doubt(store: PostgresStore, make_trade: MakeTrade) -> None:
    """A delivery whose answer is lost can be found again; it is not sent a second time by itself."""
    await approve(store, make_trade("t1"), make_trade("t2", "cy", "di"))
    sent = await claim(store, 1)
    async with store.work() as work:
        assert await work.deliveries.in_doubt(10) == sent
        assert await work.deliveries.in_doubt(0) == []


@pytest.mark.parametrize(("verdict", "outcome"), [(Verdict.APPROVE, "approved"), (Verdict.DENY, "denied")])
async def test_a_confirmed_delivery_settles_the_trade(
    store: PostgresStore, engine: AsyncEngine, make_trade: MakeTrade, verdict: Verdict, outcome: str
) -> None:
    """The outcome is the verdict that is in effect now."""
    await approve(store, make_trade("t1"), verdict=verdict)
    (sent,) = await claim(store)
    await settle(store, sent, DeliveryFate.CONFIRMED)
    assert await ends(engine) == [("settled", outcome)]
    assert await audited(engine) == [("delivery.confirmed", "")]


@pytest.mark.parametrize(
    ("state", "outcome"),
    [(TradeState.EXPIRED, "expired"), (TradeState.CANCELED, "canceled"), (None, "missing")],
)
async def test_an_overtaken_delivery_settles_the_trade(
    store: PostgresStore,
    engine: AsyncEngine,
    make_trade: MakeTrade,
    state: TradeState | None,
    outcome: str,
) -> None:
    """The outcome is the state that the WFM shows, or that it shows none."""
    await approve(store, make_trade("t1"))
    (sent,) = await claim(store)
    await settle(store, sent, DeliveryFate.OVERTAKEN, state=state)
    assert await ends(engine) == [("settled", outcome)]


async def test_a_refused_delivery_refers_the_trade(
    store: PostgresStore, engine: AsyncEngine, make_trade: MakeTrade
) -> None:
    """The decision stays as history, the reason is audited, and progress counts it under referred."""
    await approve(store, make_trade("t1"))
    (sent,) = await claim(store)
    await settle(store, sent, DeliveryFate.REFUSED, reason="TransitionNotAllowed")
    assert await ends(engine) == [("referred", None)]
    assert await audited(engine) == [("delivery.refused", "TransitionNotAllowed")]
    async with store.work() as work:
        found = await work.trades.progress()
    assert (found.approved, found.referred, found.delivering) == (0, 1, 0)


async def test_a_refused_decision_may_be_followed_by_another(
    store: PostgresStore, engine: AsyncEngine, make_trade: MakeTrade
) -> None:
    """When nobody answers the referral the next decision is delivered anew, with its own attempts."""
    await approve(store, make_trade("t1"))
    (sent,) = await claim(store)
    await settle(store, sent, DeliveryFate.REFUSED, reason="TransitionNotAllowed")
    async with store.work() as work:
        (found,) = await work.trades.unanswered(NOW + timedelta(days=1), timedelta(0), 10)
        decision = Decision(verdict=Verdict.DENY, rule=ON_UNANSWERED)
        await work.trades.decide([DecidedTrade(trade_id=found.id, decision=decision, detail={})], LATER)
    (sent,) = await claim(store)
    assert (sent.verdict, sent.attempts) == (Verdict.DENY, 1)
    await settle(store, sent, DeliveryFate.CONFIRMED)
    assert await ends(engine) == [("settled", "denied")]


async def test_a_retry_is_due_again_with_the_newest_version(
    store: PostgresStore, make_trade: MakeTrade
) -> None:
    """It goes out once more, with the newest version that is known, and counts as another attempt."""
    await approve(store, make_trade("t1", version=1))
    (first,) = await claim(store)
    await settle(store, first, DeliveryFate.RETRY, version=4)
    assert (await facts(store)).oldest_ready_at == LATER
    (second,) = await claim(store)
    assert (second.version, second.attempts) == (4, 2)
    await settle(store, second, DeliveryFate.RETRY)
    (third,) = await claim(store)
    assert (third.version, third.attempts) == (4, 3)


async def test_a_known_fate_stays(store: PostgresStore, engine: AsyncEngine, make_trade: MakeTrade) -> None:
    """An outcome that comes again after a crash, or too late, changes nothing and is not audited."""
    await approve(store, make_trade("t1"))
    (sent,) = await claim(store)
    await settle(store, sent, DeliveryFate.CONFIRMED)
    await settle(store, sent, DeliveryFate.REFUSED, reason="late")
    await settle(store, sent, DeliveryFate.RETRY)
    async with store.work() as work:
        await work.deliveries.settle([], LATER)
    assert await ends(engine) == [("settled", "approved")]
    assert await audited(engine) == [("delivery.confirmed", "")]


async def test_what_was_not_sent_is_no_attempt(store: PostgresStore, make_trade: MakeTrade) -> None:
    """However long the WFM's budget is spent, the decision keeps all its attempts and is never in doubt."""
    await approve(store, make_trade("t1"))
    wfm: Any = FullWfm()
    deliverer = Deliverer(wfm=wfm, work=store.work, clock=lambda: LATER)
    for _ in range(3):
        with pytest.raises(NotSentError):
            await deliverer.deliver()
        assert await deliverer.resolve_doubts() == 0
    (sent,) = await claim(store)
    assert sent.attempts == 1


async def test_a_changed_trade_is_decided_anew(
    store: PostgresStore, engine: AsyncEngine, make_trade: MakeTrade
) -> None:
    """It is open with the new version and waits for a fresh review; the audit trail alone knows the past."""
    await approve(store, make_trade("t1", version=1))
    (first,) = await claim(store)
    await settle(store, first, DeliveryFate.REVIEW, version=4, state=TradeState.MATCHED)
    assert await ends(engine) == [("open", None)]
    assert await audited(engine) == [("delivery.review", "")]
    async with store.work() as work:
        assert await work.trades.decidable(LATER, FRESH, 10) == []
        assert await work.trades.weeks_to_evaluate() == [("north", date(2026, 11, 9))]
        found = await work.trades.progress()
    assert (found.open, found.approved, found.delivering) == (1, 0, 0)
    await approve(store, make_trade("t1", version=4), verdict=Verdict.DENY)
    (second,) = await claim(store)
    assert (second.version, second.verdict, second.attempts) == (4, Verdict.DENY, 1)


async def test_a_changed_trade_goes_back_to_its_place(store: PostgresStore, make_trade: MakeTrade) -> None:
    """An earlier trade that came while it was being delivered waits for it no longer: no circle."""
    await approve(store, make_trade("later", minute=1))
    (sent,) = await claim(store)
    async with store.work() as work:
        await work.trades.record([make_trade("earlier")], NOW)
        assert await work.trades.decidable(LATER, FRESH, 10) == []
    await settle(store, sent, DeliveryFate.REVIEW, version=2, state=TradeState.MATCHED)
    async with store.work() as work:
        await work.trades.record([make_trade("earlier"), make_trade("later", minute=1, version=2)], NOW)
        found = await work.trades.decidable(LATER, FRESH, 10)
    assert [one.trade.external_id for one in found] == ["earlier"]


async def test_an_answer_for_nobody_is_given_once(store: PostgresStore, make_trade: MakeTrade) -> None:
    """Refused by the WFM, it is not decided again and again until somebody comes."""
    await approve(store, make_trade("t1"), verdict=Verdict.REFER)
    late = NOW + timedelta(days=1)
    async with store.work() as work:
        (found,) = await work.trades.unanswered(late, timedelta(0), 10)
        decision = Decision(verdict=Verdict.DENY, rule=ON_UNANSWERED)
        await work.trades.decide([DecidedTrade(trade_id=found.id, decision=decision, detail={})], late)
    (sent,) = await claim(store)
    await settle(store, sent, DeliveryFate.REFUSED, reason="TransitionNotAllowed")
    async with store.work() as work:
        assert await work.trades.unanswered(late, timedelta(0), 10) == []


async def test_a_review_that_cannot_be_read_is_forgone(store: PostgresStore, make_trade: MakeTrade) -> None:
    """It is not asked for again and again: the trade goes on as one that no rule was evaluated for."""
    await approve(store, make_trade("t1"))
    (sent,) = await claim(store)
    await settle(store, sent, DeliveryFate.REVIEW, version=2, state=TradeState.MATCHED)
    async with store.work() as work:
        await work.trades.record([make_trade("t2", "cy", "di")], NOW)
        assert await work.trades.settle_missing(["t1", "t2"], [("north", date(2026, 11, 9))], LATER) == 0
        await work.trades.forgo_review(["t1", "t2"])
        assert await work.trades.weeks_to_evaluate() == []
        found = await work.trades.decidable(LATER, FRESH, 10)
    assert [one.evaluation.unevaluated for one in found] == [("MatchReviewIllegible",), ()]
