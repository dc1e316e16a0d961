"""The client side of the agent: what leaves, when it leaves again, and what the user hears."""

from __future__ import annotations

from itertools import count

import pytest
from tests.unit.sip.agents import fire_timers, sent

from shiftline.errors import MisuseError
from shiftline.sip.agent import SipAgent
from shiftline.sip.events import MalformedReceived, RequestTimedOut, ResponseReceived, SendFailed
from shiftline.sip.message import Request, parse_message, response_to
from shiftline.sip.requests import invite, options
from shiftline.sip.uri import SipUri

PBX = ("127.0.0.1", 5060)
AGENT = SipUri(user="agent0001", host="127.0.0.1")


@pytest.fixture
def agent() -> SipAgent:
    numbers = count(1)
    return SipAgent(local=("127.0.0.2", 5070), token=lambda: f"t{next(numbers)}")


def an_options() -> Request:
    return options(AGENT, from_uri=AGENT, token=lambda: "x")


def an_invite() -> Request:
    request = invite(AGENT, from_uri=AGENT, contact=AGENT, token=lambda: "x")
    request.headers.add("Route", "<sip:proxy;lr>")
    return request


def answer(agent: SipAgent, request: Request, status: int, now: float, to_tag: str = "pbx") -> None:
    agent.receive(bytes(response_to(request, status, to_tag=to_tag)), PBX, now)


def test_a_request_leaves_with_our_via(agent: SipAgent) -> None:
    """Via with a fresh branch, Max-Forwards and User-Agent are added; the original stays as it was."""
    request = an_options()
    before = request.headers.copy()
    key = agent.send(request, PBX, 0.0)
    (datagram,) = agent.datagrams_to_send()
    assert (datagram.destination, datagram.key) == (PBX, key)
    out = parse_message(datagram.data)
    assert out.headers.get("Via") == f"SIP/2.0/UDP 127.0.0.2:5070;rport;branch={key}"
    assert (out.headers.get("Max-Forwards"), out.headers.get("User-Agent")) == ("70", "Shiftline/0.1")
    assert key == "z9hG4bKt1"
    assert request.headers == before


def test_headers_that_are_there_stay(agent: SipAgent) -> None:
    """A request sent again after a challenge carries one Via, and the user's own names."""
    request = an_options()
    request.headers.add("User-Agent", "mine")
    request.headers.add("Via", "SIP/2.0/UDP old;branch=z9hG4bKold")
    agent.send(request, PBX, 0.0)
    (out,) = sent(agent)
    assert out.headers.get_all("Via") == ["SIP/2.0/UDP 127.0.0.2:5070;rport;branch=z9hG4bKt1"]
    assert out.headers.get_all("User-Agent") == ["mine"]


def test_an_answer_reaches_the_user_once(agent: SipAgent) -> None:
    """The answer ends the retransmissions; its repetitions are absorbed until Timer K."""
    key = agent.send(an_options(), PBX, 10.0)
    (out,) = sent(agent)
    answer(agent, out, 200, 10.25)
    answer(agent, out, 200, 10.5)
    event = agent.next_event()
    assert isinstance(event, ResponseReceived)
    assert (event.key, event.response.status, event.rtt_seconds, event.request) == (
        key,
        200,
        0.25,
        _sent_form(out),
    )
    assert agent.next_event() is None
    assert fire_timers(agent, 60.0) == []
    assert agent.next_timer() is None
    answer(agent, out, 200, 61.0)
    assert (agent.next_event(), agent.stray_responses) == (None, 1)


def _sent_form(out: Request) -> Request:
    out.headers.remove("Content-Length")
    return out


def test_silence_is_answered_by_timers_e_and_f(agent: SipAgent) -> None:
    """Eleven transmissions in 32 s, then the user hears of the timeout."""
    key = agent.send(an_options(), PBX, 0.0)
    agent.datagrams_to_send()
    assert fire_timers(agent, 31.9) == [0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5]
    assert agent.next_event() is None
    assert fire_timers(agent, 40.0) == []
    event = agent.next_event()
    assert isinstance(event, RequestTimedOut)
    assert (event.key, event.rtt_seconds) == (key, 32.0)


