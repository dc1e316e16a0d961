"""A trunk from its settings: resolved, proven, opened, with whatever goes with it."""

from __future__ import annotations

import asyncio
import secrets as tokens
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from random import Random

import structlog

from shiftline import config
from shiftline.bootstrap.policies import publish_windows, trunk_key, trunk_tls
from shiftline.bootstrap.trunk_plan import TrunkPlan, lease_name
from shiftline.clock import Clock, boot_time
from shiftline.config import TrunkSettings
from shiftline.connector.ownership import Ownership
from shiftline.connector.qualifier import Qualifier
from shiftline.connector.records import Lease, TrunkRecord
from shiftline.governor.account import Account
from shiftline.governor.account_book import AccountBook, BookPage
from shiftline.governor.governor import Governor
from shiftline.governor.policy import LOST_SECONDS, GovernorPolicy
from shiftline.net.endpoint import SipEndpoint
from shiftline.net.hep import open_collector
from shiftline.net.nonce_warming import NonceWarmer
from shiftline.net.package_method import PACKAGE_METHODS
from shiftline.net.resolver import source_towards
from shiftline.net.settings import Manners, StreamSettings
from shiftline.net.subscription_driver import NotifyInbox
from shiftline.net.trunk import TrunkDriver
from shiftline.net.trunk_list import TrunkList
from shiftline.net.trunk_registration import TrunkRegistration, answer_pbx
from shiftline.net.window_times import windows_seen_from
from shiftline.sip.digest import DigestAccount, DigestClient
from shiftline.sip.overload import ADVERTISED
from shiftline.sip.registration import Binding, Registration
from shiftline.sip.trace import TracedMessage
from shiftline.sip.uri import SipUri
from shiftline.store.leases import PostgresLeases
from shiftline.store.unit_of_work import PostgresStore

TRUSTED = (
    "policy.trust_unqualified = true: an agent counts as available although no control has shown that "
    "the PBX tells the present from the absent."
)
log = structlog.get_logger("shiftline.start")


def trace_to_homer(
    plan: TrunkPlan, clock: Clock
) -> AbstractAsyncContextManager[Callable[[TracedMessage], None] | None]:
    """What sends each message of the trunk to HOMER, redacted; None without a collector."""
    trunk = plan.trunk
    key = config.secret(trunk.hep_key_env) if trunk.hep and trunk.hep_key_env else None
    return open_collector(plan.collector, clock=clock, capture_id=trunk.hep_id, auth_key=key)


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenTrunk:
    """A trunk that can be worked with once its lease is ours."""

    ownership: Ownership
    driver: TrunkDriver
    registration: TrunkRegistration | None
    listed: TrunkList | None
    rearmed: Callable[[Lease], Awaitable[None]]
    """Begin anew with what the database knows, and ask at once: somebody has re-armed the trunk."""

    async def farewell(self) -> None:
        """Leave nothing behind at the PBX; call it while the trunk is still ours."""
        if self.listed is not None:
            await self.listed.release()
        if self.registration is not None:
            await self.registration.release()


@asynccontextmanager
async def open_trunk(
    plan: TrunkPlan,
    store: PostgresStore,
    leases: PostgresLeases,
    owner: str,
    clock: Clock,
    book: AccountBook | None = None,
) -> AsyncIterator[OpenTrunk]:
    """Open the trunk's socket and driver, which learns what is known whenever its lease is newly taken.

    ``book`` is its account's, where other trunks of this process carry the same one.
    """
    trunk, qualification = plan.trunk, plan.qualification
    page = BookPage(book or AccountBook(), trunk.name)

    async def recall(_: Lease, *, is_awaited: bool = False) -> None:
        async with store.work() as books:
            record = await books.trunks.load(trunk_key(trunk))
            if qualification.trust_unqualified:
                await books.trunks.note(trunk_key(trunk), "trunk.trusts-unqualified", clock())
        if qualification.trust_unqualified:
            log.warning("unqualified evidence is trusted", trunk=trunk.name, why=TRUSTED)
        known = None if record is None else record.governor.get("qualification")
        driver.take_over(
            _governor(trunk, record, clock, page),
            Qualifier(qualification, clock(), known, is_awaited=is_awaited),
            None if record is None else record.disarmed_cause,
        )
        if registration is not None:
            registration.take_over()
        if listed is not None:
            listed.take_over()

    ownership = Ownership(leases, name=lease_name(trunk), owner=owner, boot_time=boot_time, on_taken=recall)
    inbox = NotifyInbox(answer_pbx if trunk.registers else None)
    async with (
        trace_to_homer(plan, clock) as on_message,
        await _endpoint(plan, inbox, ownership, on_message) as endpoint,
    ):
        driver = _driver(plan, endpoint, inbox, ownership, clock)
        registration = _registration(plan, endpoint, driver, clock) if trunk.registers else None
        listed = _listed(plan, endpoint, inbox, driver, clock)
        warmer = _warmer(plan, endpoint, driver, clock)
        try:
            yield OpenTrunk(
                ownership=ownership,
                driver=driver,
                registration=registration,
                listed=listed,
                rearmed=partial(recall, is_awaited=True),
            )
        finally:
            await warmer.aclose()
            if listed is not None:
                await listed.release()
            if registration is not None:
                await registration.aclose()
            await driver.aclose()


