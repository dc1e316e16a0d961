"""The requests we build."""

from __future__ import annotations

from itertools import count

import pytest

from shiftline.sip.address import NameAddr
from shiftline.sip.headers import Headers
from shiftline.sip.message import Request, Response, parse_message, response_to
from shiftline.sip.requests import (
    Token,
    ack,
    bye,
    invite,
    next_attempt,
    options,
    register,
    register_query,
)
from shiftline.sip.uri import SipUri

AOR = SipUri.parse("sip:agent0001@lab")
REGISTRAR = SipUri.parse("sip:127.0.0.1:5060")
CONTACT = SipUri.parse("sip:agent0001@127.0.0.2:5070")


@pytest.fixture
def token() -> Token:
    numbers = count(1)
    return lambda: f"t{next(numbers)}"


def an_accepted_call(token: Token) -> tuple[Request, Response]:
    call = invite(AOR, from_uri=CONTACT, contact=CONTACT, token=token)
    accepted = response_to(call, 200, to_tag="pbx")
    accepted.headers.add("Contact", "<sip:agent0001@10.0.0.5:5062;x=y>")
    accepted.headers.add("Record-Route", "<sip:p2;lr>, <sip:p1;lr>")
    return call, accepted


def test_options_asks_the_agent(token: Token) -> None:
    """OPTIONS goes to the address asked about, from ours, with a tag and a Call-ID of its own."""
    request = options(AOR, from_uri=CONTACT, token=token)
    assert (request.method, request.uri) == ("OPTIONS", AOR)
    assert request.headers.items() == [
        ("From", f"<{CONTACT}>;tag=t1"),
        ("To", "<sip:agent0001@lab>"),
        ("Call-ID", "t2"),
        ("CSeq", "1 OPTIONS"),
        ("Accept", "application/sdp"),
    ]


def test_a_query_has_no_contact(token: Token) -> None:
    """REGISTER without Contact changes nothing (RFC 3261 section 10.2.3)."""
    request = register_query(AOR, registrar=REGISTRAR, token=token, call_id="boot", cseq=7)
    assert (request.method, request.uri) == ("REGISTER", REGISTRAR)
    assert "Contact" not in request.headers
    assert (request.headers.get("Call-ID"), request.headers.get("CSeq")) == ("boot", "7 REGISTER")
    assert NameAddr.parse(request.headers.get("To") or "").uri == AOR


def test_a_registration_binds_a_contact(token: Token) -> None:
    """Contact and Expires say what to bind and for how long."""
    request = register(AOR, CONTACT, REGISTRAR, 300, token)
    assert (request.headers.get("Contact"), request.headers.get("Expires")) == (f"<{CONTACT}>", "300")


def test_an_invite_may_carry_a_body(token: Token) -> None:
    """A body brings its type."""
    call = invite(
        AOR, from_uri=CONTACT, contact=CONTACT, token=token, body=b"v=0", content_type="application/sdp"
    )
    assert (call.body, call.headers.get("Content-Type")) == (b"v=0", "application/sdp")
    assert "Content-Type" not in invite(AOR, from_uri=CONTACT, contact=CONTACT, token=token).headers


def test_ack_and_bye_follow_the_dialog(token: Token) -> None:
    """Remote target from Contact, route set reversed, the peer's tag, ACK with the INVITE's number."""
    call, accepted = an_accepted_call(token)
    for request, cseq in ((ack(call, accepted), "1 ACK"), (bye(call, accepted), "2 BYE")):
        assert str(request.uri) == "sip:agent0001@10.0.0.5:5062;x=y"
        assert request.headers.items() == [
            ("Route", "<sip:p1;lr>"),
            ("Route", "<sip:p2;lr>"),
            ("From", call.headers.get("From")),
            ("To", "<sip:agent0001@lab>;tag=pbx"),
            ("Call-ID", call.headers.get("Call-ID")),
            ("CSeq", cseq),
        ]


@pytest.mark.parametrize("contact", [None, "nonsense"])
def test_without_a_usable_contact_the_call_goes_where_it_went(token: Token, contact: str | None) -> None:
    """A 2xx must carry a Contact; a legacy PBX may not."""
    call, accepted = an_accepted_call(token)
    accepted.headers.remove("Contact")
    if contact:
        accepted.headers.add("Contact", contact)
    assert bye(call, accepted).uri == call.uri


def test_the_next_attempt_counts_on(token: Token) -> None:
    """Same call, next number, no old Via and no old credentials (RFC 3261 section 22.2)."""
    request = options(AOR, from_uri=CONTACT, token=token)
    for name in ("Via", "Authorization", "Proxy-Authorization"):
        request.headers.add(name, "x")
    again = next_attempt(request)
    expected = Headers([(n, "2 OPTIONS" if n == "CSeq" else v) for n, v in options_rows(request)])
    assert (again.headers, again.uri, again.method) == (expected, request.uri, "OPTIONS")
    assert request.headers.get("CSeq") == "1 OPTIONS"


def options_rows(request: Request) -> list[tuple[str, str]]:
    return [row for row in request.headers if row[0] not in ("Via", "Authorization", "Proxy-Authorization")]


def test_every_request_can_be_read_back(token: Token) -> None:
    """What we build is what a peer reads."""
    call, accepted = an_accepted_call(token)
    for request in (
        options(AOR, from_uri=CONTACT, token=token),
        register(AOR, CONTACT, REGISTRAR, 0, token),
        call,
        ack(call, accepted),
    ):
        read = parse_message(bytes(request))
        read.headers.remove("Content-Length")
        assert read == request
