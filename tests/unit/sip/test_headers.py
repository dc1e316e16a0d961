"""The header map and the values Via, NameAddr and CSeq."""

from __future__ import annotations

import pytest

from shiftline.errors import MisuseError, SipSyntaxError
from shiftline.sip.address import NameAddr
from shiftline.sip.headers import Headers
from shiftline.sip.uri import SipUri
from shiftline.sip.values import CSeq
from shiftline.sip.via import Via


def test_names_are_blind_to_case_and_compact_forms() -> None:
    """One header has one name, however it is spelt."""
    headers = Headers([("v", "x"), ("CALL-ID", "1"), ("x-Custom", "2"), ("www-authenticate", "3")])
    assert headers.items() == [("Via", "x"), ("Call-ID", "1"), ("X-Custom", "2"), ("WWW-Authenticate", "3")]
    assert (headers.get("via"), headers.get("i"), headers.get("X-CUSTOM")) == ("x", "1", "2")
    assert "Supported" not in headers


def test_list_headers_are_split_and_others_are_not() -> None:
    """Commas separate values only where the standard says so."""
    headers = Headers([
        ("Contact", '"A, B" <sip:a@h>, <sip:b@h>'),
        ("Contact", "<sip:c@h>"),
        ("WWW-Authenticate", 'Digest realm="a", nonce="b"'),
        ("Subject", "one, two"),
    ])  # fmt: skip
    assert headers.get_all("m") == ['"A, B" <sip:a@h>', "<sip:b@h>", "<sip:c@h>"]
    assert headers.get_all("WWW-Authenticate") == ['Digest realm="a", nonce="b"']
    assert headers.get_all("Subject") == ["one, two"]
    assert headers.get_all("Allow") == []


def test_rows_keep_their_order() -> None:
    """Setting replaces in place and drops duplicates, prepending goes to the top, removing takes all."""
    headers = Headers([("Via", "1"), ("To", "t"), ("Via", "2")])
    headers.set("To", "u")
    headers.prepend("Via", "0")
    assert headers.items() == [("Via", "0"), ("Via", "1"), ("To", "u"), ("Via", "2")]
    headers.set("v", "9")
    headers.set("Expires", "60")
    assert headers.items() == [("Via", "9"), ("To", "u"), ("Expires", "60")]
    headers.replace_first("Via", "8")
    headers.replace_first("Server", "s")
    headers.remove("TO")
    assert headers.items() == [("Via", "8"), ("Expires", "60"), ("Server", "s")]
    assert len(headers) == 3


def test_a_copy_is_independent() -> None:
    """Adding to a copy leaves the original alone."""
    headers = Headers([("To", "t")])
    copy = headers.copy()
    copy.add("From", "f")
    assert headers == Headers([("To", "t")])
    assert headers != copy
    assert headers != [("To", "t")]


@pytest.mark.parametrize("value", ["a\r\nX: y", "a\nb", "a\rb", "a\0b", "\ud800"])
def test_a_value_cannot_hold_a_line_break(value: str) -> None:
    """No way into the map lets a value inject a header."""
    headers = Headers()
    for put in (headers.add, headers.set, headers.prepend, headers.replace_first):
        with pytest.raises(MisuseError):
            put("Subject", value)
    with pytest.raises(MisuseError):
        Headers([("Subject", value)])
    assert len(headers) == 0


@pytest.mark.parametrize("name", ["", "a b", "a:", "a\r\nb", "é"])
def test_a_name_must_be_a_token(name: str) -> None:
    """A header name that is no token is our defect."""
    with pytest.raises(MisuseError):
        Headers().add(name, "x")


def test_the_repr_shows_no_values() -> None:
    """Credentials and names of people stay out of logs."""
    assert repr(Headers([("Authorization", "Digest response=abc")])) == "Headers(Authorization)"


@pytest.mark.parametrize(
    ("text", "via"),
    [
        (
            "SIP/2.0/UDP 10.0.0.1:5060;branch=z9hG4bK1;rport",
            Via(host="10.0.0.1", port=5060, parameters=(("branch", "z9hG4bK1"), ("rport", None))),
        ),
        (
            "SIP / 2.0 / tcp  pbx.example.com : 5062 ; branch = z9hG4bK2",
            Via(transport="TCP", host="pbx.example.com", port=5062, parameters=(("branch", "z9hG4bK2"),)),
        ),
        ("SIP/2.0/UDP [::1]", Via(host="[::1]")),
    ],
)
def test_a_via_is_read(text: str, via: Via) -> None:
    """Blanks around the separators are the sender's taste (RFC 4475 section 3.1.1.1)."""
    assert Via.parse(text) == via
    assert Via.parse(str(via)) == via


