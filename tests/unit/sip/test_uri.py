"""SIP and tel URIs."""

from __future__ import annotations

import pytest

from shiftline.errors import MisuseError, SipSyntaxError
from shiftline.sip.uri import SipUri


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


def test_a_password_is_not_shown() -> None:
    """The repr of a URI hides its password."""
    assert "pw" not in repr(SipUri(user="a", password="pw", host="h"))
