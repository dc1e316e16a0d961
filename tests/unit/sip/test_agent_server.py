"""The server side of the agent: requests come once, responses go where they belong."""

from __future__ import annotations

import pytest
from tests.unit.sip.agents import events, fire_timers

from shiftline.sip.agent import SipAgent
from shiftline.sip.events import RequestReceived
from shiftline.sip.message import Response, parse_message, response_to
from shiftline.sip.via import Via

PEER = ("192.0.2.7", 33000)


@pytest.fixture
def agent() -> SipAgent:
    return SipAgent(local=("127.0.0.1", 5060), token=lambda: "t")


def request_bytes(
    method: str = "OPTIONS", via: str = "SIP/2.0/UDP 10.0.0.9:5070;branch=z9hG4bKa;rport"
) -> bytes:
    number_and_method = f"1 {method}"
    return (
        f"{method} sip:agent0001@127.0.0.1 SIP/2.0\r\nVia: {via}\r\nFrom: <sip:p@lab>;tag=1\r\n"
        f"To: <sip:agent0001@lab>\r\nCall-ID: c1\r\nCSeq: {number_and_method}\r\n\r\n"
    ).encode()


def receive(agent: SipAgent, data: bytes, now: float = 0.0) -> RequestReceived:
    agent.receive(data, PEER, now)
    (event,) = events(agent)
    assert isinstance(event, RequestReceived)
    return event


def respond(agent: SipAgent, event: RequestReceived, status: int, now: float = 0.0) -> None:
    assert event.key is not None
    agent.respond(event.key, response_to(event.request, status, to_tag="x"), now)


def statuses(agent: SipAgent) -> list[int]:
    messages = [parse_message(datagram.data) for datagram in agent.datagrams_to_send()]
    return [message.status for message in messages if isinstance(message, Response)]


def test_a_request_is_reported_once(agent: SipAgent) -> None:
    """A retransmission before the answer is absorbed, one after it gets the answer again, until Timer J."""
    event = receive(agent, request_bytes())
    assert (event.request.method, event.source) == ("OPTIONS", PEER)
    agent.receive(request_bytes(), PEER, 0.5)
    assert (events(agent), statuses(agent)) == ([], [])
    respond(agent, event, 200, 1.0)
    agent.receive(request_bytes(), PEER, 1.5)
    assert (events(agent), statuses(agent)) == ([], [200, 200])
    assert fire_timers(agent, 33.0) == []
    assert agent.next_timer() is None
    receive(agent, request_bytes(), 40.0)


def test_only_the_first_final_answer_counts(agent: SipAgent) -> None:
    """Further final answers are discarded (RFC 3261 section 17.2.2), and so are answers to what has ended."""
    event = receive(agent, request_bytes())
    respond(agent, event, 100)
    respond(agent, event, 403)
    respond(agent, event, 200)
    assert statuses(agent) == [100, 403]
    agent.receive(request_bytes(), PEER, 0.1)
    assert statuses(agent) == [403]
    agent.handle_timer(40.0)
    respond(agent, event, 200, 40.0)
    assert statuses(agent) == []


def test_a_request_nobody_answers_is_forgotten(agent: SipAgent) -> None:
    """Staying silent leaks nothing: after 64 * T1 the client has given up."""
    receive(agent, request_bytes())
    assert fire_timers(agent, 32.0) == []
    assert (agent.next_timer(), events(agent)) == (None, [])


def test_an_unanswered_invite_waits_for_timer_c(agent: SipAgent) -> None:
    """A phone may ring for three minutes."""
    receive(agent, request_bytes("INVITE"))
    assert agent.next_timer() == 180.0


@pytest.mark.parametrize(
    ("via", "destination", "received", "rport"),
    [
        ("SIP/2.0/UDP 10.0.0.9:5070;branch=z9hG4bKa;rport", ("192.0.2.7", 33000), "192.0.2.7", "33000"),
        ("SIP/2.0/UDP 192.0.2.7:33000;rport;branch=z9hG4bKa", ("192.0.2.7", 33000), "192.0.2.7", "33000"),
        ("SIP/2.0/UDP 10.0.0.9:5070;branch=z9hG4bKa", ("192.0.2.7", 5070), "192.0.2.7", None),
        ("SIP/2.0/UDP pbx.example.com;branch=z9hG4bKa", ("192.0.2.7", 5060), "192.0.2.7", None),
        ("SIP/2.0/UDP 192.0.2.7:5070;branch=z9hG4bKa", ("192.0.2.7", 5070), None, None),
        ("SIP/2.0/UDP 10.0.0.9;branch=z9hG4bKa, SIP/2.0/UDP second", ("192.0.2.7", 5060), "192.0.2.7", None),
    ],
)
def test_an_answer_goes_back_to_the_source(
    agent: SipAgent, via: str, destination: tuple[str, int], received: str | None, rport: str | None
) -> None:
    """received and rport note the source (RFC 3261 section 18.2, RFC 3581); the answer goes there."""
    event = receive(agent, request_bytes(via=via))
    respond(agent, event, 200)
    (datagram,) = agent.datagrams_to_send()
    assert datagram.destination == destination
    vias = [Via.parse(value) for value in parse_message(datagram.data).headers.get_all("Via")]
    assert (vias[0].parameter("received"), vias[0].parameter("rport")) == (received, rport)
    assert len(vias) == via.count("SIP/2.0/UDP")


