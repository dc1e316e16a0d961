"""Our SIP side against real Kamailio, and the lab's Kamailio against what the facts say of it."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from tests.support import started, token

from shiftline.errors import ConfigurationError, UnavailableError
from shiftline.lab.authorized import send_authorized
from shiftline.lab.kamailio import KamailioConfig, KamailioPbx
from shiftline.lab.pbx.agents import Truth
from shiftline.lab.pbx.faults import Throttle, ThrottleKey
from shiftline.net.endpoint import SipEndpoint
from shiftline.net.exchange import Exchange
from shiftline.secrets import Secret
from shiftline.sip.digest import ChallengeOutcome, DigestAccount, DigestClient
from shiftline.sip.message import Request
from shiftline.sip.requests import ack, bye, invite, options, register_query
from shiftline.sip.uri import SipUri

pytestmark = [pytest.mark.interop, pytest.mark.usefixtures("kamailio")]

AGENTS = {
    "agent0001": Truth.AVAILABLE,
    "agent0002": Truth.BUSY,
    "agent0003": Truth.NOT_REGISTERED,
    "agent0004": Truth.UNKNOWN,
}
ANSWERS = {"agent0001": 200, "agent0002": 486, "agent0003": 480, "agent0004": 404}
PASSWORD = Secret("secret")
BURST = 500


@asynccontextmanager
async def running(
    directory: Path, *, throttle: Throttle | None = None, agents: Mapping[str, Truth] = AGENTS
) -> AsyncIterator[KamailioPbx]:
    pbx = KamailioPbx(
        KamailioConfig(directory=directory, agents=agents, password=PASSWORD, throttle=throttle)
    )
    async with started(pbx):
        yield pbx


def account(user: str = "shiftline", password: Secret = PASSWORD) -> DigestClient:
    return DigestClient(DigestAccount(username=user, password=password), token=token)


def uri(pbx: KamailioPbx, user: str | None) -> SipUri:
    host, port = pbx.address
    return SipUri(scheme="sip", user=user, host=host, port=port)


def ask_options(pbx: KamailioPbx, user: str | None) -> Request:
    return options(uri(pbx, user), from_uri=uri(pbx, "shiftline"), token=token)


def query(pbx: KamailioPbx, user: str) -> Request:
    return register_query(uri(pbx, user), registrar=uri(pbx, None), token=token)


def status(exchange: Exchange) -> int | None:
    return exchange.response.status if exchange.response else None


async def keepalives(pbx: KamailioPbx, endpoint: SipEndpoint, number: int) -> Counter[int | None]:
    """What a burst of requests that need no authentication is answered."""
    burst = [endpoint.request(ask_options(pbx, None), pbx.address) for _ in range(number)]
    return Counter([status(exchange) for exchange in await asyncio.gather(*burst)])


async def until_a_window_begins(pbx: KamailioPbx, endpoint: SipEndpoint, limit: int) -> None:
    """Spend the budget and wait for the next; the request that finds it is the first of its window."""
    await keepalives(pbx, endpoint, 2 * limit)
    while (await keepalives(pbx, endpoint, 1))[200] == 0:
        continue


async def test_every_truth_has_its_status_and_one_challenge_serves_all(
    tmp_path: Path, connector: SipEndpoint
) -> None:
    """OPTIONS by digest MD5: N checks cost N + 1 requests, and Kamailio's own log counts just these."""
    async with running(tmp_path) as pbx:
        client = account()
        for user, expected in ANSWERS.items():
            asked = ask_options(pbx, user)
            assert status(await send_authorized(connector, client, asked, pbx.address)) == expected
        records = pbx.log_records()
    assert [(record.user, record.status, record.reason) for record in records] == [
        ("agent0001", 407, "challenge"),
        *[(user, expected, "ok") for user, expected in ANSWERS.items()],
    ]
    assert {record.source for record in records} == {"127.0.0.2"}
    assert [record.auth_user for record in records] == [None, *["shiftline"] * 4]


async def test_phones_take_their_time(tmp_path: Path, connector: SipEndpoint) -> None:
    """A relayed check takes the phone's 20 to 60 ms; what Kamailio knows itself comes at once."""
    async with running(tmp_path) as pbx:
        client = account()
        await send_authorized(connector, client, ask_options(pbx, "agent0003"), pbx.address)
        relayed = await send_authorized(connector, client, ask_options(pbx, "agent0001"), pbx.address)
        known = await send_authorized(connector, client, ask_options(pbx, "agent0003"), pbx.address)
    assert 0.020 <= relayed.rtt_seconds < 0.5
    assert known.rtt_seconds < relayed.rtt_seconds


