"""The practice PBX as a notifier, in virtual time, with our own subscriber at the other end."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import count
from pathlib import Path

import pytest

from shiftline.lab.pbx.agents import Truth
from shiftline.lab.pbx.config import PracticePbxConfig
from shiftline.lab.pbx.core import PracticePbx
from shiftline.lab.pbx.faults import Faults
from shiftline.secrets import Secret
from shiftline.sip.agent import SipAgent
from shiftline.sip.digest import DigestAccount, DigestClient
from shiftline.sip.events import RequestReceived, ResponseReceived
from shiftline.sip.message import Request, Response, response_to
from shiftline.sip.packages.catalogue import PACKAGES
from shiftline.sip.packages.dialog_info import DialogInfo, parse_dialog_info
from shiftline.sip.packages.resource_list import ACCEPT, OPTION_TAG, parse_resource_list
from shiftline.sip.requests import next_attempt, register
from shiftline.sip.subscription import Subscription, SubscriptionPlan
from shiftline.sip.subscription_events import Ended, SubscriptionEvent
from shiftline.sip.uri import SipUri
from shiftline.sip.values import EventType

AGENTS = {
    "agent0001": Truth.AVAILABLE,
    "agent0002": Truth.BUSY,
    "agent0003": Truth.NOT_REGISTERED,
}
PBX, US = ("127.0.0.1", 5060), ("127.0.0.2", 5062)
PASSWORD = Secret("secret")


def uri(user: str | None) -> SipUri:
    return SipUri(user=user, host=PBX[0], port=PBX[1])


class Wire:
    """A PBX and a subscriber; time passes in `wait` only. NOTIFYs in ``deaf`` mode get no answer."""

    def __init__(
        self, agents: Mapping[str, Truth] = AGENTS, *, least_seconds: int = 0, faults: Faults | None = None
    ) -> None:
        config = PracticePbxConfig(
            log_path=Path("unused"),
            agents=agents,
            password=PASSWORD,
            least_subscription_seconds=least_seconds,
            faults=faults or Faults(),
        )
        numbers = count()
        self.token = lambda: f"t{next(numbers)}"
        self.pbx = PracticePbx(config, address=PBX)
        self.agent = SipAgent(local=US, token=self.token)
        self.digest = DigestClient(DigestAccount(username="shiftline", password=PASSWORD), token=self.token)
        self.now = 1000.0
        self.subscriptions: dict[str, Subscription] = {}
        self.events: list[SubscriptionEvent] = []
        self.notifies: list[Request] = []
        self.answers: list[Response] = []
        self.deaf = False

    def subscribe(self, user: str, package: str, expires_seconds: int, *, lists: bool = True) -> Subscription:
        plan = SubscriptionPlan(
            target=uri(user),
            from_uri=uri("shiftline"),
            contact=SipUri(user="shiftline", host=US[0], port=US[1]),
            event=EventType(package=package),
            expires_seconds=expires_seconds,
            accept=ACCEPT,
            supported=(OPTION_TAG,) if lists else (),
        )
        subscription = Subscription(plan, token=self.token)
        self.subscriptions[subscription.call_id] = subscription
        subscription.start(self.now)
        self.wait(0.5)
        return subscription

    def send(self, request: Request) -> None:
        self.digest.authorize(request)
        self.agent.send(request, PBX, self.now)

    def wait(self, seconds: float) -> None:
        end = self.now + seconds
        while True:
            self._settle()
            timers = [self.pbx.next_timer(), self.agent.next_timer()]
            timers += [one.next_timer() for one in self.subscriptions.values()]
            due = min((timer for timer in timers if timer is not None), default=end + 1)
            if due > end:
                break
            self.now = max(self.now, due)
            self.pbx.handle_timer(self.now)
            self.agent.handle_timer(self.now)
            for one in self.subscriptions.values():
                one.handle_timer(self.now)
        self.now = end

    def _settle(self) -> None:
        while self._carry():
            while event := self.agent.next_event():
                if isinstance(event, ResponseReceived):
                    self._take_answer(event)
                elif isinstance(event, RequestReceived) and event.key is not None:
                    self._take_notify(event.key, event.request)
            for one in self.subscriptions.values():
                while told := one.next_event():
                    self.events.append(told)

    def _carry(self) -> bool:
        """Carry what is on its way; False when nothing was."""
        for one in self.subscriptions.values():
            for request in one.requests_to_send():
                self.send(request)
        there, back = self.agent.datagrams_to_send(), self.pbx.datagrams_to_send()
        for datagram in there:
            self.pbx.receive(datagram.data, US, self.now)
        for datagram in back:
            self.agent.receive(datagram.data, PBX, self.now)
        return bool(there or back)

    def _take_answer(self, event: ResponseReceived) -> None:
        response = event.response
        if response.status == 401 and "Authorization" not in event.request.headers:
            self.digest.challenged(response, event.request)
            self.send(next_attempt(event.request))
            return
        self.answers.append(response)
        one = self.subscriptions.get(event.request.headers.get("Call-ID") or "")
        if one is not None:
            one.answered(event.request, response, self.now)

    def _take_notify(self, key: str, request: Request) -> None:
        self.notifies.append(request)
        if self.deaf:
            return
        one = self.subscriptions.get(request.headers.get("Call-ID") or "")
        status = one.notified(request, self.now) if one else 481
        self.agent.respond(key, response_to(request, status, to_tag="us"), self.now)

    def ended(self) -> list[Ended]:
        return [event for event in self.events if isinstance(event, Ended)]


def dialogs(notify: Request) -> DialogInfo:
    return parse_dialog_info(notify.body)


@pytest.mark.parametrize("package", PACKAGES)
def test_a_subscription_tells_at_once_and_at_each_refresh(package: str) -> None:
    """RFC 6665 section 4.2.1.3; an hour of ten-minute subscriptions has one dialog and a NOTIFY for each."""
    wire = Wire()
    wire.subscribe("agent0001", package, 600)
    wire.wait(3600)
    assert len(wire.notifies) == 1 + 3600 // 568
    assert {notify.headers.get("Call-ID") for notify in wire.notifies} == set(wire.subscriptions)
    assert wire.ended() == []


def test_a_fetch_leaves_nothing_behind() -> None:
    """Terminated with reason timeout, and then silence."""
    wire = Wire()
    wire.subscribe("agent0002", "dialog", 0)
    wire.wait(3600)
    (notify,) = wire.notifies
    assert notify.headers.get("Subscription-State") == "terminated;reason=timeout"
    assert len(dialogs(notify).live) == 1
    assert wire.pbx.next_timer() is None


def test_a_change_is_told_with_the_next_version() -> None:
    """A phone registers: whoever watches its agent hears of it, and nobody else."""
    wire = Wire()
    wire.subscribe("agent0003", "reg", 600)
    wire.subscribe("agent0001", "reg", 600)
    before = len(wire.notifies)
    wire.send(register(uri("agent0003"), uri("agent0003"), uri(None), 60, wire.token))
    wire.wait(1)
    (notify,) = wire.notifies[before:]
    assert b'version="1"' in notify.body
    assert b'state="active"' in notify.body


def test_what_is_not_refreshed_ends() -> None:
    """The time granted is over: one last NOTIFY, terminated, and nothing is kept."""
    wire = Wire()
    one = wire.subscribe("agent0001", "presence", 60)
    del wire.subscriptions[one.call_id]
    wire.wait(120)
    assert wire.notifies[-1].headers.get("Subscription-State") == "terminated;reason=timeout"
    assert wire.pbx.next_timer() is None


def test_a_watcher_that_never_answers_is_forgotten() -> None:
    """The NOTIFY times out after 64*T1 (section 4.2.2)."""
    wire = Wire()
    wire.deaf = True
    wire.subscribe("agent0001", "presence", 600)
    wire.wait(40)
    wire.deaf = False
    told = len(wire.notifies)
    wire.send(register(uri("agent0001"), uri("agent0001"), uri(None), 60, wire.token))
    wire.wait(1)
    assert len(wire.notifies) == told


@pytest.mark.parametrize(
    ("user", "package", "lists", "status", "header"),
    [
        ("agent0001", "conference", True, 489, "Allow-Events"),
        ("agent0009", "presence", True, 404, "To"),
        ("everyone", "presence", False, 421, "Require"),
    ],
)
def test_refusals_say_what_is_missing(user: str, package: str, lists: bool, status: int, header: str) -> None:
    """An unknown package, an unknown agent, a list for someone who cannot read lists (RFC 4662)."""
    wire = Wire()
    wire.subscribe(user, package, 600, lists=lists)
    (response,) = wire.answers
    assert response.status == status
    assert header in response.headers
    assert wire.notifies == []


def test_an_interval_too_brief_is_told() -> None:
    """423 with Min-Expires; a fetch is no interval."""
    wire = Wire(least_seconds=120)
    wire.subscribe("agent0001", "presence", 60)
    wire.subscribe("agent0001", "presence", 0)
    assert [response.status for response in wire.answers] == [423, 200, 200]


def test_a_list_is_refreshed_in_full() -> None:
    """Each refresh names all members, and those beyond a datagram follow as partial lists."""
    agents = {f"agent{number:04d}": Truth.AVAILABLE for number in range(1, 61)}
    wire = Wire(agents)
    wire.subscribe("everyone", "presence", 600)
    wire.wait(600)
    lists = [parse_resource_list(one.body, one.headers.get("Content-Type") or "") for one in wire.notifies]
    assert [(one.version, one.is_full, len(one.members)) for one in lists] == [
        (0, True, 60),
        (1, False, 20),
        (2, False, 20),
        (3, True, 60),
        (4, False, 20),
        (5, False, 20),
    ]


def test_a_list_may_be_taken_away() -> None:
    """Its last NOTIFY says so, nothing follows, and a list is refused from then on; an agent is not."""
    agents = {f"agent{number:04d}": Truth.AVAILABLE for number in range(1, 61)}
    wire = Wire(agents, faults=Faults(list_notifies=2))
    wire.subscribe("everyone", "presence", 600)
    wire.wait(5)
    states = [one.headers.get("Subscription-State") for one in wire.notifies]
    assert states == ["active;expires=600", "terminated;reason=deactivated"]
    wire.subscribe("everyone", "presence", 600)
    wire.subscribe("agent0001", "presence", 0)
    assert [response.status for response in wire.answers] == [200, 489, 200]


def test_a_list_of_a_thousand_fits_a_datagram() -> None:
    """Each notification, with its headers: UDP carries no more than 65,507 bytes."""
    wire = Wire({f"agent{number:04d}": Truth.AVAILABLE for number in range(1, 1001)})
    wire.subscribe("everyone", "presence", 600)
    assert len(wire.notifies) == 50
    assert max(len(bytes(one)) for one in wire.notifies) <= 65_507
