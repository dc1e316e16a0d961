"""CANCEL from both sides: when it leaves, what it carries, and what becomes of the call."""

from __future__ import annotations

from itertools import count

import pytest
from tests.unit.sip.agents import events, sent

from shiftline.errors import MisuseError
from shiftline.sip.agent import SipAgent
from shiftline.sip.events import (
    CancelReceived,
    RequestReceived,
    RequestTimedOut,
    ResponseReceived,
)
from shiftline.sip.message import Request, Response, parse_message, response_to
from shiftline.sip.requests import cancel, invite, options
from shiftline.sip.uri import SipUri
from shiftline.sip.via import Via

US, PBX = ("127.0.0.2", 5070), ("127.0.0.1", 5060)
PHONE = SipUri(user="agent0001", host="127.0.0.1")


def new_agent(local: tuple[str, int]) -> SipAgent:
    numbers = count(1)
    return SipAgent(local=local, token=lambda: f"{local[1]}t{next(numbers)}")


@pytest.fixture
def agent() -> SipAgent:
    return new_agent(US)


def an_invite() -> Request:
    request = invite(PHONE, from_uri=PHONE, contact=PHONE, token=lambda: "x")
    request.headers.add("Route", "<sip:proxy;lr>")
    return request


def methods(agent: SipAgent) -> list[str]:
    return [request.method for request in sent(agent)]


def answer(agent: SipAgent, request: Request, status: int, now: float) -> None:
    agent.receive(bytes(response_to(request, status, to_tag="pbx")), PBX, now)


def statuses(agent: SipAgent) -> list[int]:
    return [event.response.status for event in events(agent) if isinstance(event, ResponseReceived)]


def run_until(agent: SipAgent, moment: float) -> None:
    while (due := agent.next_timer()) is not None and due <= moment:
        agent.handle_timer(due)


def test_a_cancel_names_the_invite_it_means(agent: SipAgent) -> None:
    """Same Request-URI, Via, From, To, Call-ID and Route; its own method in CSeq (section 9.1)."""
    key = agent.send(an_invite(), PBX, 0.0)
    (call,) = sent(agent)
    answer(agent, call, 180, 1.0)
    agent.cancel(key, 2.0)
    (datagram,) = agent.datagrams_to_send()
    off = parse_message(datagram.data)
    assert isinstance(off, Request)
    assert (off.method, str(off.uri), datagram.destination) == ("CANCEL", str(call.uri), PBX)
    for name in ("Via", "From", "To", "Call-ID", "Route"):
        assert off.headers.get_all(name) == call.headers.get_all(name)
    assert off.headers.get("CSeq") == "1 CANCEL"


def test_a_cancel_waits_for_a_provisional_answer(agent: SipAgent) -> None:
    """ "If no provisional response has been received, the CANCEL request MUST NOT be sent" (section 9.1)."""
    key = agent.send(an_invite(), PBX, 0.0)
    (call,) = sent(agent)
    agent.cancel(key, 0.1)
    assert sent(agent) == []
    answer(agent, call, 100, 0.2)
    assert methods(agent) == ["CANCEL"]


def test_a_cancelled_call_ends_with_487(agent: SipAgent) -> None:
    """The user hears the INVITE's final answer, which is acknowledged, and not the CANCEL's."""
    key = agent.send(an_invite(), PBX, 0.0)
    (call,) = sent(agent)
    answer(agent, call, 180, 1.0)
    agent.cancel(key, 2.0)
    (off,) = sent(agent)
    answer(agent, off, 200, 2.1)
    answer(agent, call, 487, 2.2)
    assert methods(agent) == ["ACK"]
    assert statuses(agent) == [180, 487]
    run_until(agent, 100.0)
    assert (agent.next_timer(), events(agent)) == (None, [])


def test_a_call_without_any_answer_to_the_cancel_is_given_up(agent: SipAgent) -> None:
    """64 * T1 after the CANCEL the call counts as cancelled (section 9.1)."""
    key = agent.send(an_invite(), PBX, 0.0)
    answer(agent, sent(agent)[0], 180, 1.0)
    agent.cancel(key, 100.0)
    run_until(agent, 131.9)
    assert [type(event) for event in events(agent)] == [ResponseReceived]
    run_until(agent, 132.0)
    assert [type(event) for event in events(agent)] == [RequestTimedOut]


def test_what_is_answered_or_no_invite_is_not_cancelled(agent: SipAgent) -> None:
    """A CANCEL has no effect there, so none is sent."""
    answered = agent.send(an_invite(), PBX, 0.0)
    answer(agent, sent(agent)[0], 200, 0.1)
    other = agent.send(options(PHONE, from_uri=PHONE, token=lambda: "x"), PBX, 0.0)
    answer(agent, sent(agent)[0], 100, 0.1)
    for key in (answered, other, "unknown"):
        agent.cancel(key, 0.2)
    assert sent(agent) == []


