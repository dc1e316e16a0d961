"""Checking: the trunk's owner claims due checks, earliest need first, and stores what they bring."""

from __future__ import annotations

from shiftline.clock import Clock
from shiftline.connector.ownership import Ownership
from shiftline.connector.ports import CheckRunner, Work
from shiftline.connector.records import Lease, TrunkKey
from shiftline.trades.model import Evidence


class Checker:
    """Feeds one trunk while this worker owns it."""

    def __init__(
        self, *, work: Work, clock: Clock, runner: CheckRunner, ownership: Ownership, trunk: TrunkKey
    ) -> None:
        self._work = work
        self._clock = clock
        self._runner = runner
        self._ownership = ownership
        self._trunk = trunk
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
        if not self._unsaved and not room:
            return 0
        # What a failing database refuses stays here, and is stored when it is back.
        async with self._work() as books:
            if self._unsaved:
                await books.checks.record_evidence(lease, self._unsaved)
            checks = await books.checks.claim(lease, room, self._held.values()) if room else []
        saved, self._unsaved = self._unsaved, []
        for evidence in saved:
            self._held.pop(evidence.agent, None)
        self._held |= {check.agent: check.id for check in checks}
        self._runner.submit(checks)
        await self._disarm_if_stopped(lease)
        return len(saved)

    async def save_knowledge(self) -> None:
        """Keep the governor's state, so that a restart and an operator can see it."""
        # What a worker that was overtaken has in mind must not cover what the new owner learned.
        if not self._ownership.holds():
            return
        async with self._work() as books:
            await books.trunks.save(self._trunk, self._runner.knowledge(), self._clock())

    async def _disarm_if_stopped(self, lease: Lease) -> None:
        cause = self._runner.stopped_by()
        if cause is None or self._disarmed_under == lease:
            return
        async with self._work() as books:
            await books.trunks.disarm(self._trunk, cause, self._clock())
        self._disarmed_under = lease
