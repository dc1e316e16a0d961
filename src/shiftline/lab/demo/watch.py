"""Follows Shiftline's worker while it works: by its books, and by the PBX's log."""

from __future__ import annotations

import asyncio
import time
from asyncio.subprocess import Process
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Protocol

from shiftline.errors import UnavailableError
from shiftline.lab.demo.measure import tick_of
from shiftline.lab.demo.result import GovernorTick, Standing, Tick
from shiftline.lab.demo.stage import CAMPAIGN_HOST, OUR_HOST, Stage
from shiftline.lab.demo.truth import counted
from shiftline.lab.pbx_log import Pbx, PbxLog
from shiftline.store.read_model import ReadModel, TradeRow
from shiftline.store.schema import DeliveryRowState
from shiftline.trades.model import Verdict

LOOK_SECONDS = 0.5
LOOK_SHARE = 4.0  # as many times longer than a look is waited for the next
AFTER_LAST_DEADLINE_SECONDS = 20.0


class Screen(Protocol):
    """Where progress is shown."""

    def phase(self, name: str, trades: int) -> None:
        """A run begins."""

    def update(self, standing: Standing, tick: Tick | None, governor: GovernorTick | None) -> None:
        """The newest figures."""

    def note(self, text: str) -> None:
        """Say something."""


class Watch:
    """One run of the worker, looked at twice a second."""

    def __init__(self, stage: Stage, screen: Screen, pbx: Pbx, books: ReadModel, worker: Process) -> None:
        self._stage = stage
        self._screen = screen
        self._books = books
        self._worker = worker
        self._log = PbxLog(pbx.log_path)
        self._log.new_records()
        self.standings: list[Standing] = []
        self.governor: list[GovernorTick] = []

    async def until_settled(self, began: float) -> list[TradeRow]:
        """Return the books once every trade is decided and delivered, or its last deadline has passed.

        Raises UnavailableError when the worker ends by itself.
        """
        last = self._stage.scenario.expires_after_seconds[1] + AFTER_LAST_DEADLINE_SECONDS
        while True:
            at = time.time() - began
            rows = await self._look(at)
            done = sum(row.state in ("referred", "settled") for row in rows)
            if done == self._stage.settings.trades or self._stage.since_publish() > last:
                return rows
            if self._worker.returncode is not None:
                raise UnavailableError(f"The worker ended by itself: {self._stage.worker_words()}")
            # A look at thousands of trades takes a while, and the machine has other things to do.
            await asyncio.sleep(max(LOOK_SECONDS, LOOK_SHARE * (time.time() - began - at)))

    async def _look(self, at: float) -> list[TradeRow]:
        try:
            rows = await self._books.trades()
            trunks = await self._books.trunks()
        except UnavailableError:
            return []  # the database restarts; the next look tells more
        verdicts = {row.external_id: _verdict(row) for row in rows if row.state in ("referred", "settled")}
        standing = standing_of(at, self._stage.settings.trades, verdicts)
        self.standings.append(standing)
        thought = None
        if trunks:
            state = trunks[0].governor
            thought = GovernorTick(at=at, rate=float(state.get("rate", 0.0)), mode=str(state.get("mode", "")))
            self.governor.append(thought)
        tick = tick_of(self._log.new_records(), at=at, ours=OUR_HOST, campaign=CAMPAIGN_HOST)
        self._screen.update(standing, tick, thought)
        return rows


def standing_of(at: float, trades: int, verdicts: Mapping[str, Verdict]) -> Standing:
    """Count trades by what has become of them; ``at`` is in seconds from the publish."""
    counts = counted(verdicts)
    return Standing(
        at=at,
        waiting=trades - len(verdicts),
        approved=counts.approved,
        denied=counts.denied,
        referred=counts.referred,
    )


def late_trades(rows: Iterable[TradeRow]) -> int:
    """Trades that came to a person, or were decided at all, only after their refer-by."""
    return sum(any(moment > row.refer_by for moment in _moments(row)) for row in rows)


def _moments(row: TradeRow) -> Iterator[datetime]:
    """When the trade was decided, and when a person had it because the WFM refused the decision."""
    if row.decided_at is not None:
        yield row.decided_at
    if row.delivery == DeliveryRowState.REFUSED and row.delivery_settled_at is not None:
        yield row.delivery_settled_at


def _verdict(row: TradeRow) -> Verdict:
    return Verdict.REFER if row.is_referred or row.verdict is None else Verdict(row.verdict)
