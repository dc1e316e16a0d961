"""A trunk's list subscription against a small list server on loopback: who is asked, and who need not be."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest
from structlog.testing import capture_logs
from tests.unit.sip.packages.bodies import pidf

from shiftline.connector.qualifier import QualificationPolicy, Qualifier
from shiftline.connector.records import DueCheck
from shiftline.governor.governor import Governor
from shiftline.governor.policy import GovernorPolicy
from shiftline.governor.state import Mode
from shiftline.lab.pbx.package_bodies import list_body
from shiftline.net.endpoint import SipEndpoint
from shiftline.net.subscription_driver import NotifyInbox
from shiftline.net.trunk import TrunkDriver
from shiftline.net.trunk_address import TrunkAddress
from shiftline.net.trunk_list import ListPolicy, TrunkList
from shiftline.sip.address import NameAddr
from shiftline.sip.events import RequestReceived
from shiftline.sip.headers import Headers
from shiftline.sip.message import Request, response_to
from shiftline.sip.packages.catalogue import PACKAGES
from shiftline.sip.targets import Target
from shiftline.sip.uri import SipUri
from shiftline.trades.model import Evidence, EvidenceKind

NOW = datetime(2026, 11, 23, 15, 0, tzinfo=UTC)
DOMAIN = SipUri(host="lab")
POLICY = GovernorPolicy(max_rate=100.0)
EVERYONE = {"here": "open", "gone": "closed", "ada": "open", "ben": "closed"}


class ListServer:
    """Answers each OPTIONS with 200, and a SUBSCRIBE to its list with ``status`` and a NOTIFY."""

    def __init__(
        self,
        members: Mapping[str, str | None],
        *,
        status: int = 200,
        headers: Sequence[tuple[str, str]] = (),
    ) -> None:
        self.asked: list[str] = []
        self.members = dict(members)
        self.status = status
        self.headers = headers
        self._subscribe: RequestReceived
        self._version = 0
        self._endpoint: SipEndpoint

    def on_request(self, endpoint: SipEndpoint, event: RequestReceived) -> None:
        request, self._endpoint = event.request, endpoint
        self.asked.append(f"{request.method} {request.uri.user or 'canary'}")
        is_list = request.method == "SUBSCRIBE"
        status = self.status if is_list else 480 if request.uri.user == "gone" else 200
        if event.key is None or not status:
            return
        response = response_to(request, status, to_tag="pbx")
        response.headers.add("Expires", request.headers.get("Expires") or "0")
        for name, value in self.headers if is_list else ():
            response.headers.add(name, value)
        endpoint.respond(event.key, response)
        if is_list and status == 200:
            self._subscribe = event
            over = request.headers.get("Expires") == "0"
            self.task = asyncio.get_running_loop().create_task(
                self.tell(self.members, full=True, state="terminated;reason=timeout" if over else "active")
            )

    async def tell(
        self, members: Mapping[str, str | None], *, full: bool = False, state: str = "active", skip: int = 0
    ) -> None:
        """Send a NOTIFY; ``skip`` so many versions before it."""
        self._version += skip
        kind = PACKAGES["presence"].media_type
        rows = [
            (f"sip:{user}@lab", None if basic is None else pidf(basic)) for user, basic in members.items()
        ]
        content_type, body = list_body("sip:everyone@lab", rows, kind, self._version, full=full)
        self._version += 1
        headers = self._subscribe.request.headers
        us = headers.get("To") or ""
        lines = [("From", us if "tag=" in us else f"{us};tag=pbx"), ("To", headers.get("From") or "")]
        lines += [("Call-ID", headers.get("Call-ID") or ""), ("CSeq", f"{self._version} NOTIFY")]
        lines += [("Event", "presence"), ("Subscription-State", state), ("Content-Type", content_type)]
        lines.append(("Contact", "<sip:everyone@lab>"))
        contact = NameAddr.parse(headers.get("Contact") or "").uri
        await self._endpoint.request(Request("NOTIFY", contact, Headers(lines), body), self._subscribe.source)


class Bench:
    def __init__(self, driver: TrunkDriver, listed: TrunkList, governor: Governor) -> None:
        self.driver = driver
        self.governor = governor
        self.listed = listed

    async def check(self, *users: str) -> dict[str, Evidence]:
        """Check these agents; the test's time limit ends a wait in vain."""
        self.driver.submit(
            [
                DueCheck(
                    id=n, agent=user, address=f"sip:{user}@LAB:5070", needed_by=NOW + timedelta(seconds=n)
                )
                for n, user in enumerate(users)
            ]
        )
        found: dict[str, Evidence] = {}
        while len(found) < len(users):
            found |= {one.agent: one for one in await self.driver.gathered(1.0)}
        return found

    async def until(self, holds: Callable[[], object]) -> None:
        async with asyncio.timeout(10):
            while not holds():  # noqa: ASYNC110 - it is polled
                await asyncio.sleep(0.01)

    async def until_state(self, state: str) -> None:
        await self.until(lambda: self.listed.status()["state"] == state)


