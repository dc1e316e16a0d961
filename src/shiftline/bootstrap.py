"""The only place that builds objects: settings in, a running worker out."""

from __future__ import annotations

import asyncio
import os
import secrets as tokens
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from shiftline import config
from shiftline.clock import Clock, boot_time
from shiftline.config import Settings
from shiftline.connector.checking import Checker
from shiftline.connector.deciding import Decider
from shiftline.connector.delivering import Deliverer
from shiftline.connector.intake import Intake
from shiftline.connector.ownership import Ownership
from shiftline.connector.planning import DeliveryPolicy
from shiftline.connector.qualifier import QualificationPolicy, Qualifier
from shiftline.connector.records import Lease, TrunkKey, TrunkRecord
from shiftline.connector.trouble import TrunkWatch
from shiftline.connector.worker import Rhythm, Worker
from shiftline.errors import ConfigurationError, MisuseError, PeerError, UnavailableError
from shiftline.governor.governor import Governor
from shiftline.governor.policy import GovernorPolicy
from shiftline.net.asking import address_of, candidates
from shiftline.net.endpoint import SipEndpoint
from shiftline.net.resolver import ipv4_of, read_trunk_address, source_towards
from shiftline.net.trunk import TrunkAddress, TrunkDriver
from shiftline.sip.digest import DigestAccount, DigestClient
from shiftline.sip.uri import SipUri
from shiftline.store.database import open_database
from shiftline.store.embedded import EmbeddedPostgres, supervise
from shiftline.store.leases import PostgresLeases
from shiftline.store.unit_of_work import PostgresStore
from shiftline.trades.deadlines import DeadlinePolicy
from shiftline.trades.decision import DecisionPolicy
from shiftline.trades.model import Verdict
from shiftline.trades.windows import DAYS, PublishWindow
from shiftline.wfm.genesys import GenesysCloud, open_genesys
from shiftline.wfm.roster_file import read_roster
from shiftline.wfm.settings import GenesysSettings

BUDGET_SECONDS = 61.0  # a little more than the WFM's own minute: its clock starts when our call arrives
DEFAULT_SIP_PORT = 5060
SIGN_IN_SECONDS = 10.0  # so long may the WFM keep a start from its other work

TRUSTED = (
    "policy.trust_unqualified = true: an agent counts as available although no control has shown that "
    "the PBX tells the present from the absent."
)

log = structlog.get_logger("shiftline.start")


def trunk_key(settings: Settings) -> TrunkKey:
    """What this trunk's knowledge is kept under."""
    return TrunkKey(
        trunk=settings.trunk.name, source=settings.trunk.source, user=settings.trunk.username or "-"
    )


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
    """Open the WFM client; its calls come out of the budget that the database keeps."""

    async def reserve() -> float:
        bucket = f"shift-trading:{settings.wfm.client_id}"
        async with store.work() as books:
            return await books.journal.reserve_call(
                bucket, settings.wfm.calls_per_minute, BUDGET_SECONDS, clock()
            )

    async with open_genesys(genesys_settings(settings), clock=clock, reserve=reserve) as wfm:
        yield wfm


def genesys_settings(settings: Settings) -> GenesysSettings:
    """Translate the configuration for the client; ConfigurationError if the secret is missing."""
    wfm = settings.wfm
    schema, _, attribute = wfm.address_attribute.partition("/")
    return GenesysSettings(
        api_url=wfm.api_url,
        login_url=wfm.login_url,
        client_id=wfm.client_id,
        client_secret=config.secret(wfm.client_secret_env),
        business_unit=wfm.business_unit,
        address_schema=schema,
        address_field=attribute,
        poll_steps_seconds=tuple(wfm.job_poll_seconds * step for step in (1, 2, 4)),
    )


def roster_addresses(settings: Settings) -> dict[str, str]:
    """Read the roster file, if one is configured."""
    return read_roster(Path(settings.wfm.roster_file)) if settings.wfm.roster_file else {}


