"""A worker from its settings: database, WFM, trunk and the use cases on top of them."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from shiftline import config
from shiftline.bootstrap.policies import (
    deadline_policy,
    decision_policy,
    fallback_policy,
    genesys_settings,
    on_unanswered,
    rhythm,
    roster_addresses,
    trunk_key,
    trunk_serving,
)
from shiftline.bootstrap.trunk import new_token
from shiftline.bootstrap.trunk_plan import TrunkPlan, lease_name
from shiftline.bootstrap.trunks import open_trunks, plan_trunks
from shiftline.clock import Clock, boot_time
from shiftline.config import Settings
from shiftline.connector.deciding import Decider
from shiftline.connector.delivering import Deliverer
from shiftline.connector.fallback import PlatformFallback
from shiftline.connector.intake import Intake
from shiftline.connector.lease_watch import LeaseWatch
from shiftline.connector.ownership import Ownership
from shiftline.connector.planning import DeliveryPolicy
from shiftline.connector.sharing import Sharing
from shiftline.connector.worker import Worker
from shiftline.errors import PeerError, UnavailableError
from shiftline.store.database import open_database, open_engine
from shiftline.store.embedded import EmbeddedPostgres, supervise
from shiftline.store.leases import PostgresLeases
from shiftline.store.unit_of_work import PostgresStore
from shiftline.store.workers import PostgresWorkers
from shiftline.wfm.genesys import GenesysCloud, open_genesys
from shiftline.wfm.jobs import Reserve

BUDGET_SECONDS = 61.0  # a little more than the WFM's own minute: its clock starts when our call arrives
ADHERENCE_CALLS_PER_MINUTE = 60  # a fifth of the token's 300; 6,000 agents a minute
SIGN_IN_SECONDS = 10.0  # so long may the WFM keep a start from its other work
log = structlog.get_logger("shiftline.start")


@asynccontextmanager
async def open_store(settings: Settings) -> AsyncIterator[tuple[AsyncEngine, PostgresStore]]:
    """Open the database, the embedded one if no URL is set, and keep that one alive meanwhile."""
    url, directory = settings.database.url or None, settings.data_directory()
    async with open_database(url, directory) as engine, asyncio.TaskGroup() as group:
        watch = None
        if url is None:
            watch = group.create_task(supervise(EmbeddedPostgres(directory)), name="database supervision")
        try:
            yield engine, PostgresStore(engine, wfm=GenesysCloud.name)
        finally:
            if watch is not None:
                watch.cancel()


@asynccontextmanager
async def open_wfm(settings: Settings, store: PostgresStore, clock: Clock) -> AsyncIterator[GenesysCloud]:
    """Open the WFM client; its calls come out of the budgets that the database keeps."""

    def budget(name: str, calls_per_minute: int) -> Reserve:
        async def reserve() -> float:
            bucket = f"{name}:{settings.wfm.client_id}"
            async with store.work() as books:
                return await books.journal.reserve_call(bucket, calls_per_minute, BUDGET_SECONDS, clock())

        return reserve

    async with open_genesys(
        genesys_settings(settings),
        clock=clock,
        reserve=budget("shift-trading", settings.wfm.calls_per_minute),
        reserve_adherence=budget("adherence", ADHERENCE_CALLS_PER_MINUTE),
    ) as wfm:
        yield wfm


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerPlan:
    """A configuration that was found usable, before anything is started."""

    settings: Settings
    trunks: Sequence[TrunkPlan]
    """Those that can be opened; the others are tried again later."""
    addresses: Mapping[str, str]


async def plan_worker(settings: Settings) -> WorkerPlan:
    """Read all that the configuration names; raises ShiftlineError for the first thing that is wrong.

    Of several trunks one is enough: what is wrong with the others is logged.
    """
    config.check_secrets(settings)
    addresses = roster_addresses(settings)
    return WorkerPlan(
        settings=settings, trunks=await plan_trunks(settings, settings.trunks), addresses=addresses
    )


@asynccontextmanager
async def open_worker(settings: Settings, clock: Clock) -> AsyncIterator[Worker]:
    """Build a worker with everything it needs; raises ShiftlineError with one clear sentence."""
    plan = await plan_worker(settings)
    async with open_store(settings) as (engine, store), open_worker_on(plan, engine, store, clock) as worker:
        yield worker


async def sign_in(wfm: GenesysCloud) -> None:
    """Have the WFM know us before the work begins: what it refuses at the start, a person has to mend.

    Raises RefusedError or ConfigurationError for that. A WFM that is away comes back, and is waited for.
    """
    try:
        async with asyncio.timeout(SIGN_IN_SECONDS):
            await wfm.calendar()
            await wfm.management_units()
    except TimeoutError:
        log.warning("waiting for the WFM", why=f"It did not answer within {SIGN_IN_SECONDS:g} s.")
    except (UnavailableError, PeerError) as error:
        log.warning("waiting for the WFM", why=str(error))


@asynccontextmanager
async def open_worker_on(
    plan: WorkerPlan, engine: AsyncEngine, store: PostgresStore, clock: Clock
) -> AsyncIterator[Worker]:
    """Build a worker on an open database."""
    settings = plan.settings
    owner = f"{socket.gethostname()}:{os.getpid()}:{new_token()}"
    trunk_of, watch = trunk_serving(settings), LeaseWatch(boot_time)
    async with store.work() as books:
        await books.roster.assign(trunk_of)
    async with (
        _lease_engine(engine) as lease_engine,
        open_wfm(settings, store, clock) as wfm,
        open_trunks(settings, store, PostgresLeases(lease_engine, watch), owner, clock) as trunks,
    ):
        await sign_in(wfm)
        wfm_lease = Ownership(
            PostgresLeases(lease_engine, watch), name=f"wfm:{wfm.name}", owner=owner, boot_time=boot_time
        )
        yield Worker(
            work=store.work,
            clock=clock,
            owner=owner,
            trunks=await trunks.open_all(plan.trunks),
            open_more=trunks.open_more,
            register=PostgresWorkers(lease_engine, watch),
            sharing=Sharing(owner=owner, leases=[lease_name(trunk) for trunk in settings.trunks]),
            boot_time=boot_time,
            wfm=wfm_lease,
            intake=Intake(
                wfm=wfm,
                work=store.work,
                clock=clock,
                deadlines=deadline_policy(settings),
                fresh_seconds=settings.policy.fresh_seconds,
                addresses=plan.addresses,
                trunk_of=trunk_of,
            ),
            decider=_decider(settings, store, clock),
            deliverer=Deliverer(wfm=wfm, work=store.work, clock=clock),
            rhythm=rhythm(settings),
            wfm_name=wfm.name,
            delivery=DeliveryPolicy(),
            fallback=_platform_fallback(settings, wfm, store, clock, wfm_lease),
        )


@asynccontextmanager
async def _lease_engine(engine: AsyncEngine) -> AsyncIterator[AsyncEngine]:
    """Connections of their own for leases: a renewal must not wait until the trunks' work leaves one free."""
    own = await open_engine(engine.url.render_as_string(hide_password=False))
    try:
        yield own
    finally:
        await own.dispose()


def _decider(settings: Settings, store: PostgresStore, clock: Clock) -> Decider:
    return Decider(
        work=store.work,
        clock=clock,
        policy=decision_policy(settings),
        fresh_seconds=settings.policy.fresh_seconds,
        trunks=[trunk_key(trunk) for trunk in settings.trunks],
        on_unanswered=on_unanswered(settings),
        fallback=fallback_policy(settings),
    )


def _platform_fallback(
    settings: Settings, wfm: GenesysCloud, store: PostgresStore, clock: Clock, ownership: Ownership
) -> PlatformFallback | None:
    policy = fallback_policy(settings)
    if policy is None:
        return None
    return PlatformFallback(
        feed=wfm,
        work=store.work,
        clock=clock,
        ownership=ownership,
        fresh_seconds=settings.policy.fresh_seconds,
        policy=policy,
    )
