"""A worker from its settings: database, WFM, trunk and the use cases on top of them."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from shiftline import config
from shiftline.bootstrap.policies import (
    deadline_policy,
    decision_policy,
    fallback_policy,
    genesys_settings,
    list_policy,
    on_unanswered,
    qualification_policy,
    rhythm,
    roster_addresses,
    trunk_key,
)
from shiftline.bootstrap.trunk import WorkerPlan, new_token, open_trunk, resolve_trunk
from shiftline.clock import Clock, boot_time
from shiftline.config import Settings
from shiftline.connector.checking import Checker
from shiftline.connector.deciding import Decider
from shiftline.connector.delivering import Deliverer
from shiftline.connector.fallback import PlatformFallback
from shiftline.connector.intake import Intake
from shiftline.connector.ownership import Ownership
from shiftline.connector.planning import DeliveryPolicy
from shiftline.connector.trouble import TrunkWatch
from shiftline.connector.worker import Worker
from shiftline.errors import PeerError, UnavailableError
from shiftline.net.hep import find_collector
from shiftline.store.database import open_database
from shiftline.store.embedded import EmbeddedPostgres, supervise
from shiftline.store.leases import PostgresLeases
from shiftline.store.unit_of_work import PostgresStore
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
            yield engine, PostgresStore(engine, wfm=GenesysCloud.name, trunk=settings.trunk.name)
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


async def plan_worker(settings: Settings) -> WorkerPlan:
    """Read all that the configuration names; raises ShiftlineError for the first thing that is wrong."""
    config.check_secrets(settings)
    addresses = roster_addresses(settings)
    trunk = await resolve_trunk(settings)
    qualification_policy(settings, trunk.domain)
    list_policy(settings, trunk.domain)
    return WorkerPlan(
        settings=settings,
        trunk=trunk,
        addresses=addresses,
        collector=await find_collector(settings.trunk.hep),
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
    settings, leases = plan.settings, PostgresLeases(engine)
    owner = f"{socket.gethostname()}:{os.getpid()}:{new_token()}"
    async with open_wfm(settings, store, clock) as wfm:
        await sign_in(wfm)
        async with open_trunk(plan, store, leases, owner, clock) as opened:
            key, trunk, driver = trunk_key(settings), opened.ownership, opened.driver
            wfm_lease = Ownership(leases, name=f"wfm:{wfm.name}", owner=owner, boot_time=boot_time)
            yield Worker(
                work=store.work,
                clock=clock,
                trunk=trunk,
                wfm=wfm_lease,
                intake=Intake(
                    wfm=wfm,
                    work=store.work,
                    clock=clock,
                    deadlines=deadline_policy(settings),
                    fresh_seconds=settings.policy.fresh_seconds,
                    addresses=plan.addresses,
                ),
                checker=Checker(
                    work=store.work,
                    clock=clock,
                    runner=driver,
                    ownership=trunk,
                    trunk=key,
                    recall=opened.recall,
                ),
                decider=_decider(settings, store, clock),
                deliverer=Deliverer(wfm=wfm, work=store.work, clock=clock),
                rhythm=rhythm(settings),
                watch=TrunkWatch(
                    runner=driver,
                    ownership=trunk,
                    trunk=settings.trunk.name,
                    address=str(plan.trunk.targets[0]),
                ),
                wfm_name=wfm.name,
                delivery=DeliveryPolicy(),
                farewell=opened.farewell,
                fallback=_platform_fallback(settings, wfm, store, clock, wfm_lease),
            )


def _decider(settings: Settings, store: PostgresStore, clock: Clock) -> Decider:
    return Decider(
        work=store.work,
        clock=clock,
        policy=decision_policy(settings),
        fresh_seconds=settings.policy.fresh_seconds,
        trunk=trunk_key(settings),
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
