"""The event packages as methods of checking, against the practice PBX: others send, the method reads."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

import pytest
from tests.contract.practice_pbx import AGENTS, CONFIG, PASSWORD, practice_pbx
from tests.support import token

from shiftline.connector.reading import Reading
from shiftline.lab.authorized import send_authorized
from shiftline.lab.pbx.config import PracticePbxConfig
from shiftline.net.endpoint import SipEndpoint
from shiftline.net.package_method import PACKAGE_METHODS, OpenQuestions
from shiftline.net.subscription_driver import NotifyInbox
from shiftline.sip.digest import DigestAccount, DigestClient
from shiftline.sip.events import Address
from shiftline.sip.message import Response
from shiftline.sip.uri import SipUri
from shiftline.trades.model import EvidenceKind

AVAILABLE = Reading(EvidenceKind.AVAILABLE)
BUSY = Reading(EvidenceKind.BUSY)
NOT_REGISTERED = Reading(EvidenceKind.NOT_REGISTERED)
UNKNOWN_USER = Reading(EvidenceKind.UNKNOWN_USER)


@dataclass(frozen=True, slots=True, kw_only=True)
class Speaker:
    """Who asks, as the trunk has it."""

    identity: SipUri
    questions: OpenQuestions
    token: Callable[[], str] = token
    family: str = "generic"


class Trunk:
    """Sends what a method asks, as the trunk's driver does."""

    def __init__(self, endpoint: SipEndpoint, inbox: NotifyInbox, pbx: Address) -> None:
        contact = SipUri(user="shiftline", host=endpoint.local[0], port=endpoint.local[1])
        self.questions = OpenQuestions(inbox, contact=contact)
        self.speaker = Speaker(identity=SipUri(user="shiftline", host="lab"), questions=self.questions)
        self._endpoint = endpoint
        self._pbx = pbx
        self._digest = DigestClient(DigestAccount(username="shiftline", password=PASSWORD), token=token)

    async def check(self, name: str, user: str) -> Reading:
        method = PACKAGE_METHODS[name]
        request = method.request(SipUri(user=user, host=self._pbx[0], port=self._pbx[1]), self.speaker)
        exchange = await send_authorized(self._endpoint, self._digest, request, self._pbx)
        assert exchange.response is not None
        return await method.read(exchange.request, exchange.response, self.speaker)


@asynccontextmanager
async def trunk_to(config: PracticePbxConfig) -> AsyncIterator[Trunk]:
    inbox = NotifyInbox()
    async with (
        practice_pbx(config) as address,
        await SipEndpoint.open(on_request=inbox.on_request) as endpoint,
    ):
        yield Trunk(endpoint, inbox, address)


@pytest.mark.parametrize(
    ("method", "readings"),
    [
        ("reg-event", [AVAILABLE, AVAILABLE, NOT_REGISTERED, UNKNOWN_USER]),
        ("presence", [AVAILABLE, BUSY, NOT_REGISTERED, UNKNOWN_USER]),
        ("dialog", [AVAILABLE, BUSY, AVAILABLE, UNKNOWN_USER]),
    ],
)
@pytest.mark.parametrize("notify_first", [False, True])
async def test_a_method_reads_what_others_sent(
    method: str, readings: list[Reading], notify_first: bool
) -> None:
    """Through a challenge, and with the NOTIFY before the answer; afterwards no question is open.

    Dialog finds the absent agent available: the control users of a qualification show that it is blind.
    """
    async with trunk_to(replace(CONFIG, notify_first=notify_first)) as trunk:
        assert [await trunk.check(method, user) for user in AGENTS] == readings
        assert len(trunk.questions) == 0


async def test_a_package_that_the_pbx_lacks() -> None:
    """489 is no agent's."""
    async with trunk_to(replace(CONFIG, event_packages=frozenset({"dialog"}))) as trunk:
        found = await trunk.check("presence", "agent0001")
    assert found == Reading(EvidenceKind.UNVERIFIABLE, "policy.event-package")


async def test_an_acceptance_without_a_notify() -> None:
    """It is waited for, and then said to be missing; a NOTIFY that comes later meets 481."""
    inbox = NotifyInbox()
    questions = OpenQuestions(inbox, contact=SipUri(host="127.0.0.2"))
    agent = SipUri(user="agent0001", host="lab")
    package = PACKAGE_METHODS["presence"].package
    request = questions.ask(agent, package, identity=agent, token=token)
    assert (len(questions), len(inbox)) == (1, 1)
    assert await questions.outcome(request, Response(200, "OK"), timeout_seconds=0.01) is None
    assert (len(questions), len(inbox)) == (0, 0)


async def test_questions_that_nobody_reads_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    """A refused one is asked anew under another Call-ID; the old one must not stay for ever."""
    monkeypatch.setattr("shiftline.net.package_method.OLDEST_SECONDS", -1.0)
    inbox = NotifyInbox()
    questions = OpenQuestions(inbox, contact=SipUri(host="127.0.0.2"))
    agent = SipUri(user="agent0001", host="lab")
    for _ in range(3):
        questions.ask(agent, PACKAGE_METHODS["dialog"].package, identity=agent, token=token)
    assert (len(questions), len(inbox)) == (1, 1)
