"""The agent over reliable transports: Via, timers, size, lost connections."""

from __future__ import annotations

from itertools import count

import pytest
from tests.unit.sip.agents import fire_timers

from shiftline.sip.agent import SipAgent
from shiftline.sip.events import RequestReceived, ResponseReceived, SendFailed
from shiftline.sip.message import Request, parse_message, response_to
from shiftline.sip.requests import invite, options
from shiftline.sip.transport import Transport
from shiftline.sip.uri import SipUri
from shiftline.sip.via import Via

PBX = ("192.0.2.1", 5060)
AGENT = SipUri(user="agent0001", host="192.0.2.1")
STREAMS = {Transport.TCP: ("127.0.0.2", 5071), Transport.TLS: ("127.0.0.2", 5072)}


@pytest.fixture
def agent() -> SipAgent:
    numbers = count(1)
    return SipAgent(local=("127.0.0.2", 5070), streams=STREAMS, token=lambda: f"t{next(numbers)}")


def an_options(body: bytes = b"") -> Request:
    request = options(AGENT, from_uri=AGENT, token=lambda: "x")
    request.body = body
    return request


def an_invite() -> Request:
    return invite(AGENT, from_uri=AGENT, contact=AGENT, token=lambda: "x")


def via(data: bytes) -> Via:
    return Via.parse(parse_message(data).headers.get_all("Via")[0])


@pytest.mark.parametrize(
    ("transport", "port"), [(Transport.UDP, 5070), (Transport.TCP, 5071), (Transport.TLS, 5072)]
)
def test_via_names_the_transport_and_our_address_on_it(
    agent: SipAgent, transport: Transport, port: int
) -> None:
    """The peer answers to what Via says (RFC 3261 section 18.1.1)."""
    agent.send(an_options(), PBX, 0.0, transport=transport)
    (datagram,) = agent.datagrams_to_send()
    top = via(datagram.data)
    assert (datagram.transport, top.transport, top.port) == (transport, transport.value, port)


@pytest.mark.parametrize("transport", [Transport.TCP, Transport.TLS])
@pytest.mark.parametrize("method", ["OPTIONS", "INVITE"])
def test_nothing_is_sent_twice_over_a_stream(agent: SipAgent, transport: Transport, method: str) -> None:
    """Timers A and E do not run there; B and F do."""
    agent.send(an_invite() if method == "INVITE" else an_options(), PBX, 0.0, transport=transport)
    assert len(agent.datagrams_to_send()) == 1
    assert fire_timers(agent, 31.9) == []
    assert agent.next_timer() == 32.0


@pytest.mark.parametrize("request_", [an_options(), an_invite()])
def test_an_answered_request_is_over_at_once(agent: SipAgent, request_: Request) -> None:
    """Timers D and K are zero: nothing lingers for repetitions that cannot come."""
    agent.send(request_, PBX, 0.0, transport=Transport.TCP)
    request = parse_message(agent.datagrams_to_send()[0].data)
    assert isinstance(request, Request)
    agent.receive(bytes(response_to(request, 486, to_tag="x")), PBX, 0.1, transport=Transport.TCP)
    assert isinstance(agent.next_event(), ResponseReceived)
    assert agent.next_timer() is None


def received(agent: SipAgent, method: str, source: tuple[str, int]) -> RequestReceived:
    data = (
        f"{method} sip:a@h SIP/2.0\r\nVia: SIP/2.0/TCP 10.0.0.9:5070;branch=z9hG4bKa\r\n"
        f"From: <sip:p@h>;tag=1\r\nTo: <sip:a@h>\r\nCall-ID: c\r\nCSeq: 1 {method}\r\n\r\n"
    )
    agent.receive(data.encode(), source, 0.0, transport=Transport.TCP)
    event = agent.next_event()
    assert isinstance(event, RequestReceived)
    return event


def test_an_answer_goes_back_on_the_connection(agent: SipAgent) -> None:
    """Not to the port that Via names, and never on a new connection (section 18.2.2); Timer J is zero."""
    event = received(agent, "OPTIONS", ("192.0.2.7", 33000))
    assert event.transport is Transport.TCP
    assert event.key is not None
    agent.respond(event.key, response_to(event.request, 200, to_tag="x"), 0.1)
    (datagram,) = agent.datagrams_to_send()
    assert (datagram.destination, datagram.transport) == (("192.0.2.7", 33000), Transport.TCP)
    assert not datagram.may_connect
    assert via(datagram.data).parameter("received") == "192.0.2.7"
    assert agent.next_timer() is None


