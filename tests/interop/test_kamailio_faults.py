"""The lab's faults of real Kamailio: each changes what the facts say, and nothing else."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from tests.support import started, token

from shiftline.errors import ConfigurationError
from shiftline.lab.authorized import send_authorized
from shiftline.lab.certificates import make_certificates
from shiftline.lab.kamailio import KamailioConfig, KamailioPbx
from shiftline.lab.kamailio_faults import KAMAILIO_FAULTS
from shiftline.lab.pbx.agents import CAMPAIGN_ACCOUNT, TRUNK_ACCOUNT, Truth
from shiftline.lab.pbx.bank.limits import OTHER_STATUSES, STANDINGS
from shiftline.lab.pbx.bank.wishes import Drawn, Wishes
from shiftline.net.endpoint import SipEndpoint
from shiftline.net.exchange import Exchange
from shiftline.net.settings import StreamSettings
from shiftline.net.tls import TlsSettings
from shiftline.secrets import Secret
from shiftline.sip.digest import DigestAccount, DigestClient
from shiftline.sip.message import Request
from shiftline.sip.requests import invite, options, register, register_query
from shiftline.sip.transport import Transport
from shiftline.sip.uri import SipUri

pytestmark = [pytest.mark.interop, pytest.mark.usefixtures("kamailio")]

AGENTS = {"agent0001": Truth.AVAILABLE, "agent0003": Truth.NOT_REGISTERED}
HEALTHY: Mapping[str, int | None] = {
    "box": 200, "bare": 401, "query": 200, "again": 200, "options": 200, "absent": 480, "bind": 200,
    "second": 200, "other": 200, "campaign": 200,
}  # fmt: skip
OURS = ("query", "again", "options", "absent", "bind", "second")
"""What carries the trunk's credentials."""
CHALLENGED = {name: 407 if name in ("options", "absent") else 401 for name in OURS}
BARRED = dict.fromkeys(OURS, 403)
STRANGERS = {**BARRED, "bare": 403, "other": 403}
EVERYONE = {**STRANGERS, "box": 403}
NOTHING: Mapping[str, Drawn] = {}
FOR_GOOD: Mapping[str, tuple[dict[str, Drawn], Mapping[str, int | None]]] = {
    "credentials.wrong-password": ({}, CHALLENGED),
    "credentials.rotated": ({}, CHALLENGED),
    "credentials.unknown-user": ({}, CHALLENGED),
    "credentials.identity-mismatch": ({}, BARRED),
    "credentials.realm": ({}, CHALLENGED),
    "credentials.nonce-count": ({}, {"again": 401}),
    "credentials.digest-uri": ({}, CHALLENGED),
    "acl.source": ({}, STRANGERS),
    "acl.partial": ({}, {**STRANGERS, "second": 200}),
    "acl.contact": ({}, {"bind": 403}),
    "acl.via-source": ({}, STRANGERS),
    "policy.method": ({"method": "OPTIONS", "status": 405}, {"options": 405, "absent": 405}),
    "policy.domain": ({}, STRANGERS),
    "policy.user-agent": ({}, dict.fromkeys(EVERYONE)),
    "policy.transport": ({}, STRANGERS),
    "policy.account-disabled": ({}, BARRED),
    "policy.no-trunk-match": ({}, STRANGERS),
    "policy.unregistered-source": ({}, {"options": 403, "absent": 403}),
    "policy.caller-identity": ({}, {"options": 403, "absent": 403}),
    "policy.asked-user": ({"covers": "one user"}, {"options": 403}),
    "registrar.max-contacts": ({}, {"bind": 503}),
    "registrar.no-aor": ({}, dict.fromkeys(("query", "again", "bind", "second", "other"), 404)),
    "registrar.interval-too-brief": ({"min_expires": 900}, {"bind": 423}),
    "ban.user": ({}, BARRED),
    "capacity.maintenance": ({}, dict.fromkeys(HEALTHY, 503)),
    "schedule.time-of-day": ({}, EVERYONE),
    "message.malformed": ({"header": "Accept"}, {"box": 400, "options": 400, "absent": 400}),
    "message.too-large": ({"most_bytes": 480}, {**BARRED, "other": 403}),
    "message.missing-metadata": ({}, EVERYONE),
    "method.blind": ({}, {"absent": 200}),
    "method.failing": ({"answer": 500}, {"options": 500, "absent": 500}),
}
"""What is drawn just so, and what differs from a healthy Kamailio."""
IN_CI = frozenset({"credentials.realm", "acl.via-source", "registrar.max-contacts"})
FLOODS = {
    "throttle.source": 403,
    "throttle.shared": 503,
    "throttle.user": 403,
    "throttle.method": 503,
    "throttle.registration-rate": 503,
}
TLS = tuple(name for name in KAMAILIO_FAULTS if name.startswith("tls."))
IN_TIME = (
    "throttle.callee",
    "credentials.stale-nonce",
    "credentials.shared-lockout",
    "ban.source",
    "capacity.overload",
    "network.uneven-nodes",
)


