"""The only place that builds objects: settings in, a running worker out."""

from __future__ import annotations

import asyncio
import os
import secrets as tokens
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from random import Random

import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from shiftline import config
from shiftline.clock import Clock, boot_time
from shiftline.config import Settings
from shiftline.connector.checking import Checker
from shiftline.connector.deciding import Decider
from shiftline.connector.delivering import Deliverer
from shiftline.connector.fallback import PlatformFallback
from shiftline.connector.intake import Intake
from shiftline.connector.ownership import Ownership
from shiftline.connector.planning import DeliveryPolicy
from shiftline.connector.qualifier import QualificationPolicy, Qualifier
from shiftline.connector.records import Fallback, Lease, TrunkKey, TrunkRecord
from shiftline.connector.trouble import TrunkWatch
from shiftline.connector.worker import Rhythm, Worker
from shiftline.errors import ConfigurationError, MisuseError, PeerError, UnavailableError
from shiftline.governor.governor import Governor
from shiftline.governor.policy import GovernorPolicy
from shiftline.net.asking import address_of, candidates
from shiftline.net.endpoint import SipEndpoint
from shiftline.net.hep import find_collector, open_collector
from shiftline.net.package_method import PACKAGE_METHODS
from shiftline.net.resolver import Resolver, read_contact, read_trunk_address, source_towards
from shiftline.net.settings import StreamSettings
from shiftline.net.subscription_driver import NotifyInbox
from shiftline.net.tls import TlsSettings, client_context
from shiftline.net.trunk import TrunkAddress, TrunkDriver
from shiftline.net.trunk_registration import TrunkRegistration, answer_pbx, windows_seen_from
from shiftline.sip.digest import DigestAccount, DigestClient
from shiftline.sip.events import Address
from shiftline.sip.registration import Binding, Registration
from shiftline.sip.trace import TracedMessage
from shiftline.sip.transport import Transport
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
from shiftline.wfm.jobs import Reserve
from shiftline.wfm.roster_file import read_roster
from shiftline.wfm.settings import GenesysSettings

BUDGET_SECONDS = 61.0  # a little more than the WFM's own minute: its clock starts when our call arrives
ADHERENCE_CALLS_PER_MINUTE = 60  # a fifth of the token's 300; 6,000 agents a minute
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

    Raises ConfigurationError if it is no SIP URI that can be used, its host has no address or a TLS file
    is unusable, UnavailableError if nobody can tell at the moment.
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
    targets = await Resolver().targets(uri, source=trunk.source)
    if any(target.transport is Transport.TLS for target in targets):
        client_context(trunk_tls(settings))
    return TrunkAddress(
        targets=tuple(targets),
        domain=domain,
        identity=SipUri(scheme="sip", user=trunk.username or "shiftline", host=domain.host, port=None),
        answer_timeout_seconds=trunk.answer_timeout_seconds,
        contact=read_contact(trunk.contact),
        family=trunk.family,
    )


