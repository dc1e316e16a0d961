"""The reader takes what the field sends, the writer sends only what is legal."""

from __future__ import annotations

import pytest

from shiftline.errors import MisuseError, SipSyntaxError
from shiftline.sip.headers import Headers
from shiftline.sip.message import Request, Response, has_tag, parse_message, response_to
from shiftline.sip.uri import SipUri
from shiftline.sip.via import Via

OPTIONS = (
    b"OPTIONS sip:agent0001@127.0.0.1 SIP/2.0\r\n"
    b"Via: SIP/2.0/UDP 127.0.0.2:5070;branch=z9hG4bKa\r\n"
    b"From: <sip:probe@lab>;tag=1\r\n"
    b"To: <sip:agent0001@lab>\r\n"
    b"Call-ID: c1\r\n"
    b"CSeq: 1 OPTIONS\r\n"
    b"Content-Length: 4\r\n"
    b"\r\n"
    b"body"
)


def read_request(data: bytes) -> Request:
    message = parse_message(data)
    assert isinstance(message, Request)
    return message


def test_a_request_is_read() -> None:
    """Start line, headers and body."""
    request = read_request(OPTIONS)
    assert (request.method, str(request.uri), request.body) == ("OPTIONS", "sip:agent0001@127.0.0.1", b"body")
    assert request.headers.get("Call-ID") == "c1"
    assert bytes(request) == OPTIONS


@pytest.mark.parametrize(
    ("line", "status", "reason"),
    [
        (b"SIP/2.0 200 OK", 200, "OK"),
        (b"SIP/2.0 403 Forbidden (policy)", 403, "Forbidden (policy)"),
        (b"SIP/2.0 180", 180, ""),
        (b"SIP/2.0 180 ", 180, ""),
        (b"sip/2.0  486  Busy  Here ", 486, "Busy Here"),
        (b"SIP/2.0 404 Non trouv\xc3\xa9", 404, "Non trouvé"),
    ],
)
def test_a_response_is_read(line: bytes, status: int, reason: str) -> None:
    """The reason phrase may hold blanks and any language, or be missing."""
    message = parse_message(line + b"\r\n\r\n")
    assert message == Response(status, reason)


@pytest.mark.parametrize("ends", [b"\n", b"\r\n"])
def test_a_line_may_end_with_a_bare_lf(ends: bytes) -> None:
    """Some stacks forget the CR."""
    assert read_request(OPTIONS.replace(b"\r\n", ends)) == read_request(OPTIONS)


def test_line_ends_may_be_mixed() -> None:
    """The blank line counts whichever line ends surround it."""
    message = parse_message(b"SIP/2.0 200 OK\nTo: <sip:a@h>\r\n\n\r\n\r\nx")
    assert message == Response(200, "OK", Headers([("To", "<sip:a@h>")]), b"\r\n\r\nx")


def test_folded_lines_are_joined() -> None:
    """A line that starts with a blank goes on with the line before it (RFC 3261 section 7.3.1)."""
    message = parse_message(
        b"SIP/2.0 200 OK\r\nSubject: one\r\n  two\r\n\tthree \r\nTo :\r\n <sip:a@h>\r\n\r\n"
    )
    assert message.headers.items() == [("Subject", "one two three"), ("To", "<sip:a@h>")]


def test_names_may_be_compact_and_have_blanks_before_the_colon() -> None:
    """`v :` is a Via."""
    message = parse_message(b"SIP/2.0 200 OK\r\nv  : SIP/2.0/UDP h;branch=z9hG4bK1\r\nL\t:0\r\ni:1\r\n\r\n")
    assert [name for name, _ in message.headers] == ["Via", "Content-Length", "Call-ID"]
    assert Via.parse(message.headers.get_all("Via")[0]).branch == "z9hG4bK1"


def test_without_content_length_the_body_ends_with_the_datagram() -> None:
    """UDP frames the message (RFC 3261 section 18.3)."""
    assert parse_message(b"SIP/2.0 200 OK\r\n\r\nabc").body == b"abc"


