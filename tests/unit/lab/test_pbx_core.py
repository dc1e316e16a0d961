"""The practice PBX in virtual time: it tells the truth, and each fault shows the signature it stands for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from itertools import count
from pathlib import Path
from statistics import mean

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shiftline.lab.pbx.agents import Truth
from shiftline.lab.pbx.config import PracticePbxConfig
from shiftline.lab.pbx.core import PracticePbx
from shiftline.lab.pbx.faults import Faults, Throttle, ThrottledKeys, ThrottleKey, WrongPasswordAnswer
from shiftline.lab.pbx_log import RequestRecord
from shiftline.secrets import Secret
from shiftline.sip.address import NameAddr
from shiftline.sip.digest import DigestAccount, DigestClient
from shiftline.sip.message import Request, Response, parse_message
from shiftline.sip.requests import ack, bye, invite, next_attempt, options, register, register_query
from shiftline.sip.uri import SipUri

AGENTS = {
    "agent0001": Truth.AVAILABLE,
    "agent0002": Truth.BUSY,
    "agent0003": Truth.NOT_REGISTERED,
    "agent0004": Truth.UNKNOWN,
}
PASSWORD = Secret("secret")
CONNECTOR, CAMPAIGN = "127.0.0.2", "127.0.0.3"
_serial = count(1)


class VirtualPbx:
    """A PBX on a lossless wire; ``now`` moves in `wait` only, and clients see nothing but datagrams."""

    def __init__(self, faults: Faults | None = None, *, algorithm: str = "MD5", seed: int = 1) -> None:
        config = PracticePbxConfig(
            log_path=Path("unused"),
            agents=AGENTS,
            password=PASSWORD,
            faults=faults or Faults(),
            algorithm=algorithm,
            seed=seed,
        )
        self.core = PracticePbx(config, address=("127.0.0.1", 5060))
        self.now = 1000.0
        self.records: list[RequestRecord] = []
        self.arrived: dict[str, tuple[Response, float]] = {}
        """Answers and when they came, by branch."""

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        end = self.now + seconds
        while (due := self.core.next_timer()) is not None and due <= end:
            self.now = max(self.now, due)
            self.core.handle_timer(self.now)
            self._collect()
        self.now = end

    def send(self, request: Request, source: str = CONNECTOR) -> tuple[bytes, str]:
        """Send now; the datagram, and the branch under which its answer will have arrived."""
        branch = f"z9hG4bK{next(_serial)}"
        copy = Request(request.method, request.uri, request.headers.copy(), request.body)
        copy.headers.prepend("Via", f"SIP/2.0/UDP {source}:5062;branch={branch}")
        self.send_bytes(bytes(copy), source)
        return bytes(copy), branch

    def send_bytes(self, data: bytes, source: str = CONNECTOR) -> None:
        """Send whatever it is."""
        self.core.receive(data, (source, 5062), self.now)
        self._collect()

    def ask(self, request: Request, source: str = CONNECTOR) -> Response:
        """Send, wait a little, and give the answer."""
        _, branch = self.send(request, source)
        self.wait(0.1)
        return self.arrived[branch][0]

    def ask_authorized(self, request: Request, account: DigestClient, source: str = CONNECTOR) -> Response:
        """As `ask`, with one more attempt after a challenge."""
        response = self.ask(request, source)
        if response.status == 401:
            account.challenged(response, request)
            request = next_attempt(request)
            account.authorize(request)
            response = self.ask(request, source)
        return response

    def statuses(self, requests: Iterable[Request], source: str = CONNECTOR) -> Counter[int]:
        """What a burst of requests, all at one moment, is answered within a second."""
        branches = [self.send(request, source)[1] for request in requests]
        self.wait(1)
        return Counter(self.arrived[branch][0].status for branch in branches)

    def _collect(self) -> None:
        for datagram in self.core.datagrams_to_send():
            response = parse_message(datagram.data)
            assert isinstance(response, Response)
            branch = (response.headers.get("Via") or "").partition("branch=")[2].partition(";")[0]
            self.arrived[branch] = (response, self.now)
        self.records += self.core.records()


def token() -> str:
    return f"t{next(_serial)}"


def uri(user: str | None) -> SipUri:
    return SipUri(scheme="sip", user=user, host="127.0.0.1", port=5060)


def client(user: str = "shiftline", *, password: Secret = PASSWORD) -> DigestClient:
    return DigestClient(DigestAccount(username=user, password=password), token=token)


def ask_options(user: str | None = "agent0001") -> Request:
    return options(uri(user), from_uri=uri("shiftline"), token=token)


def query(user: str) -> Request:
    return register_query(uri(user), registrar=uri(None), token=token)


def bind(user: str, *, expires: int = 60) -> Request:
    return register(uri(user), uri(user), uri(None), expires, token)


def authorized_call(pbx: VirtualPbx) -> Request:
    """An INVITE with credentials, its challenge already met."""
    account = client("campaign")
    request = invite(uri("call0001"), from_uri=uri("campaign"), contact=uri("campaign"), token=token)
    account.challenged(pbx.ask(request), request)
    request = next_attempt(request)
    account.authorize(request)
    return request


@pytest.mark.parametrize("algorithm", ["MD5", "SHA-256"])
@pytest.mark.parametrize(
    ("user", "status"), [("agent0001", 200), ("agent0002", 486), ("agent0003", 480), ("agent0004", 404)]
)
def test_options_answers_with_the_agents_truth(user: str, status: int, algorithm: str) -> None:
    """Available, busy, not registered and unknown each have the status of RFC 3261."""
    pbx = VirtualPbx(algorithm=algorithm)
    assert pbx.ask_authorized(ask_options(user), client()).status == status
    assert [(record.status, record.reason) for record in pbx.records] == [(401, "challenge"), (status, "ok")]


@pytest.mark.parametrize(
    ("user", "status", "contacts"), [("agent0002", 200, 1), ("agent0003", 200, 0), ("agent0004", 404, 0)]
)
def test_a_query_lists_bindings(user: str, status: int, contacts: int) -> None:
    """REGISTER without Contact lists the bindings of a known user and knows no other (RFC 3261 10.2.3)."""
    response = VirtualPbx().ask_authorized(query(user), client())
    assert response.status == status
    assert len(response.headers.get_all("Contact")) == contacts


def test_a_registration_lasts_until_it_expires() -> None:
    """A not-registered agent whom a client registers is available, for as long as was asked."""
    pbx, account = VirtualPbx(), client("agent0003")
    registered = pbx.ask_authorized(bind("agent0003", expires=60), account)
    assert NameAddr.parse(registered.headers.get("Contact") or "").parameter("expires") == "60"
    assert pbx.ask_authorized(ask_options("agent0003"), account).status == 200
    pbx.wait(60)
    assert pbx.ask_authorized(ask_options("agent0003"), account).status == 480


@pytest.mark.parametrize(("contact", "expires"), [("*", 0), ("<sip:agent0003@127.0.0.1:5060>", 0)])
def test_a_registration_can_be_taken_back(contact: str, expires: int) -> None:
    """The star, and an expiry of 0, end a binding at once (RFC 3261 section 10.2.2)."""
    pbx, account = VirtualPbx(), client("agent0003")
    pbx.ask_authorized(bind("agent0003"), account)
    request = bind("agent0003", expires=expires)
    request.headers.set("Contact", contact)
    assert pbx.ask_authorized(request, account).headers.get("Contact") is None
    assert pbx.ask_authorized(ask_options("agent0003"), account).status == 480


def test_a_call_is_answered_and_ended_once() -> None:
    """INVITE 200, ACK nothing, BYE 200; a second BYE belongs to no call."""
    pbx = VirtualPbx()
    call = authorized_call(pbx)
    answered = pbx.ask(call)
    assert answered.status == 200
    pbx.send(ack(call, answered))
    assert pbx.ask(bye(call, answered)).status == 200
    assert pbx.ask(bye(call, answered)).status == 481
    assert [record.method for record in pbx.records] == ["INVITE", "INVITE", "BYE", "BYE"]


def test_an_accepted_call_is_told_until_it_is_acknowledged() -> None:
    """The 200 comes again after half a second, a second and so on (RFC 3261 section 13.3.1.4)."""
    pbx = VirtualPbx()
    call = authorized_call(pbx)
    _, branch = pbx.send(call)
    times = []
    for _ in range(40):
        pbx.wait(0.1)
        times.append(pbx.arrived[branch][1])
    assert len({*times}) == 4
    pbx.send(ack(call, pbx.arrived[branch][0]))
    last = pbx.arrived[branch][1]
    pbx.wait(40)
    assert pbx.arrived[branch][1] == last


def test_a_known_agent_may_use_an_account_of_his_own() -> None:
    """Agents have accounts as the trunk has; who is unknown has none."""
    pbx = VirtualPbx()
    assert pbx.ask_authorized(query("agent0001"), client("agent0001")).status == 200
    assert pbx.ask_authorized(query("agent0001"), client("agent0004")).status == 401


def test_a_method_it_does_not_know_is_refused_after_authentication() -> None:
    """405 names what is allowed (RFC 3261 section 21.4.6)."""
    request = ask_options()
    request.method = "PUBLISH"
    request.headers.set("CSeq", "1 PUBLISH")
    response = VirtualPbx().ask_authorized(request, client())
    assert response.status == 405
    assert "OPTIONS" in response.headers.get_all("Allow")


def test_a_keepalive_needs_no_credentials() -> None:
    """OPTIONS without a user part is answered before authentication, and at once (facts: K19)."""
    pbx = VirtualPbx()
    _, branch = pbx.send(ask_options(None))
    sent_at = pbx.now
    pbx.wait(1)
    response, arrived_at = pbx.arrived[branch]
    assert response.status == 200
    assert 0.001 <= arrived_at - sent_at <= 0.002


def test_authentication_takes_40_ms_give_or_take_20() -> None:
    """Answers that reached authentication come after 20 to 60 ms, evenly spread."""
    pbx = VirtualPbx()
    branches = [pbx.send(ask_options())[1] for _ in range(400)]
    sent_at = pbx.now
    pbx.wait(1)
    seconds = [pbx.arrived[branch][1] - sent_at for branch in branches]
    assert 0.020 <= min(seconds) < 0.022
    assert 0.058 < max(seconds) <= 0.060
    assert mean(seconds) == pytest.approx(0.040, abs=0.002)


def test_the_same_seed_gives_the_same_pbx() -> None:
    """Two PBXs of one configuration answer the same bytes at the same time; another seed does not."""
    answers = []
    request = (
        b"OPTIONS sip:agent0001@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.2:5062;branch=z9hG4bKx\r\n"
    )
    request += b"From: <sip:a@b>;tag=1\r\nTo: <sip:a@b>\r\nCall-ID: c\r\nCSeq: 1 OPTIONS\r\n\r\n"
    for seed in (7, 7, 8):
        pbx = VirtualPbx(seed=seed)
        pbx.send_bytes(request)
        pbx.wait(1)
        response, at = pbx.arrived["z9hG4bKx"]
        answers.append((bytes(response), at))
    assert answers[0] == answers[1] != answers[2]


def test_the_log_has_one_record_per_arrival() -> None:
    """A record says when, who, what, with which credentials, and what became of it."""
    pbx = VirtualPbx()
    sent_at, request = pbx.now, query("agent0001")
    pbx.ask_authorized(request, client())
    first, second = pbx.records
    assert (first.at, first.source, first.source_port) == (sent_at, "127.0.0.2", 5062)
    assert (first.method, first.user) == ("REGISTER", "agent0001")
    assert first.call_id == second.call_id == request.headers.get("Call-ID")
    assert (first.auth_user, first.carried_credentials) == (None, False)
    assert (second.auth_user, second.carried_credentials) == ("shiftline", True)


def test_a_retransmission_is_no_arrival() -> None:
    """The same transaction again gets the same answer and no second record."""
    pbx = VirtualPbx()
    data, branch = pbx.send(ask_options())
    pbx.send_bytes(data)
    pbx.wait(0.1)
    first = pbx.arrived.pop(branch)[0]
    pbx.send_bytes(data)
    assert bytes(pbx.arrived[branch][0]) == bytes(first)
    assert len(pbx.records) == 1


@settings(max_examples=60)
@given(data=st.binary(max_size=200) | st.binary(max_size=40).map(b"OPTIONS sip:a@b SIP/2.0\r\n".__add__))
def test_a_malformed_datagram_harms_nobody(data: bytes) -> None:
    """Whatever arrives, the PBX goes on answering."""
    pbx = VirtualPbx()
    pbx.send_bytes(data)
    assert pbx.ask(ask_options()).status == 401


def test_a_malformed_datagram_is_logged() -> None:
    """What cannot be answered is silence with a reason, not nothing at all."""
    pbx = VirtualPbx()
    pbx.send_bytes(b"OPTIONS sip:agent0001@127.0.0.1 SIP/2.0\r\nVia: broken\r\n\r\n")
    assert [(record.status, record.reason) for record in pbx.records] == [(None, "malformed")]


@pytest.mark.parametrize(("header", "value", "status"), [("To", "nobody <", 404), ("Contact", "<<", 400)])
def test_an_unreadable_header_is_refused_alone(header: str, value: str, status: int) -> None:
    """A request that can be answered but not understood gets 400, or 404 when it names nobody."""
    pbx, account = VirtualPbx(), client()
    pbx.ask_authorized(query("agent0001"), account)
    request = bind("agent0001")
    account.authorize(request)
    request.headers.set(header, value)
    assert pbx.ask(request).status == status


def test_credentials_without_a_response_are_a_bad_request() -> None:
    """RFC 7616 section 3.4 needs more than a name."""
    request = ask_options()
    request.headers.add("Authorization", 'Digest realm="lab", username="shiftline"')
    assert VirtualPbx().ask(request).status == 400


def test_an_old_nonce_is_challenged_as_stale() -> None:
    """A nonce of last night gets a new one, with ``stale=true``, and no blame."""
    pbx, account = VirtualPbx(), client()
    pbx.ask_authorized(query("agent0001"), account)
    pbx.wait(3600)
    request = query("agent0001")
    account.authorize(request)
    assert "stale=true" in (pbx.ask(request).headers.get("WWW-Authenticate") or "")
    assert pbx.records[-1].reason == "stale"


@pytest.mark.parametrize("limit", [20, 50, 200])
def test_exactly_the_limit_passes_in_each_window(limit: int) -> None:
    """Of a burst, N reach authentication and the rest get 403; the next window passes N again."""
    pbx = VirtualPbx(Faults(throttle=Throttle(limit=limit)))
    for _ in range(3):
        assert pbx.statuses(ask_options() for _ in range(500)) == {401: limit, 403: 500 - limit}


def test_windows_are_fixed_in_time() -> None:
    """A window's budget is not refilled before its end, whatever came first; the phase moves the end."""
    throttle = ThrottledKeys(Throttle(limit=2, window_seconds=2.0), phase_seconds=0.5)
    arrivals = [0.5, 1.0, 2.4, 2.5, 2.6, 2.7, 6.0]
    assert [throttle.admits("a", now) for now in arrivals] == [True, True, False, True, True, False, True]


