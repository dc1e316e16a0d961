"""TCP on loopback: reuse, reconnecting, size, keep-alives, and connections that go wrong."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing

import pytest

from shiftline.errors import UnavailableError
from shiftline.net.endpoint import SipEndpoint
from shiftline.net.settings import StreamSettings
from shiftline.sip.events import RequestReceived
from shiftline.sip.message import Request, parse_message, response_to
from shiftline.sip.requests import invite, options
from shiftline.sip.trace import Direction, TracedMessage
from shiftline.sip.transactions import Timers
from shiftline.sip.transport import Transport
from shiftline.sip.uri import SipUri

AGENT = SipUri(user="agent0001", host="127.0.0.1")
QUICK = Timers(t1=0.02, t2=0.16, t4=0.05)
ACCEPTING = StreamSettings(accept_tcp=True)
Address = tuple[str, int]


def an_options(body: bytes = b"") -> Request:
    request = options(AGENT, from_uri=AGENT, token=lambda: "x")
    request.body = body
    return request


def accept(endpoint: SipEndpoint, event: RequestReceived) -> None:
    if event.key is not None:
        endpoint.respond(event.key, response_to(event.request, 200, to_tag="pbx"))


class RawPeer(asyncio.Protocol):
    """A TCP server that does with each chunk what it is told."""

    def __init__(self, handle: Callable[[asyncio.Transport, bytes], None]) -> None:
        self.connections: list[asyncio.Transport] = []
        self.chunks: list[bytes] = []
        self.ended = asyncio.Event()
        self._handle = handle

    def __call__(self) -> RawPeer:
        return self

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.connections.append(transport)

    def data_received(self, data: bytes) -> None:
        self.chunks.append(data)
        self._handle(self.connections[-1], data)

    def connection_lost(self, exc: Exception | None) -> None:
        self.ended.set()


@asynccontextmanager
async def listening(
    handle: Callable[[asyncio.Transport, bytes], None],
) -> AsyncIterator[tuple[RawPeer, Address]]:
    peer = RawPeer(handle)
    server = await asyncio.get_running_loop().create_server(peer, "127.0.0.1", 0)
    try:
        yield peer, server.sockets[0].getsockname()
    finally:
        server.close()
        for connection in peer.connections:
            connection.abort()
        await asyncio.sleep(0)


def answer(transport: asyncio.Transport, data: bytes) -> None:
    request = parse_message(data)
    assert isinstance(request, Request)
    transport.write(bytes(response_to(request, 200, to_tag="pbx")))


def status(exchange: object) -> int | None:
    response = getattr(exchange, "response", None)
    return response.status if response else None


async def test_requests_share_one_connection() -> None:
    """Many at once, one connection, each its own answer; Via and trace say TCP."""
    trace: list[TracedMessage] = []
    ports: set[Address] = set()

    def note(endpoint: SipEndpoint, event: RequestReceived) -> None:
        ports.add(event.source)
        accept(endpoint, event)

    async with (
        await SipEndpoint.open(local_host="127.0.0.1", on_request=note, streams=ACCEPTING) as pbx,
        await SipEndpoint.open(on_message=trace.append) as client,
    ):
        calls = [client.request(an_options(), pbx.local, transport=Transport.TCP) for _ in range(50)]
        exchanges = await asyncio.gather(*calls)
    assert {status(exchange) for exchange in exchanges} == {200}
    assert len(ports) == 1
    assert ports.pop()[0] == "127.0.0.2"
    assert (exchanges[0].request.headers.get("Via") or "").startswith("SIP/2.0/TCP 127.0.0.2:")
    assert {message.transport for message in trace} == {Transport.TCP}
    assert [message.direction for message in trace].count(Direction.RECEIVED) == 50
    assert {message.peer for message in trace} == {pbx.local}


async def test_a_closed_connection_is_made_anew() -> None:
    """The next request connects again."""

    def answer_and_close(transport: asyncio.Transport, data: bytes) -> None:
        answer(transport, data)
        transport.close()

    async with listening(answer_and_close) as (peer, address), await SipEndpoint.open() as client:
        for _ in range(2):
            exchange = await client.request(an_options(), address, transport=Transport.TCP)
            assert status(exchange) == 200
            async with asyncio.timeout(5):
                await peer.ended.wait()
            await asyncio.sleep(0.01)
    assert len(peer.connections) == 2


async def test_a_connection_lost_before_the_answer_is_a_failure() -> None:
    """Not a timeout: nobody waits for what cannot come."""
    async with (
        listening(lambda transport, _: transport.close()) as (_, address),
        await SipEndpoint.open() as client,
    ):
        exchange = await client.request(an_options(), address, transport=Transport.TCP)
    assert (exchange.response, exchange.failure) == (None, "The peer closed the connection.")


async def test_a_refused_connection_is_a_failure() -> None:
    """With the system's word."""
    async with await SipEndpoint.open() as client:
        exchange = await client.request(an_options(), ("127.0.0.1", 9), transport=Transport.TCP)
    assert (exchange.response, exchange.failure) == (None, "Connection refused")


