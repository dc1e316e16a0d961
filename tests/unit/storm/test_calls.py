"""Calls that nobody waits for are cancelled or ended (RFC 3261 sections 9.1, 13.2.2.4, 15)."""

from __future__ import annotations

import pytest
from tests.unit.storm.test_flows import answer, exchange, flows_of, row

from shiftline.storm.calls import LIFETIME_SECONDS
from shiftline.storm.flows import Flows
from shiftline.storm.sample import TIMEOUT
from shiftline.storm.script import invite_script


def given_up(*, rings: bool) -> tuple[Flows, bytes, list[bytes]]:
    """Flows whose one INVITE was given up after two seconds; the INVITE, and what has been sent since."""
    flows = flows_of(invite_script("4711"), timeout_seconds=2.0)
    flows.start(0.0)
    flows.stamp(flows.sources[0], 0.0, 0.0)
    invite = flows.sources[0].out.pop()
    if rings:
        flows.receive(answer(invite, b"180 Ringing"), 0.1)
    pass_time(flows, 0.0, 2.2)
    sent = [message for message in flows.sources[0].out if not message.startswith(b"INVITE")]
    flows.sources[0].out.clear()
    assert flows.tally.statuses == [TIMEOUT]
    return flows, invite, sent


def pass_time(flows: Flows, start: float, end: float) -> None:
    for tick in range(int(start * 200), int(end * 200)):
        flows.tick(tick * 0.005)


def test_a_call_that_rings_is_cancelled_in_its_transaction_until_that_is_answered() -> None:
    flows, invite, (cancel,) = given_up(rings=True)
    assert cancel.startswith(b"CANCEL sip:4711@127.0.0.1:5060 SIP/2.0\r\n")
    for name in (b"Via", b"From", b"To", b"Call-ID"):
        assert row(cancel, name) == row(invite, name)
    assert row(cancel, b"CSeq") == b"CSeq: 1 CANCEL"
    assert flows.calls.is_busy
    pass_time(flows, 2.2, 2.8)
    assert flows.sources[0].out == [cancel]
    flows.sources[0].out.clear()
    flows.receive(answer(cancel, b"200 OK"), 2.8)
    pass_time(flows, 2.8, 6.0)
    assert flows.sources[0].out == []
    assert flows.calls.is_busy  # the INVITE's own last answer is still to come
    flows.receive(answer(invite, b"487 Request Terminated"), 6.0)
    assert [row(message, b"CSeq") for message in flows.sources[0].out] == [b"CSeq: 1 ACK"]
    assert not flows.calls.is_busy
    assert flows.tally.late_answers == 1


@pytest.mark.parametrize("rings", [True, False])
def test_a_call_that_is_answered_late_is_acknowledged_and_ended(rings: bool) -> None:
    flows, invite, _ = given_up(rings=rings)
    flows.receive(answer(invite, b"200 OK"), 3.0)
    ack, bye = flows.sources[0].out
    assert (row(ack, b"CSeq"), row(bye, b"CSeq")) == (b"CSeq: 1 ACK", b"CSeq: 2 BYE")
    assert row(ack, b"To").endswith(b";tag=srv")
    assert row(bye, b"To").endswith(b";tag=srv")
    flows.sources[0].out.clear()
    flows.receive(answer(invite, b"200 OK"), 3.1)  # the ACK was lost
    assert flows.sources[0].out == [ack]
    assert flows.calls.is_busy
    flows.receive(answer(bye, b"200 OK"), 3.2)
    assert not flows.calls.is_busy


def test_a_call_that_nobody_has_heard_of_is_not_cancelled_before_it_rings() -> None:
    flows, invite, sent = given_up(rings=False)
    assert sent == []
    assert not flows.calls.is_busy
    flows.receive(answer(invite, b"180 Ringing"), 2.5)
    assert [message.split()[0] for message in flows.sources[0].out] == [b"CANCEL"]


def test_a_cancelled_call_is_not_awaited_for_ever() -> None:
    flows, _, _ = given_up(rings=True)
    pass_time(flows, 2.2, 3.0 + LIFETIME_SECONDS)
    assert not flows.calls.is_busy


def test_hanging_up_cancels_what_rings_and_ends_what_is_up() -> None:
    flows = flows_of(invite_script("4711", hold_seconds=10.0), users=2)
    out = flows.sources[0].out
    flows.start(0.0)
    exchange(flows, lambda request: answer(request, b"200 OK") if request.startswith(b"INVITE") else None)
    flows.start(0.0)
    flows.receive(answer(out.pop(), b"180 Ringing"), 0.1)
    flows.hang_up(0.2)
    assert sorted(message.split()[0] for message in out) == [b"BYE", b"CANCEL"]
    assert not flows.pending
    assert len(flows.hung_up) == 2