def decision_policy(settings: Settings) -> DecisionPolicy:
    """The unit's decision table."""
    return DecisionPolicy(
        on_unverifiable=Verdict(settings.policy.on_unverifiable),
        deny_violations=frozenset(settings.policy.deny_violations),
    )


def publish_windows(settings: Settings) -> list[PublishWindow]:
    """The declared publish windows."""
    return [
        PublishWindow(
            weekday=DAYS.index(window.weekday),
            opens=window.opens,
            length=config.length_of(window),
            zone=config.zone_of(window),
        )
        for window in settings.windows
    ]


async def resolve_trunk(settings: Settings) -> TrunkAddress:
    """Read and resolve ``trunk.address``; who we are there is the account, or ``shiftline``.

    Raises ConfigurationError if it is no SIP URI that can be used or its host has no address,
    UnavailableError if nobody can tell at the moment.
    """
    trunk = settings.trunk
    uri = read_trunk_address(trunk.address)
    domain = SipUri(scheme="sip", user=None, host=trunk.domain or uri.host, port=None)
    try:
        str(domain)
    except MisuseError as error:
        raise ConfigurationError(
            f"trunk.domain is {trunk.domain!r}, which is not a host name.",
            remedy="Write it like pbx.example.com, or leave it empty.",
        ) from error
    return TrunkAddress(
        destination=(await ipv4_of(uri.host), uri.port or DEFAULT_SIP_PORT),
        domain=domain,
        identity=SipUri(scheme="sip", user=trunk.username or "shiftline", host=domain.host, port=None),
        answer_timeout_seconds=trunk.answer_timeout_seconds,
        family=trunk.family,
    )


def qualification_policy(settings: Settings, domain: SipUri) -> QualificationPolicy:
    """How the trunk's method is qualified; ConfigurationError for a control that is no address."""
    trunk = settings.trunk
    windows = publish_windows(settings)
    controls = None
    if trunk.control_present:
        controls = (
            _control("control_present", trunk.control_present, domain),
            _control("control_absent", trunk.control_absent, domain),
        )
    return QualificationPolicy(
        methods=candidates(trunk.method),
        controls=controls,
        family=trunk.family,
        valid=timedelta(hours=trunk.qualified_hours),
        trust_unqualified=settings.policy.trust_unqualified,
        in_publish_window=lambda now: any(window.contains(now) for window in windows),
    )


def _control(key: str, text: str, domain: SipUri) -> str:
    try:
        return str(address_of(text, domain))
    except ConfigurationError as error:
        raise ConfigurationError(
            f"trunk.{key}: {error.message}", remedy="Give a SIP URI, or a user of trunk.domain."
        ) from error


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerPlan:
    """A configuration that was found usable, before anything is started."""

    settings: Settings
    trunk: TrunkAddress
    addresses: Mapping[str, str]

    @property
    def qualification(self) -> QualificationPolicy:
        """How the trunk's method is qualified."""
        return qualification_policy(self.settings, self.trunk.domain)


async def plan_worker(settings: Settings) -> WorkerPlan:
    """Read all that the configuration names; raises ShiftlineError for the first thing that is wrong."""
    config.check_secrets(settings)
    addresses = roster_addresses(settings)
    trunk = await resolve_trunk(settings)
    qualification_policy(settings, trunk.domain)
    return WorkerPlan(settings=settings, trunk=trunk, addresses=addresses)


