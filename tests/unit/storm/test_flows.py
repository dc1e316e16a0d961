"""The flows of a load engine against a server that is a function: no socket, no clock."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from shiftline.secrets import Secret
from shiftline.sip.digest import DigestAccount, digest_response, parse_digest
from shiftline.sip.inspection import inspect
from shiftline.sip.message import Request
from shiftline.storm.flow import Source
from shiftline.storm.flows import Flows
from shiftline.storm.sample import TIMEOUT
from shiftline.storm.script import (
    METHOD_SCRIPTS,
    Method,
    Script,
    invite_script,
    options_script,
    register_script,
)
from shiftline.storm.template import Place
from shiftline.storm.users import Users

PASSWORD = Secret("secret")
PLACE = Place(
    remote_host="127.0.0.1", remote_port=5060, local_host="127.0.0.2", local_port=40000, transport="UDP",
    mark="abc123",
)  # fmt: skip
CHALLENGE = b'WWW-Authenticate: Digest realm="lab", nonce="n%d", qop="auth"\r\n'
Answer = Callable[[bytes], bytes | None]


def flows_of(*scripts: Script, users: int = 1, password: Secret | None = PASSWORD, **options: float) -> Flows:
    source = Source(PLACE, scripts, cnonce="c0ffee")
    names = [f"agent{number:04d}" for number in range(1, users + 1)]
    return Flows([source], Users(names, [password]), **options)  # type: ignore[arg-type]


def row(message: bytes, name: bytes) -> bytes:
    found = re.search(rb"^" + name + rb":[^\r]*", message, re.MULTILINE)
    return found[0] if found else b""


def answer(request: bytes, status: bytes, *rows: bytes) -> bytes:
    copied = [row(request, name) for name in (b"Via", b"From", b"Call-ID", b"CSeq")]
    to = row(request, b"To")
    to += b"" if b"tag=" in to else b";tag=srv"
    return b"\r\n".join([b"SIP/2.0 " + status, *copied, to, *rows, b"Content-Length: 0", b"", b""])


class Registrar:
    """Challenges, then checks the digest as the connector's own code computes it."""

    def __init__(self, password: Secret = PASSWORD) -> None:
        self.password = password
        self.challenges = 0
        self.credentials: list[dict[str, str]] = []

    def __call__(self, request: bytes) -> bytes:
        given = row(request, b"Authorization")
        if given:
            told = parse_digest(given.partition(b": ")[2].decode())
            self.credentials.append(told)
            account = DigestAccount(username=told["username"], password=self.password)
            if told["response"] == digest_response(account, request.split()[0].decode(), told):
                return answer(request, b"200 OK")
        self.challenges += 1
        return answer(request, b"401 Unauthorized", CHALLENGE.rstrip() % self.challenges)


def exchange(flows: Flows, server: Answer, now: float = 0.01) -> list[bytes]:
    """Let the server answer until nothing is left to send; everything that was sent."""
    sent: list[bytes] = []
    out = flows.sources[0].out
    while out:
        flows.stamp(flows.sources[0], now, now)
        waiting, out[:] = list(out), []
        sent += waiting
        for request in waiting:
            if (reply := server(request)) is not None:
                flows.receive(reply, now)
    return sent


def test_a_registration_answers_its_challenge_and_succeeds() -> None:
    flows, registrar = flows_of(register_script()), Registrar()
    flows.start(0.0)
    sent = exchange(flows, registrar)
    assert [row(request, b"CSeq") for request in sent] == [b"CSeq: 1 REGISTER", b"CSeq: 2 REGISTER"]
    assert row(sent[0], b"Call-ID") == row(sent[1], b"Call-ID")
    assert row(sent[0], b"Via") != row(sent[1], b"Via")
    assert registrar.credentials[0]["nc"] == "00000001"
    assert (flows.tally.ok, flows.tally.statuses, flows.tally.answers) == (1, [200], [b"401", b"200"])
    assert not flows.pending
    assert flows.freed == [0.01]


