"""Our registration client against real Kamailio's registrar."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from tests.support import started, token

from shiftline.lab.authorized import send_authorized
from shiftline.lab.kamailio import KamailioConfig, KamailioPbx
from shiftline.lab.pbx.agents import Truth
from shiftline.net.endpoint import SipEndpoint
from shiftline.net.registrar import Registrar
from shiftline.secrets import Secret
from shiftline.sip.digest import DigestAccount, DigestClient
from shiftline.sip.registration import Binding, Registered, Registration, RegistrationEvent, Unregistered
from shiftline.sip.requests import register_query
from shiftline.sip.targets import Target
from shiftline.sip.uri import SipUri

pytestmark = [pytest.mark.interop, pytest.mark.usefixtures("kamailio")]

USER = "agent0003"
PASSWORD = Secret("secret")


@asynccontextmanager
async def running(directory: Path) -> AsyncIterator[KamailioPbx]:
    pbx = KamailioPbx(
        KamailioConfig(directory=directory, agents={USER: Truth.NOT_REGISTERED}, password=PASSWORD)
    )
    async with started(pbx):
        yield pbx


def a_client(password: Secret = PASSWORD) -> DigestClient:
    return DigestClient(DigestAccount(username=USER, password=password), token=token)


def a_registration(pbx: KamailioPbx, *ports: int, password: Secret = PASSWORD) -> Registration:
    host, port = pbx.address
    binding = Binding(
        aor=SipUri(user=USER, host=host, port=port),
        registrar=SipUri(host=host, port=port),
        contacts=tuple(SipUri(user=USER, host="127.0.0.2", port=number) for number in ports),
        expires_seconds=120,
    )
    return Registration(binding, digest=a_client(password), token=token, jitter=lambda: 0.0)


async def bound(pbx: KamailioPbx, endpoint: SipEndpoint) -> int:
    """How many contacts Kamailio has for the agent."""
    host, port = pbx.address
    query = register_query(
        SipUri(user=USER, host=host, port=port), registrar=SipUri(host=host, port=port), token=token
    )
    exchange = await send_authorized(endpoint, a_client(), query, pbx.address)
    assert exchange.response is not None
    return len(exchange.response.headers.get_all("Contact"))


async def test_two_contacts_are_bound_refreshed_and_removed(tmp_path: Path, connector: SipEndpoint) -> None:
    """One challenge for all; Kamailio grants what was asked, and lists nobody after the release."""
    events: asyncio.Queue[RegistrationEvent] = asyncio.Queue()
    async with running(tmp_path) as pbx:
        registrar = Registrar(connector, on_event=lambda _, event: events.put_nowait(event))
        registration = a_registration(pbx, 5062, 5064)
        registrar.add(registration, [Target.over_udp(pbx.address)])
        event = await events.get()
        assert isinstance(event, Registered)
        assert event.granted_seconds == 120
        assert await bound(pbx, connector) == 2
        registrar.start(registration)  # brings the refresh forward
        assert isinstance(await events.get(), Registered)
        assert await bound(pbx, connector) == 2
        assert await registrar.release(5.0)
        assert await events.get() == Unregistered(confirmed=True)
        assert await bound(pbx, connector) == 0
        await registrar.aclose()
        sent = [record.reason for record in pbx.log_records() if record.method == "REGISTER"]
    assert registrar.sent == 4
    assert sent.count("challenge") == 1 + 3  # ours, and one for each question above


async def test_a_wrong_password_is_tried_once(tmp_path: Path, connector: SipEndpoint) -> None:
    """Kamailio challenges for ever (facts: K7); our client stops after one refused attempt."""
    async with running(tmp_path) as pbx:
        registrar = Registrar(connector)
        registration = a_registration(pbx, 5062, password=Secret("guess"))
        registrar.add(registration, [Target.over_udp(pbx.address)])
        async with asyncio.timeout(5):
            while registration.state != "refused":  # noqa: ASYNC110 - the other side is a process
                await asyncio.sleep(0.02)
        await registrar.aclose()
        reasons = [record.reason for record in pbx.log_records()]
    assert reasons == ["challenge", "wrong-password"]