def test_a_refused_invite_is_not_repeated_over_a_stream(agent: SipAgent) -> None:
    """Timer G does not run, Timer H ends the wait for an ACK that never comes."""
    event = received(agent, "INVITE", ("192.0.2.7", 33000))
    assert event.key is not None
    agent.respond(event.key, response_to(event.request, 486, to_tag="x"), 0.0)
    assert len(agent.datagrams_to_send()) == 1
    assert fire_timers(agent, 31.9) == []
    assert agent.next_timer() == 32.0


@pytest.mark.parametrize(("spare", "transport"), [(0, Transport.UDP), (1, Transport.TCP)])
def test_a_large_request_goes_over_tcp(agent: SipAgent, spare: int, transport: Transport) -> None:
    """Above 1,300 bytes, and not at 1,300; Via says so (section 18.1.1)."""
    agent.send(an_options(), PBX, 0.0)
    bare = len(agent.datagrams_to_send()[0].data)
    agent.send(an_options(b"x" * (1300 - bare - 3 + spare)), PBX, 0.0)
    (datagram,) = agent.datagrams_to_send()
    assert (datagram.transport, via(datagram.data).transport) == (transport, transport.value)


def test_a_large_request_stays_on_udp_where_there_is_no_tcp() -> None:
    """A driver without streams sends it as it is."""
    agent = SipAgent(local=PBX, token=lambda: "t")
    agent.send(an_options(b"x" * 2000), PBX, 0.0)
    assert agent.datagrams_to_send()[0].transport is Transport.UDP


def test_a_large_request_falls_back_to_udp(agent: SipAgent) -> None:
    """Where no TCP connection can be made, it goes over UDP after all, and is repeated there."""
    key = agent.send(an_options(b"x" * 2000), PBX, 0.0)
    (refused,) = agent.datagrams_to_send()
    agent.send_failed(refused, "Connection refused", 0.2, connected=False)
    (datagram,) = agent.datagrams_to_send()
    assert (datagram.key, datagram.transport, via(datagram.data).transport) == (key, Transport.UDP, "UDP")
    assert fire_timers(agent, 2.0) == [0.7, 1.7]
    assert agent.next_event() is None
    agent.send_failed(datagram, "Network unreachable", 2.1)
    assert isinstance(agent.next_event(), SendFailed)


def test_a_refused_connection_ends_a_request_that_was_meant_for_tcp(agent: SipAgent) -> None:
    """Who asked for TCP does not get UDP."""
    agent.send(an_options(), PBX, 0.0, transport=Transport.TCP)
    (datagram,) = agent.datagrams_to_send()
    agent.send_failed(datagram, "Connection refused", 0.2, connected=False)
    event = agent.next_event()
    assert isinstance(event, SendFailed)
    assert event.why == "Connection refused"


@pytest.mark.parametrize("answered", [None, 180])
def test_a_lost_connection_ends_what_waits_on_it(agent: SipAgent, answered: int | None) -> None:
    """No answer can come any more, a ringing call's neither; other connections go on."""
    lost = agent.send(an_invite(), PBX, 0.0, transport=Transport.TCP)
    call = parse_message(agent.datagrams_to_send()[0].data)
    assert isinstance(call, Request)
    agent.send(an_options(), PBX, 0.0)
    agent.send(an_options(), ("192.0.2.1", 5062), 0.0, transport=Transport.TCP)
    if answered:
        agent.receive(bytes(response_to(call, answered, to_tag="x")), PBX, 0.1, transport=Transport.TCP)
        agent.next_event()
    agent.connection_lost(Transport.TCP, PBX, "Connection reset by peer", 1.0)
    event = agent.next_event()
    assert isinstance(event, SendFailed)
    assert (event.key, event.why, event.rtt_seconds) == (lost, "Connection reset by peer", 1.0)
    assert agent.next_event() is None


def test_an_ipv6_address_stands_in_brackets(agent: SipAgent) -> None:
    """On streams as on UDP."""
    six = SipAgent(local=("::1", 5070), streams={Transport.TCP: ("::1", 5071)}, token=lambda: "t")
    six.send(an_options(), ("::1", 5060), 0.0, transport=Transport.TCP)
    assert b"SIP/2.0/TCP [::1]:5071;" in six.datagrams_to_send()[0].data
