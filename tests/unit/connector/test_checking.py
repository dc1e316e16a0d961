"""The check loop: what it keeps with the evidence, and how it goes on once its trunk was re-armed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest

from shiftline.connector.checking import Checker
from shiftline.connector.ownership import Ownership
from shiftline.connector.ports import CheckRunner, UnitOfWork
from shiftline.connector.records import Lease, TrunkKey, TrunkRecord, TrunkSample
from shiftline.errors import UnavailableError
from shiftline.trades.model import Evidence, EvidenceKind

NOW = datetime(2026, 3, 6, 15, tzinfo=UTC)
LEASE = Lease(name="trunk:main", owner="me", epoch=1)
KEY = TrunkKey(trunk="main", source="127.0.0.2", user="shiftline")
FOUND = Evidence(
    agent="a1", kind=EvidenceKind.UNVERIFIABLE, method="options", taken_at=NOW, cause="acl.source"
)


class Owner:
    """A lease that holds."""

    def __init__(self) -> None:
        self.lease = LEASE

    def holds(self) -> bool:
        return True


class Floor:
    """A trunk, and books that write down each unit of work that was committed."""

    def __init__(self) -> None:
        self.evidence: list[Evidence] = []
        self.strikes, self.cause = 0, cast("str | None", None)
        self.committed: list[list[str]] = []
        self.record = TrunkRecord(governor={}, disarmed_cause=None, disarmed_at=None, saved_at=NOW)
        self.recalled = 0
        self.breaks = self.is_overtaken = False
        self.now, self.sent = NOW, 0
        self.owner = Owner()
        self.trunks = self.checks = self
        self._open: list[str] = []
        self.checker = Checker(
            work=self.work,
            clock=lambda: self.now,
            runner=cast("CheckRunner", self),
            ownership=cast("Ownership", self.owner),
            trunk=KEY,
            recall=self.recall,
        )

    @asynccontextmanager
    async def work(self) -> AsyncIterator[UnitOfWork]:
        self._open = []
        yield cast("UnitOfWork", self)
        if self.breaks:
            raise UnavailableError("The database is away.")
        self.committed.append(self._open)

    async def recall(self, lease: Lease) -> None:
        self.recalled += 1
        self.strikes, self.cause = 0, None

    async def gathered(self, timeout_seconds: float) -> list[Evidence]:
        evidence, self.evidence = self.evidence, []
        return evidence

    def room(self) -> int:
        return 0

    def submit(self, checks: object) -> None:
        pass

    def stopped_by(self) -> str | None:
        return self.cause

    def knowledge(self) -> dict[str, Any]:
        return {"strikes": self.strikes, "sent": self.sent}

    async def record_evidence(self, trunk: str, lease: Lease, evidence: object) -> None:
        self._open.append("evidence")

    async def save(self, key: TrunkKey, lease: Lease, governor: dict[str, Any], now: datetime) -> bool:
        if self.is_overtaken:
            return False
        self._open.append(f"save {governor['strikes']}")
        return True

    async def sample(self, key: TrunkKey, sample: TrunkSample, *, decided: object = ()) -> None:
        self._open.append(f"sample {sample.sent}")

    async def disarm(self, key: TrunkKey, cause: str, now: datetime) -> None:
        self._open.append(f"disarm {cause}")

    async def load(self, key: TrunkKey) -> TrunkRecord:
        return self.record


async def test_refused_credentials_are_kept_at_once_and_once() -> None:
    """The next step keeps the count, evidence or not, and does not keep it again."""
    floor = Floor()
    await floor.checker.step(0.1)
    assert floor.committed == []
    floor.strikes = 1
    await floor.checker.step(0.1)
    await floor.checker.step(0.1)
    assert floor.committed == [["save 1"]]


async def test_a_count_that_the_database_did_not_take_is_kept_later() -> None:
    """A unit of work that failed has kept nothing."""
    floor = Floor()
    floor.strikes, floor.breaks = 1, True
    with pytest.raises(UnavailableError):
        await floor.checker.step(0.1)
    floor.breaks = False
    await floor.checker.step(0.1)
    assert floor.committed == [["save 1"]]


async def test_a_trunk_is_disarmed_together_with_the_evidence() -> None:
    """No crash can come between what its stop brought and the mark."""
    floor = Floor()
    floor.evidence, floor.cause = [FOUND], "acl.source"
    await floor.checker.step(0.1)
    await floor.checker.step(0.1)
    assert floor.committed == [["evidence", "save 0", "disarm acl.source"]]


async def test_a_worker_that_was_overtaken_disarms_no_trunk_of_another() -> None:
    """It heard the refusal after a pause, and does not know yet: its lease is held against the books'."""
    floor = Floor()
    floor.cause, floor.is_overtaken = "acl.source", True
    await floor.checker.step(0.1)
    assert not any(one.startswith("disarm") for unit in floor.committed for one in unit)