def trunk_tls(settings: Settings) -> TlsSettings:
    """Whom the trunk trusts, and who we are to it; ConfigurationError if the key's password is missing."""
    trunk = settings.trunk
    return TlsSettings(
        ca=trunk.tls_ca,
        certificate=trunk.tls_certificate,
        key=trunk.tls_key,
        key_password=config.secret(trunk.tls_key_password_env) if trunk.tls_key_password_env else None,
        verify=trunk.tls_verify,
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
    collector: Address | None = None

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
    return WorkerPlan(
        settings=settings,
        trunk=trunk,
        addresses=addresses,
        collector=await find_collector(settings.trunk.hep),
    )


def trace_to_homer(
    plan: WorkerPlan, clock: Clock
) -> AbstractAsyncContextManager[Callable[[TracedMessage], None] | None]:
    """What sends each message of the trunk to HOMER, redacted; None without a collector."""
    trunk = plan.settings.trunk
    key = config.secret(trunk.hep_key_env) if trunk.hep and trunk.hep_key_env else None
    return open_collector(plan.collector, clock=clock, capture_id=trunk.hep_id, auth_key=key)


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenTrunk:
    """A trunk that can be worked with once its lease is ours."""

    ownership: Ownership
    driver: TrunkDriver
    registration: TrunkRegistration | None
    recall: Callable[[Lease], Awaitable[None]]
    """Begin anew with what the database knows."""


@asynccontextmanager
async def open_trunk(
    plan: WorkerPlan, store: PostgresStore, leases: PostgresLeases, owner: str, clock: Clock
) -> AsyncIterator[OpenTrunk]:
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
        if registration is not None:
            registration.take_over()

    ownership = Ownership(
        leases, name=f"trunk:{trunk.name}", owner=owner, boot_time=boot_time, on_taken=recall
    )
    source = source_towards(plan.trunk.targets[0].address, trunk.source)
    subscribes = not PACKAGE_METHODS.keys().isdisjoint(qualification.methods)
    # A NOTIFY too large for a datagram comes over TCP.
    streams = StreamSettings(tls=trunk_tls(plan.settings), accept_tcp=subscribes)
    inbox = NotifyInbox(answer_pbx if trunk.registers else None)
    async with (
        trace_to_homer(plan, clock) as on_message,
        await SipEndpoint.open(
            local_host=source,
            may_send=ownership.holds,
            on_request=inbox.on_request if trunk.registers or subscribes else None,
            on_message=on_message,
            streams=streams,
        ) as endpoint,
    ):
        driver = TrunkDriver(
            endpoint=endpoint,
            address=plan.trunk,
            digest=_digest(plan.settings),
            governor=_governor(plan.settings, None),
            qualifier=Qualifier(qualification, clock()),
            inbox=inbox,
            clock=clock,
            token=new_token,
            may_send=ownership.holds,
        )
        registration = _registration(plan, endpoint, driver, clock) if trunk.registers else None
        try:
            yield OpenTrunk(ownership=ownership, driver=driver, registration=registration, recall=recall)
        finally:
            if registration is not None:
                await registration.aclose()
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
        async with open_trunk(plan, store, leases, owner, clock) as opened:
            key, trunk, driver = trunk_key(settings), opened.ownership, opened.driver
            farewell = {"farewell": opened.registration.release} if opened.registration is not None else {}
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
                    deadlines=_deadlines(settings),
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
                decider=Decider(
                    work=store.work,
                    clock=clock,
                    policy=decision_policy(settings),
                    fresh_seconds=settings.policy.fresh_seconds,
                    trunk=key,
                    on_unanswered=_on_unanswered(settings),
                    fallback=_fallback(settings),
                ),
                deliverer=Deliverer(wfm=wfm, work=store.work, clock=clock),
                rhythm=_rhythm(settings),
                watch=TrunkWatch(
                    runner=driver,
                    ownership=trunk,
                    trunk=settings.trunk.name,
                    address=str(plan.trunk.targets[0]),
                ),
                wfm_name=wfm.name,
                delivery=DeliveryPolicy(),
                **farewell,
                fallback=_platform_fallback(settings, wfm, store, clock, wfm_lease),
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


def _fallback(settings: Settings) -> Fallback | None:
    return Fallback() if settings.policy.platform_fallback else None


def _platform_fallback(
    settings: Settings, wfm: GenesysCloud, store: PostgresStore, clock: Clock, ownership: Ownership
) -> PlatformFallback | None:
    policy = _fallback(settings)
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


def _rhythm(settings: Settings) -> Rhythm:
    return Rhythm(
        poll_seconds=settings.wfm.poll_seconds,
        window_poll_seconds=settings.wfm.window_poll_seconds,
        windows=publish_windows(settings),
    )


def _digest(settings: Settings) -> DigestClient | None:
    trunk = settings.trunk
    if not trunk.username:
        return None
    account = DigestAccount(username=trunk.username, password=config.secret(trunk.password_env))
    return DigestClient(account, token=new_token)


def _registration(
    plan: WorkerPlan, endpoint: SipEndpoint, driver: TrunkDriver, clock: Clock
) -> TrunkRegistration:
    settings, identity = plan.settings, plan.trunk.identity
    here = endpoint.contact(plan.trunk.targets[0].transport, identity.user)
    loop_time = asyncio.get_running_loop().time
    registration = TrunkRegistration(
        Registration(
            Binding(
                aor=identity,
                registrar=plan.trunk.domain,
                contacts=(plan.trunk.contact or here,),
                expires_seconds=settings.trunk.register_expires_seconds,
            ),
            digest=_digest(settings),
            token=new_token,
            jitter=Random().random,
            windows=windows_seen_from(publish_windows(settings), clock, loop_time),
        ),
        endpoint=endpoint,
        trunk=driver,
        targets=plan.trunk.targets,
        clock=clock,
        name=settings.trunk.name,
        answer_timeout_seconds=plan.trunk.answer_timeout_seconds,
    )
    driver.registration_status = registration.status
    return registration


def _governor(settings: Settings, record: TrunkRecord | None) -> Governor:
    trunk = settings.trunk
    policy = GovernorPolicy(learn=trunk.learn, max_rate=trunk.max_rate, headroom=trunk.headroom)
    known = None if record is None else record.governor
    return Governor(policy, asyncio.get_running_loop().time(), known)