def test_a_deadline_ends_a_request_early(agent: SipAgent) -> None:
    """The user's own patience may be shorter than 32 s; a later answer is a stray."""
    agent.send(an_options(), PBX, 0.0, timeout_seconds=2.0)
    (out,) = sent(agent)
    assert fire_timers(agent, 10.0) == [0.5, 1.5]
    assert isinstance(agent.next_event(), RequestTimedOut)
    answer(agent, out, 200, 10.0)
    assert (agent.next_event(), agent.stray_responses) == (None, 1)


def test_a_late_driver_sends_once_not_a_burst(agent: SipAgent) -> None:
    """After a pause of the process one retransmission leaves, and the back-off goes on from there."""
    agent.send(an_options(), PBX, 0.0)
    agent.datagrams_to_send()
    agent.handle_timer(10.0)
    assert len(agent.datagrams_to_send()) == 1
    assert agent.next_timer() == 11.0


def test_an_abandoned_request_is_forgotten(agent: SipAgent) -> None:
    """No more retransmissions, no event, later answers are strays."""
    key = agent.send(an_options(), PBX, 0.0)
    (out,) = sent(agent)
    agent.abandon(key, 0.1)
    agent.abandon(key, 0.1)
    assert fire_timers(agent, 60.0) == []
    answer(agent, out, 200, 60.0)
    assert (agent.next_event(), agent.stray_responses) == (None, 1)


def test_an_answer_must_fit_branch_and_method(agent: SipAgent) -> None:
    """Both the branch and the method of CSeq decide (RFC 3261 section 17.1.3)."""
    agent.send(an_options(), PBX, 0.0)
    (out,) = sent(agent)
    other = response_to(out, 200, to_tag="pbx")
    other.headers.set("CSeq", "1 REGISTER")
    agent.receive(bytes(other), PBX, 0.1)
    other = response_to(out, 200, to_tag="pbx")
    other.headers.set("Via", "SIP/2.0/UDP 127.0.0.2:5070;branch=z9hG4bKother")
    agent.receive(bytes(other), PBX, 0.1)
    other.headers.set("Via", "SIP/2.0/UDP 127.0.0.2:5070")
    agent.receive(bytes(other), PBX, 0.1)
    assert (agent.next_event(), agent.stray_responses) == (None, 3)


def test_a_provisional_answer_is_reported(agent: SipAgent) -> None:
    """The user hears of every 1xx; the request goes out again every T2 only."""
    agent.send(an_options(), PBX, 0.0)
    (out,) = sent(agent)
    answer(agent, out, 100, 0.1)
    event = agent.next_event()
    assert isinstance(event, ResponseReceived)
    assert event.response.status == 100
    assert fire_timers(agent, 9.0) == [0.5, 4.5, 8.5]


def test_a_refused_invite_is_acknowledged(agent: SipAgent) -> None:
    """The ACK has the INVITE's branch, Route and number, and the answer's To; each repetition gets one."""
    agent.send(an_invite(), PBX, 0.0)
    (out,) = sent(agent)
    answer(agent, out, 486, 0.1)
    answer(agent, out, 486, 0.6)
    first, second = sent(agent)
    assert first == second
    assert (first.method, first.uri, first.headers.get("CSeq")) == ("ACK", out.uri, "1 ACK")
    assert first.headers.get("To") == f"<{AGENT}>;tag=pbx"
    for name in ("Via", "Route", "From", "Call-ID", "Max-Forwards"):
        assert first.headers.get_all(name) == out.headers.get_all(name)
    assert isinstance(agent.next_event(), ResponseReceived)
    assert agent.next_event() is None


def test_every_2xx_to_an_invite_is_reported(agent: SipAgent) -> None:
    """A repeated 2xx asks for another ACK, which the user sends (RFC 3261 section 13.2.2.4, RFC 6026)."""
    agent.send(an_invite(), PBX, 0.0)
    (out,) = sent(agent)
    answer(agent, out, 180, 0.1)
    answer(agent, out, 200, 5.0)
    answer(agent, out, 200, 5.5)
    statuses = []
    while isinstance(event := agent.next_event(), ResponseReceived):
        statuses.append(event.response.status)
    assert statuses == [180, 200, 200]
    assert sent(agent) == []
    assert fire_timers(agent, 40.0) == []
    assert agent.next_timer() is None