def test_the_log_has_the_number_of_the_window() -> None:
    """Requests of one window share a number, whoever sent them; without a throttle there is none."""
    pbx = VirtualPbx(Faults(throttle=Throttle(limit=1)))
    for wait in (0.0, 0.0, 1.0):
        pbx.wait(wait)
        for source in (CONNECTOR, CAMPAIGN):
            pbx.send(ask_options(), source)
    numbers = [record.window for record in pbx.records]
    first = numbers[0]
    assert first is not None
    assert numbers == [first] * 4 + [first + 1] * 2
    calm = VirtualPbx()
    calm.send(ask_options())
    assert calm.records[0].window is None


def test_a_throttle_refuses_in_a_fraction_of_the_time_of_authentication() -> None:
    """A policer asks no database: 403 without a challenge after 1 to 2 ms (facts: 3.7)."""
    pbx = VirtualPbx(Faults(throttle=Throttle(limit=0)))
    _, branch = pbx.send(ask_options())
    sent_at = pbx.now
    pbx.wait(1)
    response, arrived_at = pbx.arrived[branch]
    assert response.status == 403
    assert "WWW-Authenticate" not in response.headers
    assert 0.001 <= arrived_at - sent_at <= 0.002
    assert pbx.records[0].reason == "throttled"


@pytest.mark.parametrize(
    ("key", "campaign_gets"), [(ThrottleKey.SOURCE, {401: 20, 403: 10}), (ThrottleKey.TRUNK, {403: 30})]
)
def test_the_key_decides_who_shares_the_limit(key: ThrottleKey, campaign_gets: dict[int, int]) -> None:
    """Keyed on the source, the campaign has a budget of its own; keyed on the trunk, none is left for it."""
    pbx = VirtualPbx(Faults(throttle=Throttle(limit=20, key=key)))
    for _ in range(20):
        pbx.send(ask_options())
    assert pbx.statuses((ask_options() for _ in range(30)), CAMPAIGN) == campaign_gets