async def test_a_running_worker_goes_on_once_its_trunk_is_rearmed() -> None:
    """The lifted mark is seen with the next save, which must not cover what re-arming forgot."""
    floor = Floor()
    floor.strikes, floor.cause = 2, "credentials.wrong-password"
    await floor.checker.step(0.1)
    floor.record = TrunkRecord(governor={}, disarmed_cause=floor.cause, disarmed_at=NOW, saved_at=NOW)
    await floor.checker.save_knowledge()
    assert floor.recalled == 0
    floor.record = TrunkRecord(governor={}, disarmed_cause=None, disarmed_at=None, saved_at=NOW)
    floor.committed.clear()
    await floor.checker.save_knowledge()
    assert (floor.recalled, floor.committed) == (1, [[]])
    floor.cause = "acl.source"  # and it can be disarmed again under the same lease
    await floor.checker.step(0.1)
    assert floor.committed[-1] == ["save 0", "disarm acl.source"]


async def test_the_last_save_lets_nothing_begin_anew() -> None:
    """A trunk that was re-armed meanwhile is left as it is: whoever takes it next begins with that."""
    floor = Floor()
    floor.strikes, floor.cause = 2, "credentials.wrong-password"
    await floor.checker.step(0.1)
    floor.committed.clear()
    await floor.checker.save_last()
    assert (floor.recalled, floor.committed) == (0, [[]])
    floor.record = TrunkRecord(governor={}, disarmed_cause=floor.cause, disarmed_at=NOW, saved_at=NOW)
    await floor.checker.save_last()
    assert (floor.recalled, floor.committed) == (0, [[], ["save 2"]])


async def test_the_series_grows_with_what_is_saved() -> None:
    """Every five seconds a sample, in the same unit of work; one that was not committed comes later."""
    floor = Floor()
    await floor.checker.save_knowledge()
    floor.sent, floor.now = 50, NOW + timedelta(seconds=5)
    floor.breaks = True
    with pytest.raises(UnavailableError):
        await floor.checker.save_knowledge()
    floor.breaks, floor.sent = False, 60
    await floor.checker.save_knowledge()
    assert floor.committed == [["save 0"], ["save 0", "sample 60"]]


async def test_a_trunk_that_was_taken_anew_is_counted_anew() -> None:
    """Its governor is another one, even where it has sent more than the last."""
    floor = Floor()
    await floor.checker.save_knowledge()
    floor.sent, floor.now = 50, NOW + timedelta(seconds=5)
    await floor.checker.save_knowledge()
    floor.owner.lease = replace(LEASE, epoch=2)
    floor.sent = 0
    await floor.checker.save_knowledge()
    floor.sent, floor.now = 70, NOW + timedelta(seconds=10)
    await floor.checker.save_knowledge()
    assert floor.committed[-1] == ["save 0", "sample 70"]


async def test_a_worker_that_was_overtaken_adds_nothing_to_the_series() -> None:
    """Its own clock says that it holds the lease still; the books know better."""
    floor = Floor()
    floor.is_overtaken = True
    floor.sent, floor.now = 50, NOW + timedelta(seconds=5)
    await floor.checker.save_knowledge()
    assert floor.committed == [[]]
