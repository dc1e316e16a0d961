"""The watcher against the practice PBX, in one process over loopback."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, replace

import pytest
from tests.contract.practice_pbx import AGENTS, CONFIG, PASSWORD, practice_pbx

from shiftline.connector.reading import Reading
from shiftline.lab.authorized import send_authorized
from shiftline.lab.pbx.agents import Truth
from shiftline.lab.pbx.config import PracticePbxConfig
from shiftline.lab.pbx.faults import Faults
from shiftline.net.endpoint import SipEndpoint
from shiftline.net.exchange import Exchange
from shiftline.net.subscription_driver import NotifyInbox
from shiftline.net.watcher import WatchEnded, Watcher
from shiftline.sip.digest import DigestAccount, DigestClient
from shiftline.sip.events import Address, RequestReceived
from shiftline.sip.headers import Headers
from shiftline.sip.message import Request
from shiftline.sip.packages.catalogue import PACKAGES
from shiftline.sip.packages.resource_list import ResourceList
from shiftline.sip.requests import options, register
from shiftline.sip.subscription_events import End
from shiftline.sip.targets import Target
from shiftline.sip.uri import SipUri
from shiftline.trades.model import EvidenceKind

US = SipUri(user="shiftline", host="lab")
AVAILABLE = Reading(EvidenceKind.AVAILABLE)
BUSY = Reading(EvidenceKind.BUSY)
NOT_REGISTERED = Reading(EvidenceKind.NOT_REGISTERED)
UNKNOWN_USER = Reading(EvidenceKind.UNKNOWN_USER)
BLIND = Reading(EvidenceKind.UNVERIFIABLE, "method.blind")


def token() -> str:
    return "0123456789abcdef"


@dataclass(frozen=True, kw_only=True)
class Floor:
    """A practice PBX and a watcher at its trunk."""

    pbx: Address
    endpoint: SipEndpoint
    watcher: Watcher
    digest: DigestClient

    def uri(self, user: str | None) -> SipUri:
        return SipUri(user=user, host=self.pbx[0], port=self.pbx[1])

    async def readings(self, package: str) -> list[Reading]:
        """What fetches say of all agents, in their order."""
        found = [
            await self.watcher.fetch(self.uri(user), PACKAGES[package], timeout_seconds=2.0)
            for user in AGENTS
        ]
        return [one.reading() for one in found]

    async def register(self, user: str) -> None:
        """Let a phone appear."""
        request = register(self.uri(user), self.uri(user), self.uri(None), 60, token, call_id=user)
        exchange = await send_authorized(self.endpoint, self.digest, request, self.pbx)
        assert exchange.response is not None
        assert exchange.response.status == 200


@asynccontextmanager
async def floor(config: PracticePbxConfig = CONFIG) -> AsyncIterator[Floor]:
    inbox = NotifyInbox()
    digest = DigestClient(DigestAccount(username="shiftline", password=PASSWORD), token=token)
    async with (
        practice_pbx(config) as address,
        await SipEndpoint.open(on_request=inbox.on_request) as endpoint,
    ):
        watcher = Watcher(endpoint, inbox, target=Target.over_udp(address), identity=US, digest=digest)
        yield Floor(pbx=address, endpoint=endpoint, watcher=watcher, digest=digest)


@pytest.mark.parametrize(
    ("package", "readings"),
    [
        ("presence", [AVAILABLE, BUSY, NOT_REGISTERED, UNKNOWN_USER]),
        ("dialog", [BLIND, BUSY, BLIND, UNKNOWN_USER]),
        ("reg", [AVAILABLE, AVAILABLE, NOT_REGISTERED, UNKNOWN_USER]),
    ],
)
@pytest.mark.parametrize("notify_first", [False, True])
async def test_each_package_tells_what_it_can(
    package: str, readings: list[Reading], notify_first: bool
) -> None:
    """Presence tells all, reg not who is busy, dialog not who is absent; whichever message comes first."""
    async with floor(replace(CONFIG, notify_first=notify_first)) as lab:
        assert await lab.readings(package) == readings


async def test_a_blind_package_calls_everybody_available() -> None:
    """The control users of a qualification get one and the same answer: that is how it shows."""
    async with floor(
        replace(CONFIG, faults=Faults(blind_methods=frozenset({"presence", "reg", "options"})))
    ) as lab:
        assert await lab.readings("presence") == [AVAILABLE] * 4
        assert await lab.readings("reg") == [AVAILABLE] * 4
        statuses = []
        for user in AGENTS:
            asked = options(lab.uri(user), from_uri=US, token=token)
            exchange = await send_authorized(lab.endpoint, lab.digest, asked, lab.pbx)
            statuses.append(exchange.response.status if exchange.response else None)
        assert statuses == [200] * 4


@pytest.mark.parametrize(
    ("packages", "cause"),
    [(frozenset({"dialog"}), "policy.event-package"), (frozenset[str](), "policy.method")],
)
async def test_what_the_pbx_does_not_have(packages: frozenset[str], cause: str) -> None:
    """489 for a package, 405 for SUBSCRIBE itself."""
    async with floor(replace(CONFIG, event_packages=packages)) as lab:
        found = await lab.watcher.fetch(lab.uri("agent0001"), PACKAGES["presence"])
    assert found.notify is None
    assert found.reading() == Reading(EvidenceKind.UNVERIFIABLE, cause)


async def test_a_fetch_can_go_through_a_governor() -> None:
    """The SUBSCRIBE takes the way that its caller gives; a challenge is the caller's to meet."""
    async with floor() as lab:
        seen: list[int | None] = []

        async def governed(request: Request) -> Exchange:
            exchange = await send_authorized(lab.endpoint, lab.digest, request, lab.pbx)
            seen.append(exchange.response.status if exchange.response else None)
            return exchange

        found = await lab.watcher.fetch(lab.uri("agent0001"), PACKAGES["presence"], send=governed)
    assert (found.reading(), seen) == (AVAILABLE, [200])


