"""The driver of a subscription on loopback: what is lost, closed or cancelled leaves nothing behind."""

from __future__ import annotations

import asyncio

import pytest

from shiftline.connector.reading import Reading
from shiftline.errors import UnavailableError
from shiftline.net.endpoint import SipEndpoint
from shiftline.net.subscription_driver import NotifyInbox
from shiftline.net.watcher import Fetched, Watcher
from shiftline.sip.address import NameAddr
from shiftline.sip.events import RequestReceived
from shiftline.sip.headers import Headers
from shiftline.sip.message import Request, response_to
from shiftline.sip.packages.catalogue import PACKAGES
from shiftline.sip.targets import Target
from shiftline.sip.uri import SipUri
from shiftline.trades.model import EvidenceKind

AGENT = SipUri(user="agent0001", host="pbx.lab")
US = SipUri(user="shiftline", host="lab")
PRESENCE = PACKAGES["presence"]
OPEN = b'<presence entity="x"><tuple id="t"><status><basic>open</basic></status></tuple></presence>'


class Notifier:
    """A peer that answers SUBSCRIBE with ``status`` (None: never) and sends its NOTIFY, or does not."""

    def __init__(self, *, status: int | None = 200, notifies: bool = True) -> None:
        self.asked: list[Request] = []
        self.statuses: list[int | None] = []
        self.tasks: set[asyncio.Task[None]] = set()
        self._status = status
        self._notifies = notifies

    def on_request(self, endpoint: SipEndpoint, event: RequestReceived) -> None:
        self.asked.append(event.request)
        if event.key is not None and self._status is not None:
            endpoint.respond(event.key, response_to(event.request, self._status, to_tag="pbx"))
        if self._notifies:
            loop = asyncio.get_running_loop()
            self.tasks.add(loop.create_task(self.notify(endpoint, event)))

    async def notify(self, endpoint: SipEndpoint, event: RequestReceived) -> None:
        headers = event.request.headers
        rows = [("From", f"{headers.get('To')};tag=pbx"), ("To", headers.get("From") or "")]
        rows += [("Call-ID", headers.get("Call-ID") or ""), ("CSeq", "1 NOTIFY"), ("Event", "presence")]
        rows += [("Subscription-State", "terminated;reason=timeout"), ("Content-Type", PRESENCE.media_type)]
        contact = NameAddr.parse(headers.get("Contact") or "").uri
        exchange = await endpoint.request(Request("NOTIFY", contact, Headers(rows), OPEN), event.source)
        self.statuses.append(exchange.response.status if exchange.response else None)


async def fetch_from(notifier: Notifier, *, timeout_seconds: float, host: str = "127.0.0.3") -> Fetched:
    """One fetch; nothing of it may be left in the inbox."""
    inbox = NotifyInbox()
    loopback = "::1" if ":" in host else "127.0.0.1"
    async with (
        await SipEndpoint.open(local_host=loopback, on_request=notifier.on_request) as pbx,
        await SipEndpoint.open(local_host=host, on_request=inbox.on_request) as us,
    ):
        watcher = Watcher(us, inbox, target=Target.over_udp(pbx.local), identity=US)
        found = await watcher.fetch(AGENT, PRESENCE, timeout_seconds=timeout_seconds)
        await asyncio.gather(*notifier.tasks)
    assert len(inbox) == 0
    return found


async def test_a_fetch_brings_answer_and_notify() -> None:
    """And the NOTIFY was answered 200."""
    notifier = Notifier()
    found = await fetch_from(notifier, timeout_seconds=4.0)
    assert found.exchange is not None
    assert found.notify is not None
    assert (found.notify.body, notifier.statuses) == (OPEN, [200])
    assert found.reading() == Reading(EvidenceKind.AVAILABLE)


async def test_over_ipv6_the_contact_is_a_reference() -> None:
    """Brackets around the address, or no NOTIFY would find us (RFC 3261 section 25.1)."""
    notifier = Notifier()
    found = await fetch_from(notifier, timeout_seconds=4.0, host="::1")
    assert found.reading() == Reading(EvidenceKind.AVAILABLE)
    assert (notifier.asked[0].headers.get("Contact") or "").startswith("<sip:shiftline@[::1]:")


async def test_the_notify_counts_although_the_answer_never_came() -> None:
    """Time is up without a 200: what the NOTIFY said stays true."""
    found = await fetch_from(Notifier(status=None), timeout_seconds=0.2)
    assert found.exchange is None
    assert found.reading() == Reading(EvidenceKind.AVAILABLE)


@pytest.mark.parametrize(
    ("status", "cause"),
    [(200, "network.filtered"), (403, "policy.account-disabled"), (489, "policy.event-package")],
)
async def test_an_answer_without_a_notify(status: int, cause: str) -> None:
    """A refusal ends the wait at once; an acceptance says nothing by itself."""
    found = await fetch_from(Notifier(status=status, notifies=False), timeout_seconds=0.2)
    assert found.notify is None
    assert found.reading() == Reading(EvidenceKind.UNVERIFIABLE, cause)


@pytest.mark.parametrize("delay_seconds", [0.0, 0.05])
async def test_a_closed_endpoint_is_told(delay_seconds: float) -> None:
    """Closed before or while it asks: unavailable, not silence."""
    inbox = NotifyInbox()
    async with await SipEndpoint.open() as silent:
        us = await SipEndpoint.open(on_request=inbox.on_request)
        watcher = Watcher(us, inbox, target=Target.over_udp(silent.local), identity=US)
        if not delay_seconds:
            await us.aclose()

        async def close_later() -> None:
            await asyncio.sleep(delay_seconds)
            await us.aclose()

        closing = asyncio.get_running_loop().create_task(close_later())
        with pytest.raises(UnavailableError):
            await watcher.fetch(AGENT, PRESENCE)
        await closing
    assert len(inbox) == 0


async def test_a_cancelled_watch_leaves_the_inbox() -> None:
    """The task that watches is cancelled: its NOTIFYs meet 481 from now on."""
    inbox = NotifyInbox()
    async with await SipEndpoint.open() as silent, await SipEndpoint.open(on_request=inbox.on_request) as us:
        watcher = Watcher(us, inbox, target=Target.over_udp(silent.local), identity=US)

        async def watch() -> None:
            async for _ in watcher.watch_list(AGENT, PRESENCE):
                pass

        task = asyncio.get_running_loop().create_task(watch())
        await asyncio.sleep(0.05)
        assert len(inbox) == 1
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert len(inbox) == 0
