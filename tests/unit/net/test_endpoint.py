"""The endpoint on loopback: answers, loss, refusal to send, closing."""

from __future__ import annotations

import asyncio
import socket
from contextlib import closing

import pytest

from shiftline.errors import MisuseError, UnavailableError
from shiftline.net.endpoint import SipEndpoint
from shiftline.net.udp import UdpSocket
from shiftline.secrets import Secret
from shiftline.sip.digest import ChallengeOutcome, DigestAccount, DigestClient
from shiftline.sip.digest_server import DigestServer, DigestVerdict
from shiftline.sip.events import RequestReceived
from shiftline.sip.message import Request, Response, parse_message, response_to
from shiftline.sip.requests import ack, invite, next_attempt, options, register_query
from shiftline.sip.trace import Direction, TracedMessage
from shiftline.sip.transactions import Timers
from shiftline.sip.transport import Transport
from shiftline.sip.uri import SipUri

AGENT = SipUri(user="agent0001", host="127.0.0.1")
QUICK = Timers(t1=0.02, t2=0.16, t4=0.05)
Address = tuple[str, int]


def an_options() -> Request:
    return options(AGENT, from_uri=AGENT, token=lambda: "x")


def accept(endpoint: SipEndpoint, event: RequestReceived) -> None:
    if event.key is not None:
        endpoint.respond(event.key, response_to(event.request, 200, to_tag="pbx"))


class LossyPeer:
    """A bare UDP peer that answers with 200, except the first ``losing`` datagrams."""

    def __init__(self, losing: int) -> None:
        self.requests: list[Request] = []
        self._losing = losing
        self._udp = UdpSocket.open("127.0.0.1", 0)
        self._udp.start(on_datagram=self._answer, on_batch_end=lambda: None)
        self.local = self._udp.local
        self.close = self._udp.close

    def _answer(self, data: bytes, source: Address) -> None:
        request = parse_message(data)
        assert isinstance(request, Request)
        self.requests.append(request)
        if len(self.requests) > self._losing:
            self._udp.send(bytes(response_to(request, 200, to_tag="pbx")), source)


async def test_a_request_gets_its_answer() -> None:
    """The exchange brings the response, the request as it left, and the time it took."""
    async with (
        await SipEndpoint.open(on_request=accept) as pbx,
        await SipEndpoint.open(local_host="127.0.0.3") as client,
    ):
        exchange = await client.request(an_options(), pbx.local)
    assert exchange.response is not None
    assert exchange.response.status == 200
    assert 0 < exchange.rtt_seconds < 4
    assert (exchange.request.headers.get("Via") or "").startswith(f"SIP/2.0/UDP 127.0.0.3:{client.local[1]}")
    assert exchange.failure == ""


@pytest.mark.parametrize("losing", [1, 3])
async def test_lost_datagrams_are_sent_again(losing: int) -> None:
    """Timer E covers loss: the peer sees the same request once more per loss."""
    async with await SipEndpoint.open(timers=QUICK) as client:
        with closing(LossyPeer(losing)) as peer:
            exchange = await client.request(an_options(), peer.local)
    assert exchange.response is not None
    assert len(peer.requests) == losing + 1
    assert {bytes(request) for request in peer.requests} == {bytes(peer.requests[0])}
    assert exchange.rtt_seconds >= QUICK.t1 * (2**losing - 1)


async def test_a_lost_answer_is_repeated_to_the_retransmission() -> None:
    """The server transaction answers again without asking its user."""
    heard: list[RequestReceived] = []
    sent: list[bytes] = []

    def answer(endpoint: SipEndpoint, event: RequestReceived) -> None:
        heard.append(event)
        accept(endpoint, event)

    def may_send() -> bool:
        sent.append(b"")
        return len(sent) > 1

    async with (
        await SipEndpoint.open(on_request=answer, may_send=may_send) as pbx,
        await SipEndpoint.open(timers=QUICK) as client,
    ):
        exchange = await client.request(an_options(), pbx.local)
    assert exchange.response is not None
    assert (len(heard), pbx.withheld) == (1, 1)


async def test_silence_ends_with_the_timeout() -> None:
    """No answer in time is a value, not an exception."""
    async with await SipEndpoint.open() as silent, await SipEndpoint.open(timers=QUICK) as client:
        exchange = await client.request(an_options(), silent.local, timeout_seconds=0.1)
    assert exchange.response is None
    assert exchange.rtt_seconds >= 0.1