@asynccontextmanager
async def open_trunk(
    plan: WorkerPlan, store: PostgresStore, leases: PostgresLeases, owner: str, clock: Clock
) -> AsyncIterator[tuple[Ownership, TrunkDriver]]:
    """Open the trunk's socket and driver, which learns what is known whenever its lease is newly taken."""
    trunk, qualification = plan.settings.trunk, plan.qualification

    async def recall(_: Lease) -> None:
        async with store.work() as books:
            record = await books.trunks.load(trunk_key(plan.settings))
            if qualification.trust_unqualified:
                await books.trunks.note(trunk_key(plan.settings), "trunk.trusts-unqualified", clock())
        if qualification.trust_unqualified:
            log.warning("unqualified evidence is trusted", why=TRUSTED)
        known = None if record is None else record.governor.get("qualification")
        driver.take_over(
            _governor(plan.settings, record),
            Qualifier(qualification, clock(), known),
            None if record is None else record.disarmed_cause,
        )

    ownership = Ownership(
        leases, name=f"trunk:{trunk.name}", owner=owner, boot_time=boot_time, on_taken=recall
    )
    digest = None
    if trunk.username:
        account = DigestAccount(username=trunk.username, password=config.secret(trunk.password_env))
        digest = DigestClient(account, token=new_token)
    source = source_towards(plan.trunk.destination, trunk.source)
    async with await SipEndpoint.open(local_host=source, may_send=ownership.holds) as endpoint:
        driver = TrunkDriver(
            endpoint=endpoint,
            address=plan.trunk,
            digest=digest,
            governor=_governor(plan.settings, None),
            qualifier=Qualifier(qualification, clock()),
            clock=clock,
            token=new_token,
            may_send=ownership.holds,
        )
        try:
            yield ownership, driver
        finally:
            await driver.aclose()


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
        async with open_trunk(plan, store, leases, owner, clock) as (trunk, driver):
            key = trunk_key(settings)
            yield Worker(
                work=store.work,
                clock=clock,
                trunk=trunk,
                wfm=Ownership(leases, name=f"wfm:{wfm.name}", owner=owner, boot_time=boot_time),
                intake=Intake(
                    wfm=wfm,
                    work=store.work,
                    clock=clock,
                    deadlines=_deadlines(settings),
                    fresh_seconds=settings.policy.fresh_seconds,
                    addresses=plan.addresses,
                ),
                checker=Checker(work=store.work, clock=clock, runner=driver, ownership=trunk, trunk=key),
                decider=Decider(
                    work=store.work,
                    clock=clock,
                    policy=decision_policy(settings),
                    fresh_seconds=settings.policy.fresh_seconds,
                    trunk=key,
                    on_unanswered=_on_unanswered(settings),
                ),
                deliverer=Deliverer(wfm=wfm, work=store.work, clock=clock),
                rhythm=_rhythm(settings),
                watch=TrunkWatch(
                    runner=driver,
                    ownership=trunk,
                    trunk=settings.trunk.name,
                    address="{}:{}".format(*plan.trunk.destination),
                ),
                wfm_name=wfm.name,
                delivery=DeliveryPolicy(),
            )


def new_token() -> str:
    """A random token for branches, tags, Call-IDs and cnonces (RFC 3261 section 19.3: 32 bits at least)."""
    return tokens.token_hex(8)


def _deadlines(settings: Settings) -> DeadlinePolicy:
    return DeadlinePolicy(
        minimum_notice=timedelta(hours=settings.policy.minimum_notice_hours),
        supervisor_lead=timedelta(hours=settings.policy.supervisor_lead_hours),
    )


def _on_unanswered(settings: Settings) -> Verdict | None:
    answer = settings.policy.on_unanswered
    return None if answer == "expire" else Verdict(answer)


def _rhythm(settings: Settings) -> Rhythm:
    return Rhythm(
        poll_seconds=settings.wfm.poll_seconds,
        window_poll_seconds=settings.wfm.window_poll_seconds,
        windows=publish_windows(settings),
    )


def _governor(settings: Settings, record: TrunkRecord | None) -> Governor:
    trunk = settings.trunk
    policy = GovernorPolicy(learn=trunk.learn, max_rate=trunk.max_rate, headroom=trunk.headroom)
    known = None if record is None else record.governor
    return Governor(policy, asyncio.get_running_loop().time(), known)