def test_branch_sent_by_and_method_name_a_transaction(agent: SipAgent) -> None:
    """The same branch from another host, or of another method, is another request (section 17.2.3)."""
    keys = {
        receive(agent, request_bytes()).key,
        receive(agent, request_bytes(via="SIP/2.0/UDP 10.0.0.9:5071;branch=z9hG4bKa;rport")).key,
        receive(agent, request_bytes("SUBSCRIBE")).key,
        receive(agent, request_bytes("INVITE")).key,
    }
    assert len(keys) == 4


def test_a_peer_of_rfc_2543_is_matched_by_its_headers(agent: SipAgent) -> None:
    """Without the magic cookie, Call-ID, CSeq, From and Via tell a retransmission."""
    old = request_bytes(via="SIP/2.0/UDP 10.0.0.9:5070")
    receive(agent, old)
    agent.receive(old, PEER, 0.5)
    assert events(agent) == []
    receive(agent, old.replace(b"CSeq: 1", b"CSeq: 2"))


def test_a_refused_invite_is_repeated_until_its_ack(agent: SipAgent) -> None:
    """Timer G repeats the refusal, the ACK stops it and is absorbed, Timer I ends the rest."""
    event = receive(agent, request_bytes("INVITE"))
    respond(agent, event, 403)
    assert statuses(agent) == [403]
    assert fire_timers(agent, 4.0) == [0.5, 1.5, 3.5]
    agent.receive(request_bytes("ACK"), PEER, 4.0)
    agent.receive(request_bytes("ACK"), PEER, 4.1)
    agent.receive(request_bytes("INVITE"), PEER, 4.2)
    assert (events(agent), statuses(agent)) == ([], [])
    assert fire_timers(agent, 9.0) == []
    assert agent.next_timer() is None


def test_a_refused_invite_without_ack_ends_with_timer_h(agent: SipAgent) -> None:
    """After 64 * T1 the server stops repeating."""
    respond(agent, receive(agent, request_bytes("INVITE")), 403)
    agent.datagrams_to_send()
    assert fire_timers(agent, 60.0)[-1] == 31.5
    assert agent.next_timer() is None


def test_a_ringing_invite_repeats_its_latest_answer(agent: SipAgent) -> None:
    """A retransmitted INVITE gets the most recent provisional answer (section 17.2.1)."""
    event = receive(agent, request_bytes("INVITE"))
    agent.receive(request_bytes("INVITE"), PEER, 0.5)
    assert statuses(agent) == []
    respond(agent, event, 100)
    respond(agent, event, 180)
    agent.receive(request_bytes("INVITE"), PEER, 1.5)
    assert statuses(agent) == [100, 180, 180]


def test_an_accepted_invite_absorbs_repetitions(agent: SipAgent) -> None:
    """After a 2xx a late INVITE is no new call (RFC 6026 section 7.1); the user may send the 2xx again."""
    event = receive(agent, request_bytes("INVITE"))
    respond(agent, event, 200, 0.1)
    agent.receive(request_bytes("INVITE"), PEER, 0.5)
    respond(agent, event, 200, 0.6)
    assert (events(agent), statuses(agent)) == ([], [200, 200])


@pytest.mark.parametrize("via", ["SIP/2.0/UDP 10.0.0.9:5070;branch=z9hG4bKack;rport", None])
def test_the_ack_of_a_2xx_is_reported_without_a_key(agent: SipAgent, via: str | None) -> None:
    """It has its own branch by the standard, and some peers reuse the INVITE's; nothing is to be answered."""
    respond(agent, receive(agent, request_bytes("INVITE")), 200)
    event = receive(agent, request_bytes("ACK", via) if via else request_bytes("ACK"))
    assert (event.key, event.request.method) == (None, "ACK")


def test_an_ignored_request_is_reported_again_when_it_is_repeated(agent: SipAgent) -> None:
    """Nothing of it is kept: no timer, and no answer finds it any more."""
    event = receive(agent, request_bytes())
    assert event.key is not None
    agent.ignore(event.key)
    respond(agent, event, 200)
    assert (statuses(agent), fire_timers(agent, 60.0)) == ([], [])
    again = receive(agent, request_bytes(), 61.0)
    respond(agent, again, 200, 61.0)
    assert statuses(agent) == [200]