async def test_nothing_leaves_without_permission() -> None:
    """A lost lease stops even retransmissions; what was held back is counted."""
    seen: list[TracedMessage] = []
    async with (
        await SipEndpoint.open(on_request=accept) as pbx,
        await SipEndpoint.open(
            may_send=lambda: False,
            timers=QUICK,
            on_message=seen.append,
        ) as client,
    ):
        exchange = await client.request(an_options(), pbx.local, timeout_seconds=0.3)
    assert exchange.response is None
    assert client.withheld >= 2
    assert seen == []


async def test_every_message_is_shown() -> None:
    """The trace has direction, transport, both ends and the bytes; a keep-alive is no message."""
    trace: list[TracedMessage] = []
    async with (
        await SipEndpoint.open(on_request=accept) as pbx,
        await SipEndpoint.open(on_message=trace.append) as client,
    ):
        with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as pinger:
            pinger.sendto(b"\r\n\r\n", client.local)
        await client.request(an_options(), pbx.local)
    assert [(message.direction, message.transport, message.local, message.peer) for message in trace] == [
        (Direction.SENT, Transport.UDP, client.local, pbx.local),
        (Direction.RECEIVED, Transport.UDP, client.local, pbx.local),
    ]
    assert trace[0].data.startswith(b"OPTIONS ")
    assert trace[1].data.startswith(b"SIP/2.0 200")
    assert trace[0].at <= trace[1].at


async def test_many_requests_share_one_alarm() -> None:
    """A burst is answered one by one, whoever asked."""
    async with (
        await SipEndpoint.open(on_request=accept) as pbx,
        await SipEndpoint.open() as client,
        asyncio.TaskGroup() as group,
    ):
        calls = [group.create_task(client.request(an_options(), pbx.local)) for _ in range(500)]
        exchanges = await asyncio.gather(*calls)
    assert all(exchange.response for exchange in exchanges)
    branches = {exchange.request.headers.get("Via") for exchange in exchanges}
    assert len(branches) == 500


async def test_a_challenge_is_answered_over_the_wire() -> None:
    """The whole way: 401, credentials, 200; with a wrong password, 401 twice and a refusal."""
    server = DigestServer("lab", {"agent0001": Secret("secret")}.get, token=lambda: "t")

    def verify(endpoint: SipEndpoint, event: RequestReceived) -> None:
        right = server.verify(event.request, 0.0) is DigestVerdict.OK
        response = response_to(event.request, 200 if right else 401, to_tag="pbx")
        if not right:
            response.headers.add("WWW-Authenticate", server.challenge(0.0))
        assert event.key is not None
        endpoint.respond(event.key, response)

    outcomes = []
    async with await SipEndpoint.open(on_request=verify) as pbx, await SipEndpoint.open() as client:
        for password in ("secret", "wrong"):
            digest = DigestClient(
                DigestAccount(username="agent0001", password=Secret(password)), token=lambda: "c"
            )
            query = register_query(AGENT, registrar=SipUri(host="pbx"), token=lambda: "x")
            first = await client.request(query, pbx.local)
            assert first.response is not None
            assert digest.challenged(first.response, first.request) is ChallengeOutcome.RETRY
            again = next_attempt(first.request)
            digest.authorize(again)
            second = await client.request(again, pbx.local)
            assert second.response is not None
            outcomes.append((second.response.status, digest.challenged(second.response, second.request)))
    assert outcomes == [(200, ChallengeOutcome.UNSUPPORTED), (401, ChallengeOutcome.REFUSED)]


async def test_a_call_rings_and_is_acknowledged() -> None:
    """Provisional answers do not end a request; the ACK of the 2xx reaches the other side without a key."""
    acks: asyncio.Queue[RequestReceived] = asyncio.Queue()

    def answer(endpoint: SipEndpoint, event: RequestReceived) -> None:
        if event.key is None:
            acks.put_nowait(event)
            return
        endpoint.respond(event.key, response_to(event.request, 180, to_tag="pbx"))
        endpoint.respond(event.key, response_to(event.request, 200, to_tag="pbx"))

    async with await SipEndpoint.open(on_request=answer) as pbx, await SipEndpoint.open() as client:
        call = invite(AGENT, from_uri=AGENT, contact=AGENT, token=lambda: "x")
        exchange = await client.request(call, pbx.local)
        assert exchange.response is not None
        assert exchange.response.status == 200
        client.send_stateless(ack(exchange.request, exchange.response), pbx.local)
        async with asyncio.timeout(5):
            event = await acks.get()
    assert event.request.method == "ACK"


