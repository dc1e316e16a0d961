"""Matching: the keys by which responses find their requests, and requests their transactions."""

from __future__ import annotations

import pytest

from shiftline.errors import SipSyntaxError
from shiftline.sip.matching import cancelled_key, client_key, require_headers, server_key
from shiftline.sip.message import Request, Response
from shiftline.sip.uri import SipUri
from shiftline.sip.via import Via

UNIQUE, OLD = "z9hG4bK7", "7"


def a_request(method: str, *, call_id: str = "1@lab") -> Request:
    request = Request(method, SipUri(user="7", host="lab"))
    rows = {"From": "sip:a@lab;tag=1", "To": "sip:7@lab", "Call-ID": call_id, "CSeq": f"1 {method}"}
    for name, text in rows.items():
        request.headers.add(name, text)
    return request


def a_via(branch: str, *, host: str = "lab", port: int | None = None) -> Via:
    return Via(host=host, port=port, parameters=(("branch", branch),))


def a_response(via: str, cseq: str) -> Response:
    response = Response(200, "OK")
    response.headers.add("Via", via)
    response.headers.add("CSeq", cseq)
    return response


@pytest.mark.parametrize(
    ("via", "cseq", "key", "method"),
    [
        ("SIP/2.0/UDP h;rport;branch=z9hG4bK7", "1 OPTIONS", "z9hG4bK7", "OPTIONS"),
        ("SIP/2.0/UDP h; Branch = z9hG4bK7 ;rport, SIP/2.0/UDP i;branch=x", "1 INVITE", "z9hG4bK7", "INVITE"),
        ("SIP/2.0/UDP h;branch=z9hG4bK7", "1 CANCEL", "z9hG4bK7|CANCEL", "CANCEL"),
        ("SIP/2.0/UDP h", "", "", ""),
    ],
)
def test_a_response_belongs_to_branch_and_method(via: str, cseq: str, key: str, method: str) -> None:
    """The topmost branch; the CANCEL of an INVITE shares it and is another transaction (section 17.1.3)."""
    assert client_key(a_response(via, cseq)) == (key, method)


def test_an_ack_and_a_cancel_find_their_invite() -> None:
    """By the same branch and sent-by; the CANCEL has a transaction of its own besides (section 9.2)."""
    invite = server_key(a_request("INVITE"), a_via(UNIQUE))
    assert server_key(a_request("ACK"), a_via(UNIQUE)) == invite
    assert cancelled_key(a_request("CANCEL"), a_via(UNIQUE)) == invite
    assert server_key(a_request("CANCEL"), a_via(UNIQUE)) != invite


@pytest.mark.parametrize(
    ("other", "is_same"),
    [
        (a_via(UNIQUE, host="LAB", port=5060), True),
        (a_via(UNIQUE, port=5062), False),
        (a_via(UNIQUE, host="lab2"), False),
        (a_via("z9hG4bK8"), False),
    ],
)
def test_branch_and_sender_name_a_transaction(other: Via, is_same: bool) -> None:
    """Two clients may draw the same branch (section 17.2.3)."""
    request = a_request("OPTIONS")
    assert (server_key(request, other) == server_key(request, a_via(UNIQUE))) is is_same


@pytest.mark.parametrize(("branch", "is_same"), [(UNIQUE, True), (OLD, False)])
def test_without_the_cookie_a_branch_is_not_unique(branch: str, is_same: bool) -> None:
    """Another call of a peer of RFC 2543 is told by its headers."""
    first, second = a_request("OPTIONS"), a_request("OPTIONS", call_id="2@lab")
    via = a_via(branch)
    assert (server_key(first, via) == server_key(second, via)) is is_same


@pytest.mark.parametrize("name", ["From", "To", "Call-ID", "CSeq", "Via"])
def test_what_cannot_be_matched_is_malformed(name: str) -> None:
    """And the sentence names what is missing."""
    request = a_request("OPTIONS")
    request.headers.add("Via", str(a_via(UNIQUE)))
    require_headers(request)
    request.headers.remove(name)
    with pytest.raises(SipSyntaxError, match=f"no {name} header"):
        require_headers(request)
