"""One registration from its first REGISTER to its removal."""

from __future__ import annotations

from itertools import count

import pytest

from shiftline.errors import MisuseError
from shiftline.secrets import Secret
from shiftline.sip.digest import DigestAccount, DigestClient, ServerProof
from shiftline.sip.digest_server import DigestServer, DigestVerdict
from shiftline.sip.message import Request, Response
from shiftline.sip.refresh import Window
from shiftline.sip.register_answer import Failure, Verdict
from shiftline.sip.registration import (
    Binding,
    Registered,
    Registration,
    RegistrationFailed,
    RegistrationRefused,
    Unregistered,
)
from shiftline.sip.registration_table import STEPS, Input, RegistrationState
from shiftline.sip.uri import SipUri
from shiftline.sip.values import CSeq

CONTACT = SipUri(user="trunk", host="127.0.0.2", port=5062)
BINDING = Binding(aor=SipUri(user="trunk", host="lab"), registrar=SipUri(host="lab"), contacts=(CONTACT,))


def a_registration(
    *,
    binding: Binding = BINDING,
    password: str | None = None,
    windows: tuple[Window, ...] = (),
    jitter: float = 0.0,
) -> Registration:
    tokens = count(1)
    digest = None
    if password is not None:
        account = DigestAccount(username="trunk", password=Secret(password))
        digest = DigestClient(account, token=lambda: f"c{next(tokens)}")
    return Registration(
        binding,
        digest=digest,
        token=lambda: f"t{next(tokens)}",
        jitter=lambda: jitter,
        windows=lambda _: windows,
    )


def ok(seconds: int = 300) -> Response:
    response = Response(200, "OK")
    response.headers.add("Contact", f"<{CONTACT}>;expires={seconds}")
    return response


def refusal(status: int, **rows: str) -> Response:
    response = Response(status, "")
    for name, value in rows.items():
        response.headers.add(name.replace("_", "-"), value)
    return response


def send(registration: Registration, now: float, answer: Response | None) -> Request:
    request = registration.request(now)
    registration.answered(request, answer, now)
    return request


def registered(*, windows: tuple[Window, ...] = (), seconds: int = 300) -> Registration:
    registration = a_registration(windows=windows)
    registration.start(0.0)
    send(registration, 0.0, ok(seconds))
    registration.next_event()
    return registration


def standing(registration: Registration) -> tuple[str, Failure | None]:
    return str(registration.state), registration.failure


def test_a_registration_is_kept_alive_in_one_call() -> None:
    """Same Call-ID, rising CSeq (RFC 3261 section 10.2); the refresh comes before the end."""
    registration = a_registration()
    assert registration.next_due() is None
    registration.start(5.0)
    assert registration.next_due() == 5.0
    first = registration.request(5.0)
    assert registration.state is RegistrationState.REGISTERING
    assert registration.next_due() is None
    assert registration.answered(first, ok(300), 5.1) is Verdict.ACCEPTED
    assert registration.next_event() == Registered(until=305.0, granted_seconds=300, proof=ServerProof.ABSENT)
    assert registration.next_due() == 265.0
    second = registration.request(265.0)
    assert standing(registration)[0] == "refreshing"
    registration.answered(second, ok(300), 265.0)
    assert registration.until == 565.0
    assert first.headers.get("Call-ID") == second.headers.get("Call-ID")
    numbers = [CSeq.parse(one.headers.get("CSeq") or "").number for one in (first, second)]
    assert numbers == [1, 2]
    assert (first.headers.get("Contact"), first.headers.get("Expires")) == (f"<{CONTACT}>", "3600")


def test_two_registers_are_never_under_way() -> None:
    """RFC 3261 section 10.2: the next waits for the answer or the time-out."""
    registration = a_registration()
    with pytest.raises(MisuseError):
        registration.request(0.0)
    registration.start(0.0)
    request = registration.request(0.0)
    registration.start(1.0)
    assert registration.next_due() is None
    with pytest.raises(MisuseError):
        registration.request(1.0)
    registration.answered(request, ok(), 1.0)
    with pytest.raises(MisuseError):
        registration.answered(request, ok(), 1.0)


def test_all_contacts_travel_together() -> None:
    """Several contacts, one REGISTER."""
    other = SipUri(user="trunk", host="127.0.0.3")
    binding = Binding(aor=BINDING.aor, registrar=BINDING.registrar, contacts=(CONTACT, other))
    registration = a_registration(binding=binding)
    registration.start(0.0)
    request = registration.request(0.0)
    assert request.headers.get_all("Contact") == [f"<{CONTACT}>", f"<{other}>"]