def test_an_options_without_user_counts_as_well() -> None:
    """What needs no authentication still uses the budget of the window."""
    pbx = VirtualPbx(Faults(throttle=Throttle(limit=3)))
    assert pbx.statuses(ask_options(None) for _ in range(5)) == {200: 3, 403: 2}


def test_neither_ack_nor_bye_nor_a_retransmission_counts() -> None:
    """The throttle counts new requests: a call that stands can be ended when the budget is spent."""
    pbx = VirtualPbx(Faults(throttle=Throttle(limit=2, window_seconds=600)))
    call = authorized_call(pbx)
    data, branch = pbx.send(call)
    pbx.send_bytes(data)
    pbx.wait(0.1)
    answered, _ = pbx.arrived[branch]
    pbx.send(ack(call, answered))
    assert pbx.ask(bye(call, answered)).status == 200
    assert pbx.ask(ask_options()).status == 403


def test_the_allow_list_refuses_before_any_challenge() -> None:
    """A source that is not listed gets 403 at once; a listed one is served."""
    pbx = VirtualPbx(Faults(allow_list=frozenset({CAMPAIGN})))
    assert pbx.ask_authorized(ask_options(), client()).status == 403
    assert pbx.ask_authorized(ask_options(), client(), CAMPAIGN).status == 200
    assert [record.reason for record in pbx.records] == ["policy", "challenge", "ok"]