def test_bytes_beyond_content_length_are_dropped() -> None:
    """Additional bytes after the body must be discarded (RFC 3261 section 18.3)."""
    message = parse_message(b"SIP/2.0 200 OK\r\nContent-Length: 002\r\n\r\nabc")
    assert (message.body, message.headers.get("Content-Length")) == (b"ab", "2")
    assert parse_message(bytes(message)) == message


def test_blank_lines_before_the_start_line_are_skipped() -> None:
    """A keep-alive may precede a message."""
    assert parse_message(b"\r\n\r\nSIP/2.0 200 OK\r\n\r\n") == Response(200, "OK")


def test_a_message_may_have_no_headers() -> None:
    """Which headers must be there is judged by whoever needs them."""
    assert parse_message(b"BYE sip:h SIP/2.0\r\n\r\n") == Request("BYE", SipUri(host="h"))


def test_bytes_that_are_no_utf8_survive() -> None:
    """A header in another encoding is written as it was read."""
    data = b"SIP/2.0 200 OK\r\nSubject: \xe9\xff\r\nContent-Length: 0\r\n\r\n"
    assert bytes(parse_message(data)) == data


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "no start line"),
        (b"\r\n\r\n\r\n", "no start line"),
        (b"hello\r\n\r\n", "start line"),
        (b"A" * 9000 + b"\r\n\r\n", "no start line"),
        (b"OPTIONS sip:h SIP/7.0\r\n\r\n", "version"),
        (b"OPTIONS sip:h HTTP/1.1\r\n\r\n", "version"),
        (b"OPT{ONS sip:h SIP/2.0\r\n\r\n", "start line"),
        (b"OPTIONS sip:a b@h SIP/2.0\r\n\r\n", "start line"),
        (b"OPTIONS <sip:h> SIP/2.0\r\n\r\n", "not a SIP address"),
        (b"SIP/2.0\r\n\r\n", "status"),
        (b"SIP/2.0 20 OK\r\n\r\n", "status"),
        (b"SIP/2.0 700 OK\r\n\r\n", "status"),
        (b"SIP/2.0 \xd9\xa2\xd9\xa0\xd9\xa0 OK\r\n\r\n", "status"),
        (b"SIP/2.0 200 OK\r\n", "blank line"),
        (b"SIP/2.0 200 OK\r\nTo: <sip:a@h>\r\n", "blank line"),
        (b"SIP/2.0 200 OK\r\nTo\r\n\r\n", "no name and colon"),
        (b"SIP/2.0 200 OK\r\nSubject\r\n\r\n", "no name and colon"),
        (b"SIP/2.0 200 OK\r\n: x\r\n\r\n", "no name and colon"),
        (b"SIP/2.0 200 OK\r\n folded: x\r\n\r\n", "no name and colon"),
        (b"SIP/2.0 200 OK\r\nX Y: z\r\n\r\n", "no name and colon"),
        (b"SIP/2.0 200 O\0K\r\n\r\n", "NUL"),
        (b"SIP/2.0 200 O\rK\r\n\r\n", "bare CR"),
        (b"SIP/2.0 200 OK\r\nSubject: a\rb\r\n\r\n", "bare CR"),
        (b"SIP/2.0 200 OK\r\nSubject: a\0b\r\n\r\n", "NUL"),
        (b"SIP/2.0 200 OK\r\nContent-Length: 5\r\n\r\nabc", "the body has 3 bytes"),
        (b"SIP/2.0 200 OK\r\nContent-Length: -1\r\n\r\n", "not a number"),
        (b"SIP/2.0 200 OK\r\nContent-Length: x\r\n\r\n", "not a number"),
        (b"SIP/2.0 200 OK\r\nContent-Length: " + b"9" * 5000 + b"\r\n\r\n", "not a number"),
        (b"SIP/2.0 200 OK\r\n" + b"a:\r\n" * 600 + b"\r\n", "more than 512"),
        (b"SIP/2.0 200 OK\r\nContact: " + b"a," * 1025 + b"\r\n\r\n", "more than 1024 commas"),
    ],
)
def test_what_cannot_be_read_is_a_syntax_error(data: bytes, why: str) -> None:
    """The error says what is wrong."""
    with pytest.raises(SipSyntaxError, match=why):
        parse_message(data)


