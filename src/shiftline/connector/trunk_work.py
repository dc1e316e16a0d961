"""One trunk as a worker works on it: its lease, its checks, its knowledge. A step says how long to rest."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field

import structlog

from shiftline.connector.checking import Checker
from shiftline.connector.ownership import RENEW_SECONDS, Ownership
from shiftline.connector.prefetching import Prefetcher
from shiftline.connector.trouble import TrunkWatch
from shiftline.errors import UnavailableError

log = structlog.get_logger("shiftline.trunk")

IDLE_SECONDS = 0.2
TICK_SECONDS = 0.5  # how often a trunk that is not ours asks whether to take it, if nobody nudges it
GIVE_UP_SECONDS = 2.0
SAVING_SHARE = 0.5  # of what is left of the lease; the rest is for the farewell


async def _nothing_to_say() -> None:
    """What most trunks are told at the end."""


@dataclass(slots=True, kw_only=True)
class TrunkWork:
    """A trunk that this worker can work on, while it owns it."""

    name: str
    ownership: Ownership
    checker: Checker
    watch: TrunkWatch
    prefetcher: Prefetcher | None = None
    """None: nobody is asked ahead of need."""
    farewell: Callable[[], Awaitable[None]] = _nothing_to_say
    """Awaited before the trunk is given up, while it is still ours: its registration is removed."""
    is_leaving: bool = False
    """Set it to have the trunk handed over to another worker."""
    _may_be_free: asyncio.Event = field(default_factory=asyncio.Event, init=False)
    _is_new: asyncio.Event = field(default_factory=asyncio.Event, init=False)

    async def keep(self, may_take: Callable[[str], bool]) -> float:
        """Prolong the lease if it is ours, else take it if it may be taken."""
        if self.is_leaving:
            await self._hand_over()
            return TICK_SECONDS
        owned = self.ownership.lease is not None
        if not owned and not may_take(self.ownership.name):
            await _first_of(self._may_be_free, TICK_SECONDS)
            return 0.0
        if owned and await self.ownership.renew():
            return RENEW_SECONDS
        if owned:
            log.warning("trunk lost", trunk=self.name, why="Another worker owns it now: this one was late.")
            return TICK_SECONDS
        if await self.ownership.take():
            log.info("trunk taken", trunk=self.name)
            self._is_new.set()
            return RENEW_SECONDS
        return TICK_SECONDS

    def nudge(self) -> None:
        """Have `keep` ask at once whether the trunk may be taken."""
        self._may_be_free.set()

    async def check(self) -> float:
        """Store what has come in and claim more."""
        if self._may_work:
            await self.checker.step(IDLE_SECONDS / 2)
            return 0.0
        await _first_of(self._is_new, IDLE_SECONDS)
        if self._may_work:
            await self.checker.step(0.0)
        return 0.0

    @property
    def _may_work(self) -> bool:
        return self.ownership.holds() and not self.is_leaving

    async def save_knowledge(self) -> float:
        """Keep what the governor has learned, and tell the log what has changed."""
        self.watch.look()
        await self.checker.save_knowledge()
        return 1.0

    @property
    def is_idle(self) -> bool:
        """True if it could be given to another worker without anything being asked twice."""
        return self.checker.is_idle

    async def let_go(self) -> None:
        """Give the lease up if the trunk is ours, with what was learned and nothing left at the PBX.

        A defect in one of these keeps none of the others, and is raised after them.
        """
        try:
            await self._save_in_time()
        finally:
            try:
                await self._say_farewell()
            finally:
                await give_up(self.ownership)

    async def _save_in_time(self) -> None:
        """Keep what the last second taught, if the database answers soon; nothing prolongs the lease now."""
        if not self.ownership.holds():
            return
        try:
            await asyncio.wait_for(self.checker.save_last(), self.ownership.seconds_left() * SAVING_SHARE)
        except (UnavailableError, TimeoutError):
            log.warning("what the trunk taught last is not kept", trunk=self.name)

    async def _say_farewell(self) -> None:
        if self.ownership.holds():
            await self.farewell()

    async def _hand_over(self) -> None:
        """Give the trunk to another worker."""
        await self.let_go()
        log.info("trunk handed over", trunk=self.name)
        self.is_leaving = False


async def _first_of(event: asyncio.Event, seconds: float) -> None:
    """Rest so long, or until the event, which is over then."""
    with suppress(TimeoutError):
        await asyncio.wait_for(event.wait(), seconds)
    event.clear()


async def give_up(ownership: Ownership) -> None:
    """Let a lease go, if the database answers soon."""
    try:
        await asyncio.wait_for(ownership.give_up(), timeout=GIVE_UP_SECONDS)
    except (UnavailableError, TimeoutError):
        log.warning("lease not given up; it runs out by itself")