def test_no_phone_rings_on_when_the_users_time_is_up(agent: SipAgent) -> None:
    """The timeout is the one end that the user hears; the call is cancelled behind it."""
    agent.send(an_invite(), PBX, 0.0, timeout_seconds=4.0)
    (call,) = sent(agent)
    answer(agent, call, 180, 1.0)
    run_until(agent, 4.0)
    assert methods(agent) == ["CANCEL"]
    answer(agent, call, 487, 4.1)
    assert methods(agent) == ["ACK"]
    assert [type(event) for event in events(agent)] == [ResponseReceived, RequestTimedOut]


def test_a_call_accepted_too_late_is_hung_up(agent: SipAgent) -> None:
    """A 2xx that crosses the CANCEL is acknowledged and ended with BYE, and the user hears nothing more."""
    key = agent.send(an_invite(), PBX, 0.0)
    (call,) = sent(agent)
    answer(agent, call, 180, 1.0)
    events(agent)
    agent.abandon(key, 2.0)
    assert methods(agent) == ["CANCEL"]
    answer(agent, call, 200, 2.1)
    requests = sent(agent)
    assert [(request.method, request.headers.get("CSeq")) for request in requests] == [
        ("ACK", "1 ACK"),
        ("BYE", "2 BYE"),
    ]
    assert len({Via.parse(request.headers.get_all("Via")[0]).branch for request in (call, *requests)}) == 3
    answer(agent, requests[1], 200, 2.2)
    run_until(agent, 100.0)
    assert (events(agent), agent.next_timer()) == ([], None)


def test_a_cancel_cannot_be_sent_as_a_request(agent: SipAgent) -> None:
    """It needs its INVITE's branch and a provisional answer, which only the agent knows."""
    agent.send(an_invite(), PBX, 0.0)
    with pytest.raises(MisuseError, match="CANCEL"):
        agent.send(cancel(sent(agent)[0]), PBX, 0.0)


def ring(pbx: SipAgent) -> tuple[bytes, RequestReceived]:
    peer = new_agent(US)
    peer.send(an_invite(), PBX, 0.0)
    (datagram,) = peer.datagrams_to_send()
    pbx.receive(datagram.data, US, 0.0)
    (event,) = events(pbx)
    assert isinstance(event, RequestReceived)
    return datagram.data, event


def responses(pbx: SipAgent) -> list[tuple[int, str | None]]:
    messages = [parse_message(datagram.data) for datagram in pbx.datagrams_to_send()]
    return [(each.status, each.headers.get("CSeq")) for each in messages if isinstance(each, Response)]


def cancel_of(data: bytes) -> bytes:
    request = parse_message(data)
    assert isinstance(request, Request)
    return bytes(cancel(request))


def test_a_received_cancel_is_answered_and_its_invite_named() -> None:
    """200 to the CANCEL at once; the user answers the INVITE with 487 (section 9.2)."""
    pbx = new_agent(PBX)
    data, ringing = ring(pbx)
    pbx.receive(cancel_of(data), US, 1.0)
    pbx.receive(cancel_of(data), US, 1.5)
    assert responses(pbx) == [(200, "1 CANCEL"), (200, "1 CANCEL")]
    (event,) = events(pbx)
    assert isinstance(event, CancelReceived)
    assert (event.key, event.invite.method) == (ringing.key, "INVITE")
    pbx.respond(event.key, response_to(event.invite, 487, to_tag="x"), 1.6)
    assert responses(pbx) == [(487, "1 INVITE")]


def test_a_cancel_of_an_answered_call_changes_nothing() -> None:
    """It is answered with 200 and has no effect."""
    pbx = new_agent(PBX)
    data, ringing = ring(pbx)
    assert ringing.key is not None
    pbx.respond(ringing.key, response_to(ringing.request, 200, to_tag="x"), 0.5)
    pbx.receive(cancel_of(data), US, 1.0)
    assert responses(pbx) == [(200, "1 INVITE"), (200, "1 CANCEL")]
    assert events(pbx) == []


def test_a_cancel_of_nothing_is_481() -> None:
    """No INVITE has its branch (section 9.2)."""
    pbx = new_agent(PBX)
    data, _ = ring(pbx)
    pbx.receive(cancel_of(data).replace(b"z9hG4bK", b"z9hG4bKother"), US, 1.0)
    assert responses(pbx) == [(481, "1 CANCEL")]
    assert events(pbx) == []