@pytest.mark.parametrize(
    "text", ["", "SIP/2.0/UDP", "SIP/3.0/UDP h", "SIP/2.0/UDP h:70000", "UDP h", "SIP/2.0/UDP h x"]
)
def test_an_unreadable_via_is_a_syntax_error(text: str) -> None:
    """A Via that names no hop cannot be used."""
    with pytest.raises(SipSyntaxError):
        Via.parse(text)


def test_a_via_without_branch_has_none() -> None:
    """Peers of RFC 2543 send no branch."""
    assert Via(host="h").branch is None
    assert Via(host="h", parameters=(("received", "1.2.3.4"),)).parameter("received") == "1.2.3.4"


@pytest.mark.parametrize("via", [Via(host="a b"), Via(host="h", transport="U DP"), Via(host="h\r\nX: y")])
def test_a_via_that_cannot_be_written_is_refused(via: Via) -> None:
    """A hop is a host and a token."""
    with pytest.raises(MisuseError):
        str(via)


@pytest.mark.parametrize(
    ("text", "display_name", "uri", "parameters"),
    [
        ('"A. \\"G\\" Bell" <sip:a@h>;tag=1', 'A. "G" Bell', "sip:a@h", (("tag", "1"),)),
        (
            "Anonymous Caller <sip:c8oqz84zk7z@h>;tag=2",
            "Anonymous Caller",
            "sip:c8oqz84zk7z@h",
            (("tag", "2"),),
        ),
        ("<sip:a@h;lr>", "", "sip:a@h;lr", ()),
        ("sip:a@h;tag=3", "", "sip:a@h", (("tag", "3"),)),
        ("sip:a@h", "", "sip:a@h", ()),
        ("<tel:+1312>;tag=4", "", "tel:+1312", (("tag", "4"),)),
        ('"a <sip:x@y>" < sip:a@h > ; q = 0.5', "a <sip:x@y>", "sip:a@h", (("q", "0.5"),)),
    ],
)
def test_an_address_is_read(
    text: str, display_name: str, uri: str, parameters: tuple[tuple[str, str | None], ...]
) -> None:
    """Quoted and plain names, bare URIs: parameters of a bare URI belong to the header."""
    value = NameAddr.parse(text)
    assert value == NameAddr(display_name=display_name, uri=SipUri.parse(uri), parameters=parameters)
    assert NameAddr.parse(str(value)) == value


def test_a_tag_is_found() -> None:
    """The tag of From or To names one side of a dialog."""
    assert NameAddr.parse("<sip:a@h>;TAG=x").tag == "x"
    assert NameAddr.parse("<sip:a@h;tag=y>").tag is None
    assert NameAddr.parse("<sip:a@h>;expires=60").parameter("expires") == "60"


@pytest.mark.parametrize("text", ["", "*", "<sip:a@h", "sip:a@h>", '"open <sip:a@h>', "<http://h>", "<>"])
def test_an_unreadable_address_is_a_syntax_error(text: str) -> None:
    """What names no address is refused."""
    with pytest.raises(SipSyntaxError):
        NameAddr.parse(text)


def test_a_display_name_cannot_hold_a_line_break() -> None:
    """A person's name cannot inject a header."""
    with pytest.raises(MisuseError):
        str(NameAddr(display_name="a\r\nX: y", uri=SipUri(host="h")))


def test_a_cseq_is_read_and_written() -> None:
    """Number and method, whatever the blanks between them."""
    assert CSeq.parse(" 0009 \t INVITE ") == CSeq(number=9, method="INVITE")
    assert str(CSeq(number=9, method="INVITE")) == "9 INVITE"
    with pytest.raises(MisuseError):
        str(CSeq(number=9, method="A B"))


@pytest.mark.parametrize(
    "text", ["", "INVITE", "1", "-1 INVITE", "4294967296 INVITE", "1 IN VITE", "99999999999 A", "\u0665 A"]
)
def test_an_unreadable_cseq_is_a_syntax_error(text: str) -> None:
    """A sequence number is a 32-bit number (RFC 3261 section 8.1.1.5)."""
    with pytest.raises(SipSyntaxError):
        CSeq.parse(text)
