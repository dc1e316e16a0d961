"""An event package as a method of checking, where others send the requests and meet the challenges.

`OpenQuestions` makes the SUBSCRIBE of a fetch, keeps its NOTIFY when that comes before the answer, and
gives both together. `PackageMethod` reads them. Whether such a reading may count is for qualification to
say, as with every method; so it reads boldly: where absence shows.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from types import MappingProxyType
from typing import Protocol

from shiftline.connector.package_reading import GENERIC, family_of, read_notify, read_subscribe_answer
from shiftline.connector.reading import Reading
from shiftline.net.subscription_driver import NotifyInbox
from shiftline.sip.message import Request, Response
from shiftline.sip.packages.catalogue import PACKAGES, Package
from shiftline.sip.subscription import Subscription, SubscriptionPlan
from shiftline.sip.subscription_events import Notified
from shiftline.sip.uri import SipUri
from shiftline.sip.values import EventType

NOTIFY_SECONDS = 4.0
"""How long after its answer a fetch waits for the NOTIFY."""
OLDEST_SECONDS = 600.0
"""A question that was refused, and never asked again or read, is forgotten after this."""


@dataclass(slots=True, kw_only=True)
class _Question:
    subscription: Subscription
    asked_at: float
    told: asyncio.Event = field(default_factory=asyncio.Event)
    notified: Notified | None = None


class OpenQuestions:
    """The fetches under way at one endpoint, by their Call-ID."""

    def __init__(self, inbox: NotifyInbox, *, contact: SipUri) -> None:
        """``inbox`` is the endpoint's, ``contact`` the address at which the endpoint receives."""
        self._inbox = inbox
        self._contact = contact
        self._loop = asyncio.get_running_loop()
        self._open: dict[str, _Question] = {}

    def __len__(self) -> int:
        return len(self._open)

    def ask(self, uri: SipUri, package: Package, *, identity: SipUri, token: Callable[[], str]) -> Request:
        """Make the SUBSCRIBE about ``uri``; its NOTIFY is taken from now on. Send it before long."""
        now = self._loop.time()
        self._forget_before(now - OLDEST_SECONDS)
        plan = SubscriptionPlan(
            target=uri,
            from_uri=identity,
            contact=self._contact,
            event=EventType(package=package.name),
            expires_seconds=0,
            accept=(package.media_type,),
        )
        question = _Question(subscription=Subscription(plan, token=token), asked_at=now)
        call_id = question.subscription.call_id
        self._open[call_id] = question
        self._inbox.open(call_id, partial(self._take, question))
        question.subscription.start(now)
        (request,) = question.subscription.requests_to_send()
        return request

    async def outcome(
        self, request: Request, response: Response, *, timeout_seconds: float = NOTIFY_SECONDS
    ) -> Notified | None:
        """Return the NOTIFY of the fetch that ``request`` is; None when it was refused or none comes."""
        call_id = request.headers.get("Call-ID") or ""
        question = self._open.get(call_id)
        if question is None:
            return None
        try:
            question.subscription.answered(request, response, self._loop.time())
            if 200 <= response.status < 300:
                async with asyncio.timeout(timeout_seconds):
                    await question.told.wait()
        except TimeoutError:
            return None
        finally:
            self._close(call_id)
        return question.notified

    def _take(self, question: _Question, request: Request) -> int:
        status = question.subscription.notified(request, self._loop.time())
        while event := question.subscription.next_event():
            if isinstance(event, Notified):
                question.notified = event
                question.told.set()
        return status

    def _forget_before(self, moment: float) -> None:
        old = [call_id for call_id, question in self._open.items() if question.asked_at < moment]
        for call_id in old:
            self._close(call_id)

    def _close(self, call_id: str) -> None:
        self._open.pop(call_id, None)
        self._inbox.close(call_id)


class Asker(Protocol):
    """Who asks: ``identity`` stands in From, ``family`` is the PBX's in the configuration's words."""

    @property
    def identity(self) -> SipUri: ...
    @property
    def token(self) -> Callable[[], str]: ...
    @property
    def family(self) -> str: ...
    @property
    def questions(self) -> OpenQuestions: ...


@dataclass(frozen=True, slots=True)
class PackageMethod:
    """A SUBSCRIBE with Expires 0 to the agent, and what the NOTIFY says."""

    name: str
    package: Package
    note: str = ""

    def request(self, uri: SipUri, speaker: Asker) -> Request:
        """The question about ``uri``."""
        return speaker.questions.ask(uri, self.package, identity=speaker.identity, token=speaker.token)

    async def read(self, request: Request, response: Response, speaker: Asker) -> Reading:
        """Wait for the NOTIFY that belongs to the answer, and read it; a refusal is read at once."""
        notified = await speaker.questions.outcome(request, response)
        if notified is None:
            return read_subscribe_answer(self.package, response.status)
        headers = notified.request.headers
        told = family_of(headers.get("User-Agent") or response.headers.get("Server"))
        return read_notify(
            self.package,
            notified.state,
            headers.get("Content-Type"),
            notified.request.body,
            speaker.family if speaker.family != GENERIC else told,
            absence_shows=True,
        )


PACKAGE_METHODS: Mapping[str, PackageMethod] = MappingProxyType(
    {
        method.name: method
        for method in (
            PackageMethod("reg-event", PACKAGES["reg"]),
            PackageMethod("presence", PACKAGES["presence"]),
            PackageMethod(
                "dialog",
                PACKAGES["dialog"],
                "On many PBXs a phone that is gone and a line that is idle look the same.",
            ),
        )
    }
)
"""By the names of the configuration, those first that tell most of registrations."""