def test_a_kept_nonce_spares_the_challenge_and_counts() -> None:
    flows, registrar = flows_of(register_script(), fresh_challenge=False), Registrar()
    for _ in range(3):
        flows.start(0.0)
        exchange(flows, registrar)
    assert registrar.challenges == 1
    assert [told["nc"] for told in registrar.credentials] == ["00000001", "00000002", "00000003"]
    assert flows.tally.ok == 3


def test_a_request_is_sent_again_by_timers_e_and_given_up_by_timer_f() -> None:
    flows = flows_of(options_script())
    flows.start(0.0)
    out = flows.sources[0].out
    times = []
    for tick in range(1, 7000):
        before = len(out)
        flows.tick(tick * 0.005)
        times += [tick * 0.005] * (len(out) - before)
    assert [round(at, 1) for at in times[:5]] == [0.5, 1.5, 3.5, 7.5, 11.5]
    assert len(set(out)) == 1
    assert len(out) == 11  # as RFC 3261 section 17.1.2.2 says: at 500 ms, 1, 2 and 4 s, then every 4 s
    assert flows.tally.statuses == [TIMEOUT]
    assert not flows.pending


def test_a_late_answer_is_counted_and_ends_nothing_twice() -> None:
    flows = flows_of(options_script())
    flows.start(0.0)
    request = flows.sources[0].out[0]
    for _ in range(2):
        flows.receive(answer(request, b"200 OK"), 0.1)
    assert (flows.tally.ok, flows.tally.statuses, flows.tally.late_answers) == (1, [200], 1)


@pytest.mark.parametrize("status", [b"abc What", b"999 No", b"2", b""])
def test_noise_ends_nothing(status: bytes) -> None:
    flows = flows_of(options_script())
    flows.start(0.0)
    flows.receive(answer(flows.sources[0].out[0], status), 0.1)
    assert (len(flows.pending), flows.tally.answers) == (1, [])


def test_a_provisional_answer_ends_nothing() -> None:
    flows = flows_of(options_script())
    flows.start(0.0)
    flows.receive(answer(flows.sources[0].out[0], b"100 Trying"), 0.1)
    assert len(flows.pending) == 1
    flows.receive(answer(flows.sources[0].out[0], b"200 OK"), 0.2)
    assert flows.tally.latencies == [0.2]


@pytest.mark.parametrize("users", [1, 3])
def test_a_wrong_password_is_tried_twice_per_user_and_never_again(users: int) -> None:
    flows, registrar = flows_of(register_script(), users=users), Registrar(Secret("other"))
    for number in range(50):
        flows.start(float(number))
        exchange(flows, registrar, float(number))
        flows.tick(float(number) + 0.9)
    tried = [told["username"] for told in registrar.credentials]
    assert {name: tried.count(name) for name in tried} == {f"agent{n + 1:04d}": 2 for n in range(users)}
    assert flows.users_out == users
    assert flows.start(60.0) is False


def test_copies_of_unproven_credentials_count_as_tries() -> None:
    flows, registrar = flows_of(register_script()), Registrar()
    flows.start(0.0)
    sent = exchange(flows, lambda request: None if row(request, b"Authorization") else registrar(request))
    for tick in range(7000):
        flows.tick(tick * 0.005)
    sent += flows.sources[0].out
    assert sum(bool(row(request, b"Authorization")) for request in sent) == 2
    assert flows.start(40.0) is False


def test_another_users_password_speaks_for_none_but_his_own() -> None:
    """Copies go on for whose password was accepted; of the next user there is one, and then no more."""
    flows, registrar = flows_of(register_script(), users=2), Registrar()
    flows.start(0.0)
    exchange(flows, registrar)
    flows.start(0.0)
    sent = exchange(flows, lambda request: None if row(request, b"Authorization") else registrar(request))
    for tick in range(7000):
        flows.tick(tick * 0.005)
    sent += flows.sources[0].out
    flows.sources[0].out.clear()
    assert sum(bool(row(request, b"Authorization")) for request in sent) == 2
    flows.start(40.0)
    exchange(flows, lambda request: None if row(request, b"Authorization") else registrar(request), 40.0)
    for tick in range(8000, 15000):
        flows.tick(tick * 0.005)
    assert len(flows.sources[0].out) == 10


