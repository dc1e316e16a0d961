"""Every state meets every input, in any order: a defined result, an end, no exception."""

from __future__ import annotations

from itertools import count, product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shiftline.sip.agent import SipAgent
from shiftline.sip.events import Event, RequestReceived, RequestTimedOut, ResponseReceived, SendFailed
from shiftline.sip.headers import Headers
from shiftline.sip.message import Request, parse_message, response_to
from shiftline.sip.transactions import (
    CLIENT,
    INVITE_CLIENT,
    INVITE_SERVER,
    NEVER,
    SERVER,
    Effect,
    Input,
    State,
    Table,
    Timers,
    Transaction,
)
from shiftline.sip.transport import Transport
from shiftline.sip.uri import SipUri

TABLES = {"INVITE client": INVITE_CLIENT, "client": CLIENT, "INVITE server": INVITE_SERVER, "server": SERVER}
NO_TIMERS = {Effect.SEND, Effect.SEND_ACK, Effect.REPORT, Effect.DISOWN}
PBX = ("127.0.0.1", 5060)
what_happens = st.sampled_from([100, 180, 200, 302, 403, 500, "again", "ack", "fail", "wait"])
moves = st.lists(st.tuples(what_happens, st.floats(0.0, 20.0)), max_size=12)


@pytest.mark.parametrize("transport", Transport)
@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
def test_every_state_meets_every_input(table: Table, transport: Transport) -> None:
    """A row of the table, or absorbed: same state, no effect; and a stream repeats nothing at all."""
    timers = Timers()
    for state, given_input in product(State, Input):
        transaction = Transaction(key="k", table=table, state=state, destination=PBX, transport=transport)
        effects = transaction.step(given_input)
        listed = table.get((state, given_input))
        assert (effects, transaction.state) == (listed or ((), state))
        for effect in effects:
            if effect not in NO_TIMERS:
                transaction.set_timers(effect, 100.0, timers)
                assert transaction.next_timer() >= 100.0
        assert transport is Transport.UDP or transaction.retransmits_at == NEVER


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
def test_every_state_is_reached(table: Table) -> None:
    """No row of a table is dead: its state is where a machine starts or where a row leads."""
    states = {state for state, _ in table}
    entered = {following for _, following in table.values()}
    assert states - entered <= {State.CALLING, State.TRYING, State.PROCEEDING}


def drain(agent: SipAgent) -> list[Event]:
    events = []
    while event := agent.next_event():
        events.append(event)
    return events


def a_request(method: str) -> Request:
    rows = [("From", "<sip:a@h>;tag=1"), ("To", "<sip:b@h>"), ("Call-ID", "c"), ("CSeq", f"1 {method}")]
    return Request(method, SipUri(host="h"), Headers(rows))


def new_agent() -> SipAgent:
    numbers = count()
    return SipAgent(local=PBX, token=lambda: f"t{next(numbers)}")


def run_until(agent: SipAgent, moment: float) -> None:
    """Play the driver: fire timers as they come."""
    while (due := agent.next_timer()) is not None and due <= moment:
        agent.handle_timer(due)


@given(st.sampled_from(["INVITE", "OPTIONS"]), st.sampled_from([None, 3.0, 50.0]), moves)
def test_a_client_hears_one_end(
    method: str, timeout: float | None, script: list[tuple[int | str, float]]
) -> None:
    """At most one final answer (several 2xx for INVITE), timeout or failure; afterwards nothing is left."""
    agent, now = new_agent(), 0.0
    agent.send(a_request(method), PBX, now, timeout_seconds=timeout)
    datagram = agent.datagrams_to_send()[0]
    sent = parse_message(datagram.data)
    assert isinstance(sent, Request)
    for move, pause in script:
        now += pause
        run_until(agent, now)
        if isinstance(move, int):
            agent.receive(bytes(response_to(sent, move, to_tag="x")), PBX, now)
        elif move == "fail":
            agent.send_failed(datagram, "down", now)
    agent.receive(bytes(response_to(sent, 486, to_tag="x")), PBX, now)
    run_until(agent, now + 1000.0)
    assert agent.next_timer() is None
    ends = [event for event in drain(agent) if not is_provisional(event)]
    accepted = [
        event for event in ends if isinstance(event, ResponseReceived) and event.response.status == 200
    ]
    if method == "INVITE" and accepted:
        assert accepted == ends
    elif not any(isinstance(event, SendFailed) for event in ends):
        assert len(ends) == 1


def is_provisional(event: Event) -> bool:
    assert isinstance(event, ResponseReceived | RequestTimedOut | SendFailed)
    return isinstance(event, ResponseReceived) and event.response.status < 200


@given(st.sampled_from(["INVITE", "OPTIONS"]), moves)
def test_a_server_reports_a_request_once_while_it_lasts(
    method: str, script: list[tuple[int | str, float]]
) -> None:
    """Retransmissions are absorbed, answers repeat, and in the end nothing is left."""
    agent, peer, now = new_agent(), new_agent(), 0.0
    peer.send(a_request(method), PBX, now)
    data = peer.datagrams_to_send()[0].data
    ack = data.replace(b"INVITE", b"ACK")
    agent.receive(data, PBX, now)
    (event,) = drain(agent)
    assert isinstance(event, RequestReceived)
    assert event.key is not None
    for move, pause in script:
        now += pause / 50  # all of it within T4, the shortest life of a finished transaction
        run_until(agent, now)
        if isinstance(move, int):
            agent.respond(event.key, response_to(event.request, move, to_tag="x"), now)
        elif move == "again":
            agent.receive(data, PBX, now)
        elif move == "ack" and method == "INVITE":
            agent.receive(ack, PBX, now)
    assert all(isinstance(other, RequestReceived) and other.key is None for other in drain(agent))
    run_until(agent, now + 1000.0)
    assert agent.next_timer() is None
