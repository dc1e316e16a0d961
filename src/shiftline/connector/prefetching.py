"""Prefetching: before a publish window, the trunk's owner asks those who are likely to trade in it.

Only with ``policy.prefetch``: these are requests that nobody asked for. They take at most half of a rate
that is held, while nothing else waits; what comes back is evidence like any other, and stale as soon.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Protocol

import structlog

from shiftline.clock import Clock
from shiftline.connector.ownership import Ownership
from shiftline.connector.records import DueCheck
from shiftline.governor.governor import Governor
from shiftline.governor.state import Mode
from shiftline.trades.prefetch import Foreseen, PrefetchPolicy, plan_prefetch
from shiftline.trades.windows import PublishWindow

log = structlog.get_logger("shiftline.prefetch")

STEP_SECONDS = 0.25
LOOK_SECONDS = 5.0  # how old a list of the likely may be
IDLE_SECONDS = 30.0  # civil time may be set: the next opening is looked up so often
RECENT = timedelta(days=28)


class PrefetchRunner(Protocol):
    """The trunk as prefetching sees it."""

    def spare_rate(self) -> float:
        """Requests a second that nobody else needs at the moment; 0 where rate or method are not known."""

    def prefetch(self, checks: Sequence[DueCheck]) -> None:
        """Ask, when nothing else waits."""

    def forgo_prefetch(self) -> Sequence[DueCheck]:
        """Drop what has not left; return it."""


class Foresight(Protocol):
    """What the books know of those who may trade."""

    async def foreseen(self, since: datetime) -> Sequence[Foreseen]:
        """Agents that the trunk serves, their undecided trades, and those recorded from ``since`` on."""


class Prefetcher:
    """Prefetches for one trunk while this worker owns it."""

    def __init__(
        self,
        *,
        foresight: Foresight,
        clock: Clock,
        runner: PrefetchRunner,
        ownership: Ownership,
        trunk: str,
        windows: Sequence[PublishWindow],
        policy: PrefetchPolicy,
    ) -> None:
        """``trunk`` is the trunk's name, for the log."""
        self._foresight = foresight
        self._clock = clock
        self._runner = runner
        self._ownership = ownership
        self._trunk = trunk
        self._windows = windows
        self._policy = policy
        self._asked: dict[str, datetime] = {}
        self._credit = 0.0
        self._stepped_at: datetime | None = None
        self._foreseen: Sequence[Foreseen] = ()
        self._looked_at: datetime | None = None

    async def step(self) -> float:
        """Ask whom the plan says; return how long to rest (seconds)."""
        now = self._clock()
        opens_at = self._opening(now)
        if opens_at is None:
            self._end()
            return IDLE_SECONDS
        too_early = (opens_at - now).total_seconds() - self._policy.lead_seconds
        if too_early > 0:
            self._end()
            return min(too_early, IDLE_SECONDS)
        rate = self._runner.spare_rate() if self._ownership.holds() else 0.0
        credit = self._earn(now, rate)
        if rate <= 0:
            self._forgo()  # whatever needs the trunk now goes first
            return STEP_SECONDS
        plan = plan_prefetch(
            await self._likely(now), now=now, opens_at=opens_at, rate=rate, policy=self._policy
        )
        chosen = plan[: int(credit)]
        if chosen:
            if not self._asked:
                log.info("prefetching", trunk=self._trunk, opens_at=opens_at.isoformat(), agents=len(plan))
            self._credit -= len(chosen)
            self._asked |= dict.fromkeys((one.agent for one in chosen), now)
            self._runner.prefetch([_check(one, opens_at) for one in chosen])
        return STEP_SECONDS

    def _opening(self, now: datetime) -> datetime | None:
        """The next opening; None while a window is open, whose own checks need the trunk."""
        if any(window.contains(now) for window in self._windows):
            return None
        return min((window.next_opening(now) for window in self._windows), default=None)

    def _earn(self, now: datetime, rate: float) -> float:
        """How many may be asked now: the pace times the time that went by, and nothing saved up."""
        pace = self._policy.share * rate
        step = timedelta(seconds=STEP_SECONDS)
        gone = step if self._stepped_at is None else min(max(now - self._stepped_at, timedelta(0)), 2 * step)
        self._stepped_at = now
        earned = pace * gone.total_seconds()
        self._credit = min(self._credit, 1.0) + earned
        return self._credit

    async def _likely(self, now: datetime) -> list[Foreseen]:
        """Who is foreseen. Whoever was asked for this opening counts as known, whatever came of it."""
        if self._looked_at is None or not 0 <= (now - self._looked_at).total_seconds() < LOOK_SECONDS:
            self._foreseen = await self._foresight.foreseen(now - RECENT)
            self._looked_at = now
        asked = self._asked
        return [
            replace(one, checked_at=asked[one.agent]) if one.agent in asked else one for one in self._foreseen
        ]

    def _forgo(self) -> None:
        for check in self._runner.forgo_prefetch():
            self._asked.pop(check.agent, None)

    def _end(self) -> None:
        """It is not the time for it, or no more."""
        if self._asked:
            self._forgo()
            log.info("prefetched", trunk=self._trunk, agents=len(self._asked))
        self._asked.clear()
        self._foreseen, self._looked_at, self._stepped_at, self._credit = (), None, None, 0.0


def has_known_rate(governor: Governor) -> bool:
    """Whether it holds a rate, declared or learned, or will do so once the trunk has let one request pass."""
    is_known = not governor.policy.learn or bool(governor.knowledge()["learned"])
    return governor.mode is Mode.HOLDING or (governor.mode is Mode.PROVING and is_known)


def _check(one: Foreseen, opens_at: datetime) -> DueCheck:
    """No row stands behind it: if nobody comes to need it, nobody misses it."""
    return DueCheck(id=0, agent=one.agent, address=one.address, needed_by=opens_at)