async def _endpoint(
    plan: TrunkPlan,
    inbox: NotifyInbox,
    ownership: Ownership,
    on_message: Callable[[TracedMessage], None] | None,
) -> SipEndpoint:
    trunk = plan.trunk
    subscribes = bool(trunk.list_uri) or not PACKAGE_METHODS.keys().isdisjoint(plan.qualification.methods)
    return await SipEndpoint.open(
        local_host=source_towards(plan.address.targets[0].address, trunk.source),
        may_send=ownership.holds,
        on_request=inbox.on_request if trunk.registers or subscribes else None,
        on_message=on_message,
        manners=Manners(via_parameters=ADVERTISED if trunk.overload_control else ""),
        streams=StreamSettings(
            tls=trunk_tls(plan.trunk),
            accept_tcp=subscribes,  # a NOTIFY too large for a datagram comes over TCP
            keepalive_seconds=trunk.keepalive_seconds or None,
        ),
    )


def new_token() -> str:
    """A random token for branches, tags, Call-IDs and cnonces (RFC 3261 section 19.3: 32 bits at least)."""
    return tokens.token_hex(8)


def _digest(trunk: TrunkSettings) -> DigestClient | None:
    if not trunk.username:
        return None
    account = DigestAccount(username=trunk.username, password=config.secret(trunk.password_env))
    return DigestClient(account, token=new_token)


def _driver(
    plan: TrunkPlan, endpoint: SipEndpoint, inbox: NotifyInbox, ownership: Ownership, clock: Clock
) -> TrunkDriver:
    """It knows nothing yet."""
    driver = TrunkDriver(
        endpoint=endpoint,
        address=plan.address,
        digest=_digest(plan.trunk),
        governor=_governor(plan.trunk, None, clock),
        qualifier=Qualifier(plan.qualification, clock()),
        inbox=inbox,
        clock=clock,
        token=new_token,
        may_send=ownership.holds,
    )
    driver.shown["about"] = lambda: about(plan.trunk)
    return driver


def _registration(
    plan: TrunkPlan, endpoint: SipEndpoint, driver: TrunkDriver, clock: Clock
) -> TrunkRegistration:
    identity = plan.address.identity
    here = endpoint.contact(plan.address.targets[0].transport, identity.user)
    loop_time = asyncio.get_running_loop().time
    registration = TrunkRegistration(
        Registration(
            Binding(
                aor=identity,
                registrar=plan.address.domain,
                contacts=(plan.address.contact or here,),
                expires_seconds=plan.trunk.register_expires_seconds,
            ),
            digest=_digest(plan.trunk),
            token=new_token,
            jitter=Random().random,
            windows=windows_seen_from(publish_windows(plan.settings), clock, loop_time),
        ),
        endpoint=endpoint,
        trunk=driver,
        targets=plan.address.targets,
        clock=clock,
        name=plan.trunk.name,
        answer_timeout_seconds=plan.address.answer_timeout_seconds,
    )
    driver.shown["registration"] = registration.status
    return registration


def _listed(
    plan: TrunkPlan, endpoint: SipEndpoint, inbox: NotifyInbox, driver: TrunkDriver, clock: Clock
) -> TrunkList | None:
    policy = plan.listed
    if policy is None:
        return None
    listed = TrunkList(
        policy,
        endpoint=endpoint,
        inbox=inbox,
        trunk=driver,
        address=plan.address,
        digest=_digest(plan.trunk),
        clock=clock,
        name=plan.trunk.name,
        windows=windows_seen_from(publish_windows(plan.settings), clock, asyncio.get_running_loop().time),
    )
    driver.known = listed
    driver.shown["list"] = listed.status
    return listed


def _warmer(plan: TrunkPlan, endpoint: SipEndpoint, driver: TrunkDriver, clock: Clock) -> NonceWarmer:
    controls = plan.qualification.controls
    return NonceWarmer(
        endpoint=endpoint,
        trunk=driver,
        address=plan.address,
        token=new_token,
        windows=windows_seen_from(publish_windows(plan.settings), clock, asyncio.get_running_loop().time),
        about=None if controls is None else SipUri.parse(controls[0]),
    )


def about(trunk: TrunkSettings) -> dict[str, str]:
    """Which PBX it is that was learned about, beside what the record is kept by (source and account)."""
    return {
        "address": trunk.address,
        "domain": trunk.domain,
        # Whoever declares another rate wants it: what was learned under the old one is no answer to that.
        "declared": f"{trunk.max_rate:g} {trunk.headroom:g} {trunk.learn}",
    }


def _governor(
    trunk: TrunkSettings, record: TrunkRecord | None, clock: Clock, page: BookPage | None = None
) -> Governor:
    """A governor that begins with what is kept, and with how old that is (``age_seconds``)."""
    policy = GovernorPolicy(
        learn=trunk.learn,
        max_rate=trunk.max_rate,
        headroom=trunk.headroom,
        lost_seconds=max(LOST_SECONDS, 2 * trunk.answer_timeout_seconds),
    )
    known = None
    if record is not None:
        age = max(0.0, (clock() - record.saved_at).total_seconds())
        known = {**record.governor, "age_seconds": age}
        here = about(trunk)
        there = known.get("about", here)
        if there != here:
            # Another PBX has other limits, and another declaration is no answer to what was learned.
            same_pbx = isinstance(there, dict) and {**there, "declared": here["declared"]} == here
            known = {"learned": False, **Account.part_of(known, same_pbx=same_pbx)}
    return Governor(policy, asyncio.get_running_loop().time(), known, page)