@dataclass
class Caller:
    """An account at an address of ours."""

    pbx: KamailioPbx
    endpoint: SipEndpoint
    account: str = TRUNK_ACCOUNT
    digest: DigestClient = field(init=False)

    def __post_init__(self) -> None:
        account = DigestAccount(username=self.account, password=Secret("secret"))
        self.digest = DigestClient(account, token=token)

    def uri(self, user: str | None) -> SipUri:
        host, port = self.pbx.address
        return SipUri(scheme="sip", user=user, host=host, port=port)

    def options(self, user: str | None) -> Request:
        return options(self.uri(user), from_uri=self.uri(self.account), token=token)

    def query(self, user: str = "") -> Request:
        return register_query(self.uri(user or self.account), registrar=self.uri(None), token=token)

    def bind(self) -> Request:
        own = self.endpoint.contact(user=self.account)
        return register(self.uri(self.account), own, self.uri(None), 60, token)

    def call(self) -> Request:
        own = self.uri(self.account)
        return invite(self.uri("call0001"), from_uri=own, contact=own, token=token)

    async def ask(self, request: Request, *, timeout_seconds: float = 0.4) -> int | None:
        """Once, as it is."""
        return status(await self.endpoint.request(request, self.pbx.address, timeout_seconds=timeout_seconds))

    async def log_in(self, request: Request) -> int | None:
        """As long as the challenges are worth an answer; what is silent when bare is silent."""
        if (first := await self.ask(request)) not in (401, 407):
            return first
        return status(await send_authorized(self.endpoint, self.digest, request, self.pbx.address))


def status(exchange: Exchange) -> int | None:
    return exchange.response.status if exchange.response else None


@asynccontextmanager
async def faulty(
    directory: Path, *names: str, drawn: Mapping[str, Drawn] = NOTHING, limit: int | None = None
) -> AsyncIterator[KamailioPbx]:
    certificates = None
    if any(name in TLS for name in names):
        certificates = make_certificates(directory, "127.0.0.1", names[0])
    config = KamailioConfig(
        directory=directory,
        agents=AGENTS,
        password=Secret("secret"),
        fault_ids=names,
        wishes=Wishes(limit=limit, options=drawn),
        tls_certificate=str(certificates.server) if certificates else "",
        tls_authority=str(certificates.authority) if certificates else "",
    )
    async with started(KamailioPbx(config)) as pbx:
        yield pbx


async def battery(pbx: KamailioPbx) -> dict[str, int | None]:
    """What each of a connector's ordinary requests gets in the end."""
    async with (
        await SipEndpoint.open(local_host="127.0.0.2") as ours,
        await SipEndpoint.open(local_host="127.0.0.4") as seconds,
        await SipEndpoint.open(local_host="127.0.0.3") as campaigns,
    ):
        caller, other = Caller(pbx, ours), Caller(pbx, ours, "agent0001")
        second, campaign = Caller(pbx, seconds), Caller(pbx, campaigns, CAMPAIGN_ACCOUNT)
        found = {
            "box": await caller.ask(caller.options(None)),
            "bare": await caller.ask(caller.query()),
            "query": await caller.log_in(caller.query()),
        }
        again = caller.query()
        caller.digest.authorize(again)
        return found | {
            "again": await caller.ask(again),
            "options": await caller.log_in(caller.options("agent0001")),
            "absent": await caller.log_in(caller.options("agent0003")),
            "bind": await caller.log_in(caller.bind()),
            "second": await second.log_in(second.query()),
            "other": await other.log_in(other.query()),
            "campaign": await campaign.log_in(campaign.call()),
        }


