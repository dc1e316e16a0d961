"""One trunk of a worker: when its lease is asked for, and how it is given away."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from unittest.mock import AsyncMock, MagicMock

import pytest
from structlog.testing import capture_logs

from shiftline.connector.ownership import RENEW_SECONDS, TTL_SECONDS, Ownership
from shiftline.connector.records import Lease
from shiftline.connector.trunk_work import IDLE_SECONDS, TICK_SECONDS, TrunkWork
from shiftline.errors import UnavailableError

ALWAYS: Callable[[str], bool] = lambda _: True  # noqa: E731
NEVER: Callable[[str], bool] = lambda _: False  # noqa: E731


class Bench:
    """A trunk with a lease keeper that notes what it is asked, and says yes unless told otherwise."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.is_free = True
        self.is_overtaken = False
        self.checker = MagicMock(step=AsyncMock(), is_idle=True)
        self.checker.save_last = AsyncMock(side_effect=lambda: self.calls.append("save"))
        self.now: Callable[[], float] = lambda: 0.0
        self.ownership = Ownership(self, name="trunk:pbx", owner="me", boot_time=self.boot_time)
        self.work = TrunkWork(
            name="pbx",
            ownership=self.ownership,
            checker=self.checker,
            watch=MagicMock(),
            farewell=AsyncMock(side_effect=lambda: self.calls.append("farewell")),
        )

    def boot_time(self) -> float:
        return self.now()

    async def acquire(self, name: str, owner: str, ttl_seconds: float, grace_seconds: float) -> Lease | None:
        self.calls.append("acquire")
        return Lease(name=name, owner=owner, epoch=1) if self.is_free else None

    async def renew(self, lease: Lease, ttl_seconds: float) -> bool:
        self.calls.append("renew")
        return not self.is_overtaken

    async def release(self, lease: Lease) -> None:
        assert not self.ownership.holds()
        self.calls.append("release")


@pytest.fixture
def bench() -> Bench:
    """The parts."""
    return Bench()


async def test_a_lease_is_asked_for_only_when_the_share_allows(bench: Bench) -> None:
    """And renewed whatever the share: it is handed over, or not at all."""
    bench.work.nudge()
    assert await bench.work.keep(NEVER) == 0.0
    assert bench.calls == []
    assert await bench.work.keep(ALWAYS) == RENEW_SECONDS
    assert await bench.work.keep(NEVER) == RENEW_SECONDS
    assert bench.calls == ["acquire", "renew"]


async def test_a_lease_that_another_holds_is_asked_for_again(bench: Bench) -> None:
    """Soon: it may have become free."""
    bench.is_free = False
    assert await bench.work.keep(ALWAYS) == TICK_SECONDS
    assert not bench.ownership.holds()


async def test_a_lost_lease_is_told_and_not_taken_back_unasked(bench: Bench) -> None:
    """This worker was late; whether it may ask again, the shares decide."""
    await bench.work.keep(ALWAYS)
    bench.is_overtaken = True
    with capture_logs() as log:
        assert await bench.work.keep(ALWAYS) == TICK_SECONDS
        bench.work.nudge()
        assert await bench.work.keep(NEVER) == 0.0
    assert [line["event"] for line in log] == ["trunk lost"]
    assert bench.calls == ["acquire", "renew"]


async def test_a_trunk_is_handed_over_with_what_was_learned(bench: Bench) -> None:
    """Saved, the PBX told, the lease released, in this order; nothing is claimed meanwhile."""
    await bench.work.keep(ALWAYS)
    bench.work.is_leaving = True
    await bench.work.check()
    bench.checker.step.assert_not_awaited()
    await bench.work.keep(ALWAYS)
    assert bench.calls == ["acquire", "save", "farewell", "release"]
    assert (bench.work.is_leaving, bench.ownership.lease) == (False, None)
    await bench.work.check()
    bench.checker.step.assert_not_awaited()


