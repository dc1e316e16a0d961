"""The trunk driver and its controls: asked first, believed only with proof, and never insisted upon."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest
from tests.unit.net.bench import NOW, trunk_driver
from tests.unit.net.jumping import jumping

from shiftline.connector.qualifier import UNKNOWN_RETRY, QualificationPolicy, Qualifier
from shiftline.connector.records import DueCheck
from shiftline.governor.governor import Governor
from shiftline.governor.policy import GovernorPolicy
from shiftline.governor.state import Mode
from shiftline.net.endpoint import SipEndpoint
from shiftline.net.trunk import TrunkDriver
from shiftline.secrets import Secret
from shiftline.sip.address import NameAddr
from shiftline.sip.digest import DigestAccount, DigestClient
from shiftline.sip.events import RequestReceived
from shiftline.sip.message import Request, response_to
from shiftline.sip.targets import Target
from shiftline.trades.model import Evidence, EvidenceKind

CONTROLS = ("sip:here@lab", "sip:gone@lab")
CHALLENGE = 'Digest realm="lab", nonce="n", algorithm=MD5, qop="auth"'
Answers = Callable[[Request, str | None], int]


class Bench:
    """A driver, the PBX's ledger, and a clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = NOW
        self.asked: list[str] = []
        self.driver: TrunkDriver
        self.governor: Governor

    async def evidence(self, count: int) -> dict[str, Evidence]:
        """Wait for so much; the test's time limit ends a wait in vain."""
        found: dict[str, Evidence] = {}
        while len(found) < count:
            found |= {one.agent: one for one in await self.driver.gathered(1.0)}
        return found

    def renewed(self, policy: QualificationPolicy) -> Qualifier:
        """What the next owner of the trunk begins with: all that was saved."""
        return Qualifier(policy, self.now, self.driver.knowledge()["qualification"])


def policy(**changes: Any) -> QualificationPolicy:
    return QualificationPolicy(**({"methods": ("options",), "controls": CONTROLS} | changes))


@asynccontextmanager
async def bench(
    answers: Answers, setting: QualificationPolicy, *, digest: DigestClient | None = None
) -> AsyncIterator[Bench]:
    """A driver towards a PBX that answers each request with ``answers(request, user)``."""
    floor = Bench()

    def answer(endpoint: SipEndpoint, event: RequestReceived) -> None:
        request, key = event.request, event.key
        uri = NameAddr.parse(request.headers.get("To") or "").uri
        status = answers(request, uri.user)
        floor.asked.append(f"{request.method} {uri.user or 'canary'}")
        if key is not None and status:
            response = response_to(request, status)
            if status == 401:
                response.headers.add("WWW-Authenticate", CHALLENGE)
            if status == 200 and request.method == "REGISTER":
                response.headers.add("Contact", "<sip:phone@127.0.0.9>")
            endpoint.respond(key, response)

    floor.governor = Governor(GovernorPolicy(max_rate=100.0), asyncio.get_running_loop().time())
    async with (
        await SipEndpoint.open(local_host="127.0.0.1", on_request=answer) as pbx,
        await SipEndpoint.open(local_host="127.0.0.2") as ours,
        trunk_driver(
            ours,
            Target.over_udp(pbx.local),
            timeout_seconds=0.2,
            digest=digest,
            governor=floor.governor,
            qualifier=Qualifier(setting, NOW),
            clock=lambda: floor.now,
        ) as floor.driver,
    ):
        yield floor


def checks(*agents: str) -> list[DueCheck]:
    return [
        DueCheck(id=n, agent=agent, address=f"sip:{agent}@lab", needed_by=NOW + timedelta(seconds=n))
        for n, agent in enumerate(agents)
    ]


def tells_apart(_: Request, user: str | None) -> int:
    return 480 if user == "gone" else 200


async def test_the_controls_go_first() -> None:
    """Whatever waits; then agents are believed, and the outcome is in what is saved."""
    async with bench(tells_apart, policy()) as floor:
        floor.driver.submit(checks("ada", "ben"))
        found = await floor.evidence(2)
        saved = floor.driver.knowledge()["qualification"]
    assert floor.asked[:2] == ["OPTIONS here", "OPTIONS gone"]
    assert {one.kind for one in found.values()} == {EvidenceKind.AVAILABLE}
    assert (saved["state"], saved["until"]) == ("qualified", (NOW + timedelta(hours=4)).isoformat())


async def test_a_fresh_proof_is_not_asked_for_again() -> None:
    """The next owner knows what the one before found."""
    setting = policy()
    async with bench(tells_apart, setting) as floor:
        floor.driver.submit(checks("ada"))
        await floor.evidence(1)
        floor.driver.take_over(floor.governor, floor.renewed(setting), None)
        floor.driver.submit(checks("ben"))
        await floor.evidence(1)
    assert [name for name in floor.asked if name in ("OPTIONS here", "OPTIONS gone")] == [
        "OPTIONS here",
        "OPTIONS gone",
    ]


async def test_a_rearmed_trunk_is_asked_though_nobody_waits() -> None:
    """The checks of before have their evidence, so only the controls can tell whether it is mended."""
    async with bench(tells_apart, policy()) as floor:
        floor.driver.take_over(floor.governor, Qualifier(policy(), NOW), "acl.source")
        floor.driver.submit(checks("ada"))
        await floor.evidence(1)
        assert floor.asked == []
        floor.driver.take_over(floor.governor, Qualifier(policy(), NOW, is_awaited=True), None)
        while floor.driver.knowledge()["qualification"]["state"] != "qualified":
            await floor.driver.gathered(0.01)
    assert floor.asked == ["OPTIONS here", "OPTIONS gone"]