async def test_a_query_lists_the_phones_contact(tmp_path: Path, connector: SipEndpoint) -> None:
    """REGISTER without Contact: a binding, none, or 404 for a user Kamailio has never heard of."""
    async with running(tmp_path) as pbx:
        client, found = account(), []
        for user in ANSWERS:
            exchange = await send_authorized(connector, client, query(pbx, user), pbx.address)
            assert exchange.response is not None
            found.append((exchange.response.status, len(exchange.response.headers.get_all("Contact"))))
    assert found == [(200, 1), (200, 1), (200, 0), (404, 0)]


async def test_a_wrong_password_is_challenged_for_ever(tmp_path: Path, connector: SipEndpoint) -> None:
    """Kamailio never says 403 (facts: K7); our client knows a refusal after one attempt."""
    async with running(tmp_path) as pbx:
        client = account(password=Secret("guess"))
        exchange = await send_authorized(connector, client, ask_options(pbx, "agent0001"), pbx.address)
        assert exchange.response is not None
        assert exchange.response.status == 407
        assert client.challenged(exchange.response, exchange.request) is ChallengeOutcome.REFUSED
        reasons = [record.reason for record in pbx.log_records()]
    assert reasons == ["challenge", "wrong-password"]


@pytest.mark.parametrize("limit", [20, 50, 200])
async def test_exactly_the_limit_passes_and_then_403(
    tmp_path: Path, connector: SipEndpoint, limit: int
) -> None:
    """pipelimit, TAILDROP, 1 s: of a burst within one window exactly N are answered (facts: 3.8)."""
    async with running(tmp_path, throttle=Throttle(limit=limit)) as pbx:
        client = account()
        await send_authorized(connector, client, query(pbx, "agent0003"), pbx.address)
        await until_a_window_begins(pbx, connector, limit)
        before = len(pbx.log_records())
        burst = []
        for _ in range(BURST):
            request = query(pbx, "agent0003")
            client.authorize(request)
            burst.append(connector.request(request, pbx.address))
        statuses = Counter([status(exchange) for exchange in await asyncio.gather(*burst)])
        logged = Counter(record.reason for record in pbx.log_records()[before:])
    # One of the window's N was spent on finding its beginning.
    assert statuses == {200: limit - 1, 403: BURST - limit + 1}
    assert logged == {"ok": limit - 1, "throttled": BURST - limit + 1}


@pytest.mark.parametrize(
    ("key", "campaign_gets"), [(ThrottleKey.SOURCE, {200: 20, 403: 5}), (ThrottleKey.TRUNK, {403: 25})]
)
async def test_the_key_decides_who_shares_the_limit(
    tmp_path: Path,
    connector: SipEndpoint,
    campaigner: SipEndpoint,
    key: ThrottleKey,
    campaign_gets: dict[int, int],
) -> None:
    """Keyed on the source the campaign has its own budget; keyed on the trunk the burst takes it."""
    async with running(tmp_path, throttle=Throttle(limit=20, key=key)) as pbx:
        await until_a_window_begins(pbx, connector, 20)
        await keepalives(pbx, connector, 19)
        assert await keepalives(pbx, campaigner, 25) == campaign_gets


async def test_a_phone_can_be_called(tmp_path: Path, connector: SipEndpoint) -> None:
    """INVITE through Kamailio to a registered phone; ACK and BYE go to the contact it gave."""
    async with running(tmp_path) as pbx:
        own = uri(pbx, "shiftline")
        for user, expected in (("agent0001", 200), ("agent0002", 486), ("call0001", 200)):
            request = invite(uri(pbx, user), from_uri=own, contact=own, token=token)
            exchange = await send_authorized(connector, account(), request, pbx.address)
            assert status(exchange) == expected
            if expected == 200 and exchange.response is not None:
                goodbye = bye(exchange.request, exchange.response)
                target = (goodbye.uri.host, goodbye.uri.port or 5060)
                connector.send_stateless(ack(exchange.request, exchange.response), target)
                assert status(await connector.request(goodbye, target)) == 200


async def test_a_taken_port_is_one_clear_sentence(tmp_path: Path, connector: SipEndpoint) -> None:
    """Kamailio would share the port silently; the lab refuses to start it."""
    host, port = connector.local
    config = KamailioConfig(directory=tmp_path, agents=AGENTS, password=PASSWORD, host=host, port=port)
    with pytest.raises(UnavailableError, match=f"cannot listen on {host}:{port}"):
        await KamailioPbx(config).start()


def test_a_window_that_kamailio_cannot_have_is_refused(tmp_path: Path) -> None:
    """The policer's timer has whole seconds and is set to one."""
    config = KamailioConfig(
        directory=tmp_path, agents=AGENTS, password=PASSWORD, throttle=Throttle(limit=5, window_seconds=2.0)
    )
    with pytest.raises(ConfigurationError, match="window of 2 s"):
        KamailioPbx(config)