async def test_a_large_request_goes_over_tcp_and_falls_back() -> None:
    """TCP where the peer takes it, UDP after all where it refuses (RFC 3261 section 18.1.1)."""
    seen: list[Transport] = []

    def note(endpoint: SipEndpoint, event: RequestReceived) -> None:
        seen.append(event.transport)
        accept(endpoint, event)

    for streams in (ACCEPTING, StreamSettings()):
        async with (
            await SipEndpoint.open(local_host="127.0.0.1", on_request=note, streams=streams) as pbx,
            await SipEndpoint.open() as client,
        ):
            assert status(await client.request(an_options(b"x" * 3000), pbx.local)) == 200
    assert seen == [Transport.TCP, Transport.UDP]


async def test_a_call_is_accepted_on_our_side_too() -> None:
    """Both ends use the connection that is there, whoever opened it."""
    async with (
        await SipEndpoint.open(local_host="127.0.0.1", on_request=accept, streams=ACCEPTING) as pbx,
        await SipEndpoint.open(on_request=accept) as client,
    ):
        sources: list[Address] = []
        pbx_requests = invite(AGENT, from_uri=AGENT, contact=AGENT, token=lambda: "x")

        def note(endpoint: SipEndpoint, event: RequestReceived) -> None:
            sources.append(event.source)
            accept(endpoint, event)

        pbx._on_request = note
        assert status(await client.request(an_options(), pbx.local, transport=Transport.TCP)) == 200
        exchange = await pbx.request(pbx_requests, sources[0], transport=Transport.TCP)
    assert status(exchange) == 200


async def test_nothing_leaves_without_permission() -> None:
    """A lost lease stops what waits for a connection as well."""
    async with listening(answer) as (peer, address), await SipEndpoint.open(may_send=lambda: False) as client:
        exchange = await client.request(an_options(), address, transport=Transport.TCP, timeout_seconds=0.2)
    assert exchange.response is None
    assert (client.withheld, peer.chunks) == (1, [])


@pytest.mark.parametrize("garbage", [b"\x16\x03\x01", b"SIP/2.0 200 OK\r\n\r\n"])
async def test_what_cannot_be_framed_closes_the_connection(garbage: bytes) -> None:
    """From our side, with the reason for whoever waits."""

    def garble(transport: asyncio.Transport, _: bytes) -> None:
        transport.write(garbage)

    async with listening(garble) as (peer, address), await SipEndpoint.open() as client:
        exchange = await client.request(an_options(), address, transport=Transport.TCP)
        async with asyncio.timeout(5):
            await peer.ended.wait()
    assert "not SIP" in exchange.failure or "no Content-Length" in exchange.failure


async def test_a_ping_is_answered() -> None:
    """Two line ends from the peer, one from us (RFC 5626 section 3.5.1); no message is reported."""
    trace: list[TracedMessage] = []
    async with await SipEndpoint.open(streams=ACCEPTING, on_message=trace.append) as pbx:
        reader, writer = await asyncio.open_connection(*pbx.local)
        writer.write(b"\r\n\r\n")
        async with asyncio.timeout(5):
            assert await reader.readexactly(2) == b"\r\n"
        writer.close()
        await writer.wait_closed()
    assert trace == []


async def test_an_idle_connection_is_kept_alive() -> None:
    """Pings leave while their pongs come."""
    pinged = asyncio.Event()
    pings: list[bytes] = []

    def respond(transport: asyncio.Transport, data: bytes) -> None:
        if data.strip():
            answer(transport, data)
            return
        pings.append(data)
        transport.write(b"\r\n")
        if len(pings) == 3:
            pinged.set()

    settings = StreamSettings(keepalive_seconds=0.02, pong_seconds=5.0)
    async with listening(respond) as (peer, address), await SipEndpoint.open(streams=settings) as client:
        await client.request(an_options(), address, transport=Transport.TCP)
        async with asyncio.timeout(5):
            await pinged.wait()
        assert status(await client.request(an_options(), address, transport=Transport.TCP)) == 200
    assert set(pings) == {b"\r\n\r\n"}
    assert len(peer.connections) == 1