@asynccontextmanager
async def bench(server: ListServer, *, may_send: Callable[[], bool] = lambda: True) -> AsyncIterator[Bench]:
    """A driver with a list subscription that is about to start."""
    inbox = NotifyInbox()
    async with (
        await SipEndpoint.open(local_host="127.0.0.1", on_request=server.on_request) as pbx,
        await SipEndpoint.open(local_host="127.0.0.2", on_request=inbox.on_request) as ours,
    ):
        address = TrunkAddress(
            targets=(Target.over_udp(pbx.local),),
            domain=DOMAIN,
            identity=SipUri(user="shiftline", host="lab"),
            answer_timeout_seconds=0.2,
        )
        governor = Governor(POLICY, asyncio.get_running_loop().time())
        driver = TrunkDriver(
            endpoint=ours,
            address=address,
            digest=None,
            governor=governor,
            qualifier=Qualifier(QualificationPolicy(methods=("options",), trust_unqualified=True), NOW),
            clock=lambda: NOW,
            token=iter(map(str, range(100_000))).__next__,
            may_send=may_send,
            inbox=inbox,
        )
        policy = ListPolicy(
            uri=SipUri(user="everyone", host="lab"),
            method="presence",
            controls=("sip:here@lab", "sip:gone@lab"),
            expires_seconds=300,
        )
        listed = TrunkList(
            policy,
            endpoint=ours,
            inbox=inbox,
            trunk=driver,
            address=address,
            digest=None,
            clock=lambda: NOW,
            name="pbx",
        )
        driver.known = listed
        listed.take_over()
        try:
            yield Bench(driver, listed, governor)
        finally:
            await listed.release()
            await driver.aclose()


def agents_asked(server: ListServer) -> list[str]:
    return [name for name in server.asked if name in ("OPTIONS ada", "OPTIONS ben", "OPTIONS eve")]


async def test_members_need_not_be_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """They are answered from the list, whoever else is asked; port and case of an address do not matter."""
    monkeypatch.setattr("shiftline.net.trunk_list.OPENING_SECONDS", 0.3)
    server = ListServer(EVERYONE | {"dan": None})
    async with bench(server) as floor:
        found = await floor.check("ada", "ben", "eve", "dan")
    assert agents_asked(server) == ["OPTIONS eve"]
    assert server.asked.count("OPTIONS dan") == 1
    kinds = {agent: (one.kind, one.method, one.taken_at) for agent, one in found.items()}
    assert kinds == {
        "ada": (EvidenceKind.AVAILABLE, "presence", NOW),
        "ben": (EvidenceKind.NOT_REGISTERED, "presence", NOW),
        "eve": (EvidenceKind.AVAILABLE, "options", NOW),
        "dan": (EvidenceKind.AVAILABLE, "options", NOW),
    }


