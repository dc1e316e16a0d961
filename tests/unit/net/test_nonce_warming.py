"""A nonce fetched before a publish window, against a PBX on loopback whose nonces grow old."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest
from tests.support import tokens
from tests.unit.net.bench import DOMAIN, IDENTITY, NOW, trunk_driver
from tests.unit.net.jumping import jumping

from shiftline.connector.records import DueCheck
from shiftline.governor.governor import Governor
from shiftline.governor.policy import GovernorPolicy
from shiftline.net import nonce_warming
from shiftline.net.endpoint import SipEndpoint
from shiftline.net.nonce_warming import NonceWarmer
from shiftline.net.trunk import TrunkDriver
from shiftline.net.trunk_address import TrunkAddress
from shiftline.secrets import Secret
from shiftline.sip.digest import DigestAccount, DigestClient
from shiftline.sip.events import RequestReceived
from shiftline.sip.message import response_to
from shiftline.sip.targets import Target

OPENS_IN = 0.8


class Bench:
    """A driver, and a PBX that takes credentials for its newest nonce only."""

    def __init__(self) -> None:
        self.nonce = "first"
        self.asked: list[tuple[str, bool, int]] = []
        """User, whether it had credentials, status."""
        self.challenges = True
        self.driver: TrunkDriver
        self.governor: Governor

    def answer(self, endpoint: SipEndpoint, event: RequestReceived) -> None:
        request = event.request
        credentials = request.headers.get("Authorization") or ""
        status = 200 if not self.challenges or f'nonce="{self.nonce}"' in credentials else 401
        self.asked.append((request.uri.user or "canary", bool(credentials), status))
        response = response_to(request, status)
        if status == 401:
            # As Kamailio does: an old nonce is challenged without stale=true.
            challenge = f'Digest realm="lab", nonce="{self.nonce}", algorithm=MD5, qop="auth"'
            response.headers.add("WWW-Authenticate", challenge)
        if event.key is not None:
            endpoint.respond(event.key, response)

    async def check(self, *agents: str) -> None:
        """Ask about them, and wait for the evidence."""
        needed_by = NOW + timedelta(hours=1)
        self.driver.submit(
            [DueCheck(id=0, agent=a, address=f"sip:{a}@lab", needed_by=needed_by) for a in agents]
        )
        found = 0
        while found < len(agents):
            found += len(await self.driver.gathered(1.0))

    def challenged(self) -> list[str]:
        return [user for user, _, status in self.asked if status == 401]


@asynccontextmanager
async def bench(monkeypatch: pytest.MonkeyPatch, *, warms: bool = True) -> AsyncIterator[Bench]:
    """The window opens `OPENS_IN` seconds after the start."""
    monkeypatch.setattr(nonce_warming, "WARM_SECONDS", 0.3)
    monkeypatch.setattr(nonce_warming, "REST_SECONDS", 0.2)
    floor = Bench()
    loop = asyncio.get_running_loop()
    floor.governor = Governor(GovernorPolicy(max_rate=500.0), loop.time())
    opens = loop.time() + OPENS_IN
    async with (
        await SipEndpoint.open(local_host="127.0.0.1", on_request=floor.answer) as pbx,
        await SipEndpoint.open(local_host="127.0.0.2") as ours,
        trunk_driver(
            ours,
            Target.over_udp(pbx.local),
            governor=floor.governor,
            digest=DigestClient(DigestAccount(username="u", password=Secret("x")), token=tokens()),
        ) as floor.driver,
    ):
        warmer = NonceWarmer(
            endpoint=ours,
            trunk=floor.driver,
            address=TrunkAddress(
                targets=(Target.over_udp(pbx.local),),
                domain=DOMAIN,
                identity=IDENTITY,
                answer_timeout_seconds=1.0,
            ),
            token=tokens(),
            windows=lambda _: [(opens, opens + 60.0)] if warms else [],
        )
        try:
            yield floor
        finally:
            await warmer.aclose()


async def at_the_opening(floor: Bench) -> None:
    await asyncio.sleep(OPENS_IN + 0.05)


@pytest.mark.parametrize(("warms", "challenged"), [(True, 0), (False, 1)])
@jumping
async def test_a_warm_nonce_spares_the_burst_its_challenges(
    monkeypatch: pytest.MonkeyPatch, warms: bool, challenged: int
) -> None:
    """The old nonce has run out; one question without credentials brings the new one in time."""
    async with bench(monkeypatch, warms=warms) as floor:
        await floor.check("ada")
        floor.nonce = "second"
        await at_the_opening(floor)
        before = len(floor.asked)
        await floor.check(*(f"agent{n}" for n in range(20)))
        burst = floor.asked[before:]
        strikes = floor.governor.knowledge()["strikes"]
    assert min(challenged, sum(status == 401 for *_, status in burst)) == challenged
    assert (challenged > 0) or all(status == 200 for *_, status in burst)
    assert floor.asked[2:before] == ([("shiftline", False, 401)] if warms else [])
    assert strikes == 0


@jumping
async def test_a_trunk_that_is_in_use_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was asked a moment ago has used the nonce, or brought a new one."""
    async with bench(monkeypatch) as floor:
        await floor.check("ada")
        await asyncio.sleep(OPENS_IN - 0.4)
        await floor.check("ben")
        await asyncio.sleep(0.5)
    assert [user for user, *_ in floor.asked] == ["ada", "ada", "ben"]


@jumping
async def test_a_trunk_that_asks_nobody_for_a_password_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """It has no nonce to give."""
    async with bench(monkeypatch) as floor:
        floor.challenges = False
        await floor.check("ada")
        await at_the_opening(floor)
    assert [user for user, *_ in floor.asked] == ["ada"]


@jumping
async def test_a_password_that_was_never_taken_is_not_warmed_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is known about the trunk yet: its first check proves the path, and not a request of ours."""
    async with bench(monkeypatch) as floor:
        await at_the_opening(floor)
    assert floor.asked == []
