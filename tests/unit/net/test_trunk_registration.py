"""A trunk's registration within its governor's budget, against a small PBX on loopback."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta

import pytest
from tests.support import tokens, until
from tests.unit.net.bench import DOMAIN, IDENTITY, NOW, a_governor, trunk_driver

from shiftline.connector.records import DueCheck
from shiftline.governor.governor import Governor
from shiftline.governor.state import Mode
from shiftline.net.endpoint import SipEndpoint
from shiftline.net.trunk import TrunkDriver
from shiftline.net.trunk_registration import TrunkGate, TrunkRegistration, answer_pbx
from shiftline.sip.events import RequestReceived
from shiftline.sip.message import Request, response_to
from shiftline.sip.register_answer import Verdict
from shiftline.sip.registration import Binding, Registration
from shiftline.sip.requests import invite, options, register_query
from shiftline.sip.targets import Target
from shiftline.sip.uri import SipUri
from shiftline.trades.model import Evidence

StatusOf = Callable[[Request], int]


@asynccontextmanager
async def trunk(
    status_of: StatusOf, *, owned: Callable[[], bool] = lambda: True
) -> AsyncIterator[tuple[TrunkDriver, TrunkRegistration, Governor, list[Request]]]:
    """A driver with a registration, and a PBX that answers with ``status_of(request)``."""
    asked: list[Request] = []
    token = tokens()

    def answer(endpoint: SipEndpoint, event: RequestReceived) -> None:
        asked.append(event.request)
        if event.key is not None:
            endpoint.respond(event.key, response_to(event.request, status_of(event.request)))

    governor = a_governor()
    async with (
        await SipEndpoint.open(local_host="127.0.0.1", on_request=answer) as pbx,
        await SipEndpoint.open(local_host="127.0.0.2") as ours,
        trunk_driver(
            ours, Target.over_udp(pbx.local), governor=governor, token=token, may_send=owned
        ) as driver,
    ):
        binding = Binding(aor=IDENTITY, registrar=DOMAIN, contacts=(SipUri(user="s", host="127.0.0.2"),))
        registration = TrunkRegistration(
            Registration(binding, digest=None, token=token, jitter=lambda: 0.0),
            endpoint=ours,
            trunk=driver,
            targets=[Target.over_udp(pbx.local)],
            clock=lambda: NOW,
            name="pbx",
            answer_timeout_seconds=1.0,
        )
        driver.shown["registration"] = registration.status
        try:
            yield driver, registration, governor, asked
        finally:
            await registration.aclose()


def checks(number: int) -> list[DueCheck]:
    return [DueCheck(id=n, agent=f"a{n}", address=f"sip:a{n}@lab", needed_by=NOW) for n in range(number)]


def state(registration: TrunkRegistration) -> str:
    return str(registration.status()["state"])


async def test_a_register_is_counted_and_goes_before_checks() -> None:
    """It proves the trunk like a check, and the checks behind it follow."""
    async with trunk(lambda _: 200) as (driver, registration, governor, asked):
        registration.take_over()
        await asyncio.sleep(0)
        driver.submit(checks(3))
        await until(lambda: len(asked) == 4)
        assert {request.method for request in asked} == {"REGISTER", "OPTIONS"}
        await until(lambda: state(registration) == "registered")
        assert governor.mode is Mode.HOLDING
        shown = driver.knowledge()["registration"]
        assert shown["last_failure"] is None
        assert datetime.fromisoformat(shown["registered_until"]) - NOW == pytest.approx(
            timedelta(hours=1), abs=timedelta(seconds=2)
        )


async def test_nothing_leaves_while_another_owns_the_trunk() -> None:
    """The same permission as for checks; it is asked again when the lease has come."""
    owner = False
    async with trunk(lambda _: 200, owned=lambda: owner) as (_, registration, _, asked):
        registration.take_over()
        await asyncio.sleep(0.3)
        assert not asked
        owner = True
        await until(lambda: state(registration) == "registered")


async def test_a_takeover_registers_anew() -> None:
    """The other owner may have bound its own address meanwhile."""
    async with trunk(lambda _: 200) as (_, registration, _, asked):
        for taken in (1, 2):
            registration.take_over()
            await until(lambda taken=taken: len(asked) == taken)  # type: ignore[misc]
            await until(lambda: state(registration) == "registered")
        numbers = [request.headers.get("CSeq") for request in asked]
        assert numbers == ["1 REGISTER", "2 REGISTER"]


async def test_a_password_that_another_owner_proved_is_proven_anew() -> None:
    """A challenge to it is an old nonce's, until the trunk changes hands: from then on it is a strike."""
    async with trunk(lambda _: 200) as (driver, _, governor, _):
        gate = TrunkGate(driver)
        tickets: list[int] = []

        async def register(status: int, verdict: Verdict) -> None:
            gate.admit(lambda: tickets.append(gate.sent(credentials=True)), urgent=True)
            await until(lambda: bool(tickets))
            response = response_to(options(IDENTITY, from_uri=IDENTITY, token=tokens()), status)
            gate.answered(tickets.pop(), response, verdict)

        await register(200, Verdict.ACCEPTED)
        await register(401, Verdict.CHALLENGED)
        assert governor.knowledge()["strikes"] == 0
        gate.forget()
        await register(401, Verdict.CHALLENGED)
        assert governor.knowledge()["strikes"] == 1