def _marked(name: str) -> object:
    return pytest.param(name, marks=[] if name in IN_CI else [pytest.mark.accept])


async def test_a_healthy_kamailio(tmp_path: Path) -> None:
    """What the faults are compared with."""
    async with faulty(tmp_path) as pbx:
        assert await battery(pbx) == HEALTHY


@pytest.mark.parametrize("name", [_marked(name) for name in FOR_GOOD])
async def test_a_fault_changes_what_the_facts_say(tmp_path: Path, name: str) -> None:
    """And nothing else: every other request gets what it gets on a healthy one."""
    drawn, differs = FOR_GOOD[name]
    async with faulty(tmp_path, name, drawn=drawn) as pbx:
        assert await battery(pbx) == {**HEALTHY, **differs}
        if 401 not in differs.values() and 423 not in differs.values():
            assert name in {record.reason for record in pbx.log_records()}


@pytest.mark.accept
@pytest.mark.parametrize("name", FLOODS)
async def test_a_throttle_lets_its_limit_pass(tmp_path: Path, name: str, connector: SipEndpoint) -> None:
    """Of a burst of 60, at most two windows of 10; a slow sender is never refused."""
    async with faulty(tmp_path, name, limit=10, drawn={"method": "REGISTER", "status": FLOODS[name]}) as pbx:
        caller = Caller(pbx, connector)
        assert await caller.log_in(caller.query()) == 200
        await asyncio.sleep(2.1)
        burst = [caller.query() for _ in range(60)]
        for request in burst:
            caller.digest.authorize(request)
        found = Counter(await asyncio.gather(*map(caller.ask, burst)))
        assert {*found} == {200, FLOODS[name]}
        assert 10 <= found[200] <= 20


def refused_by(name: str, stands: str) -> set[str]:
    """Which floods a limit refuses that stands there."""
    counted = {"box", "query", "user"}
    counted -= {"query"} if name == "throttle.method" or stands == STANDINGS[2] else set()
    return counted - ({"box"} if stands != STANDINGS[0] else set())


@pytest.mark.accept
@pytest.mark.parametrize("stands", STANDINGS)
@pytest.mark.parametrize("name", ["throttle.source", "throttle.user", "throttle.method"])
async def test_a_limit_stands_where_it_was_drawn(
    tmp_path: Path, name: str, stands: str, connector: SipEndpoint
) -> None:
    """Ahead of the keepalive, behind it, or with REGISTER exempt; in a status of its own."""
    drawn: dict[str, Drawn] = {"method": "OPTIONS", "status": 429, "stands": stands}
    async with faulty(tmp_path, name, limit=10, drawn=drawn) as pbx:
        caller = Caller(pbx, connector)
        assert await caller.log_in(caller.query()) == 200
        kinds: dict[str, Callable[[], Request]] = {
            "box": lambda: caller.options(None),
            "query": caller.query,
            "user": lambda: caller.options("agent0003"),
        }
        found = {}
        for kind, made in kinds.items():
            await asyncio.sleep(2.1)
            burst = [made() for _ in range(40)]
            for request in burst:
                caller.digest.authorize(request)
            found[kind] = Counter(await asyncio.gather(*map(caller.ask, burst)))
        assert {kind for kind, counted in found.items() if 429 in counted} == refused_by(name, stands)
        assert all(10 <= counted.total() - counted[429] <= 20 for counted in found.values() if counted[429])


