"""Deciding: trades whose evidence is complete meet the decision table; late ones go to a person."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import timedelta
from typing import Any

from shiftline.clock import Clock
from shiftline.connector.ports import Work
from shiftline.connector.records import ON_UNANSWERED, DecidedTrade, Fallback, OpenTrade, TrunkKey
from shiftline.trades.decision import DecisionPolicy, decide
from shiftline.trades.model import Decision, Evidence, Standing, Verdict

BATCH = 500  # trades in one transaction
REFER_MARGIN = timedelta(seconds=1)  # some rounds of the loop, so that none comes after refer-by
DELIVERY_MARGIN = timedelta(seconds=71)  # a minute of a spent call budget, and ten seconds for the job


class Decider:
    """Decides, and refers what has run out of time. Without a ``fallback``, only SIP evidence counts."""

    def __init__(
        self,
        *,
        work: Work,
        clock: Clock,
        policy: DecisionPolicy,
        fresh_seconds: float,
        trunks: Collection[TrunkKey],
        on_unanswered: Verdict | None = None,
        fallback: Fallback | None = None,
    ) -> None:
        self._work = work
        self._clock = clock
        self._policy = policy
        self.fresh_seconds = fresh_seconds
        self._trunks = {key.trunk: key for key in trunks}
        self._on_unanswered = on_unanswered
        self._fallback = fallback

    async def decide_ready(self) -> int:
        """Decide one batch of trades that have all they need; return how many."""
        now = self._clock()
        async with self._work() as books:
            trades = await books.trades.decidable(now, self.fresh_seconds, BATCH, fallback=self._fallback)
            await books.trades.decide([self._decided(trade) for trade in trades], now)
        return len(trades)

    async def refer_overdue(self) -> int:
        """Refer one batch of trades whose refer-by is about to come, with what is known; return how many."""
        now = self._clock()
        async with self._work() as books:
            trades = await books.trades.overdue(
                now, self.fresh_seconds, BATCH, margin=REFER_MARGIN, fallback=self._fallback
            )
            if not trades:
                return 0
            concerned = {name for trade in trades for name in _trunks_of(trade)} & self._trunks.keys()
            troubles = await books.trunks.troubles([self._trunks[name] for name in sorted(concerned)])
            decided = [
                self._referred(trade, expired=trade.deadline <= now, troubles=troubles) for trade in trades
            ]
            await books.trades.decide(decided, now)
        return len(trades)

    async def answer_unanswered(self) -> int:
        """Approve or deny referred trades that nobody answered, if the unit said so, just in time."""
        if self._on_unanswered is None:
            return 0  # they expire in the WFM, and the next poll settles them here
        now = self._clock()
        async with self._work() as books:
            trades = await books.trades.unanswered(now, DELIVERY_MARGIN, BATCH)
            decision = Decision(verdict=self._on_unanswered, rule=ON_UNANSWERED, reasons=("late.deadline",))
            await books.trades.decide(
                [DecidedTrade(trade_id=t.id, decision=decision, detail=_detail(t)) for t in trades], now
            )
        return len(trades)

    def _decided(self, trade: OpenTrade) -> DecidedTrade:
        decision = decide(trade.initiating, trade.receiving, trade.evaluation, self._policy)
        return DecidedTrade(trade_id=trade.id, decision=decision, detail=_detail(trade))

    def _referred(self, trade: OpenTrade, *, expired: bool, troubles: Mapping[str, str]) -> DecidedTrade:
        known = decide(trade.initiating, trade.receiving, trade.evaluation, self._policy)
        reasons: tuple[str, ...] = ("late.expired-before-decision",) if expired else ("late.refer-by",)
        found = (troubles[name] for name in _trunks_of(trade) if name in troubles)
        reasons += tuple(dict.fromkeys(f"trunk.{trouble}" for trouble in found))
        decision = Decision(verdict=Verdict.REFER, rule="out-of-time", reasons=reasons + known.reasons)
        return DecidedTrade(trade_id=trade.id, decision=decision, detail=_detail(trade))


def _trunks_of(trade: OpenTrade) -> list[str]:
    return [one.trunk for one in (trade.initiating, trade.receiving) if one.trunk is not None]


def _detail(trade: OpenTrade) -> dict[str, Any]:
    return {
        "trade": trade.trade.external_id,
        "version": trade.trade.version,
        "initiating": _seen(trade.initiating),
        "receiving": _seen(trade.receiving),
        "evaluation": {
            "violations": list(trade.evaluation.violations),
            "admin_review": list(trade.evaluation.admin_review),
            "unevaluated": list(trade.evaluation.unevaluated),
        },
    }


def _seen(standing: Standing) -> dict[str, Any]:
    """The evidence that was used and, under ``beside``, what else was fresh and was not."""
    used = standing.used
    seen: dict[str, Any] = {"agent": standing.agent, "scheduled_now": standing.scheduled_now}
    if used is not None:
        seen |= _shown(used)
    for beside in (standing.evidence, standing.platform):
        if beside is not None and beside is not used:
            seen["beside"] = _shown(beside)
    return seen


def _shown(evidence: Evidence) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "evidence": str(evidence.kind),
        "method": evidence.method,
        "status": evidence.status,
        "cause": evidence.cause,
        "taken_at": evidence.taken_at.isoformat(),
    }
    return shown if evidence.said is None else shown | {"said": evidence.said}