async def test_a_change_is_taken_in() -> None:
    """The next check gets the state that was told last."""
    server = ListServer(EVERYONE)
    async with bench(server) as floor:
        assert (await floor.check("ada"))["ada"].kind is EvidenceKind.AVAILABLE
        await server.tell({"ada": "closed"})
        assert (await floor.check("ada"))["ada"].kind is EvidenceKind.NOT_REGISTERED
    assert agents_asked(server) == []


async def test_after_a_gap_nothing_is_known() -> None:
    """A lost notification may have been about anybody (RFC 4662 section 5.2)."""
    server = ListServer(EVERYONE)
    async with bench(server) as floor:
        await floor.check("ada")
        await server.tell({"here": "open", "gone": "closed"}, skip=1)
        found = await floor.check("ada")
    assert found["ada"].method == "options"


@pytest.mark.parametrize(
    "members",
    [
        EVERYONE | {"gone": "open"},
        EVERYONE | {"gone": None},
        {user: basic for user, basic in EVERYONE.items() if user != "here"},
    ],
)
async def test_a_list_that_proves_nothing_is_not_believed(
    monkeypatch: pytest.MonkeyPatch, members: dict[str, str | None]
) -> None:
    """Both controls alike, one of unknown state, or no member: everybody is asked, and it is said once."""
    monkeypatch.setattr("shiftline.net.trunk_list.OPENING_SECONDS", 0.1)
    server = ListServer(members)
    with capture_logs() as log:
        async with bench(server) as floor:
            found = await floor.check("ada", "ben")
            await floor.until(lambda: log)
            await server.tell(members, full=True)
            assert floor.listed.status()["qualification"] != "qualified"
    assert {one.method for one in found.values()} == {"options"}
    assert [line["event"] for line in log] == ["list not believed"]


@pytest.mark.parametrize("status", [404, 421, 489])
async def test_a_refused_list_leaves_the_method(status: int) -> None:
    """Said once, shown, and not insisted upon."""
    server = ListServer(EVERYONE, status=status)
    with capture_logs() as log:
        async with bench(server) as floor:
            found = await floor.check("ada", "ben")
            shown = floor.listed.status()
    assert {one.method for one in found.values()} == {"options"}
    assert (shown["state"], shown["again_at"]) == ("refused", None)
    assert str(status) in shown["why"]
    assert [line["event"] for line in log] == ["list subscription failed"]
    assert server.asked.count("SUBSCRIBE everyone") == 1


async def test_a_forbidden_list_costs_the_trunk_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A 403 may be a throttle's, so three are the PBX's decision; no rate is unlearned meanwhile."""
    monkeypatch.setattr("shiftline.net.trunk_list.LATER_SECONDS", 0.01)
    server = ListServer(EVERYONE)
    async with bench(server) as floor:
        await floor.check("ada")
        await floor.until(lambda: floor.governor.mode is not Mode.PROVING)
        server.status = 403
        server.asked.clear()
        floor.listed.take_over()
        await floor.until_state("refused")
        found = await floor.check("ada", "ben")
        assert (floor.governor.mode is Mode.LISTENING, floor.governor.overshoots) == (False, 0)
    assert server.asked.count("SUBSCRIBE everyone") == 3 + 1  # three, and the old one is given back
    assert server.asked[-2:] == ["OPTIONS ada", "OPTIONS ben"]
    assert {one.kind for one in found.values()} == {EvidenceKind.AVAILABLE}


async def test_a_refusal_before_anything_is_proven_is_a_strike() -> None:
    """It may be the password's: the canary goes first, and the list is asked again later."""
    server = ListServer(EVERYONE, status=403)
    async with bench(server) as floor:
        await floor.until_state("failed")
        await floor.until(lambda: floor.governor.mode is Mode.LISTENING)
        found = await floor.check("ada")
    assert server.asked == ["SUBSCRIBE everyone", "OPTIONS canary", "OPTIONS ada"]
    assert found["ada"].method == "options"