def test_a_limiters_403_does_not_cost_a_user_his_tries() -> None:
    flows, registrar = flows_of(register_script()), Registrar()
    throttled = b"403 Too Many"
    flows.start(0.0)
    exchange(flows, lambda request: answer(request, throttled))
    for _ in range(5):
        flows.start(0.0)
        exchange(
            flows,
            lambda request: (
                answer(request, throttled) if row(request, b"Authorization") else registrar(request)
            ),
        )
    assert flows.users_out == 0
    flows.start(0.0)
    exchange(flows, registrar)
    assert flows.proven == 1


def test_a_call_is_acknowledged_and_ended() -> None:
    flows = flows_of(invite_script("4711", hold_seconds=1.0))
    flows.start(0.0)

    def pbx(request: bytes) -> bytes | None:
        return None if request.startswith(b"ACK") else answer(request, b"200 OK")

    sent = exchange(flows, pbx)
    assert [request.split()[0] for request in sent] == [b"INVITE", b"ACK"]
    assert row(sent[1], b"CSeq") == b"CSeq: 1 ACK"
    assert row(sent[1], b"To").endswith(b";tag=srv")
    assert row(sent[0], b"Content-Length") == b"Content-Length: %d" % len(sent[0].partition(b"\r\n\r\n")[2])
    for tick in range(300):
        flows.tick(tick * 0.005)
    sent = exchange(flows, pbx, 1.1)
    assert [row(request, b"CSeq") for request in sent] == [b"CSeq: 2 BYE"]
    assert flows.tally.ok == 1


def test_a_refused_call_is_acknowledged_in_its_transaction_again_for_each_copy() -> None:
    flows = flows_of(invite_script("4711"))
    flows.start(0.0)
    invite = flows.sources[0].out.pop()
    busy = answer(invite, b"486 Busy Here")
    flows.receive(busy, 0.1)
    (ack,) = flows.sources[0].out
    assert ack.startswith(b"ACK sip:4711@127.0.0.1:5060 SIP/2.0\r\n")
    assert (row(ack, b"Via"), row(ack, b"CSeq")) == (row(invite, b"Via"), b"CSeq: 1 ACK")
    assert flows.tally.statuses == [486]
    flows.receive(busy, 0.6)
    assert flows.sources[0].out == [ack, ack]
    for tick in range(7000):
        flows.tick(tick * 0.005)
    flows.receive(busy, 35.0)
    assert len(flows.sources[0].out) == 2


def test_flows_of_a_mix_and_all_sources_take_turns() -> None:
    scripts = [register_script(), options_script()]
    other = Place(**{**{name: getattr(PLACE, name) for name in Place.__slots__}, "local_host": "127.0.0.3"})
    sources = [Source(place, scripts, cnonce="c") for place in (PLACE, other)]
    flows = Flows(sources, Users(["one", "two"], [None]))
    for _ in range(8):
        flows.start(0.0)
    for source in sources:
        assert [message.split()[0] for message in source.out] == [b"REGISTER", b"OPTIONS"] * 2


def test_notify_is_answered() -> None:
    flows = flows_of(options_script())
    notify = (
        b"NOTIFY sip:a@127.0.0.2 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1;branch=x\r\nFrom: <sip:a>;tag=1\r\n"
    )
    flows.receive(notify + b"To: <sip:b>\r\nCall-ID: 9\r\nCSeq: 1 NOTIFY\r\nEvent: presence\r\n\r\n", 0.1)
    (reply,) = flows.sources[0].out
    assert reply.startswith(b"SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 127.0.0.1;branch=x\r\n")
    assert b"CSeq: 1 NOTIFY" in reply


