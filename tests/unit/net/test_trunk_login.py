"""A password is tried by one request at a time until the PBX has taken it, and never by more than two."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest
from tests.support import token
from tests.unit.net.bench import NOW, a_governor, trunk_driver

from shiftline.connector.records import DueCheck
from shiftline.governor.governor import Governor
from shiftline.governor.state import Mode
from shiftline.net.endpoint import SipEndpoint
from shiftline.net.trunk import TrunkDriver
from shiftline.secrets import Secret
from shiftline.sip.digest import DigestAccount, DigestClient
from shiftline.sip.events import RequestReceived
from shiftline.sip.message import Request, response_to
from shiftline.sip.targets import Target
from shiftline.trades.model import Evidence

ANSWER_SECONDS = 0.2


class Pbx:
    """Answers what ``answer`` says; a 401 comes with the nonce of the moment."""

    def __init__(self, answer: Callable[[Pbx, str | None, str | None], int]) -> None:
        self._answer = answer
        self.nonce = "n1"
        self.requests = 0
        self.refused_logins = 0

    def take(self, endpoint: SipEndpoint, event: RequestReceived) -> None:
        """Answer one request; 0 is silence."""
        self.requests += 1
        carried = _nonce_of(event.request)
        status = self._answer(self, event.request.uri.user, carried)
        self.refused_logins += carried is not None and status in (401, 403)
        if event.key is None or not status:
            return
        response = response_to(event.request, status, to_tag="pbx")
        if status == 401:
            stale = ", stale=true" if carried else ""
            challenge = f'Digest realm="lab", nonce="{self.nonce}", qop="auth"{stale}'
            response.headers.add("WWW-Authenticate", challenge)
        # Answers take their time, so that at speed many requests are under way together.
        asyncio.get_running_loop().call_later(ANSWER_SECONDS, endpoint.respond, event.key, response)


def _nonce_of(request: Request) -> str | None:
    value = request.headers.get("Authorization")
    return None if value is None else value.partition('nonce="')[2].partition('"')[0]


@asynccontextmanager
async def trunk(pbx: Pbx) -> AsyncIterator[tuple[TrunkDriver, Governor]]:
    governor = a_governor()
    digest = DigestClient(DigestAccount(username="us", password=Secret("secret")), token=token)
    async with (
        await SipEndpoint.open(local_host="127.0.0.1", on_request=pbx.take) as theirs,
        await SipEndpoint.open(local_host="127.0.0.2") as ours,
        trunk_driver(
            ours, Target.over_udp(theirs.local), timeout_seconds=1.0, digest=digest, governor=governor
        ) as driver,
    ):
        yield driver, governor


async def ask(driver: TrunkDriver, *users: str) -> dict[str, Evidence]:
    driver.submit(
        [
            DueCheck(id=n, agent=user, address=f"sip:{user}@lab", needed_by=NOW + timedelta(seconds=n))
            for n, user in enumerate(users)
        ]
    )
    found: dict[str, Evidence] = {}
    while len(found) < len(users):
        found |= {evidence.agent: evidence for evidence in await driver.gathered(1.0)}
    return found


AGENTS = [f"agent{n}" for n in range(20)]


@pytest.mark.parametrize("refusal", [401, 403])
async def test_a_wrong_password_is_not_carried_by_a_burst(refusal: int) -> None:
    """One user is answered unasked, so the path is open and the pace is fast; the others are challenged."""

    def answer(pbx: Pbx, user: str | None, carried: str | None) -> int:
        if user in (None, "open"):
            return 200
        return refusal if carried else 401

    pbx = Pbx(answer)
    async with trunk(pbx) as (driver, governor):
        found = await ask(driver, "open", *AGENTS)
    assert pbx.refused_logins <= 2
    assert governor.mode is Mode.STOPPED
    assert {found[agent].cause for agent in AGENTS} == {"credentials.wrong-password"}


async def test_a_nonce_that_a_canary_brought_proves_nothing_and_harms_nobody() -> None:
    """The PBX was silent at first; when its nonce expires at speed, the trunk goes on."""
    silent = 2

    def answer(pbx: Pbx, user: str | None, carried: str | None) -> int:
        if pbx.requests <= silent:
            return 0
        return 200 if carried == pbx.nonce else 401

    pbx = Pbx(answer)
    async with trunk(pbx) as (driver, governor):
        await ask(driver, *AGENTS)
        pbx.nonce = "n2"
        found = await ask(driver, *AGENTS)
    assert {evidence.status for evidence in found.values()} == {200}
    assert governor.mode is not Mode.STOPPED
    assert governor.knowledge()["strikes"] == 0


async def test_agents_who_are_refused_one_after_the_other_are_not_taken_for_our_account() -> None:
    """At the end of a burst only they are left. A user who had passed is asked, and vouches for us."""
    forbidden = {f"agent{n}" for n in range(6, 10)}

    def answer(pbx: Pbx, user: str | None, carried: str | None) -> int:
        return 401 if carried is None else 403 if user in forbidden else 200

    async with trunk(Pbx(answer)) as (driver, governor):
        found = await ask(driver, *(f"agent{n}" for n in range(10)))
    assert {user for user, one in found.items() if one.cause == "policy.account-disabled"} == forbidden
    assert governor.mode is not Mode.STOPPED
    assert governor.knowledge()["strikes"] == 0
