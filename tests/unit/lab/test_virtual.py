"""The virtual laboratory: the same seeds give the same bytes, and the road does what it says."""

from __future__ import annotations

from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest

from shiftline.lab.pbx.agents import Truth
from shiftline.lab.pbx.config import PracticePbxConfig
from shiftline.lab.pbx.faults import Faults, Throttle
from shiftline.lab.virtual import Road, VirtualPbx
from shiftline.lab.virtual_client import ClientSettings, VirtualExchange
from shiftline.secrets import Secret
from shiftline.sip.digest import DigestAccount, DigestClient
from shiftline.sip.message import Request
from shiftline.sip.requests import ack, bye, invite, next_attempt, options
from shiftline.sip.trace import TracedMessage
from shiftline.sip.transport import Transport
from shiftline.sip.uri import SipUri

US, OTHERS = ("127.0.0.2", 5062), ("127.0.0.3", 5062)
CONFIG = PracticePbxConfig(
    log_path=Path("unused"), agents={"agent0001": Truth.AVAILABLE}, password=Secret("secret")
)


class Lab:
    """A virtual PBX, and requests whose tokens are counted."""

    def __init__(self, config: PracticePbxConfig = CONFIG, road: Road | None = None) -> None:
        self.messages: list[TracedMessage] = []
        self.pbx = VirtualPbx(config, road=road or Road(), on_message=self.messages.append)
        self._numbers = count(1)
        account = DigestAccount(username="shiftline", password=Secret("secret"))
        self.digest = DigestClient(account, token=self.token)

    def token(self) -> str:
        return f"t{next(self._numbers)}"

    def uri(self, user: str | None) -> SipUri:
        return SipUri(scheme="sip", user=user, host="127.0.0.1", port=5060)

    def options(self, user: str | None = "agent0001") -> Request:
        return options(self.uri(user), from_uri=self.uri("shiftline"), token=self.token)

    def authorized(self, request: Request) -> VirtualExchange:
        challenged = self.pbx.exchange(request, US)
        assert challenged.response is not None
        self.digest.challenged(challenged.response, request)
        again = next_attempt(request)
        self.digest.authorize(again)
        return self.pbx.exchange(again, US)


def status(exchange: VirtualExchange) -> int | None:
    return exchange.response.status if exchange.response else None


def test_an_exchange_takes_the_road_twice_and_the_pbx_once() -> None:
    """0.2 to 1 ms each way, and 20 to 60 ms for whatever reaches authentication."""
    lab = Lab()
    challenged = lab.pbx.exchange(lab.options(), US, 1010.0)
    assert (status(challenged), challenged.copies, challenged.sent_at) == (401, 1, 1010.0)
    assert challenged.answered_after is not None
    assert 0.0204 <= challenged.answered_after <= 0.062
    assert status(lab.authorized(lab.options())) == 200
    assert [record.status for record in lab.pbx.records] == [401, 401, 200]


@pytest.mark.parametrize("loss", [0.0, 0.3])
def test_the_same_seeds_give_the_same_capture(loss: float) -> None:
    """Byte for byte and moment for moment; another seed of the road does not."""
    captures = []
    for seed in (7, 7, 8):
        lab = Lab(road=Road(loss=loss, seed=seed))
        for number in range(20):
            lab.pbx.exchange(lab.options(), (f"127.0.0.{2 + number % 3}", 5062))
        captures.append([(message.at, message.data) for message in lab.messages])
    assert captures[0] == captures[1] != captures[2]


def test_what_the_road_loses_is_sent_again() -> None:
    """A third of all datagrams gone: the transactions repeat what was lost, and is one arrival."""
    lab = Lab(road=Road(loss=0.3))
    exchanges = [lab.pbx.exchange(lab.options(), US, timeout_seconds=32.0) for _ in range(20)]
    assert {status(exchange) for exchange in exchanges} == {401}
    assert sum(exchange.copies for exchange in exchanges) > 30
    assert len(lab.pbx.records) == 20


def test_over_tcp_nothing_is_lost() -> None:
    """However bad the road."""
    lab = Lab(road=Road(loss=0.9))
    over_tcp = ClientSettings(transport=Transport.TCP)
    exchanges = [lab.pbx.exchange(lab.options(), US, settings=over_tcp) for _ in range(20)]
    assert {(status(exchange), exchange.copies) for exchange in exchanges} == {(401, 1)}
    assert lab.messages[0].transport is Transport.TCP


def test_a_burst_is_on_its_way_at_once() -> None:
    """Tickets are filled as time passes; a throttle sees the burst as a burst."""
    lab = Lab(replace(CONFIG, faults=Faults(throttle=Throttle(limit=5))))
    tickets = [lab.pbx.send(lab.options(), US, 1001.0) for _ in range(20)]
    lab.pbx.run_until(1000.9)
    assert not any(tickets)
    lab.pbx.run_until(1002.0)
    found = [status(ticket[0]) for ticket in tickets]
    assert (found.count(401), found.count(403)) == (5, 15)


def test_silence_ends_with_the_clients_patience() -> None:
    """Copies at 0, 0.5, 1.5 and 3.5 s, and no answer after 4."""
    lab = Lab(replace(CONFIG, faults=Faults(silent=True)))
    for request in (lab.options(), b"OPTIONS sip:127.0.0.1 SIP/2.0\r\n\r\n"):
        began = lab.pbx.now
        silent = lab.pbx.exchange(request, US)
        assert (silent.response, silent.answered_after, silent.copies) == (None, None, 4)
        assert lab.pbx.now - began == pytest.approx(4.0)


def test_bytes_leave_as_they_are() -> None:
    """What our own writer would never write reaches the PBX, and its answer comes back."""
    lab = Lab()
    text = (
        "OPTIONS sip:127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.2:5062;branch=z9hG4bKraw\r\n"
        "From: <sip:a@b>;tag=1\r\nTo: <sip:a@b>\r\nCall-ID: raw\r\nCSeq: 1 OPTIONS\r\nX-Odd:\u00e4\r\n\r\n"
    )
    answered = lab.pbx.exchange(text.encode("latin-1"), US)
    assert (status(answered), answered.copies) == (200, 1)
    assert lab.messages[0].data == text.encode("latin-1")


def test_a_client_may_name_another_address_than_it_has() -> None:
    """As behind a NAT: the Via says one thing, the packet another, and the answer finds its way."""
    lab = Lab()
    natted = ClientSettings(via=("192.168.1.7", 5060), user_agent="Odd/1")
    answered = lab.pbx.exchange(lab.options(None), US, settings=natted)
    assert status(answered) == 200
    assert b"SIP/2.0/UDP 192.168.1.7:5060" in answered.data
    assert b"User-Agent: Odd/1" in answered.data
    assert lab.pbx.records[0].source == US[0]


def test_a_call_is_held_and_ended_in_virtual_time() -> None:
    """Actions may be set for later, from within others."""
    lab = Lab()
    call = invite(lab.uri("call0001"), from_uri=lab.uri("a"), contact=lab.uri("a"), token=lab.token)
    answered = lab.authorized(call)
    assert answered.request is not None
    assert answered.response is not None
    lab.pbx.send_stateless(ack(answered.request, answered.response), US)
    ended = lab.pbx.send(bye(answered.request, answered.response), US, lab.pbx.now + 30.0)
    assert status(lab.pbx.conclude(ended)) == 200
    assert [record.method for record in lab.pbx.records] == ["INVITE", "INVITE", "BYE"]