def test_a_ringing_call_has_no_timeout_of_its_own(agent: SipAgent) -> None:
    """Timer B ends with the first provisional answer."""
    agent.send(an_invite(), PBX, 0.0)
    (out,) = sent(agent)
    answer(agent, out, 180, 0.1)
    agent.next_event()
    assert fire_timers(agent, 1000.0) == []
    assert agent.next_event() is None


def test_the_ack_of_a_2xx_has_no_transaction(agent: SipAgent) -> None:
    """It leaves once, with a branch of its own."""
    request = an_options()
    request.method = "ACK"
    with pytest.raises(MisuseError, match="send_stateless"):
        agent.send(request, PBX, 0.0)
    agent.send_stateless(request, PBX)
    (datagram,) = agent.datagrams_to_send()
    assert datagram.key is None
    assert agent.next_timer() is None


def test_a_cseq_that_lies_is_our_defect(agent: SipAgent) -> None:
    """No answer to such a request could be matched."""
    request = an_options()
    request.method = "REGISTER"
    with pytest.raises(MisuseError, match="CSeq"):
        agent.send(request, PBX, 0.0)
    request.headers.remove("CSeq")
    with pytest.raises(MisuseError, match="CSeq"):
        agent.send(request, PBX, 0.0)


def test_a_datagram_the_system_refuses_ends_the_request(agent: SipAgent) -> None:
    """The user hears why (RFC 3261 section 17.1.4); a second word about the same request says nothing new."""
    key = agent.send(an_options(), PBX, 0.0)
    (datagram,) = agent.datagrams_to_send()
    agent.send_failed(datagram, "Network is unreachable", 0.5)
    agent.send_failed(datagram, "Network is unreachable", 0.5)
    event = agent.next_event()
    assert isinstance(event, SendFailed)
    assert (event.key, event.why, event.rtt_seconds) == (key, "Network is unreachable", 0.5)
    assert agent.next_event() is None
    assert agent.next_timer() is None


@pytest.mark.parametrize("data", [b"", b"\r\n", b"\r\n\r\n", b"\0\0\0\0"])
def test_keep_alives_are_ignored(agent: SipAgent, data: bytes) -> None:
    """A ping is no message (RFC 5626 section 3.5)."""
    agent.receive(data, PBX, 0.0)
    assert agent.next_event() is None


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"\0" * 5, "start line"),
        (
            b"SIP/2.0 200 OK\r\n\r\n",
            "There is no CSeq and no Call-ID and no From and no To and no Via header",
        ),
        (
            b"OPTIONS sip:h SIP/2.0\r\nVia: x\r\nFrom: x\r\nTo: x\r\nCall-ID: x\r\nCSeq: 1 OPTIONS\r\n\r\n",
            "Via",
        ),
        (
            b"OPTIONS sip:h SIP/2.0\r\nVia:\r\nFrom: x\r\nTo: x\r\nCall-ID: x\r\nCSeq: 1 OPTIONS\r\n\r\n",
            "Via",
        ),
        (b"OPTIONS sip:h SIP/2.0\r\nVia: x\r\nFrom: x\r\nTo: x\r\nCall-ID: x\r\nCSeq: 1 BYE\r\n\r\n", "CSeq"),
        (b"OPTIONS sip:h SIP/2.0\r\nVia: x\r\nFrom: x\r\nTo: x\r\nCall-ID: x\r\nCSeq: x\r\n\r\n", "CSeq"),
    ],
)
def test_what_cannot_be_used_is_an_event(agent: SipAgent, data: bytes, why: str) -> None:
    """Malformed datagrams keep their bytes and say what is wrong."""
    agent.receive(data, PBX, 0.0)
    event = agent.next_event()
    assert isinstance(event, MalformedReceived)
    assert (event.data, event.source) == (data, PBX)
    assert why in event.why


def test_an_ipv6_address_has_brackets_in_via() -> None:
    """sent-by writes IPv6 in brackets."""
    agent = SipAgent(local=("::1", 5070), token=lambda: "t")
    agent.send(an_options(), ("::1", 5060), 0.0)
    (out,) = sent(agent)
    assert out.headers.get("Via") == "SIP/2.0/UDP [::1]:5070;rport;branch=z9hG4bKt"