@pytest.mark.accept
@pytest.mark.parametrize("status", sorted({*OTHER_STATUSES}))
async def test_a_limit_says_what_was_drawn(tmp_path: Path, status: int, connector: SipEndpoint) -> None:
    """In RFC 3261's own words."""
    drawn: dict[str, Drawn] = {"status": status, "stands": STANDINGS[0]}
    async with faulty(tmp_path, "throttle.source", limit=5, drawn=drawn) as pbx:
        caller = Caller(pbx, connector)
        burst = [caller.query() for _ in range(30)]
        assert {*await asyncio.gather(*map(caller.ask, burst))} == {401, status}


@pytest.mark.accept
async def test_a_limit_of_each_user_spares_the_others(tmp_path: Path, connector: SipEndpoint) -> None:
    """Whoever asks meets it, about that user alone; what names no user is not counted."""
    drawn: dict[str, Drawn] = {"status": 403}
    async with (
        faulty(tmp_path, "throttle.callee", limit=10, drawn=drawn) as pbx,
        await SipEndpoint.open(local_host="127.0.0.4") as seconds,
    ):
        caller, second = Caller(pbx, connector), Caller(pbx, seconds)
        assert await caller.log_in(caller.options("agent0003")) == 480
        await asyncio.sleep(2.1)
        about = ["agent0003"] * 60 + ["agent0001"] * 5
        burst = [caller.options(user) for user in about] + [caller.query() for _ in range(15)]
        for request in burst:
            caller.digest.authorize(request)
        found = await asyncio.gather(
            *map(caller.ask, burst), second.ask(second.options("agent0003")), caller.ask(caller.options(None))
        )
        hot = Counter(found[:60])
        assert {*hot} == {480, 403}
        assert 10 <= hot[480] <= 20
        assert found[60:] == [200] * 5 + [401] * 15 + [403, 200]  # these have no nonce of a registrar's


@pytest.mark.accept
async def test_a_rule_may_be_for_whoever_is_there(tmp_path: Path) -> None:
    """Before the login as well; of who is not there, and of nobody, the answer is as ever."""
    drawn: dict[str, Drawn] = {"covers": "whoever is there", "stands": "before the login"}
    async with faulty(tmp_path, "policy.asked-user", drawn=drawn) as pbx:
        assert await battery(pbx) == {**HEALTHY, "options": 403}


@pytest.mark.accept
async def test_a_question_that_is_handed_on_to_nobody(tmp_path: Path, connector: SipEndpoint) -> None:
    """100 Trying, and nothing more; logins pass."""
    async with faulty(tmp_path, "method.failing", drawn={"answer": 100}) as pbx:
        caller = Caller(pbx, connector)
        assert await caller.log_in(caller.query()) == 200
        assert await caller.log_in(caller.options("agent0003")) is None
        assert [one.status for one in pbx.log_records() if one.reason == "method.failing"][:1] == [100]


@pytest.mark.accept
async def test_a_flood_is_banned_in_silence(tmp_path: Path, connector: SipEndpoint) -> None:
    """Whoever floods is not heard any more; the campaign is (facts: K1)."""
    async with faulty(tmp_path, "ban.source", drawn={"density": 16, "ban_seconds": 60}) as pbx:
        caller = Caller(pbx, connector)
        await asyncio.gather(*(caller.ask(caller.options(None)) for _ in range(100)))
        assert await caller.ask(caller.options(None)) is None
        async with await SipEndpoint.open(local_host="127.0.0.3") as campaigns:
            campaign = Caller(pbx, campaigns, CAMPAIGN_ACCOUNT)
            assert await campaign.log_in(campaign.call()) == 200


@pytest.mark.accept
async def test_an_overloaded_box_refuses_nothing_and_lets_wait(
    tmp_path: Path, connector: SipEndpoint
) -> None:
    """One process, 30 ms a request: of twenty at once the last has waited for all of them."""
    async with faulty(tmp_path, "capacity.overload", drawn={"service_milliseconds": 30}) as pbx:
        caller = Caller(pbx, connector)
        burst = [caller.options(None) for _ in range(20)]
        found = await asyncio.gather(*(connector.request(request, pbx.address) for request in burst))
        assert {status(exchange) for exchange in found} == {200}
        assert max(exchange.rtt_seconds for exchange in found) >= 20 * 0.030