def test_a_challenge_is_answered_at_once_and_the_nonce_is_kept() -> None:
    """Two requests for the first registration, one for the refresh."""
    server = DigestServer("lab", {"trunk": Secret("secret")}.get, token=lambda: "t")
    registration = a_registration(password="secret")
    registration.start(0.0)
    first = registration.request(0.0)
    challenge = refusal(401, WWW_Authenticate=server.challenge(0.0))
    assert registration.answered(first, challenge, 0.0) is Verdict.CHALLENGED
    assert registration.next_due() == 0.0
    second = registration.request(0.0)
    assert server.verify(second, 0.0) is DigestVerdict.OK
    answer = ok()
    answer.headers.add("Authentication-Info", server.authentication_info(second, 0.0, next_nonce=False))
    registration.answered(second, answer, 0.0)
    event = registration.next_event()
    assert isinstance(event, Registered)
    assert event.proof is ServerProof.PROVEN
    refresh = registration.request(registration.next_due() or 0.0)
    assert server.verify(refresh, 250.0) is DigestVerdict.OK


def test_a_wrong_password_is_tried_once() -> None:
    """One refused attempt, then a visible end: no account is locked by us."""
    server = DigestServer("lab", {"trunk": Secret("secret")}.get, token=lambda: "t")
    registration = a_registration(password="guess")
    registration.start(0.0)
    send(registration, 0.0, refusal(401, WWW_Authenticate=server.challenge(0.0)))
    request = registration.request(0.1)
    answer = refusal(401, WWW_Authenticate=server.challenge(0.2))
    assert registration.answered(request, answer, 0.2) is Verdict.CREDENTIALS_REFUSED
    assert registration.state is RegistrationState.REFUSED
    assert registration.next_due() is None


def test_without_an_account_a_challenge_is_a_refusal() -> None:
    """There is nothing to answer it with."""
    registration = a_registration()
    registration.start(0.0)
    send(registration, 0.0, refusal(401, WWW_Authenticate='Digest realm="lab", nonce="n"'))
    assert registration.state is RegistrationState.REFUSED


def test_a_time_too_brief_is_raised_once_asked() -> None:
    """423 with Min-Expires (RFC 3261 section 10.2.8); the longer time is kept for the refreshes."""
    binding = Binding(aor=BINDING.aor, registrar=BINDING.registrar, contacts=(CONTACT,), expires_seconds=60)
    registration = a_registration(binding=binding)
    registration.start(0.0)
    send(registration, 0.0, refusal(423, Min_Expires="600"))
    assert registration.next_due() == 0.0
    assert send(registration, 0.0, ok(600)).headers.get("Expires") == "600"
    assert registration.request(registration.next_due() or 0.0).headers.get("Expires") == "600"


@pytest.mark.parametrize("minimum", ["3600", "soon", "1"])
def test_a_minimum_that_we_meet_already_is_a_refusal(minimum: str) -> None:
    """Asking again for the same would never end."""
    registration = a_registration()
    registration.start(0.0)
    send(registration, 0.0, refusal(423, Min_Expires=minimum))
    assert registration.state is RegistrationState.REFUSED


def test_ever_longer_minima_end() -> None:
    """A registrar that raises its minimum each time is followed three times."""
    registration = a_registration()
    registration.start(0.0)
    sent = 0
    while registration.next_due() is not None:
        sent += 1
        send(registration, 0.0, refusal(423, Min_Expires=str(3600 + sent)))
    assert (sent, registration.state) == (4, RegistrationState.REFUSED)


@pytest.mark.parametrize("status", [302, 305, 403, 404, 501, 603])
def test_a_refusal_is_not_repeated(status: int) -> None:
    """State and reason are visible, and nothing is due until somebody starts it again."""
    registration = a_registration()
    registration.start(0.0)
    send(registration, 0.0, refusal(status))
    assert registration.state is RegistrationState.REFUSED
    event = registration.next_event()
    assert isinstance(event, RegistrationRefused)
    assert event.failure.status == status
    assert registration.failure == event.failure
    assert registration.next_due() is None
    registration.start(100.0)
    send(registration, 100.0, ok())
    assert standing(registration) == ("registered", None)


@pytest.mark.parametrize("answer", [None, refusal(500), refusal(503), refusal(408)])
def test_failures_back_off(answer: Response | None) -> None:
    """No immediate retry (section 10.2.7): 30 s, then twice as long each time, until it works."""
    registration = a_registration()
    registration.start(0.0)
    now, rests = 0.0, []
    for _ in range(3):
        send(registration, now, answer)
        due = registration.next_due()
        assert due is not None
        rests.append(due - now)
        now = due
    assert rests == [30.0, 60.0, 120.0]
    send(registration, now, ok())
    assert registration.state is RegistrationState.REGISTERED
    send(registration, registration.next_due() or 0.0, answer)
    event = [registration.next_event() for _ in range(5)][-1]
    assert isinstance(event, RegistrationFailed)
    assert registration.next_due() == event.again_at
    assert standing(registration)[0] == "backing-off"