def test_a_user_agent_name_cannot_inject_a_header() -> None:
    """A configured name with a line break is refused at once."""
    with pytest.raises(MisuseError):
        SipAgent(local=PBX, token=lambda: "t", user_agent="x\r\nY: z")


@pytest.mark.parametrize("second", ["\r\nVia: SIP/2.0/UDP 192.0.2.9", ", SIP/2.0/UDP 192.0.2.9"])
def test_an_answer_with_two_vias_was_meant_for_somebody_else(agent: SipAgent, second: str) -> None:
    """RFC 3261 section 8.1.3.3: it is discarded; the right one still counts."""
    agent.send(an_options(), PBX, 0.0)
    (datagram,) = agent.datagrams_to_send()
    request = parse_message(datagram.data)
    assert isinstance(request, Request)
    right = bytes(response_to(request, 200, to_tag="t"))
    via = right.split(b"\r\n")[1]
    agent.receive(right.replace(via, via + second.encode()), PBX, 0.1)
    assert (agent.next_event(), agent.stray_responses) == (None, 1)
    agent.receive(right, PBX, 0.2)
    assert isinstance(agent.next_event(), ResponseReceived)


def test_nothing_is_repeated_while_it_may_not_be(agent: SipAgent) -> None:
    """Its turns pass by as if it had been sent: at 0.5 s and 1.5 s, then again at 3.5 s. Answers count."""
    agent.send(an_options(), PBX, 0.0)
    (request,) = sent(agent)
    for moment in (0.5, 1.5):
        assert agent.next_timer() == moment
        agent.handle_timer(moment, may_repeat=False)
        assert agent.datagrams_to_send() == []
    agent.handle_timer(3.5)
    assert len(agent.datagrams_to_send()) == 1
    answer(agent, request, 200, 3.6)
    assert isinstance(agent.next_event(), ResponseReceived)


def test_what_is_held_is_sent_again_when_its_user_says_so(agent: SipAgent) -> None:
    """The one due longest first, once however long it waited; then timer E goes on from there."""
    agent.holds_repeats = True
    agent.send(an_options(), PBX, 0.0)
    agent.send(an_options(), PBX, 0.1)
    first, second = sent(agent)
    agent.handle_timer(0.55)
    assert agent.has_held_repeats()
    agent.handle_timer(1.6)
    assert agent.datagrams_to_send() == []
    agent.repeat_next(1.7)
    assert sent(agent) == [first]
    answer(agent, second, 200, 1.8)
    assert not agent.has_held_repeats()
    agent.repeat_next(1.9)
    agent.handle_timer(3.6)
    assert not agent.has_held_repeats()
    agent.handle_timer(3.7)
    assert agent.has_held_repeats()


def test_nothing_is_sent_again_before_its_answer_is_late(agent: SipAgent) -> None:
    """Where answers take longer than T1, a larger one stands in for it; the end stays where it was."""
    agent.send(an_options(), PBX, 0.0)
    sent(agent)
    agent.handle_timer(0.5, t1=0.9)
    assert agent.datagrams_to_send() == []
    leaves_at = []
    while (moment := agent.next_timer()) is not None:
        agent.handle_timer(moment, t1=0.9)
        leaves_at += [moment for _ in agent.datagrams_to_send()]
    assert leaves_at[:4] == pytest.approx([0.9, 2.7, 6.3, 10.3])
    assert leaves_at[-1] < 32.0
    assert isinstance(agent.next_event(), RequestTimedOut)


def test_one_request_is_sent_again_by_its_call_id_while_others_are_held(agent: SipAgent) -> None:
    """Whoever asks for it decides; the answer tells when it left again."""
    agent.holds_repeats = True
    tokens = count(1)
    for _ in range(2):
        agent.send(options(AGENT, from_uri=AGENT, token=lambda: f"c{next(tokens)}"), PBX, 0.0)
    _, other = sent(agent)
    call_id = other.headers.get("Call-ID") or ""
    agent.repeat(call_id, 3.0)
    assert sent(agent) == [other]
    answer(agent, other, 200, 3.1)
    event = agent.next_event()
    assert isinstance(event, ResponseReceived)
    assert event.copied_at == 3.0
    agent.repeat(call_id, 4.0)
    assert not agent.datagrams_to_send()