async def test_a_box_that_answers_for_itself_is_not_believed() -> None:
    """Every agent is Unverifiable, with the cause; the trunk is in trouble, and not stopped."""
    async with bench(lambda *_: 200, policy()) as floor:
        floor.driver.submit(checks("ada", "ben"))
        found = await floor.evidence(2)
        trouble = floor.driver.knowledge()["trouble"]
    assert {(one.kind, one.cause, one.status) for one in found.values()} == {
        (EvidenceKind.UNVERIFIABLE, "method.blind", 200)
    }
    assert (trouble, floor.driver.stopped_by()) == ("method.blind", None)


@jumping
async def test_agents_wait_while_the_controls_are_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is proven, so nobody is asked; when the controls answer again, all go on."""
    silent = True

    def answers(request: Request, user: str | None) -> int:
        return 0 if silent and user in ("here", "gone") else tells_apart(request, user)

    async with bench(answers, policy()) as floor:
        floor.driver.submit(checks("ada"))
        async with asyncio.timeout(20):
            while not floor.driver.knowledge()["qualification"]["methods"]:  # noqa: ASYNC110 - it is polled
                await asyncio.sleep(0.02)
        assert "OPTIONS ada" not in floor.asked
        silent = False
        floor.now += UNKNOWN_RETRY
        found = await floor.evidence(1)
    assert found["ada"].kind is EvidenceKind.AVAILABLE


async def test_what_came_after_the_proof_had_lapsed_is_asked_again() -> None:
    """A check that was under way meanwhile is not lost, and not believed."""
    lapses = True

    def answers(request: Request, user: str | None) -> int:
        nonlocal lapses
        if user == "ada" and lapses:
            lapses = False
            floor.now += timedelta(hours=5)
        return tells_apart(request, user)

    async with bench(answers, policy()) as floor:
        floor.driver.submit(checks("ada"))
        found = await floor.evidence(1)
    assert floor.asked.count("OPTIONS ada") == 2
    assert floor.asked.count("OPTIONS here") == 2
    assert found["ada"].kind is EvidenceKind.AVAILABLE


async def test_auto_finds_the_method_that_tells() -> None:
    """OPTIONS is blind here, a REGISTER query is not; the evidence says how it was found."""

    def answers(request: Request, user: str | None) -> int:
        return 480 if request.method == "REGISTER" and user == "gone" else 200

    async with bench(answers, policy(methods=("options", "registration"))) as floor:
        floor.driver.submit(checks("ada"))
        found = await floor.evidence(1)
    assert (found["ada"].kind, found["ada"].method) == (EvidenceKind.AVAILABLE, "registration")
    assert "REGISTER ada" in floor.asked
    assert "OPTIONS ada" not in floor.asked


@pytest.mark.parametrize("refusal", [401, 403])
async def test_a_refused_trial_disarms_nothing(refusal: int) -> None:
    """Many PBXs refuse a REGISTER with the trunk's account: one request says so, and no rate is unlearned."""

    def answers(request: Request, user: str | None) -> int:
        if user is not None and "Authorization" not in request.headers:
            return 401
        return refusal if request.method == "REGISTER" else 200

    digest = DigestClient(DigestAccount(username="shiftline", password=Secret("x")), token=lambda: "t")
    setting = policy(methods=("options", "registration"))
    async with bench(answers, setting, digest=digest) as floor:
        floor.driver.submit(checks("ada"))
        found = await floor.evidence(1)
    assert (found["ada"].cause, found["ada"].method) == ("method.blind", "options")
    assert [name for name in floor.asked if name.startswith("REGISTER")] == ["REGISTER here"]
    assert (floor.governor.mode is Mode.STOPPED, floor.governor.overshoots) == (False, 0)


async def test_a_throttled_control_is_no_refused_trial() -> None:
    """A 403 to what carried no credentials is anybody's: the candidate is asked again, and taken."""
    times = 0

    def answers(request: Request, user: str | None) -> int:
        nonlocal times
        if user is not None:
            times += 1
        return 403 if user is not None and times == 1 else tells_apart(request, user)

    async with bench(answers, policy(methods=("options", "registration"))) as floor:
        floor.driver.submit(checks("ada"))
        found = await floor.evidence(1)
    assert (found["ada"].kind, found["ada"].method) == (EvidenceKind.AVAILABLE, "options")
    assert not [name for name in floor.asked if name.startswith("REGISTER")]


@jumping
async def test_a_present_control_that_is_refused_does_not_stop_the_trunk() -> None:
    """He may be refused for himself: the absent one tells whether our account is."""

    def answers(request: Request, user: str | None) -> int:
        if user is not None and "Authorization" not in request.headers:
            return 401
        return 403 if user == "here" else tells_apart(request, user)

    digest = DigestClient(DigestAccount(username="shiftline", password=Secret("x")), token=lambda: "t")
    async with bench(answers, policy(), digest=digest) as floor:
        floor.driver.submit(checks("ada"))
        async with asyncio.timeout(20):
            while not floor.driver.knowledge()["qualification"]["methods"]:  # noqa: ASYNC110 - it is polled
                await asyncio.sleep(0.02)
        assert floor.driver.stopped_by() is None
    assert "OPTIONS gone" in floor.asked
