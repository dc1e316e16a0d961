"""Prefetching on a trunk that is played, in time that is played: when, whom, and when not."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, time, timedelta
from unittest.mock import AsyncMock, MagicMock
from zoneinfo import ZoneInfo

import pytest

from shiftline.connector.prefetching import IDLE_SECONDS, Prefetcher
from shiftline.connector.records import DueCheck
from shiftline.trades.prefetch import Foreseen, PrefetchPolicy
from shiftline.trades.windows import PublishWindow

OPENS = datetime(2026, 11, 23, 15, 0, tzinfo=UTC)  # Monday, nine o'clock in Chicago
WINDOW = PublishWindow(weekday=0, opens=time(9), length=timedelta(hours=1), zone=ZoneInfo("America/Chicago"))
RATE = 20.0


class Floor:
    """A prefetcher, its clock, and what its trunk was asked for and when."""

    def __init__(self, agents: int = 200, *, windows: Sequence[PublishWindow] = (WINDOW,)) -> None:
        self.now = OPENS - timedelta(minutes=10)
        self.rate = RATE
        self.is_owner = True
        self.asked: list[tuple[float, str]] = []
        self.queued: list[DueCheck] = []
        """What the trunk has not sent yet, while it is held back."""
        self.holds_back = False
        self.since: datetime | None = None
        self.foreseen = [
            Foreseen(agent=f"agent{n}", address=f"sip:agent{n}@lab", recent=agents - n) for n in range(agents)
        ]
        ownership = MagicMock()
        ownership.holds = lambda: self.is_owner
        self.prefetcher = Prefetcher(
            foresight=MagicMock(foreseen=AsyncMock(side_effect=self._foreseen)),
            clock=lambda: self.now,
            runner=self,
            ownership=ownership,
            trunk="main",
            windows=windows,
            policy=PrefetchPolicy(fresh_seconds=300.0),
        )

    async def _foreseen(self, since: datetime) -> list[Foreseen]:
        self.since = since
        return self.foreseen

    def spare_rate(self) -> float:
        return self.rate

    def prefetch(self, checks: Sequence[DueCheck]) -> None:
        assert {check.needed_by for check in checks} <= {OPENS, OPENS + timedelta(days=7)}
        if self.holds_back:
            self.queued += checks
        else:
            moment = (self.now - OPENS).total_seconds()
            self.asked += [(moment, check.agent) for check in checks]

    def forgo_prefetch(self) -> list[DueCheck]:
        dropped, self.queued = self.queued, []
        return dropped

    async def until(self, moment: datetime) -> None:
        """Let the loop run."""
        while self.now < moment:
            self.now += timedelta(
                seconds=min(await self.prefetcher.step(), (moment - self.now).total_seconds())
            )

    @property
    def agents(self) -> list[str]:
        return [agent for _, agent in self.asked]


async def test_everybody_is_asked_shortly_before_the_opening() -> None:
    """As late as can be, at half the rate at most, the likeliest last, nobody twice."""
    floor = Floor()
    await floor.until(OPENS + timedelta(minutes=90))
    moments = [moment for moment, _ in floor.asked]
    assert floor.agents == [f"agent{n}" for n in reversed(range(200))]
    assert min(moments) > -35.0
    assert max(moments) < -5.0
    assert max(sum(start <= moment < start + 1 for moment in moments) for start in moments) <= RATE / 2 + 1
    assert floor.since is not None
    assert floor.since < OPENS - timedelta(days=27)


async def test_a_trunk_with_other_work_is_left_alone() -> None:
    """What has not left is dropped at once, and asked for again while there is time."""
    floor = Floor()
    await floor.until(OPENS - timedelta(seconds=25))
    floor.holds_back = True
    await floor.until(OPENS - timedelta(seconds=24))
    held = [check.agent for check in floor.queued]
    floor.rate = 0.0
    await floor.until(OPENS - timedelta(seconds=23))
    assert (len(held) > 0, floor.queued) == (True, [])
    before = len(floor.asked)
    floor.rate, floor.holds_back = RATE, False
    await floor.until(OPENS)
    assert {*held} <= {*floor.agents[before:]}
    assert floor.agents[-1] == "agent0"
    assert len({*floor.agents}) == len(floor.agents)


@pytest.mark.parametrize("reason", ["not ours", "rate unknown", "short burst", "no window"])
async def test_nothing_is_sent_that_nobody_asked_for_without_need(reason: str) -> None:
    """Only the owner, only at a rate that is known, only where the burst would be long."""
    floor = Floor(20 if reason == "short burst" else 200, windows=() if reason == "no window" else (WINDOW,))
    floor.is_owner = reason != "not ours"
    floor.rate = 0.0 if reason == "rate unknown" else RATE
    await floor.until(OPENS + timedelta(minutes=5))
    assert floor.asked == []


async def test_between_windows_it_sleeps() -> None:
    """It looks at the calendar now and then, and at no book."""
    floor = Floor()
    assert await floor.prefetcher.step() == IDLE_SECONDS
    floor.now = OPENS + timedelta(minutes=1)
    assert await floor.prefetcher.step() == IDLE_SECONDS
    assert floor.since is None


async def test_each_opening_begins_anew() -> None:
    """Who was asked a week ago is asked again."""
    floor = Floor()
    await floor.until(OPENS)
    first = len(floor.asked)
    floor.now = OPENS + timedelta(days=7, minutes=-5)
    await floor.until(OPENS + timedelta(days=7))
    assert (first, len(floor.asked)) == (200, 400)
