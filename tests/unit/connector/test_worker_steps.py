"""A worker's loops: every fault has its pause, none ends them, and none lasts longer than it must."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from unittest.mock import AsyncMock, MagicMock

import pytest
from structlog.testing import capture_logs

from shiftline.connector import worker
from shiftline.connector.planning import DeliveryPolicy
from shiftline.connector.records import DeliveryFacts
from shiftline.errors import (
    ConfigurationError,
    MisuseError,
    PeerError,
    RefusedError,
    UnavailableError,
)


class LastStepError(Exception):
    """The script is over."""


async def pauses(monkeypatch: pytest.MonkeyPatch, *script: Exception | float) -> list[float]:
    """Run a loop over this script; return how long it rested after each step."""
    rests: list[float] = []
    steps: Iterator[Exception | float] = iter(script)

    async def step() -> float:
        outcome = next(steps)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    async def sleep(seconds: float) -> None:
        rests.append(seconds)
        if len(rests) == len(script):
            raise LastStepError

    monkeypatch.setattr(asyncio, "sleep", sleep)
    with pytest.raises(LastStepError):
        await worker._for_ever("step", step)
    return rests


async def test_an_outage_is_waited_for_ever_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Up to a limit; a success starts anew."""
    away = [UnavailableError("It is away.")] * 7
    assert await pauses(monkeypatch, *away, 0.2, away[0]) == [0.5, 1, 2, 4, 8, 15, 15, 0.2, 0.5]


async def test_nonsense_passes_as_an_outage_does(monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy's page in the place of an answer costs no quarter of a minute."""
    assert await pauses(monkeypatch, *[PeerError("It made no sense.")] * 2) == [0.5, 1]


async def test_a_wish_to_be_left_alone_is_granted(monkeypatch: pytest.MonkeyPatch) -> None:
    """But not for ever: Retry-After may be anybody's nonsense."""
    wishes = (UnavailableError("Not now.", retry_after_seconds=wish) for wish in (7.0, 1e9, float("inf")))
    assert await pauses(monkeypatch, *wishes) == [7, 300, 300]


async def test_a_refusal_is_no_outage(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is asked about again at long intervals: somebody may mend it meanwhile."""
    with capture_logs() as log:
        assert await pauses(monkeypatch, RefusedError("No."), ConfigurationError("None.")) == [15, 15]
    assert [line["log_level"] for line in log] == ["error", "error"]


async def test_a_defect_in_one_step_does_not_end_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """The others would end with it, and trades must be referred in time; it is logged with its place."""
    with capture_logs() as log:
        assert await pauses(monkeypatch, MisuseError("Broken."), KeyError("x"), 0.0) == [0.5, 1, 0]
    assert [(line["event"], line["exc_info"]) for line in log] == [("defect", True), ("defect", True)]


async def test_being_told_to_end_ends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cancellation is no defect."""

    async def step() -> float:
        raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        await worker._for_ever("step", step)


@dataclass(kw_only=True)
class Floor:
    """A worker whose machines are played; ``minutes`` is the time and says when the last poll was."""

    minutes: float = 0.0
    polled_at: float = 0.0

    def __post_init__(self) -> None:
        books = MagicMock()
        books.trades.weeks_to_evaluate = AsyncMock(return_value=[])
        books.deliveries.facts = AsyncMock(return_value=BUSY)
        books.journal.last_poll = AsyncMock(side_effect=lambda _wfm, _now: _at(self.polled_at))
        work = MagicMock()
        work.return_value.__aenter__ = AsyncMock(return_value=books)
        work.return_value.__aexit__ = AsyncMock(return_value=None)
        self.intake = MagicMock(poll=AsyncMock())
        self.deliverer = MagicMock(
            deliver=AsyncMock(return_value=1), resolve_doubts=AsyncMock(return_value=0)
        )
        self.worker = worker.Worker(
            work=work,
            clock=lambda: _at(self.minutes),
            owner="me",
            trunks=[],
            register=MagicMock(),
            sharing=MagicMock(),
            boot_time=lambda: 0.0,
            wfm=MagicMock(),
            intake=self.intake,
            decider=MagicMock(),
            deliverer=self.deliverer,
            rhythm=worker.Rhythm(poll_seconds=60.0, window_poll_seconds=60.0, windows=()),
            wfm_name="org",
            delivery=DeliveryPolicy(),
        )

    async def called(self, minutes: float) -> tuple[int, int]:
        """How many polls and deliveries there were up to the round at this time."""
        self.minutes = minutes
        with suppress(UnavailableError):
            await self.worker._talk_to_wfm()
        return self.intake.poll.await_count, self.deliverer.deliver.await_count


def _at(minutes: float) -> datetime:
    return datetime(2026, 11, 23, 15, 0, tzinfo=UTC) + timedelta(minutes=minutes)


BUSY = DeliveryFacts(ready=1, oldest_ready_at=_at(0), earliest_deadline=_at(600), still_deciding=0)


async def test_a_poll_gives_way_for_twice_its_interval() -> None:
    """However many decisions are under way, new trades are found by then."""
    floor = Floor()
    assert [await floor.called(minutes) for minutes in (1, 1.9, 2)] == [(0, 1), (0, 2), (1, 2)]
    floor.polled_at = 2
    assert await floor.called(3.9) == (1, 3)


async def test_a_poll_that_fails_stops_no_delivery() -> None:
    """It gives way again for as long before it goes first once more."""
    floor = Floor()
    floor.intake.poll.side_effect = UnavailableError("It is away.")
    assert [await floor.called(minutes) for minutes in (2, 2.1, 3.9, 4)] == [(1, 0), (1, 1), (1, 2), (2, 2)]


async def test_a_poll_goes_before_doubts_that_cannot_be_resolved() -> None:
    """Reading back may fail for long; otherwise doubts come first, and what became of them is looked at."""
    floor = Floor()
    floor.deliverer.resolve_doubts.side_effect = UnavailableError("It is away.")
    assert [await floor.called(minutes) for minutes in (1, 2)] == [(0, 0), (1, 0)]
    floor.deliverer.resolve_doubts.side_effect = [3, 0]
    assert [await floor.called(minutes) for minutes in (2.1, 2.1)] == [(1, 0), (1, 1)]


async def test_a_clock_that_was_set_back_starves_no_poll() -> None:
    """The attempt of an hour ahead is no reason to give way until that hour has passed again."""
    floor = Floor()
    floor.intake.poll.side_effect = UnavailableError("It is away.")
    await floor.called(60)
    floor.polled_at = -0.5
    assert [await floor.called(minutes) for minutes in (0, 2)] == [(1, 1), (2, 1)]


async def test_a_defect_at_the_end_keeps_no_lease() -> None:
    """Neither the register's, nor another trunk's, nor the WFM's: all are let go, then it is told."""
    floor = Floor()
    done: list[str] = []

    async def let_go() -> None:
        await asyncio.sleep(0.01)
        done.append("other trunk")

    broken = AsyncMock(side_effect=KeyError("x"))
    floor.worker.trunks = [MagicMock(let_go=broken), MagicMock(let_go=let_go)]
    floor.worker.register = MagicMock(leave=broken)
    floor.worker.wfm = MagicMock(give_up=broken)
    with capture_logs() as log:
        await floor.worker._let_go()
    assert done == ["other trunk"]
    assert [line["event"] for line in log] == ["defect"] * 3