@pytest.mark.timeout(5)
@pytest.mark.parametrize(
    "value",
    [
        b'"' * 65000,
        b"<" * 65000,
        b" " * 65000,
        b"a," * 500,
        b'"\\' * 32000,
        b";a" * 32000,
        b"\t\r\n " * 200,
    ],
)
def test_a_hostile_value_costs_linear_time(value: bytes) -> None:
    """64 KiB of the worst a header can hold is read in no time, whoever looks into it."""
    message = parse_message(b"SIP/2.0 200 OK\r\nContact: " + value + b"\r\nVia: " + value + b"\r\n\r\n")
    message.headers.get_all("Contact")
    with pytest.raises(SipSyntaxError):
        Via.parse(message.headers.get("Via") or "")


@pytest.mark.parametrize(
    "message",
    [
        Request("A B", SipUri(host="h")),
        Request("OPTIONS\r\nX: y", SipUri(host="h")),
        Request("OPTIONS", SipUri(host="h\r\n")),
        Response(200, "OK\r\nX: y"),
        Response(200, "OK\0"),
        Response(200, "\ud800"),
        Response(200, "OK", Headers([("Content-Length", "1")])),
    ],
)
def test_the_writer_refuses_what_would_mislead_a_reader(message: Request | Response) -> None:
    """A message is written exactly or not at all."""
    with pytest.raises(MisuseError):
        bytes(message)


def test_content_length_is_added_when_missing() -> None:
    """The writer counts the body."""
    assert bytes(Response(200, "OK", body=b"abc")) == b"SIP/2.0 200 OK\r\nContent-Length: 3\r\n\r\nabc"


def test_a_response_copies_what_the_standard_says() -> None:
    """Via, From, To, Call-ID and CSeq come from the request, in order (RFC 3261 section 8.2.6.2)."""
    request = read_request(OPTIONS.replace(b"From:", b"Via: SIP/2.0/UDP second\r\nSubject: x\r\nFrom:"))
    response = response_to(request, 403, to_tag="t9")
    assert response.reason == "Forbidden"
    assert response.headers.items() == [
        ("Via", "SIP/2.0/UDP 127.0.0.2:5070;branch=z9hG4bKa"),
        ("Via", "SIP/2.0/UDP second"),
        ("From", "<sip:probe@lab>;tag=1"),
        ("To", "<sip:agent0001@lab>;tag=t9"),
        ("Call-ID", "c1"),
        ("CSeq", "1 OPTIONS"),
    ]


def test_a_tag_of_the_request_stays() -> None:
    """If To has a tag already, the response has the same (RFC 3261 section 8.2.6.2)."""
    request = read_request(OPTIONS.replace(b"To: <sip:agent0001@lab>", b"To: <sip:a@lab>;tag=old"))
    assert response_to(request, 200, to_tag="new").headers.get("To") == "<sip:a@lab>;tag=old"


@pytest.mark.parametrize(
    ("value", "tagged"),
    [
        ("<sip:a@h>;tag=1", True),
        ("sip:a@h; TAG =1", True),
        ("<sip:a@h;tag=1>", False),
        ("<sip:a@h>;x=1", False),
    ],
)
def test_a_tag_belongs_to_the_header(value: str, tagged: bool) -> None:
    """A URI parameter called tag is none."""
    assert has_tag(value) is tagged


def test_a_given_reason_replaces_the_usual_one() -> None:
    """Peers put causes into the reason phrase; an unknown status has none."""
    request = read_request(OPTIONS)
    assert response_to(request, 403, "Try later").reason == "Try later"
    assert response_to(request, 499).reason == ""
    assert response_to(request, 100).headers.get("To") == "<sip:agent0001@lab>"


def test_an_address_that_escaping_makes_too_long_is_not_written() -> None:
    """What we write we also read, and no start line of more than 8 KiB is read."""
    request = parse_message(b"ACK tel:1;p=" + b"\xa6" * 2800 + b" SIP/2.0\r\n\r\n")
    with pytest.raises(MisuseError):
        bytes(request)