async def test_a_refusal_stops_the_registration_and_not_the_checks() -> None:
    """403 to REGISTER only: the trunk may be told by address. State and reason are shown."""
    async with trunk(lambda r: 403 if r.method == "REGISTER" else 200) as (driver, registration, _, asked):
        registration.take_over()
        await until(lambda: state(registration) == "refused")
        driver.submit(checks(2))
        evidence: list[Evidence] = []
        while len(evidence) < 2:
            evidence += await driver.gathered(1.0)
        shown = driver.knowledge()["registration"]
        assert (shown["last_failure"]["status"], shown["registered_until"]) == (403, None)
        assert driver.stopped_by() is None
        registration.take_over()  # a lease that comes and goes changes nothing
        await asyncio.sleep(0.05)
        assert [request.method for request in asked].count("REGISTER") == 1


async def test_a_throttled_register_is_not_called_a_policy() -> None:
    """On a trunk that lets checks pass, a 403 may be its limit: it backs off and comes again."""
    async with trunk(lambda r: 403 if r.method == "REGISTER" else 200) as (driver, registration, _, _):
        driver.submit(checks(1))
        assert await driver.gathered(2.0)
        registration.take_over()
        await until(lambda: state(registration) == "backing-off")


async def test_a_binding_that_ran_out_is_shown_as_such() -> None:
    """Its refresh was held back, by another owner or a stopped trunk: nobody shall rely on it."""
    async with trunk(lambda _: 200) as (_, registration, _, _):
        registration.take_over()
        await until(lambda: state(registration) == "registered")
        registration._registration.until = asyncio.get_running_loop().time()
        assert registration.status()["registered_until"] is None
        assert state(registration) == "lapsed"


async def test_the_binding_is_removed_at_the_end() -> None:
    """Expires 0, within the trunk's budget."""
    async with trunk(lambda _: 200) as (_, registration, _, asked):
        registration.take_over()
        await until(lambda: state(registration) == "registered")
        await registration.release()
        assert [request.headers.get("Expires") for request in asked] == ["3600", "0"]
        assert state(registration) == "unregistered"


async def test_what_the_pbx_sends_to_our_contact_is_answered() -> None:
    """A keep-alive OPTIONS finds us well; nobody can be called here."""
    token = tokens()

    async with (
        await SipEndpoint.open(local_host="127.0.0.2", on_request=answer_pbx) as ours,
        await SipEndpoint.open(local_host="127.0.0.1") as pbx,
    ):
        requests = [
            options(IDENTITY, from_uri=DOMAIN, token=token),
            invite(IDENTITY, from_uri=DOMAIN, contact=DOMAIN, token=token),
            register_query(IDENTITY, registrar=DOMAIN, token=token),
        ]
        found = [(await pbx.request(request, ours.local)).response for request in requests]
    assert [response and response.status for response in found] == [200, 480, 405]