async def test_silence_is_a_value() -> None:
    """Nobody answers: no exchange, no NOTIFY, unreachable."""
    inbox = NotifyInbox()
    async with await SipEndpoint.open() as silent, await SipEndpoint.open(on_request=inbox.on_request) as us:
        watcher = Watcher(us, inbox, target=Target.over_udp(silent.local), identity=US)
        found = await watcher.fetch(US, PACKAGES["presence"], timeout_seconds=0.1)
    assert (found.exchange, found.notify) == (None, None)
    assert found.reading() == Reading(EvidenceKind.UNVERIFIABLE, "network.unreachable")


async def test_a_notify_that_nobody_asked_for_gets_481() -> None:
    """And other requests 405: this endpoint is no phone."""
    inbox = NotifyInbox()
    async with await SipEndpoint.open() as peer, await SipEndpoint.open(on_request=inbox.on_request) as us:
        rows = [("From", "<sip:a@h>;tag=1"), ("To", "<sip:b@h>;tag=2"), ("Call-ID", "x")]
        statuses = []
        for method in ("NOTIFY", "MESSAGE"):
            request = Request(method, US, Headers([*rows, ("CSeq", f"1 {method}")]))
            exchange = await peer.request(request, us.local)
            statuses.append(exchange.response.status if exchange.response else None)
    assert statuses == [481, 405]


async def next_list(events: AsyncGenerator[ResourceList | WatchEnded]) -> Mapping[str, bytes]:
    """The states that the next list notification tells of, by user."""
    async with asyncio.timeout(5):
        told = await anext(events)
    assert isinstance(told, ResourceList)
    return {SipUri.parse(one.uri).user or "": one.body for one in told.members if one.body}


async def test_one_list_subscription_tells_of_everybody() -> None:
    """Full state first, then who changed: a phone appears, and its member comes alone."""
    async with (
        floor() as lab,
        aclosing(lab.watcher.watch_list(lab.uri("everyone"), PACKAGES["presence"])) as events,
    ):
        assert list(await next_list(events)) == list(AGENTS)
        await lab.register("agent0003")
        (changed,) = (await next_list(events)).items()
        assert changed[0] == "agent0003"
        assert b"<basic>open</basic>" in changed[1]


async def test_a_long_list_comes_in_several_notifications() -> None:
    """Each fits a datagram; together they tell of every member once."""
    agents = {f"agent{number:04d}": Truth.AVAILABLE for number in range(1, 101)}
    async with (
        floor(replace(CONFIG, agents=agents)) as lab,
        aclosing(lab.watcher.watch_list(lab.uri("everyone"), PACKAGES["reg"])) as events,
    ):
        told: list[str] = []
        while len(told) < len(agents):
            told += await next_list(events)
    assert told == list(agents)


async def test_a_list_needs_no_list_server_to_be_read() -> None:
    """An agent's own URI watched like a list gives that one member."""
    async with (
        floor() as lab,
        aclosing(lab.watcher.watch_list(lab.uri("agent0002"), PACKAGES["presence"])) as events,
    ):
        (told,) = (await next_list(events)).items()
    assert told[0] == "agent0002"
    assert b"on-the-phone" in told[1]


async def test_an_interval_too_brief_is_obeyed() -> None:
    """423 with Min-Expires: asked again for longer, and granted."""
    async with (
        floor(replace(CONFIG, least_subscription_seconds=90)) as lab,
        aclosing(
            lab.watcher.watch_list(lab.uri("everyone"), PACKAGES["presence"], expires_seconds=60)
        ) as events,
    ):
        assert list(await next_list(events)) == list(AGENTS)


async def test_a_refused_list_ends_the_iterator() -> None:
    """404 for a list nobody knows: said once, and not asked again."""
    async with floor() as lab:
        watching = lab.watcher.watch_list(lab.uri("nobody"), PACKAGES["presence"])
        told = [one async for one in watching]
    (last,) = told
    assert isinstance(last, WatchEnded)
    assert (last.ended.why, last.ended.status, last.again_in_seconds) == (End.REFUSED, 404, None)


async def test_closing_unsubscribes() -> None:
    """The PBX hears of it: what changes afterwards is told to nobody."""
    heard: list[str] = []
    inbox = NotifyInbox()

    def on_request(endpoint: SipEndpoint, event: RequestReceived) -> None:
        heard.append(event.request.headers.get("Subscription-State") or "")
        inbox.on_request(endpoint, event)

    digest = DigestClient(DigestAccount(username="shiftline", password=PASSWORD), token=token)
    async with practice_pbx() as address, await SipEndpoint.open(on_request=on_request) as endpoint:
        watcher = Watcher(endpoint, inbox, target=Target.over_udp(address), identity=US, digest=digest)
        lab = Floor(pbx=address, endpoint=endpoint, watcher=watcher, digest=digest)
        async with aclosing(watcher.watch_list(lab.uri("everyone"), PACKAGES["presence"])) as events:
            await next_list(events)
        told = len(heard)
        await lab.register("agent0003")
        await endpoint.request(options(lab.uri(None), from_uri=US, token=token), address)
    assert heard[-1] == "terminated;reason=timeout"
    assert len(heard) == told