async def test_a_worker_that_stops_keeps_what_it_learned(bench: Bench) -> None:
    """To the last second, and a database that is away keeps neither the farewell nor the end."""
    await bench.work.keep(ALWAYS)
    await bench.work.let_go()
    assert bench.calls == ["acquire", "save", "farewell", "release"]
    bench.calls.clear()
    bench.checker.save_last.side_effect = UnavailableError("away")
    await bench.work.keep(ALWAYS)
    with capture_logs() as log:
        await bench.work.let_go()
    assert bench.calls == ["acquire", "farewell", "release"]
    assert [line["event"] for line in log] == ["what the trunk taught last is not kept"]


async def hangs() -> None:
    """As a database that is there, and does not answer."""
    await asyncio.Event().wait()


@pytest.mark.parametrize("left", [0.4, 0.1])
async def test_a_database_that_hangs_keeps_nobody_from_the_farewell(bench: Bench, left: float) -> None:
    """The save has its share of what is left of the lease, and the registration is still ours after it."""
    bench.checker.save_last.side_effect = hangs
    await bench.work.keep(ALWAYS)
    began = asyncio.get_running_loop().time()
    bench.now = lambda: TTL_SECONDS - left + asyncio.get_running_loop().time() - began
    with capture_logs() as log:
        await asyncio.wait_for(bench.work.let_go(), 2.0)
    assert bench.calls == ["acquire", "farewell", "release"]
    assert [line["event"] for line in log] == ["what the trunk taught last is not kept"]


async def test_no_farewell_once_the_lease_ran_out_meanwhile(bench: Bench) -> None:
    """Another worker may have registered by then."""

    async def outlasts_the_lease() -> None:
        bench.now = lambda: TTL_SECONDS

    bench.checker.save_last.side_effect = outlasts_the_lease
    await bench.work.keep(ALWAYS)
    await bench.work.let_go()
    assert bench.calls == ["acquire", "release"]


@pytest.mark.parametrize("broken", ["save", "farewell", "both"])
async def test_a_defect_keeps_neither_the_farewell_nor_the_release(bench: Bench, broken: str) -> None:
    """It is told after them: whoever writes its traceback must not outlast the lease."""
    if broken != "farewell":
        bench.checker.save_last.side_effect = KeyError("x")
    if broken != "save":
        bench.work.farewell = AsyncMock(side_effect=KeyError("x"))
    await bench.work.keep(ALWAYS)
    with pytest.raises(KeyError):
        await bench.work.let_go()
    assert bench.calls[-1] == "release"
    assert ("farewell" in bench.calls) == (broken == "save")


async def test_who_was_overtaken_says_no_farewell(bench: Bench) -> None:
    """The registration is the new owner's."""
    await bench.work.let_go()
    assert bench.calls == []


@pytest.mark.parametrize("held", [True, False])
async def test_checks_are_run_by_the_owner_only(bench: Bench, held: bool) -> None:
    """Everybody else rests."""
    bench.is_free = held
    await bench.work.keep(ALWAYS)
    await bench.work.check()
    assert bench.checker.step.await_count == int(held)


async def test_a_trunk_is_worked_on_as_soon_as_it_is_taken(bench: Bench) -> None:
    """Its checks have waited for the lease already."""
    async with asyncio.timeout(IDLE_SECONDS / 2), asyncio.TaskGroup() as group:
        group.create_task(bench.work.check())
        await asyncio.sleep(0)
        await bench.work.keep(ALWAYS)
    bench.checker.step.assert_awaited_once_with(0.0)


async def test_a_nudge_has_a_free_trunk_taken_at_once(bench: Bench) -> None:
    """Between two of its own questions."""
    async with asyncio.timeout(TICK_SECONDS / 2), asyncio.TaskGroup() as group:
        group.create_task(bench.work.keep(NEVER))
        await asyncio.sleep(0)
        bench.work.nudge()