@pytest.mark.accept
async def test_one_of_several_servers_refuses_a_share_of_everything(
    tmp_path: Path, connector: SipEndpoint
) -> None:
    """Whatever is asked, and who asks; equal questions have both answers."""
    async with faulty(tmp_path, "network.uneven-nodes", drawn={"nodes": 2, "refuses": "everything"}) as pbx:
        caller = Caller(pbx, connector)
        boxes = [await caller.ask(caller.options(None)) for _ in range(40)]
        queries = [await caller.ask(caller.query()) for _ in range(40)]
        assert {*boxes} == {200, 403}
        assert {*queries} == {401, 403}


@pytest.mark.accept
async def test_an_old_nonce_is_challenged_and_not_called_stale(
    tmp_path: Path, connector: SipEndpoint
) -> None:
    """Facts: K8."""
    async with faulty(tmp_path, "credentials.stale-nonce", drawn={"nonce_seconds": 1}) as pbx:
        caller = Caller(pbx, connector)
        assert await caller.log_in(caller.query()) == 200
        await asyncio.sleep(2.5)
        request = caller.query()
        caller.digest.authorize(request)
        exchange = await connector.request(request, pbx.address)
        assert exchange.response is not None
        assert exchange.response.status == 401
        assert "stale" not in (exchange.response.headers.get("WWW-Authenticate") or "")


@pytest.mark.accept
async def test_another_systems_failures_lock_our_account(tmp_path: Path, connector: SipEndpoint) -> None:
    """The right password, and 403; without credentials a challenge; other accounts go through (K5)."""
    async with faulty(tmp_path, "credentials.shared-lockout", drawn={"others_every_seconds": 0.2}) as pbx:
        caller, other = Caller(pbx, connector), Caller(pbx, connector, "agent0001")
        async with asyncio.timeout(15):
            while await caller.log_in(caller.query()) == 200:  # noqa: ASYNC110 - the other side is a socket
                await asyncio.sleep(0.2)
        assert await caller.log_in(caller.query()) == 403
        assert await caller.ask(caller.query()) == 401
        assert await other.log_in(other.query()) == 200
        assert "127.0.0.6" in {record.source for record in pbx.log_records()}


@pytest.mark.accept
@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("tls.untrusted", "is not trusted"),
        ("tls.name", "is for another name"),
        ("tls.expired", "has expired"),
        ("tls.version", "speaks no TLS that is safe"),
        ("tls.client-certificate", "client certificate"),
    ],
)
async def test_tls_is_wrong_in_one_way(tmp_path: Path, name: str, says: str) -> None:
    """Our own TLS says which; UDP goes on."""
    async with faulty(tmp_path, name) as pbx:
        host, port = pbx.address
        settings = StreamSettings(tls=TlsSettings(ca=str(tmp_path / "authority.pem")))
        async with await SipEndpoint.open(local_host="127.0.0.2", streams=settings) as endpoint:
            caller = Caller(pbx, endpoint)
            exchange = await endpoint.request(caller.options(None), (host, port + 1), transport=Transport.TLS)
            assert exchange.response is None
            assert says in exchange.failure
            assert await caller.ask(caller.options(None)) == 200


def test_every_fault_is_tried() -> None:
    """By one of the tests above."""
    assert {*FOR_GOOD, *FLOODS, *TLS, *IN_TIME} == {*KAMAILIO_FAULTS}


@pytest.mark.parametrize(
    ("names", "says"),
    [
        (("throttle.source", "ban.source"), "two faults want one"),
        (("network.alg",), "Kamailio cannot have the fault network.alg"),
        (("network.al",), "There is no fault"),
    ],
)
def test_what_it_cannot_be_is_told(tmp_path: Path, names: tuple[str, ...], says: str) -> None:
    """Before anything is started."""
    config = KamailioConfig(directory=tmp_path, agents={}, password=Secret("secret"), fault_ids=names)
    with pytest.raises(ConfigurationError, match=says):
        KamailioPbx(config)