async def test_a_refusal_with_retry_after_keeps_the_trunk_silent_for_so_long() -> None:
    """Whatever was refused with it (design: even on a 403)."""
    server = ListServer(EVERYONE, status=403, headers=(("Retry-After", "600"),))
    async with bench(server) as floor:
        await floor.until_state("failed")
        await floor.until(lambda: floor.governor.mode is Mode.LISTENING)
        waits = floor.governor.waiting_for(asyncio.get_running_loop().time())
    assert waits is not None
    assert re.fullmatch(r"canary in (59[0-9]|600) s: .*", waits)


async def test_silence_is_tried_again_later() -> None:
    """Agents are asked meanwhile; the moment of the next try is shown."""
    server = ListServer(EVERYONE, status=0)
    async with bench(server) as floor:
        await floor.until_state("failed")
        found = await floor.check("ada")
        shown = floor.listed.status()
    assert found["ada"].method == "options"
    assert shown["again_at"] == (NOW + timedelta(seconds=60)).isoformat()


async def test_a_list_that_is_taken_away_is_forgotten() -> None:
    """What it told does not outlive it."""
    server = ListServer(EVERYONE)
    async with bench(server) as floor:
        assert (await floor.check("ada"))["ada"].method == "presence"
        await server.tell({}, state="terminated;reason=rejected")
        found = await floor.check("ada")
        assert floor.listed.status()["state"] == "refused"
    assert found["ada"].method == "options"


async def test_a_deactivated_list_is_subscribed_to_anew() -> None:
    """Agents wait for it, because RFC 6665 section 4.1.3 says that it works at once."""
    server = ListServer(EVERYONE)
    async with bench(server) as floor:
        await floor.check("ada")
        await server.tell({}, state="terminated;reason=deactivated")
        found = await floor.check("ada")
    assert found["ada"].method == "presence"
    assert server.asked.count("SUBSCRIBE everyone") >= 2
    assert agents_asked(server) == []


async def test_nothing_leaves_without_the_lease() -> None:
    """Neither the SUBSCRIBE nor an answer; with it, both."""
    ours = False
    server = ListServer(EVERYONE)
    async with bench(server, may_send=lambda: ours) as floor:
        assert await floor.driver.gathered(0.5) == []
        assert server.asked == []
        ours = True
        found = await floor.check("ada")
    assert found["ada"].method == "presence"


async def test_a_stopped_trunk_subscribes_to_nothing() -> None:
    """The governor's word holds for the list as for the checks."""
    server = ListServer(EVERYONE)
    async with bench(server) as floor:
        await floor.check("ada")
        asked = len(server.asked)
        governor = Governor(POLICY, asyncio.get_running_loop().time())
        qualifier = Qualifier(QualificationPolicy(methods=("options",), trust_unqualified=True), NOW)
        floor.driver.take_over(governor, qualifier, "acl.source")
        floor.listed.take_over()
        found = await floor.check("ada")
        assert len(server.asked) == asked
    assert found["ada"].cause == "acl.source"


async def test_a_trunk_that_is_taken_over_again_subscribes_anew() -> None:
    """What was told before the lease went is not relied on, and the old subscription is given back."""
    server = ListServer(EVERYONE)
    async with bench(server) as floor:
        await floor.check("ada")
        server.members["ada"] = "closed"
        floor.listed.take_over()
        assert floor.listed.reading_of("sip:ada@lab") is None
        found = await floor.check("ada")
        await floor.until(lambda: server.asked.count("SUBSCRIBE everyone") == 3)
    assert (found["ada"].kind, found["ada"].method) == (EvidenceKind.NOT_REGISTERED, "presence")


async def test_the_end_unsubscribes() -> None:
    """And the PBX tells nobody any more."""
    server = ListServer(EVERYONE)
    async with bench(server) as floor:
        await floor.check("ada")
        await floor.listed.release()
        await server.task
    assert floor.listed.reading_of("sip:ada@lab") is None
    assert [name for name in server.asked if name.startswith("SUBSCRIBE")] == ["SUBSCRIBE everyone"] * 2