def test_a_call_to_a_user_whom_storm_registered_is_sent_away() -> None:
    flows = flows_of(register_script())
    invite = b"INVITE sip:a@127.0.0.2 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1;branch=x\r\nTo: <sip:a>\r\n"
    flows.receive(invite + b"From: <sip:b>;tag=1\r\nCall-ID: 9\r\nCSeq: 1 INVITE\r\n\r\n", 0.1)
    (reply,) = flows.sources[0].out
    assert reply.startswith(b"SIP/2.0 480 ")
    assert row(reply, b"To") == b"To: <sip:a>;tag=storm"
    assert (
        b"\r\nExpires: 120\r\n"
        in METHOD_SCRIPTS[Method.REGISTER].steps[0].text.replace("\n", "\r\n").encode()
    )


def test_notify_is_answered_from_where_it_came_to() -> None:
    other = Place(**{**{name: getattr(PLACE, name) for name in Place.__slots__}, "local_host": "127.0.0.3"})
    sources = [Source(place, [options_script()], cnonce="c") for place in (PLACE, other)]
    flows = Flows(sources, Users(["one"], [None]))
    flows.hearing = sources[1]
    flows.receive(b"NOTIFY sip:a@127.0.0.3 SIP/2.0\r\nCSeq: 1 NOTIFY\r\n\r\n", 0.1)
    assert [len(source.out) for source in sources] == [0, 1]


def test_a_nonce_that_grew_old_is_answered_once_more_and_is_no_refused_password() -> None:
    flows, registrar = flows_of(register_script()), Registrar()
    stale = CHALLENGE.rstrip() % 99 + b", stale=true"
    old = iter([True, False])

    def server(request: bytes) -> bytes:
        if row(request, b"Authorization") and next(old):
            return answer(request, b"401 Unauthorized", stale)
        return registrar(request)

    flows.start(0.0)
    sent = exchange(flows, server)
    assert [b'nonce="n99"' in row(request, b"Authorization") for request in sent] == [False, False, True]
    assert (flows.tally.ok, flows.users_out) == (1, 0)


def test_a_server_that_calls_every_nonce_old_sees_four_tries_at_most() -> None:
    flows = flows_of(register_script())
    stale = CHALLENGE.rstrip() % 9 + b", stale=true"
    sent: list[bytes] = []
    for _ in range(10):
        flows.start(0.0)
        sent += exchange(flows, lambda request: answer(request, b"401 Unauthorized", stale))
    assert sum(bool(row(request, b"Authorization")) for request in sent) == 4
    assert flows.users_out == 1


def test_a_timeout_shorter_than_t1_is_kept() -> None:
    flows = flows_of(options_script(), timeout_seconds=0.1)
    flows.start(0.0)
    flows.stamp(flows.sources[0], 0.0, 0.0)
    for tick in range(24):
        flows.tick(tick * 0.005)
    assert flows.tally.statuses == [TIMEOUT]
    assert (len(flows.sources[0].out), flows.tally.retransmissions) == (1, 0)


def test_a_copy_leaves_t1_after_its_request_and_not_after_the_turn_that_made_it() -> None:
    flows = flows_of(options_script())
    flows.start(0.0)
    flows.stamp(flows.sources[0], 0.3, 0.3)  # this machine stood still meanwhile
    for tick in range(160):
        flows.tick(tick * 0.005)
        assert flows.tally.retransmissions == 0
    for tick in range(160, 165):
        flows.tick(tick * 0.005)
    assert flows.tally.retransmissions == 1


@pytest.mark.parametrize("method", Method)
def test_each_method_sends_a_request_that_our_own_reader_takes(method: Method) -> None:
    flows = flows_of(METHOD_SCRIPTS[method])
    flows.start(0.0)
    found = inspect(flows.sources[0].out[0])
    assert not found.notes
    message = found.message
    assert isinstance(message, Request)
    assert ("Contact" in message.headers) is (method in {Method.REGISTER, Method.SUBSCRIBE, Method.INVITE})
