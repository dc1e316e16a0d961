"""Delivering: decisions go to the WFM in bulk, and each one's fate is made known.

A delivery is marked as sending before anything leaves. If the answer is lost (a crash, a dropped
connection, a restart of anything), it stays so marked, and its fate is read back before it is sent
again. The version that was read travels along, so an old decision cannot overwrite a newer state: a
trade that has changed meanwhile is reviewed and decided anew (facts/genesys.md section 2.8).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date

from shiftline.clock import Clock
from shiftline.connector.ports import Work, WorkforceManagement
from shiftline.connector.records import BulkItem, BulkResult, Delivery, DeliveryFate, DeliveryOutcome
from shiftline.errors import NotSentError, UnavailableError
from shiftline.trades.model import TradeState, Verdict

BATCH = 5000
ATTEMPTS = 5  # sent so often without effect or reason, a decision is for a person to make
TARGET = {Verdict.APPROVE: TradeState.APPROVED, Verdict.DENY: TradeState.DENIED}
FINAL = frozenset({TradeState.APPROVED, TradeState.DENIED, TradeState.EXPIRED, TradeState.CANCELED})


class Deliverer:
    """Sends what is decided and learns what became of it."""

    def __init__(self, *, wfm: WorkforceManagement, work: Work, clock: Clock) -> None:
        self._wfm = wfm
        self._work = work
        self._clock = clock

    async def deliver(self) -> int:
        """Send what is decided in one bulk job; return how many decisions it carried."""
        async with self._work() as books:
            deliveries = await books.deliveries.claim(self._clock(), BATCH)
        if not deliveries:
            return 0
        items = [
            BulkItem(external_id=d.external_id, state=TARGET[d.verdict], version=d.version)
            for d in deliveries
        ]
        try:
            results = await self._wfm.deliver(_weeks(deliveries), items)
        except NotSentError as error:
            await self._put_back(deliveries, str(error))
            raise
        await self._settle(deliveries, results)
        return len(deliveries)

    async def resolve_doubts(self) -> int:
        """Read back every delivery whose answer was lost; return how many were resolved."""
        async with self._work() as books:
            doubtful = await books.deliveries.in_doubt(BATCH)
        if not doubtful:
            return 0
        outcomes = judge_read_back(doubtful, await self._wfm.read_back(doubtful))
        async with self._work() as books:
            await books.deliveries.settle(outcomes, self._clock())
        return len(outcomes)

    async def _put_back(self, deliveries: Sequence[Delivery], reason: str) -> None:
        """Nothing left: no doubt to resolve, and no call of the budget to spend on it."""
        outcomes = [
            DeliveryOutcome(trade_id=d.trade_id, fate=DeliveryFate.UNSENT, reason=reason) for d in deliveries
        ]
        async with self._work() as books:
            await books.deliveries.settle(outcomes, self._clock())

    async def _settle(self, deliveries: Sequence[Delivery], results: Sequence[BulkResult]) -> None:
        outcomes, unclear = judge_results(deliveries, results)
        async with self._work() as books:
            await books.deliveries.settle(outcomes, self._clock())
        if unclear:
            # They stay marked as sending; the next pass reads them back.
            raise UnavailableError(
                f"The WFM's answer left {len(unclear)} decisions unclear; reading them back."
            )


def judge_results(
    deliveries: Sequence[Delivery], results: Sequence[BulkResult]
) -> tuple[list[DeliveryOutcome], list[Delivery]]:
    """Return the fates that a bulk answer settles, and the deliveries that must be read back.

    HTTP 200 with failures for single entities is normal: success is judged line by line.
    """
    by_id = {result.external_id: result for result in results}
    outcomes, unclear = [], []
    for delivery in deliveries:
        result = by_id.get(delivery.external_id)
        if result is not None and not result.failure_reason and result.state is TARGET[delivery.verdict]:
            outcomes.append(_outcome(delivery, DeliveryFate.CONFIRMED, result))
        elif result is None or result.failure_reason in _READ_BACK or not result.failure_reason:
            unclear.append(delivery)
        else:
            outcomes.append(_outcome(delivery, DeliveryFate.REFUSED, result))
    return outcomes, unclear


def judge_read_back(deliveries: Sequence[Delivery], read: Sequence[BulkResult]) -> list[DeliveryOutcome]:
    """Return the fate of deliveries whose state was read back from the WFM."""
    by_id = {result.external_id: result for result in read}
    return [_judge_state(delivery, by_id.get(delivery.external_id)) for delivery in deliveries]


def _judge_state(delivery: Delivery, result: BulkResult | None) -> DeliveryOutcome:
    if result is None:
        gone = BulkResult(external_id=delivery.external_id, state=None, version=None)
        return _outcome(delivery, DeliveryFate.OVERTAKEN, gone)
    if result.state is TARGET[delivery.verdict]:
        # Ours or another's hand: the decision is in effect either way, and is not sent again.
        return _outcome(delivery, DeliveryFate.CONFIRMED, result)
    if result.state in FINAL:
        return _outcome(delivery, DeliveryFate.OVERTAKEN, result)
    if result.state is not TradeState.MATCHED:
        return _outcome(delivery, DeliveryFate.REFUSED, replace(result, failure_reason="not Matched"))
    if result.version != delivery.version:
        return _outcome(delivery, DeliveryFate.REVIEW, result)
    if delivery.attempts < ATTEMPTS:
        return _outcome(delivery, DeliveryFate.RETRY, result)
    spent = f"without effect after {delivery.attempts} attempts"
    return _outcome(delivery, DeliveryFate.REFUSED, replace(result, failure_reason=spent))


_READ_BACK = frozenset({"TransitionNotAllowed", "VersionConflict"})


def _outcome(delivery: Delivery, fate: DeliveryFate, result: BulkResult) -> DeliveryOutcome:
    return DeliveryOutcome(
        trade_id=delivery.trade_id,
        fate=fate,
        reason=result.failure_reason,
        version=result.version,
        state=result.state,
    )


def _weeks(deliveries: Sequence[Delivery]) -> list[tuple[str, date]]:
    return sorted({(d.management_unit, d.week_date) for d in deliveries})