@pytest.mark.parametrize(
    ("answer", "status"), [(WrongPasswordAnswer.CHALLENGE_AGAIN, 401), (WrongPasswordAnswer.FORBID, 403)]
)
def test_a_wrong_password_gets_what_the_family_gives(answer: WrongPasswordAnswer, status: int) -> None:
    """PJSIP and Kamailio challenge for ever; chan_sip and FreeSWITCH forbid after the challenge."""
    pbx = VirtualPbx(Faults(wrong_password_answer=answer))
    first = pbx.ask(ask_options())
    again = pbx.ask_authorized(ask_options(), client(password=Secret("guess")))
    assert (first.status, again.status) == (401, status)
    assert pbx.records[-1].reason == "wrong-password"
    assert again.headers.get("WWW-Authenticate") != first.headers.get("WWW-Authenticate")


def test_a_rotated_account_is_refused_and_no_other() -> None:
    """A password changed on the PBX only makes a right password wrong for that account."""
    pbx = VirtualPbx(Faults(rotated_accounts=frozenset({"shiftline"})))
    assert pbx.ask_authorized(ask_options(), client()).status == 401
    assert pbx.ask_authorized(ask_options(), client("campaign")).status == 200


def test_a_slow_pbx_is_slow_behind_authentication_only() -> None:
    """The time of an answer is multiplied; a refusal in front of authentication keeps its own."""
    pbx = VirtualPbx(Faults(slow_factor=50, throttle=Throttle(limit=1, window_seconds=600)))
    sent_at = pbx.now
    branches = [pbx.send(ask_options())[1] for _ in range(2)]
    pbx.wait(5)
    slow, refused = (pbx.arrived[branch] for branch in branches)
    assert 1.0 <= slow[1] - sent_at <= 3.0
    assert refused[0].status == 403
    assert refused[1] - sent_at <= 0.002


def test_a_silent_pbx_says_nothing_and_logs_all() -> None:
    """Nothing is answered, not even retransmissions; the arrival is in the log once."""
    pbx = VirtualPbx(Faults(silent=True))
    data, branch = pbx.send(ask_options())
    for _ in range(3):
        pbx.wait(0.5)
        pbx.send_bytes(data)
    pbx.wait(60)
    assert branch not in pbx.arrived
    assert [(record.status, record.reason) for record in pbx.records] == [(None, "silent")]
