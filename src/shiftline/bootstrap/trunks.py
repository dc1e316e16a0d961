"""Several trunks side by side: what is wrong with one does not keep the others from their work."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

import structlog

from shiftline.bootstrap.policies import publish_windows, trunk_key
from shiftline.bootstrap.trunk import OpenTrunk, open_trunk
from shiftline.bootstrap.trunk_plan import TrunkPlan, plan_trunk
from shiftline.clock import Clock
from shiftline.config import Settings, TrunkSettings
from shiftline.connector.checking import Checker
from shiftline.connector.prefetching import Prefetcher
from shiftline.connector.trouble import TrunkWatch
from shiftline.connector.trunk_work import TrunkWork
from shiftline.errors import ShiftlineError
from shiftline.governor.account_book import AccountBook
from shiftline.store.leases import PostgresLeases
from shiftline.store.unit_of_work import PostgresStore
from shiftline.trades.prefetch import PrefetchPolicy

log = structlog.get_logger("shiftline.start")


async def plan_trunks(settings: Settings, trunks: Sequence[TrunkSettings]) -> list[TrunkPlan]:
    """Plan those ``trunks`` that can be used; raises the first fault if none can."""
    found = await asyncio.gather(*(plan_trunk(settings, trunk) for trunk in trunks), return_exceptions=True)
    plans = [plan for plan in found if isinstance(plan, TrunkPlan)]
    for fault in found:
        if isinstance(fault, BaseException) and not (plans and isinstance(fault, ShiftlineError)):
            raise fault
    return plans


class Trunks:
    """The trunks that a worker has open; what is opened stays so until the worker ends."""

    def __init__(
        self,
        settings: Settings,
        store: PostgresStore,
        leases: PostgresLeases,
        owner: str,
        clock: Clock,
        stack: AsyncExitStack,
    ) -> None:
        self._settings = settings
        self._store = store
        self._leases = leases
        self._owner = owner
        self._clock = clock
        self._stack = stack
        self._books: defaultdict[tuple[str, str], AccountBook] = defaultdict(AccountBook)
        """By user and domain: whatever refuses an account on one trunk refuses it on the others."""
        self._open: set[str] = set()
        self._told: dict[str, str] = {}

    async def open(self, plan: TrunkPlan) -> TrunkWork:
        """Open a trunk, to work on it while its lease is ours. Raises UnavailableError if it cannot be."""
        name, key = plan.trunk.name, trunk_key(plan.trunk)
        book = self._books[plan.trunk.username, str(plan.address.domain)]
        opened = await self._stack.enter_async_context(
            open_trunk(plan, self._store, self._leases, self._owner, self._clock, book)
        )
        self._open.add(name)
        return TrunkWork(
            name=name,
            ownership=opened.ownership,
            checker=Checker(
                work=self._store.work,
                clock=self._clock,
                runner=opened.driver,
                ownership=opened.ownership,
                trunk=key,
                recall=opened.rearmed,
            ),
            watch=TrunkWatch(
                runner=opened.driver,
                ownership=opened.ownership,
                trunk=name,
                address=str(plan.address.targets[0]),
            ),
            prefetcher=self._prefetcher(name, opened),
            farewell=opened.farewell,
        )

    def _prefetcher(self, name: str, opened: OpenTrunk) -> Prefetcher | None:
        policy = self._settings.policy
        if not policy.prefetch:
            return None
        return Prefetcher(
            foresight=self._store.foresight(name),
            clock=self._clock,
            runner=opened.driver,
            ownership=opened.ownership,
            trunk=name,
            windows=publish_windows(self._settings),
            policy=PrefetchPolicy(fresh_seconds=policy.fresh_seconds),
        )

    async def open_all(self, plans: Sequence[TrunkPlan]) -> list[TrunkWork]:
        """Open those that can be opened; raises the first fault if none can."""
        opened: list[TrunkWork] = []
        first: ShiftlineError | None = None
        for plan in plans:
            try:
                opened.append(await self.open(plan))
            except ShiftlineError as fault:  # `open_more` tries again, and tells the log
                first = first or fault
        if first is not None and not opened:
            raise first
        return opened

    async def open_more(self) -> list[TrunkWork]:
        """Open those trunks that could not be opened so far; what keeps the others is logged once."""
        opened = []
        for trunk in self._settings.trunks:
            if trunk.name in self._open:
                continue
            try:
                opened.append(await self.open(await plan_trunk(self._settings, trunk)))
            except ShiftlineError as fault:
                if self._told.get(trunk.name) != str(fault):
                    self._told[trunk.name] = str(fault)
                    log.error("trunk not opened", trunk=trunk.name, why=str(fault))
            else:
                log.info("trunk opened", trunk=trunk.name)
        return opened


@asynccontextmanager
async def open_trunks(
    settings: Settings, store: PostgresStore, leases: PostgresLeases, owner: str, clock: Clock
) -> AsyncIterator[Trunks]:
    """Give what opens trunks, and close them all at the end."""
    async with AsyncExitStack() as stack:
        yield Trunks(settings, store, leases, owner, clock, stack)
