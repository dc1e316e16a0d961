"""Checking: the trunk's owner claims due checks, earliest need first, and stores what they bring."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from shiftline.clock import Clock
from shiftline.connector.ownership import Ownership
from shiftline.connector.ports import CheckRunner, UnitOfWork, Work
from shiftline.connector.records import DueCheck, Lease, TrunkKey
from shiftline.connector.sampling import Sampled, Sampler
from shiftline.trades.model import Evidence


class Checker:
    """Feeds one trunk while this worker owns it."""

    def __init__(
        self,
        *,
        work: Work,
        clock: Clock,
        runner: CheckRunner,
        ownership: Ownership,
        trunk: TrunkKey,
        recall: Callable[[Lease], Awaitable[None]],
    ) -> None:
        """``recall`` makes the runner begin anew with what is kept: somebody re-armed its trunk."""
        self._work = work
        self._clock = clock
        self._runner = runner
        self._ownership = ownership
        self._trunk = trunk
        self._recall = recall
        self._strikes_kept = 0
        self._sampler = Sampler(clock())
        self._sampled_under: Lease | None = None
        self._disarmed_under: Lease | None = None
        self._held: dict[str, int] = {}
        self._unsaved: list[Evidence] = []

    async def step(self, wait_seconds: float) -> int:
        """Store the evidence that has come in, claim more checks; return how much evidence there was."""
        self._unsaved += await self._runner.gathered(wait_seconds)
        lease = self._ownership.lease
        if lease is None:
            return 0
        room = self._runner.room()
        cause = self._runner.stopped_by() if self._disarmed_under != lease else None
        strikes = self._strikes()
        has_strikes = strikes != self._strikes_kept and self._ownership.holds()
        if not (self._unsaved or room or cause or has_strikes):
            return 0
        # What a failing database refuses stays here, and is stored when it is back.
        async with self._work() as books:
            if self._unsaved:
                await books.checks.record_evidence(self._trunk.trunk, lease, self._unsaved)
            # The account's next trial may lock it: the count is kept before one can leave, not each second.
            is_ours = True
            if has_strikes or cause is not None:
                is_ours = await books.trunks.save(self._trunk, lease, self._runner.knowledge(), self._clock())
            # What a worker that was overtaken heard stops no trunk of another.
            if cause is not None and is_ours:
                await books.trunks.disarm(self._trunk, cause, self._clock())
            checks = await self._claim(books, lease, room)
        if has_strikes:
            self._strikes_kept = strikes
        if cause is not None:
            self._disarmed_under = lease
        saved, self._unsaved = self._unsaved, []
        for evidence in saved:
            self._held.pop(evidence.agent, None)
        self._held |= {check.agent: check.id for check in checks}
        self._runner.submit(checks)
        return len(saved)

    async def _claim(self, books: UnitOfWork, lease: Lease, room: int) -> list[DueCheck]:
        if not room:
            return []
        return await books.checks.claim(self._trunk.trunk, lease, room, self._held.values())

    @property
    def is_idle(self) -> bool:
        """True if nothing waits, is under way or is still to be stored."""
        return not self._unsaved and self._runner.is_idle()

    async def save_knowledge(self) -> None:
        """Keep the governor's state, so that a restart and an operator can see it; go on once re-armed."""
        lease = await self._keep_unless_rearmed()
        if lease is None:
            return
        await self._recall(lease)
        self._disarmed_under = None
        self._strikes_kept = self._strikes()

    async def save_last(self) -> None:
        """The same before the trunk is given up: nothing begins anew, whoever takes it next goes on."""
        await self._keep_unless_rearmed()

    async def _keep_unless_rearmed(self) -> Lease | None:
        """Keep the state; if somebody re-armed the trunk, keep nothing and return the lease it is ours by."""
        # What a worker that was overtaken has in mind must not cover what the new owner learned.
        lease = self._ownership.lease
        if lease is None or not self._ownership.holds():
            return None
        if lease != self._sampled_under:
            self._sampler, self._sampled_under = Sampler(self._clock()), lease
        sampled: Sampled | None = None
        async with self._work() as books:
            was_rearmed = await self._was_rearmed(books, lease)
            if not was_rearmed:
                sampled = await self._save(books, lease)
        if sampled is not None:
            self._sampler.kept(sampled)
        return lease if was_rearmed else None

    async def _save(self, books: UnitOfWork, lease: Lease) -> Sampled | None:
        """Save the state, and every few seconds a sample: it is to be counted as kept after the commit."""
        knowledge, now = self._runner.knowledge(), self._clock()
        if not await books.trunks.save(self._trunk, lease, knowledge, now):
            return None
        sampled = self._sampler.sample(knowledge, now)
        if sampled is not None:
            await books.trunks.sample(self._trunk, sampled.sample, decided=sampled.decided)
        return sampled

    async def _was_rearmed(self, books: UnitOfWork, lease: Lease) -> bool:
        """True if the mark that stood under this lease is gone; the record stays locked meanwhile."""
        if self._disarmed_under != lease:
            return False
        record = await books.trunks.load(self._trunk)
        return record is not None and record.disarmed_at is None

    def _strikes(self) -> int:
        strikes: int = self._runner.knowledge().get("strikes", 0)
        return strikes
