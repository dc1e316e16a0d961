"""Our subscriber against real Kamailio's presence server, which knows what was published and registered."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.support import token
from tests.unit.sip.packages.bodies import dialog_info, pidf

from shiftline.connector.list_reading import ListedAgents
from shiftline.connector.package_reading import family_of
from shiftline.connector.qualifier import QualificationPolicy
from shiftline.connector.reading import Reading
from shiftline.lab.kamailio_presence import KamailioPresence, KamailioPresenceConfig
from shiftline.net.endpoint import SipEndpoint
from shiftline.net.exchange import Exchange
from shiftline.net.list_checkup import ListCheckup
from shiftline.net.subscription_driver import NotifyInbox, SubscriptionDriver
from shiftline.net.watcher import Fetched, Watcher
from shiftline.sip.headers import Headers
from shiftline.sip.message import Request
from shiftline.sip.packages.catalogue import PACKAGES, Package
from shiftline.sip.packages.presence import MEDIA_TYPE, parse_presence
from shiftline.sip.packages.resource_list import ResourceList
from shiftline.sip.requests import register
from shiftline.sip.subscription import Subscription, SubscriptionPlan
from shiftline.sip.subscription_events import Accepted, End, Ended, Notified
from shiftline.sip.targets import Target
from shiftline.sip.uri import SipUri
from shiftline.sip.values import EventType
from shiftline.trades.model import EvidenceKind

pytestmark = [pytest.mark.interop, pytest.mark.usefixtures("kamailio")]

NOW = datetime(2026, 11, 23, 15, 0, tzinfo=UTC)
AVAILABLE = Reading(EvidenceKind.AVAILABLE)
BUSY = Reading(EvidenceKind.BUSY)
NOT_REGISTERED = Reading(EvidenceKind.NOT_REGISTERED)
BLIND = Reading(EvidenceKind.UNVERIFIABLE, "method.blind")


@dataclass(frozen=True, kw_only=True)
class Server:
    """Kamailio, and we as watcher, publisher and phone."""

    kamailio: KamailioPresence
    endpoint: SipEndpoint
    inbox: NotifyInbox
    watcher: Watcher

    async def publish(self, user: str, package: Package, body: bytes) -> None:
        """Say what shall be known of ``user`` (RFC 3903)."""
        uri = self.kamailio.uri(user)
        rows = [("From", f"<{uri}>;tag={token()}"), ("To", f"<{uri}>"), ("Call-ID", token())]
        rows += [("CSeq", "1 PUBLISH"), ("Event", package.name), ("Expires", "60")]
        rows.append(("Content-Type", package.media_type))
        await self._accepted(Request("PUBLISH", uri, Headers(rows), body))

    async def register(self, user: str, expires_seconds: int) -> None:
        """Let a phone come or go."""
        phone = SipUri(user=user, host="127.0.0.2", port=self.endpoint.local[1])
        uri = self.kamailio.uri
        await self._accepted(
            register(
                uri(user), phone, uri(None), expires_seconds, token, call_id=user, cseq=7200 - expires_seconds
            )
        )

    async def fetch(self, user: str, package: Package) -> Fetched:
        return await self.watcher.fetch(self.kamailio.uri(user), package)

    def subscription(self, user: str, *, expires_seconds: int) -> Subscription:
        """A subscription to the presence of ``user``, for a driver."""
        host, port = self.endpoint.local
        plan = SubscriptionPlan(
            target=self.kamailio.uri(user),
            from_uri=self.kamailio.uri("shiftline"),
            contact=SipUri(user="shiftline", host=host, port=port),
            event=EventType(package="presence"),
            expires_seconds=expires_seconds,
            accept=(MEDIA_TYPE,),
        )
        return Subscription(plan, token=token)

    async def _accepted(self, request: Request) -> None:
        exchange = await self.endpoint.request(request, self.kamailio.address)
        assert exchange.response is not None
        assert exchange.response.status == 200


@asynccontextmanager
async def running(
    directory: Path, *, least_subscription_seconds: int = 0, members: tuple[str, ...] = ()
) -> AsyncIterator[Server]:
    kamailio = KamailioPresence(
        KamailioPresenceConfig(
            directory=directory, least_subscription_seconds=least_subscription_seconds, members=members
        )
    )
    await kamailio.start()
    inbox = NotifyInbox()
    try:
        async with await SipEndpoint.open(on_request=inbox.on_request) as endpoint:
            watcher = Watcher(
                endpoint, inbox, target=Target.over_udp(kamailio.address), identity=kamailio.uri("shiftline")
            )
            yield Server(kamailio=kamailio, endpoint=endpoint, inbox=inbox, watcher=watcher)
    finally:
        await kamailio.stop()


async def test_published_states_tell_present_from_absent(tmp_path: Path) -> None:
    """Presence differs; dialog shows a call and never an absence; an unknown package is 489."""
    presence, dialog = PACKAGES["presence"], PACKAGES["dialog"]
    conference = Package(name="conference", media_type=MEDIA_TYPE, parse=parse_presence)
    users = ("agent0001", "agent0002", "agent0003", "agent0004")
    async with running(tmp_path) as server:
        await server.publish("agent0001", presence, pidf("open"))
        await server.publish("agent0002", presence, pidf("open", activity="on-the-phone"))
        await server.publish("agent0003", presence, pidf("closed"))
        await server.publish("agent0002", dialog, dialog_info("confirmed"))
        found = [await server.fetch(user, presence) for user in users]
        calls = [await server.fetch(user, dialog) for user in users]
        unknown = await server.fetch("agent0001", conference)
    assert [one.reading() for one in found] == [AVAILABLE, BUSY, NOT_REGISTERED, BLIND]
    assert found[3].reading(absence_shows=True) == NOT_REGISTERED
    assert [one.reading() for one in calls] == [BLIND, BUSY, BLIND, BLIND]
    assert unknown.reading() == Reading(EvidenceKind.UNVERIFIABLE, "policy.event-package")
    products = {one.notify.headers.get("User-Agent") for one in found if one.notify}
    assert {family_of(product) for product in products} == {"kamailio"}


async def test_registrations_are_told_by_the_reg_package(tmp_path: Path) -> None:
    """A phone that registered is there; one that left, and one that never came, are not."""
    reg = PACKAGES["reg"]
    async with running(tmp_path) as server:
        await server.register("agent0001", 7200)
        await server.register("agent0002", 7200)
        async with asyncio.timeout(5):
            # Kamailio publishes to itself after it has answered the REGISTER.
            for user in ("agent0001", "agent0002"):
                while (await server.fetch(user, reg)).reading() != AVAILABLE:
                    continue
            await server.register("agent0002", 0)
            while (await server.fetch("agent0002", reg)).reading(absence_shows=True) == AVAILABLE:
                continue
        users = ("agent0001", "agent0002", "agent0003")
        readings = [(await server.fetch(user, reg)).reading(absence_shows=True) for user in users]
    assert readings == [AVAILABLE, NOT_REGISTERED, NOT_REGISTERED]


async def test_one_subscription_from_its_first_state_to_its_last(tmp_path: Path) -> None:
    """423, the first state, a change, the refresh, the last NOTIFY: all in one dialog."""
    async with running(tmp_path, least_subscription_seconds=8) as server:
        subscription = server.subscription("agent0001", expires_seconds=1)
        requests: list[Request] = []

        async def send(request: Request) -> Exchange:
            requests.append(request)
            return await server.endpoint.request(request, server.kamailio.address)

        bodies: list[bytes] = []
        async with aclosing(SubscriptionDriver(subscription, server.inbox, send).events()) as events:
            async for event in events:
                assert isinstance(event, Notified)
                bodies.append(event.request.body)
                if len(bodies) == 1:
                    await server.publish("agent0001", PACKAGES["presence"], pidf("open"))
                if len(bodies) == 3:
                    break
    assert [request.headers.get("Expires") for request in requests] == ["1", "8", "8", "0"]
    assert bodies[0] == b""
    assert [parse_presence(body).is_open for body in bodies[1:]] == [True, True]
    last = subscription.next_event()
    while isinstance(last, Accepted | Notified):
        last = subscription.next_event()
    assert isinstance(last, Ended)
    assert (last.why, last.state and last.state.value) == (End.COMPLETE, "terminated")


async def test_one_list_subscription_brings_the_states_of_its_members(tmp_path: Path) -> None:
    """Kamailio's list server: first who is on the list, then what it has learnt of each of them."""
    presence = PACKAGES["presence"]
    lists: list[ResourceList] = []
    agents = ListedAgents(presence, ("sip:agent0001@127.0.0.1", "sip:agent0003@127.0.0.1"))
    states: dict[str | None, bool] = {}
    async with running(tmp_path, members=("agent0001", "agent0003")) as server:
        await server.publish("agent0001", presence, pidf("open"))
        await server.publish("agent0003", presence, pidf("closed"))
        watching = server.watcher.watch_list(server.kamailio.uri("everyone"), presence)
        async with asyncio.timeout(10), aclosing(watching) as events:
            async for told in events:
                assert isinstance(told, ResourceList)
                lists.append(told)
                agents.take(told, NOW)
                known = [one for one in told.members if one.body]
                states |= {SipUri.parse(one.uri).user: parse_presence(one.body).is_open for one in known}
                if len(states) == 2:
                    break
    assert lists[0].is_full
    assert [SipUri.parse(one.uri).user for one in lists[0].members] == ["agent0001", "agent0003"]
    assert states == {"agent0001": True, "agent0003": False}
    assert agents.qualification.state == "qualified"


async def test_a_list_is_asked_once(tmp_path: Path) -> None:
    """As ``check --list`` does: of whom nothing was published the list tells nothing."""
    presence = PACKAGES["presence"]
    policy = QualificationPolicy(
        methods=("presence",), controls=("sip:agent0001@127.0.0.1", "sip:agent0003@127.0.0.1")
    )
    async with running(tmp_path, members=("agent0001", "agent0003", "agent0004")) as server:
        await server.publish("agent0001", presence, pidf("open"))
        await server.publish("agent0003", presence, pidf("closed"))
        checkup = ListCheckup(server.watcher, policy, lambda: NOW)
        await checkup.ask(server.kamailio.uri("everyone"), timeout_seconds=1.5)
        assert len(server.inbox) == 0
    assert [SipUri.parse(one).user for one in checkup.members] == ["agent0001", "agent0003", "agent0004"]
    found = [checkup.found(uri).evidence for uri in checkup.members]
    assert found == [AVAILABLE, NOT_REGISTERED, Reading(EvidenceKind.UNVERIFIABLE, "list.not-told")]
