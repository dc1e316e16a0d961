"""What an owner must know before it acts, and what it may write once it was overtaken."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any, cast

import pytest

from shiftline.connector.checking import Checker
from shiftline.connector.ownership import TTL_SECONDS, Ownership
from shiftline.connector.ports import CheckRunner, UnitOfWork
from shiftline.connector.records import Lease, TrunkKey
from shiftline.errors import UnavailableError

NOW = datetime(2026, 11, 23, 15, 0, tzinfo=UTC)
KEY = TrunkKey(trunk="pbx", source="127.0.0.2", user="-")


class Keeper:
    """Gives each lease with the next epoch and renews it unless it is told not to."""

    def __init__(self) -> None:
        self.epoch = 0
        self.overtaken = False

    async def acquire(self, name: str, owner: str, ttl_seconds: float, grace_seconds: float) -> Lease | None:
        self.epoch += 1
        self.overtaken = False
        return Lease(name=name, owner=owner, epoch=self.epoch)

    async def renew(self, lease: Lease, ttl_seconds: float) -> bool:
        return not self.overtaken

    async def release(self, lease: Lease) -> None:
        return None


class Bench:
    """An ownership with a clock that is set by hand, and what its callback saw."""

    def __init__(self) -> None:
        self.now = 100.0
        self.recall_seconds = 0.0
        self.fault: Exception | None = None
        self.recalled: list[tuple[int, bool]] = []
        self.keeper = Keeper()
        self.ownership = Ownership(
            self.keeper, name="trunk:pbx", owner="me", boot_time=lambda: self.now, on_taken=self.recall
        )

    async def recall(self, lease: Lease) -> None:
        self.recalled.append((lease.epoch, self.ownership.holds()))
        self.now += self.recall_seconds
        if self.fault is not None:
            raise self.fault


async def test_every_new_lease_is_announced_before_it_holds() -> None:
    """Once a lease, and not again when it is renewed."""
    bench = Bench()
    assert await bench.ownership.keep()
    assert await bench.ownership.keep()
    bench.keeper.overtaken = True
    assert await bench.ownership.keep()
    assert bench.recalled == [(1, False), (2, False)]
    assert bench.ownership.holds()


async def test_an_owner_that_knows_nothing_owns_nothing() -> None:
    """If what is known cannot be asked for, the next round takes the lease and asks anew."""
    bench = Bench()
    bench.fault = UnavailableError("The database is away.")
    with pytest.raises(UnavailableError):
        await bench.ownership.keep()
    assert (bench.ownership.lease, bench.ownership.holds()) == (None, False)
    bench.fault = None
    assert await bench.ownership.keep()
    assert len(bench.recalled) == 2
    assert bench.ownership.holds()


async def test_the_time_it_takes_to_ask_counts() -> None:
    """The lease began when it was asked for, however long the answer to `what is known` took."""
    bench = Bench()
    bench.recall_seconds = TTL_SECONDS + 0.1
    await bench.ownership.keep()
    assert not bench.ownership.holds()


class Books:
    """A unit of work that counts how often the trunk's state was saved."""

    def __init__(self) -> None:
        self.trunks = self
        self.saved = 0

    async def save(self, key: TrunkKey, lease: Lease, governor: dict[str, Any], now: datetime) -> bool:
        self.saved += 1
        return True

    @asynccontextmanager
    async def work(self) -> AsyncIterator[UnitOfWork]:
        yield cast("UnitOfWork", self)


class Runner:
    """A trunk that knows something."""

    def knowledge(self) -> dict[str, Any]:
        return {"rate": 5.0}


async def test_only_a_lease_that_holds_may_save_what_was_learned() -> None:
    """A worker that slept through its lease must not cover what its successor learned."""
    bench, books = Bench(), Books()
    checker = Checker(
        work=books.work,
        clock=lambda: NOW,
        runner=cast("CheckRunner", Runner()),
        ownership=bench.ownership,
        trunk=KEY,
        recall=bench.recall,
    )
    await checker.save_knowledge()
    await bench.ownership.keep()
    await checker.save_knowledge()
    bench.now += TTL_SECONDS
    await checker.save_knowledge()
    assert books.saved == 1