@pytest.mark.parametrize("status", [500, 503, 403])
def test_a_retry_after_is_honoured(status: int) -> None:
    """Even on a 403, where it is off the standard; a short one does not shorten our own rest."""
    for wish, expected in (("600", 600.0), ("5", 30.0)):
        registration = a_registration()
        registration.start(0.0)
        send(registration, 0.0, refusal(status, Retry_After=wish))
        assert registration.next_due() == expected


def test_a_grant_of_nothing_is_a_failure() -> None:
    """200 with our contact at 0: asking again at once would be a storm."""
    registration = a_registration()
    registration.start(0.0)
    send(registration, 0.0, ok(0))
    assert registration.next_due() == 30.0
    assert registration.failure is not None
    assert registration.failure.status == 200


def test_a_throttled_refusal_is_a_failure() -> None:
    """The driver knows that the trunk is too fast: a policy it is not."""
    registration = a_registration()
    registration.start(0.0)
    request = registration.request(0.0)
    assert registration.answered(request, refusal(403), 0.0, throttled=True) is Verdict.FAILED
    assert (registration.state, registration.next_due()) == (RegistrationState.BACKING_OFF, 30.0)


def test_a_refresh_keeps_clear_of_a_publish_window() -> None:
    """It would have been due inside, so it leaves before."""
    registration = registered(windows=((200.0, 900.0),), seconds=300)
    due = registration.next_due()
    assert due is not None
    assert due < 200.0
    assert not registration.is_urgent(due)


def test_a_refresh_inside_a_window_is_urgent() -> None:
    """The binding would not outlast the window: top lane."""
    registration = registered(windows=((-10.0, 900.0),), seconds=300)
    due = registration.next_due()
    assert due is not None
    assert registration.is_urgent(due)


def test_our_contacts_are_removed_at_the_end() -> None:
    """Expires 0 for them alone (section 10.2.2), in the same call."""
    registration = registered()
    registration.stop(10.0)
    assert registration.next_due() == 10.0
    request = send(registration, 10.0, Response(200, "OK"))
    assert (request.headers.get("Contact"), request.headers.get("Expires")) == (f"<{CONTACT}>", "0")
    assert registration.next_event() == Unregistered(confirmed=True)
    assert (registration.state, registration.until) == (RegistrationState.UNREGISTERED, None)
    assert registration.next_due() is None


def test_every_contact_can_be_removed() -> None:
    """``*`` also removes what an earlier life of ours left behind."""
    registration = a_registration()
    registration.stop(0.0, everywhere=True)
    request = send(registration, 0.0, Response(200, "OK"))
    assert (request.headers.get("Contact"), request.headers.get("Expires")) == ("*", "0")
    assert registration.next_event() == Unregistered(confirmed=True)


def test_what_was_never_bound_needs_no_removal() -> None:
    """Nothing is sent for it."""
    registration = a_registration()
    registration.start(0.0)
    registration.stop(0.0)
    assert registration.next_due() is None
    assert registration.next_event() == Unregistered(confirmed=True)


def test_a_stop_waits_for_what_is_under_way() -> None:
    """The answer may still bind us; then the binding is removed."""
    registration = a_registration()
    registration.start(0.0)
    request = registration.request(0.0)
    registration.stop(0.5)
    assert registration.next_due() is None
    registration.answered(request, ok(), 1.0)
    assert registration.state is RegistrationState.UNREGISTERING
    assert registration.next_due() == 1.0


def test_silence_may_hide_a_binding() -> None:
    """The request may have arrived: the contacts are removed to be sure, once."""
    registration = a_registration()
    registration.start(0.0)
    send(registration, 0.0, None)
    registration.stop(40.0)
    send(registration, 40.0, None)
    events = [registration.next_event() for _ in range(2)]
    assert events[-1] == Unregistered(confirmed=False)
    assert registration.next_due() is None


def test_who_was_refused_does_not_ask_for_removal() -> None:
    """Refused credentials would be refused once more; the binding runs out."""
    registration = registered()
    send(registration, registration.next_due() or 0.0, refusal(403))
    registration.stop(300.0)
    assert registration.next_due() is None
    events = [registration.next_event() for _ in range(2)]
    assert events[-1] == Unregistered(confirmed=False)


def test_the_table_has_no_way_round_an_answer() -> None:
    """Each answer has a next state in each state that awaits one, and in no other."""
    awaiting = {state for state, given in STEPS if given is Input.ACCEPTED}
    assert awaiting == {
        RegistrationState.REGISTERING, RegistrationState.REFRESHING, RegistrationState.UNREGISTERING,
    }  # fmt: skip
    for given in (Input.ACCEPTED, Input.FAILED, Input.REFUSED):
        assert {state for state, one in STEPS if one is given} == awaiting
