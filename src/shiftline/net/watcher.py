"""Event packages over an endpoint: ask once about one agent, or watch a list of them.

All requests go to one target, the trunk's: it is our outbound proxy, also within the dialogs it makes.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from types import MappingProxyType

from shiftline.connector.package_reading import family_of, read_notify, read_subscribe_answer
from shiftline.connector.reading import Reading
from shiftline.errors import SipSyntaxError
from shiftline.net.endpoint import SipEndpoint
from shiftline.net.exchange import Exchange
from shiftline.net.failover import send_to
from shiftline.net.subscription_driver import NotifyInbox, SendRequest, SubscriptionDriver
from shiftline.sip.digest import ChallengeOutcome, DigestClient
from shiftline.sip.message import Request
from shiftline.sip.packages import resource_list
from shiftline.sip.packages.catalogue import Package
from shiftline.sip.packages.resource_list import Member, ResourceList, parse_resource_list
from shiftline.sip.refresh import Window, no_windows
from shiftline.sip.requests import next_attempt
from shiftline.sip.subscription import Subscription, SubscriptionPlan
from shiftline.sip.subscription_events import (
    LATER_SECONDS,
    End,
    Ended,
    Notified,
    resubscribe_after_seconds,
)
from shiftline.sip.targets import Target
from shiftline.sip.transactions import Timers
from shiftline.sip.uri import SipUri
from shiftline.sip.values import EventType, SubscriptionState, essence_of
from shiftline.trades.model import EvidenceKind

LONGEST_PAUSE_SECONDS = 900.0
"""Between subscriptions to a list that ends them soon, unless the PBX asks for more."""
_WHY: Mapping[End, str] = MappingProxyType(
    {
        End.COMPLETE: "It is over.",
        End.UNANSWERED: "The PBX did not answer the SUBSCRIBE.",
        End.NO_NOTIFY: "No NOTIFY came in time.",
        End.EXPIRED: "It ran out before it was renewed.",
    }
)
_UNREACHABLE = Reading(EvidenceKind.UNVERIFIABLE, "network.unreachable")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """One question to one package and what came of it.

    ``exchange`` is the last SUBSCRIBE with its answer, None when none came in time; ``notify`` and
    ``state`` are None when no NOTIFY came; ``seconds`` counts from the question to the end of the wait.
    """

    package: Package
    exchange: Exchange | None
    notify: Request | None
    state: SubscriptionState | None
    seconds: float

    def reading(self, family: str | None = None, *, absence_shows: bool = False) -> Reading:
        """What it says about the agent; see `shiftline.connector.package_reading.reading_of`.

        Without ``family`` it is told by the name that the PBX gives itself.
        """
        response = self.exchange.response if self.exchange else None
        if self.notify is not None and self.state is not None:
            headers = self.notify.headers
            product = response.headers.get("Server") if response else None
            return read_notify(
                self.package,
                self.state,
                headers.get("Content-Type"),
                self.notify.body,
                family or family_of(headers.get("User-Agent") or product),
                absence_shows=absence_shows,
            )
        return read_subscribe_answer(self.package, response.status) if response else _UNREACHABLE


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchEnded:
    """A list subscription is over. None for ``again_in_seconds``: for good, and the iterator ends."""

    ended: Ended
    again_in_seconds: float | None

    @property
    def why(self) -> str:
        """One sentence."""
        if self.ended.why is End.REFUSED:
            return f"The PBX refused it with {self.ended.status}."
        if self.ended.why is End.CLOSED_BY_NOTIFIER:
            reason = self.ended.state.reason if self.ended.state is not None else None
            return f"The PBX ended it: {reason or 'no reason given'}."
        return _WHY[self.ended.why]


class Watcher:
    """Subscribes through one endpoint towards one target."""

    def __init__(
        self,
        endpoint: SipEndpoint,
        inbox: NotifyInbox,
        *,
        target: Target,
        identity: SipUri,
        digest: DigestClient | None = None,
        timers: Timers | None = None,
        windows: Callable[[float], Sequence[Window]] = no_windows,
    ) -> None:
        """``inbox`` must be the one whose `on_request` the endpoint was opened with; we are ``identity``.

        ``windows`` gives the publish windows on the loop's clock; refreshes keep clear of them.
        """
        self._endpoint = endpoint
        self._inbox = inbox
        self._target = target
        self._identity = identity
        self._digest = digest
        self._timers = timers or Timers()
        self._windows = windows
        self._contact = endpoint.contact(target.transport, identity.user)

    async def fetch(
        self, uri: SipUri, package: Package, *, timeout_seconds: float = 4.0, send: SendRequest | None = None
    ) -> Fetched:
        """Ask once for the state of ``uri``: SUBSCRIBE with Expires 0, and the one NOTIFY that it brings.

        ``send`` replaces the way of the SUBSCRIBE, so that a governor may stand in it. A refusal and
        silence are values. Raises UnavailableError when the endpoint is closed.
        """
        subscription = self._subscription(uri, package, 0, accept=(package.media_type,))
        driver = SubscriptionDriver(subscription, self._inbox, send or self._send_authorized)
        loop = asyncio.get_running_loop()
        began = loop.time()
        notified: Notified | None = None
        try:
            async with asyncio.timeout(timeout_seconds), aclosing(driver.events()) as events:
                async for event in events:
                    notified = event if isinstance(event, Notified) else notified
        except TimeoutError:
            pass  # what came until now is the outcome
        return Fetched(
            package=package,
            exchange=driver.last_exchange,
            notify=notified.request if notified else None,
            state=notified.state if notified else None,
            seconds=loop.time() - began,
        )

    async def watch_list(
        self,
        list_uri: SipUri,
        package: Package,
        *,
        expires_seconds: int = 3600,
        send: SendRequest | None = None,
    ) -> AsyncGenerator[ResourceList | WatchEnded]:
        """Watch all members of a list with one subscription (RFC 4662): who changed, when somebody does.

        It refreshes itself, and subscribes anew where that makes sense (RFC 6665 section 4.1.3), ever later
        while each one is over soon. A NOTIFY without a list, as of a PBX that takes the list's URI for an
        agent's, comes as a list of that one member; a pending subscription, which says nothing about
        anybody, as one without members. What cannot be read is skipped: a refresh brings full state.
        Close the generator to unsubscribe (`contextlib.aclosing`). ``send`` is that of `fetch`.
        """
        loop = asyncio.get_running_loop()
        last_pause = 0.0
        while True:
            began = loop.time()
            accept = (*resource_list.ACCEPT, package.media_type)
            subscription = self._subscription(
                list_uri, package, expires_seconds, accept=accept, supported=(resource_list.OPTION_TAG,)
            )
            driver = SubscriptionDriver(subscription, self._inbox, send or self._send_authorized)
            pause: float | None = None
            async with aclosing(driver.events()) as events:
                async for event in events:
                    if isinstance(event, Ended):
                        pause = resubscribe_after_seconds(event)
                        if pause is not None and loop.time() - began < LATER_SECONDS:
                            pause = max(pause, min(2 * last_pause, LONGEST_PAUSE_SECONDS))
                        yield WatchEnded(ended=event, again_in_seconds=pause)
                    elif told := _list_of(event, list_uri):
                        yield told
            if pause is None:
                return
            await asyncio.sleep(pause)
            last_pause = pause

    def _subscription(
        self,
        target: SipUri,
        package: Package,
        expires_seconds: int,
        *,
        accept: tuple[str, ...],
        supported: tuple[str, ...] = (),
    ) -> Subscription:
        plan = SubscriptionPlan(
            target=target,
            from_uri=self._identity,
            contact=self._contact,
            event=EventType(package=package.name),
            expires_seconds=expires_seconds,
            accept=accept,
            supported=supported,
        )
        return Subscription(
            plan, token=lambda: secrets.token_hex(16), timers=self._timers, windows=self._windows
        )

    async def _send_authorized(self, request: Request) -> Exchange:
        """Send, and answer challenges as long as the digest client finds sense in it."""
        while True:
            if self._digest is not None:
                self._digest.authorize(request)
            exchange = await send_to(self._endpoint, request, self._target, self._timers.give_up)
            response = exchange.response
            if self._digest is None or response is None or response.status not in (401, 407):
                return exchange
            if self._digest.challenged(response, exchange.request) is not ChallengeOutcome.RETRY:
                return exchange
            request = next_attempt(exchange.request)


def _list_of(event: Notified, list_uri: SipUri) -> ResourceList | None:
    headers, body = event.request.headers, event.request.body
    content_type = headers.get("Content-Type")
    if event.state.value == "pending":
        return ResourceList(uri=str(list_uri), version=0, is_full=True, members=())
    if not body:
        return None
    if not essence_of(content_type).startswith("multipart/"):
        member = Member(uri=str(list_uri), state=event.state.value, content_type=content_type, body=body)
        return ResourceList(uri=str(list_uri), version=0, is_full=True, members=(member,))
    try:
        return parse_resource_list(body, content_type or "")
    except SipSyntaxError:
        return None
