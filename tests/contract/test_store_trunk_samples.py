"""The time series of trunks: what is kept, for how long, and how it is read."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine

from shiftline.connector.records import Lease, TrunkKey, TrunkSample
from shiftline.connector.sampling import KEEP_SAMPLES, Sampler
from shiftline.store.read_model import ReadModel
from shiftline.store.unit_of_work import PostgresStore

NOW = datetime(2026, 11, 2, 15, 0, tzinfo=UTC)
KEY = TrunkKey(trunk="main", source="127.0.0.2", user="shiftline")
BACKUP = TrunkKey(trunk="backup", source="127.0.0.2", user="shiftline")
OURS = Lease(name="ours", owner="me", epoch=1)
LONG_AGO = NOW - timedelta(days=400)
pytestmark = pytest.mark.usefixtures("ours")


def sample(after: float = 0.0, **changes: Any) -> TrunkSample:
    told: dict[str, Any] = {
        "at": NOW + timedelta(seconds=after),
        "seconds": 5.0,
        "rate": 20.5,
        "sent": 100,
        "passed": 97,
        "refused": 2,
        "mode": "holding",
        "refusal": "throttle",
    }
    return TrunkSample(**(told | changes))


async def keep(store: PostgresStore, *samples: TrunkSample, key: TrunkKey = KEY) -> None:
    """As the owner that `ours` is."""
    async with store.work() as work:
        await work.trunks.save(key, OURS, {}, NOW)
        for one in samples:
            await work.trunks.sample(key, one)


@pytest.fixture
def books(engine: AsyncEngine) -> ReadModel:
    return ReadModel(engine)


async def test_samples_come_back_as_they_were_by_trunk(store: PostgresStore, books: ReadModel) -> None:
    """Oldest first, each trunk's apart, all of them or one trunk's."""
    first, second = sample(), sample(5, refusal=None, refused=0)
    await keep(store, first, second)
    await keep(store, first, key=BACKUP)
    assert await books.trunk_samples(LONG_AGO) == {KEY: [first, second], BACKUP: [first]}
    assert await books.trunk_samples(LONG_AGO, trunk="backup") == {BACKUP: [first]}
    assert await books.trunk_samples(NOW) == {KEY: [second]}
    assert await books.trunk_samples(NOW, trunk="nobody") == {}


async def test_no_trunk_keeps_more_than_a_day(store: PostgresStore, books: ReadModel) -> None:
    """Each sample takes the place of those that have become too old; those of a trunk that lives stay."""
    day = KEEP_SAMPLES.total_seconds()
    await keep(store, sample(), sample(5), sample(10))
    await keep(store, sample(), key=BACKUP)
    async with store.work() as work:
        await work.trunks.save(BACKUP, OURS, {}, NOW + KEEP_SAMPLES)
    await keep(store, sample(day + 5))
    kept = await books.trunk_samples(LONG_AGO)
    assert [one.at for one in kept[KEY]] == [NOW + timedelta(seconds=seconds) for seconds in (10, day + 5)]
    assert len(kept[BACKUP]) == 1


async def test_a_trunk_that_is_no_more_keeps_nothing(store: PostgresStore, books: ReadModel) -> None:
    """Nobody saves it any longer, so another trunk's samples clear up after it."""
    await keep(store, sample(), sample(5), key=BACKUP)
    later = KEEP_SAMPLES.total_seconds() + 60
    async with store.work() as work:
        await work.trunks.save(KEY, OURS, {}, NOW + timedelta(seconds=later))
        await work.trunks.sample(KEY, sample(later))
    assert await books.trunk_samples(LONG_AGO) == {KEY: [sample(later)]}


async def test_what_lies_ahead_of_a_clock_set_back_is_forgotten(
    store: PostgresStore, books: ReadModel
) -> None:
    """It would stand at the end of each chart for hours; the same moment twice keeps the newer."""
    await keep(store, sample(3600), sample(7200), sample(5), sample(5, sent=7))
    (kept,) = (await books.trunk_samples(LONG_AGO)).values()
    assert [(one.at, one.sent) for one in kept] == [(NOW + timedelta(seconds=5), 7)]


async def test_a_new_owner_goes_on_with_the_series(store: PostgresStore, books: ReadModel) -> None:
    """What the owner before has kept stays, though the new one's counters begin at 0."""
    before, then = Sampler(NOW), NOW + timedelta(seconds=60)
    counted = {"rate": 20.0, "mode": "holding", "sent": 900, "passed": 890, "refused": 3}
    first = before.sample(counted, NOW + timedelta(seconds=5))
    second = Sampler(then).sample(
        counted | {"sent": 30, "passed": 30, "refused": 0}, then + timedelta(seconds=5)
    )
    assert first
    assert second
    await keep(store, first.sample, second.sample)
    (kept,) = (await books.trunk_samples(LONG_AGO)).values()
    assert [(one.sent, one.refused) for one in kept] == [(900, 3), (30, 0)]


async def test_an_earlier_sample_gets_its_class(store: PostgresStore, books: ReadModel) -> None:
    """Together with the new one; its figures stay, and so does the same moment of another trunk."""
    undecided = sample(refusal="undecided")
    await keep(store, undecided)
    await keep(store, undecided, key=BACKUP)
    async with store.work() as work:
        await work.trunks.sample(KEY, sample(5), decided=[sample(refusal="ban", sent=1)])
    found = await books.trunk_samples(LONG_AGO)
    assert found == {KEY: [sample(refusal="ban"), sample(5)], BACKUP: [undecided]}


async def test_a_bucket_adds_up_what_is_in_it(store: PostgresStore, books: ReadModel) -> None:
    """Counts are summed, the rate is averaged over time, mode and refusal are the newest."""
    await keep(
        store,
        sample(5, rate=10.0, mode="climbing"),
        sample(10, rate=40.0, seconds=10.0, mode="listening", refusal="ban"),
        sample(15, rate=40.0, refusal=None, refused=0),
        sample(65, rate=50.0, refusal=None, refused=0),
    )
    (kept,) = (await books.trunk_samples(LONG_AGO, bucket_seconds=60)).values()
    assert kept == [
        sample(15, seconds=20.0, rate=32.5, sent=300, passed=291, refused=4, refusal="ban"),
        sample(65, rate=50.0, refusal=None, refused=0),
    ]


async def test_a_trunk_that_was_never_saved_has_no_series(store: PostgresStore) -> None:
    """A sample belongs to a record: nothing is kept that nobody could name."""
    with pytest.raises(IntegrityError):
        async with store.work() as work:
            await work.trunks.sample(KEY, sample())


async def test_a_series_goes_with_its_trunk(
    store: PostgresStore, books: ReadModel, engine: AsyncEngine
) -> None:
    """Whoever removes the record of a trunk has removed all of it."""
    await keep(store, sample())
    async with engine.begin() as connection:
        await connection.execute(text("DELETE FROM trunk_record"))
    assert await books.trunk_samples(LONG_AGO) == {}
