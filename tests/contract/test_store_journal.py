"""The journal: the call budget and the last poll."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from shiftline.store.unit_of_work import PostgresStore

NOW = datetime(2026, 11, 2, 15, 0, tzinfo=UTC)


async def reserve(store: PostgresStore, seconds: float, *, bucket: str = "genesys", limit: int = 5) -> float:
    async with store.work() as work:
        return await work.journal.reserve_call(bucket, limit, 60.0, NOW + timedelta(seconds=seconds))


async def test_calls_fit_the_window(store: PostgresStore) -> None:
    """No more than the limit in any sixty seconds; the wait is exact and a refused call is not noted."""
    assert [await reserve(store, second) for second in (0, 1, 2, 3, 4)] == [0.0] * 5
    assert await reserve(store, 5) == 55.0
    assert await reserve(store, 59.5) == 0.5
    assert await reserve(store, 60) == 0.0
    assert await reserve(store, 60) == 1.0


async def test_a_lower_limit_waits_for_its_own_place(store: PostgresStore) -> None:
    """When the limit was lowered the wait is until so many calls have left that one fits."""
    for second in (0, 10, 20):
        await reserve(store, second)
    assert await reserve(store, 30, limit=2) == 40.0
    assert await reserve(store, 30, limit=1) == 50.0


async def test_buckets_are_apart(store: PostgresStore) -> None:
    """One API's calls do not use another one's budget."""
    assert await reserve(store, 0, limit=1) == 0.0
    assert await reserve(store, 0, limit=1, bucket="servicenow") == 0.0


async def test_workers_share_the_budget(store: PostgresStore) -> None:
    """Of calls reserved at once by several workers no more than the limit are let through."""
    waits = await asyncio.gather(*(reserve(store, 0) for _ in range(12)))
    assert sorted(waits) == [0.0] * 5 + [60.0] * 7


async def test_a_failed_unit_of_work_has_called_nobody(store: PostgresStore) -> None:
    """A reservation that is rolled back leaves its place free."""

    async def fail() -> None:
        async with store.work() as work:
            assert await work.journal.reserve_call("genesys", 1, 60.0, NOW) == 0.0
            raise LookupError

    with pytest.raises(LookupError):
        await fail()
    assert await reserve(store, 0, limit=1) == 0.0


async def test_the_last_poll_is_remembered(store: PostgresStore) -> None:
    """The newest successful poll of each WFM is known after a restart."""
    async with store.work() as work:
        assert await work.journal.last_poll("org", NOW) is None
        await work.journal.polled("org", NOW)
        await work.journal.polled("org", NOW + timedelta(minutes=1))
    async with store.work() as work:
        assert await work.journal.last_poll("org", NOW + timedelta(minutes=2)) == NOW + timedelta(minutes=1)
        assert await work.journal.last_poll("other", NOW) is None


async def test_a_clock_that_was_set_back_blocks_no_call_for_the_step(store: PostgresStore) -> None:
    """Calls that now lie ahead count as made just now: the wait is a window, not the hour."""
    for second in range(5):
        await reserve(store, second)
    assert await reserve(store, -3600) == 60.0
    assert await reserve(store, -3540) == 0.0


async def test_a_poll_that_lies_ahead_is_brought_back(store: PostgresStore) -> None:
    """After a clock was set back the next poll is due an interval later, not after the length of the step."""
    async with store.work() as work:
        await work.journal.polled("org", NOW)
        assert await work.journal.last_poll("org", NOW - timedelta(hours=1)) == NOW - timedelta(hours=1)
    async with store.work() as work:
        assert await work.journal.last_poll("org", NOW) == NOW - timedelta(hours=1)
