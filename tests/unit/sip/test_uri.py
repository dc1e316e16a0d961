"""SIP and tel URIs."""

from __future__ import annotations

import pytest

from shiftline.errors import MisuseError, SipSyntaxError
from shiftline.sip.uri import SipUri, without_password


def test_every_part_of_a_uri_is_read() -> None:
    """Scheme, user, password, host, port, parameters and headers each find their field."""
    uri = SipUri.parse("SIPS:alice:pw@Example.com:5061;Transport=tcp;lr?Subject=x")
    assert uri == SipUri(
        scheme="sips",
        user="alice",
        password="pw",
        host="Example.com",
        port=5061,
        parameters=(("transport", "tcp"), ("lr", None)),
        headers="Subject=x",
    )
    assert (uri.parameter("lr"), uri.parameter("transport"), uri.parameter("maddr")) == ("", "tcp", None)


@pytest.mark.parametrize(
    "text",
    [
        "sip:10.0.0.1",
        "sip:pbx_1.example.com:5070",
        "sip:agent0001@[2001:db8::1]:5060;transport=udp",
        "sip:+13125550100;phone-context=example.com@gw;user=phone",
        "sip:a%20b@h",
        "sip:@h",
        "tel:+13125550100;phone-context=example.com",
        "sip:h;=x",
    ],
)
def test_a_uri_is_written_as_it_was_read(text: str) -> None:
    """What the reader takes, the writer gives back."""
    assert str(SipUri.parse(text)) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "sip:",
        "sip:@",
        "alice@example.com",
        "http://example.com",
        "urn:service:sos",
        "sip:a@b@c",
        "sip:h:65536",
        "sip:h:123456",
        "sip:a b@h",
        "sip:a\r\nX: y@h",
        "sip:h:\u0665",
        "<sip:h>",
        "tel:",
    ],
)
def test_what_is_no_uri_is_a_syntax_error(text: str) -> None:
    """Anything but sip, sips and tel URIs is refused with the one error of the reader."""
    with pytest.raises(SipSyntaxError):
        SipUri.parse(text)


def test_a_user_part_cannot_leave_its_place() -> None:
    """Line breaks, blanks and separators in a user part are escaped."""
    uri = SipUri(user="a\r\nX: y@evil>", host="h")
    assert str(uri) == "sip:a%0D%0AX%3A%20y%40evil%3E@h"
    assert SipUri.parse(str(uri)) == uri


def test_a_number_cannot_leave_its_place() -> None:
    """What separates the parts of a tel URI is escaped within the number."""
    uri = SipUri(scheme="tel", user="1?2;3", host="")
    assert str(uri) == "tel:1%3F2%3B3"
    assert SipUri.parse(str(uri)) == uri


def test_bytes_that_are_no_utf8_survive() -> None:
    """An escape of any byte reads and writes back."""
    assert str(SipUri.parse("sip:%FFx@h")) == "sip:%FFx@h"


@pytest.mark.parametrize(
    "uri",
    [
        SipUri(host="h\r\nX: y"),
        SipUri(host=""),
        SipUri(host="a b"),
        SipUri(host="h", scheme="http"),
        SipUri(host="h", headers="a=b>;evil"),
        SipUri(host="h", headers="a\r\nb"),
        SipUri(host="h", user="\ud800"),
    ],
)
def test_what_cannot_be_escaped_is_refused(uri: SipUri) -> None:
    """Host, scheme and headers have no escapes here: what does not fit is our defect."""
    with pytest.raises(MisuseError):
        str(uri)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("sip:u:pw@host", "sip:u:…@host"),
        ("SIPS:u:p:w@x@bad host", "SIPS:u:…@bad host"),
        ("u:pw@host", "u:…@host"),
        ("sip:u@host:5060", "sip:u@host:5060"),
        ("sip:[::1]:5060;transport=tcp", "sip:[::1]:5060;transport=tcp"),
        ("u@host", "u@host"),
    ],
)
def test_what_was_typed_is_shown_without_its_password(text: str, shown: str) -> None:
    """Well-formed or not."""
    assert without_password(text) == shown


def test_a_password_is_not_shown() -> None:
    """The repr of a URI hides its password."""
    assert "pw" not in repr(SipUri(user="a", password="pw", host="h"))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("sip:%61gent@PBX.example;Transport=TCP", "sip:agent@pbx.example;transport=tcp"),
        ("sip:agent@pbx.example", "sip:agent@pbx.example;newparam=5"),
        ("sip:agent@pbx.example;security=on", "sip:agent@pbx.example;newparam=5"),
        ("sip:h;lr", "sip:h"),
        ("sip:pbx.example;transport=TCP;ttl=4", "sip:pbx.example;ttl=4;transport=tcp"),
        ("sip:a@h?subject=trade&priority=urgent", "sip:a@h?priority=urgent&Subject=trade"),
        ("sip:a@[2001:db8::1]", "sip:a@[2001:DB8:0:0::1]"),
        ("sip:[::ffff:192.0.2.1]", "sip:[::ffff:c000:201]"),
        ("SIPS:a@h", "sips:a@h"),
        ("tel:+1-312-555-0142", "tel:+1(312)5550142"),
    ],
)
def test_equivalent_addresses(one: str, other: str) -> None:
    """As RFC 3261 section 19.1.4 has it: in both directions."""
    assert SipUri.parse(one).equivalent(SipUri.parse(other))
    assert SipUri.parse(other).equivalent(SipUri.parse(one))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("sip:ALICE@h", "sip:alice@h"),
        ("sip:a@h", "sip:a:secret@h"),
        ("sip:h", "sip:a@h"),
        ("sip:a@h", "sips:a@h"),
        ("sip:a@h", "sip:a@h:5060"),
        ("sip:a@h", "sip:a@h;transport=udp"),
        ("sip:a@h", "sip:a@h;user=phone"),
        ("sip:a@h", "sip:a@h;ttl=1"),
        ("sip:a@h", "sip:a@h;method=INVITE"),
        ("sip:a@h", "sip:a@h;maddr=h"),
        ("sip:a@h;security=on", "sip:a@h;security=off"),
        ("sip:a@h", "sip:a@h?Subject=x"),
        ("sip:a@h?Subject=x", "sip:a@h?Subject=X"),
        ("sip:a@phone.example", "sip:a@192.0.2.4"),
        ("sip:a@[::1]", "sip:a@[::2]"),
        ("sip:a@[:::]", "sip:a@[::::]"),
        ("tel:+13125550142", "sip:+13125550142@h"),
        ("tel:5550142;phone-context=+1", "tel:5550142"),
    ],
)
def test_different_addresses(one: str, other: str) -> None:
    """A default value that one side spells out is a difference too."""
    assert not SipUri.parse(one).equivalent(SipUri.parse(other))
    assert not SipUri.parse(other).equivalent(SipUri.parse(one))


def test_equivalence_is_not_transitive() -> None:
    """Two addresses can each be equivalent to a third and not to each other."""
    on, plain, off = (SipUri.parse(f"sip:a@h{tail}") for tail in (";security=on", "", ";security=off"))
    assert on.equivalent(plain)
    assert plain.equivalent(off)
    assert not on.equivalent(off)