async def test_a_peer_without_pong_is_dead() -> None:
    """The flow is closed, and what waits on it fails."""
    settings = StreamSettings(keepalive_seconds=0.01, pong_seconds=0.03)
    async with listening(lambda *_: None) as (_, address), await SipEndpoint.open(streams=settings) as client:
        exchange = await client.request(an_options(), address, transport=Transport.TCP)
    assert exchange.failure == "The peer did not answer a keep-alive within 0.03 s."


async def test_an_idle_connection_is_closed() -> None:
    """Nobody needs it any more; the next request opens another."""
    settings = StreamSettings(idle_seconds=0.05)
    async with listening(answer) as (peer, address), await SipEndpoint.open(streams=settings) as client:
        await client.request(an_options(), address, transport=Transport.TCP)
        async with asyncio.timeout(5):
            await peer.ended.wait()
        assert status(await client.request(an_options(), address, transport=Transport.TCP)) == 200
    assert len(peer.connections) == 2


async def test_a_peer_that_does_not_read_is_not_fed_for_ever() -> None:
    """What waits for it is bounded; beyond that, requests fail at once."""
    settings = StreamSettings(queue_bytes=100_000)
    async with (
        listening(lambda transport, _: transport.pause_reading()) as (_, address),
        await SipEndpoint.open(streams=settings) as client,
    ):
        body = b"x" * 60_000
        calls = [
            client.request(an_options(body), address, transport=Transport.TCP, timeout_seconds=0.5)
            for _ in range(200)
        ]
        failures = {exchange.failure for exchange in await asyncio.gather(*calls)}
    assert "Too much waits for the connection already." in failures


async def test_no_connection_in_time_is_a_failure() -> None:
    """A peer whose queue of connections is full does not even refuse."""
    with closing(socket.socket(socket.AF_INET, socket.SOCK_STREAM)) as deaf:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen(0)
        fillers = [socket.socket(socket.AF_INET, socket.SOCK_STREAM) for _ in range(3)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(deaf.getsockname())
        async with await SipEndpoint.open(streams=StreamSettings(connect_seconds=0.1)) as client:
            exchange = await client.request(an_options(), deaf.getsockname(), transport=Transport.TCP)
        for filler in fillers:
            filler.close()
    assert exchange.failure == "No connection was made within 0.1 s."


async def test_accepted_connections_are_bounded() -> None:
    """One too many is closed at once; those that are there go on."""
    settings = StreamSettings(accept_tcp=True, most_accepted=1)
    async with await SipEndpoint.open(streams=settings) as pbx:
        first, second = await asyncio.open_connection(*pbx.local), await asyncio.open_connection(*pbx.local)
        async with asyncio.timeout(5):
            assert await second[0].read() == b""
            first[1].write(b"\r\n\r\n")
            assert await first[0].readexactly(2) == b"\r\n"
        for _, writer in (first, second):
            writer.close()
            await writer.wait_closed()


async def test_ipv6_is_spoken_over_tcp() -> None:
    """With brackets in Via."""
    async with (
        await SipEndpoint.open(local_host="::1", on_request=accept, streams=ACCEPTING) as pbx,
        await SipEndpoint.open(local_host="::1") as client,
    ):
        exchange = await client.request(an_options(), pbx.local, transport=Transport.TCP)
    assert status(exchange) == 200
    assert (exchange.request.headers.get("Via") or "").startswith("SIP/2.0/TCP [::1]:")


async def test_a_taken_port_is_unavailable() -> None:
    """The remedy names transport and port; the UDP port is given back."""
    with closing(socket.socket(socket.AF_INET, socket.SOCK_STREAM)) as other:
        other.bind(("127.0.0.2", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(UnavailableError, match=f"TCP .* port {port}"):
            await SipEndpoint.open(local_port=port, streams=ACCEPTING)
        async with await SipEndpoint.open(local_port=port):
            pass


async def test_closing_ends_what_is_under_way() -> None:
    """Also what waits for a connection."""
    async with listening(lambda *_: None) as (peer, address):
        client = await SipEndpoint.open()
        first = asyncio.gather(
            client.request(an_options(), address, transport=Transport.TCP), return_exceptions=True
        )
        await asyncio.sleep(0.05)
        await client.aclose()
        (outcome,) = await first
        assert isinstance(outcome, UnavailableError)
        async with asyncio.timeout(5):
            await peer.ended.wait()
