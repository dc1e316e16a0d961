"""The tables against the figures of RFC 3261 section 17, and the timers they start."""

from __future__ import annotations

import pytest

from shiftline.sip.headers import Headers
from shiftline.sip.message import Request
from shiftline.sip.transactions import (
    CLIENT,
    INVITE_CLIENT,
    INVITE_SERVER,
    NEVER,
    SERVER,
    ClientTransaction,
    Effect,
    Input,
    State,
    Table,
    Timers,
    Transaction,
    status_input,
)
from shiftline.sip.uri import SipUri

TABLES = {"INVITE client": INVITE_CLIENT, "client": CLIENT, "INVITE server": INVITE_SERVER, "server": SERVER}
TIMERS = Timers()


def client(method: str, **more: float) -> ClientTransaction:
    request = Request(method, SipUri(host="h"), Headers())
    return ClientTransaction(
        key="k",
        request=request,
        destination=("h", 1),
        now=100.0,
        timers=TIMERS,
        timeout_seconds=more.get("timeout"),
    )


def retransmission_offsets(transaction: Transaction, count: int) -> list[float]:
    offsets = []
    for _ in range(count):
        now = transaction.retransmits_at
        transaction.back_off(now, TIMERS)
        offsets.append(now - 100.0)
    return offsets


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
def test_nothing_leaves_terminated(table: Table) -> None:
    """Terminated is the end: no row starts there, and every machine can get there."""
    assert all(state is not State.TERMINATED for state, _ in table)
    assert any(following is State.TERMINATED for _, following in table.values())


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
def test_every_state_of_a_table_has_a_way_out(table: Table) -> None:
    """From each state a timer leads on, so no transaction lives for ever."""
    for state in {state for state, _ in table}:
        assert (state, Input.GIVE_UP) in table or (state, Input.LINGER_OVER) in table


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
def test_a_lingering_state_is_entered_with_its_timer(table: Table) -> None:
    """Who moves to a state that ends with a linger timer has started it."""
    lingering = {state for state, given in table if given is Input.LINGER_OVER}
    timers = {effect for effect in Effect if effect.startswith("start_")} - {Effect.START_G_AND_H}
    for (state, _), (effects, following) in table.items():
        if following in lingering and following is not state:
            assert timers & set(effects)


@pytest.mark.parametrize(
    ("status", "given"),
    [(100, Input.PROVISIONAL), (199, Input.PROVISIONAL), (200, Input.SUCCESS), (299, Input.SUCCESS),
     (300, Input.FAILURE), (403, Input.FAILURE), (699, Input.FAILURE)],
)  # fmt: skip
def test_a_status_is_an_input(status: int, given: Input) -> None:
    """1xx, 2xx and the rest are three different inputs."""
    assert status_input(status) is given


def test_what_a_table_does_not_list_is_absorbed() -> None:
    """No effect, same state."""
    transaction = client("OPTIONS")
    assert transaction.step(Input.ACK) == ()
    assert transaction.state is State.TRYING


def test_a_non_invite_request_is_sent_again_up_to_t2() -> None:
    """ "500 ms, 1 s, 2 s, 4 s, 4 s, 4 s, etc." (RFC 3261 section 17.1.2.2)."""
    assert retransmission_offsets(client("OPTIONS"), 6) == [0.5, 1.5, 3.5, 7.5, 11.5, 15.5]


def test_an_invite_is_sent_again_without_bound() -> None:
    """Timer A doubles each time (RFC 3261 section 17.1.1.2)."""
    assert retransmission_offsets(client("INVITE"), 6) == [0.5, 1.5, 3.5, 7.5, 15.5, 31.5]


def test_a_provisional_answer_slows_timer_e() -> None:
    """In Proceeding, Timer E is reset to T2 (RFC 3261 section 17.1.2.2)."""
    transaction = client("OPTIONS")
    for effect in transaction.step(Input.PROVISIONAL):
        if effect is not Effect.REPORT:
            transaction.set_timers(effect, 100.1, TIMERS)
    assert retransmission_offsets(transaction, 3) == [0.5, 4.5, 8.5]
    assert transaction.ends_at == 132.0


def test_a_provisional_answer_stops_timers_a_and_b() -> None:
    """A ringing phone may ring for minutes; only a deadline of the user's own remains."""
    unlimited, limited = client("INVITE"), client("INVITE", timeout=60.0)
    assert (unlimited.ends_at, limited.ends_at) == (132.0, 132.0)
    for transaction in (unlimited, limited):
        transaction.set_timers(Effect.STOP_A_AND_B, 101.0, TIMERS)
    assert (unlimited.next_timer(), limited.next_timer()) == (NEVER, 160.0)


def test_the_earlier_of_deadline_and_timer_f_ends_a_request() -> None:
    """A deadline can only shorten a transaction."""
    assert client("OPTIONS", timeout=4.0).ends_at == 104.0
    assert client("OPTIONS", timeout=40.0).ends_at == 132.0


@pytest.mark.parametrize(
    ("effect", "seconds"),
    [(Effect.START_D, 32.0), (Effect.START_I, 5.0), (Effect.START_J, 32.0), (Effect.START_K, 5.0),
     (Effect.START_L, 32.0), (Effect.START_M, 32.0)],
)  # fmt: skip
def test_linger_timers_have_the_values_of_table_4(effect: Effect, seconds: float) -> None:
    """T4 or 64 * T1 for unreliable transports; retransmission ends."""
    transaction = client("OPTIONS")
    transaction.set_timers(effect, 200.0, TIMERS)
    assert (transaction.ends_at, transaction.retransmits_at) == (200.0 + seconds, NEVER)
    assert transaction.timer_input(200.0 + seconds) is Input.LINGER_OVER


def test_timers_g_and_h_repeat_a_refusal_until_the_ack() -> None:
    """The response goes out again after T1, 2*T1 and so on up to T2, for 64 * T1 (section 17.2.1)."""
    invite = Request("INVITE", SipUri(host="h"), Headers())
    transaction = Transaction.of_server(
        key="k", request=invite, destination=("h", 1), now=100.0, timers=TIMERS
    )
    assert transaction.ends_at == 280.0
    transaction.set_timers(Effect.START_G_AND_H, 100.0, TIMERS)
    assert transaction.ends_at == 132.0
    assert retransmission_offsets(transaction, 5) == [0.5, 1.5, 3.5, 7.5, 11.5]


def test_the_end_goes_before_a_retransmission() -> None:
    """A transaction whose time is over does not send once more."""
    transaction = client("OPTIONS", timeout=1.5)
    assert transaction.timer_input(100.4) is None
    assert transaction.timer_input(100.5) is Input.RETRANSMIT
    assert transaction.timer_input(101.5) is Input.GIVE_UP