@pytest.mark.parametrize("ends_by", ["timeout", "cancelled wait"])
async def test_no_phone_rings_on(ends_by: str) -> None:
    """An INVITE that nobody waits for any more is cancelled, answered with 487, and that acknowledged."""
    rings, over = asyncio.Event(), asyncio.Event()
    heard: list[str] = []

    def ring(endpoint: SipEndpoint, event: RequestReceived) -> None:
        assert event.key is not None
        endpoint.respond(event.key, response_to(event.request, 180, to_tag="pbx"))
        rings.set()

    def note(message: TracedMessage) -> None:
        heard.append(message.data.decode().split(" SIP")[0].split(" sip:")[0])
        if heard[-1] == "ACK":
            over.set()

    call = invite(AGENT, from_uri=AGENT, contact=AGENT, token=lambda: "x")
    async with (
        await SipEndpoint.open(on_request=ring, on_message=note) as pbx,
        await SipEndpoint.open() as client,
        asyncio.timeout(5),
        asyncio.TaskGroup() as group,
    ):
        waiting = group.create_task(client.request(call, pbx.local, timeout_seconds=0.2))
        await rings.wait()
        if ends_by == "cancelled wait":
            waiting.cancel()
        await over.wait()
    received = [line for line in heard if not line.startswith("SIP/2.0")]
    assert received == ["INVITE", "CANCEL", "ACK"]


async def test_garbage_is_counted_and_ignored() -> None:
    """A scanner does not disturb an endpoint, nor does a request nobody is there to take."""
    async with await SipEndpoint.open(on_request=accept) as pbx, await SipEndpoint.open() as client:
        with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as scanner:
            scanner.sendto(b"\xff" * 60000, pbx.local)
            scanner.sendto(b"GET / HTTP/1.1\r\n\r\n", pbx.local)
            scanner.sendto(bytes(an_options()), client.local)
        exchange = await client.request(an_options(), pbx.local)
    assert exchange.response is not None
    assert (pbx.malformed, client.malformed) == (2, 1)


async def test_what_the_system_refuses_to_send_is_told() -> None:
    """A datagram too large for UDP ends its request with the system's word."""
    request = an_options()
    request.body = b"x" * 70000
    async with await SipEndpoint.open() as client:
        exchange = await client.request(request, ("127.0.0.1", 9))
    assert exchange.response is None
    assert exchange.failure == "Message too long"


async def test_closing_ends_what_is_under_way() -> None:
    """Nobody waits for an endpoint that is gone, and nothing new can start."""
    async with await SipEndpoint.open() as silent:
        client = await SipEndpoint.open(timers=QUICK)
        waiting = asyncio.gather(client.request(an_options(), silent.local), return_exceptions=True)
        await asyncio.sleep(0)
        await client.aclose()
        (outcome,) = await waiting
        assert isinstance(outcome, UnavailableError)
        with pytest.raises(UnavailableError, match="closed"):
            await client.request(an_options(), silent.local)
        client.respond("unknown", Response(200, "OK"))
        client.send_stateless(an_options(), silent.local)
        await client.aclose()


async def test_a_cancelled_request_is_abandoned() -> None:
    """Whoever stops waiting also stops the retransmissions."""
    async with await SipEndpoint.open(timers=QUICK) as client:
        with closing(LossyPeer(losing=100)) as peer:
            async with asyncio.TaskGroup() as group:
                waiting = group.create_task(client.request(an_options(), peer.local))
                await asyncio.sleep(0)
                waiting.cancel()
            await asyncio.sleep(QUICK.t1 * 4)
    assert len(peer.requests) == 1


async def test_a_taken_port_is_unavailable() -> None:
    """The remedy names address and port."""
    async with await SipEndpoint.open() as first:
        with pytest.raises(UnavailableError, match=f"port {first.local[1]}"):
            await SipEndpoint.open(local_port=first.local[1])


async def test_an_unwritable_request_is_our_defect() -> None:
    """It is refused before anything leaves."""
    request = an_options()
    request.uri = SipUri(host="a b")
    async with await SipEndpoint.open() as client:
        with pytest.raises(MisuseError):
            await client.request(request, ("127.0.0.1", 9))
