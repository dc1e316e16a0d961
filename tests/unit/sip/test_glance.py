"""A look at a message, broken or not."""

from __future__ import annotations

import pytest

from shiftline.sip.glance import LONGEST_TEXT, Glance, Kind, glance


def test_a_request_is_known_by_its_first_line() -> None:
    """Method, URI, call and number; compact and folded names are read, credentials noticed."""
    seen = glance(
        b"OPTIONS sip:a@b SIP/2.0\r\ni : 7@x\r\nCSeq:\t12  OPTIONS\r\nproxy-authorization: Digest x\r\n\r\n"
    )
    assert seen == Glance(
        kind=Kind.REQUEST,
        method="OPTIONS",
        subject="sip:a@b",
        call_id="7@x",
        cseq="12",
        has_credentials=True,
    )


def test_a_response_is_known_by_its_status() -> None:
    """Its method is the one in CSeq; challenge, staleness and Retry-After are noticed."""
    seen = glance(
        b"SIP/2.0 401 Not You\r\nCall-ID: 7\r\nCSeq: 1 REGISTER\r\nRetry-After: 5 (busy);duration=9\r\n"
        b'WWW-Authenticate: Digest realm="r", STALE = "TRUE"\r\n\r\nCSeq: 9 BYE\r\n'
    )
    assert seen == Glance(
        kind=Kind.RESPONSE,
        status=401,
        subject="Not You",
        method="REGISTER",
        call_id="7",
        cseq="1",
        retry_after="5 (busy)",
        has_challenge=True,
        is_stale=True,
    )


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"\r\n\r\n", Kind.KEEP_ALIVE),
        (b"\0", Kind.KEEP_ALIVE),
        (b"", Kind.KEEP_ALIVE),
        (b"\x16\x03\x01 hello", Kind.OTHER),
        (b"GET / HTTP/1.1\r\n\r\n", Kind.OTHER),
        (b"SIP/2.0 999 Never\r\n\r\n", Kind.OTHER),
        (b"\r\nSIP/2.0 200", Kind.RESPONSE),
        (b"BYE sip:a SIP/2.0", Kind.REQUEST),
    ],
)
def test_everything_has_a_kind(data: bytes, kind: Kind) -> None:
    """What was cut or is none of SIP is told apart, never refused."""
    assert glance(data).kind is kind


def test_what_comes_back_can_be_shown_in_any_terminal() -> None:
    """Escapes, line ends, bytes that are no text and marks that turn the direction are replaced."""
    seen = glance("SIP/2.0 403 \x1b[2J\u202eno\x07\0".encode() + b"\xff\r\n\r\n")
    assert seen.subject == "\ufffd[2J\ufffdno\ufffd\ufffd\ufffd"


def test_values_are_bounded() -> None:
    """A peer cannot fill a screen with one value."""
    seen = glance(b"OPTIONS sip:" + b"a" * 2000 + b" SIP/2.0\r\nCall-ID: " + b"b" * 60_000 + b"\r\n\r\n")
    assert len(seen.subject) == len(seen.call_id) == LONGEST_TEXT


def test_a_look_reads_no_method_out_of_the_body() -> None:
    """Rows behind the blank line are not the message's."""
    assert glance(b"BYE sip:a SIP/2.0\n\nCall-ID: x\r\n").call_id == ""
