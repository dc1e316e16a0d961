"""What goes and what stays when a message is shown; the properties of redaction are in the property ring."""

from __future__ import annotations

import pytest

from shiftline.sip.message import parse_message
from shiftline.sip.redaction import redact

REGISTER = (
    b"REGISTER sip:192.0.2.1 SIP/2.0\r\n"
    b"Via: SIP/2.0/UDP 192.0.2.9:5060;branch=z9hG4bK1\r\n"
    b"From: <sip:shiftline@192.0.2.1>;tag=1\r\nTo: <sip:shiftline@192.0.2.1>\r\n"
    b"Call-ID: 1@192.0.2.9\r\nCSeq: 2 REGISTER\r\n"
    b'Authorization: Digest username="shiftline", realm="lab", nonce="%s", uri="sip:192.0.2.1", '
    b'response="9d5b", cnonce="c1", qop=auth, nc=00000001, opaque="o1"\r\n'
    b"Content-Length: 0\r\n\r\n"
)


def test_credentials_keep_what_explains_a_refusal() -> None:
    """User, realm, URI, algorithm, qop and count stay; response, cnonce and opaque do not."""
    message = parse_message(redact(REGISTER % b"n1"))
    value = message.headers.get("Authorization") or ""
    assert value.startswith('Digest username="shiftline", realm="lab", nonce="redacted-')
    assert value.endswith(
        'uri="sip:192.0.2.1", response="redacted", cnonce="redacted", '
        'qop=auth, nc=00000001, opaque="redacted"'
    )


def test_a_new_nonce_can_be_told_from_an_old_one() -> None:
    """Its label is the same in challenge and answer, and another for another nonce."""
    challenge = b'SIP/2.0 401 Unauthorized\r\nWWW-Authenticate: Digest realm="lab", nonce="n1"\r\n\r\n'
    label = redact(challenge).partition(b'nonce="')[2].partition(b'"')[0]
    assert label in redact(REGISTER % b"n1")
    assert label not in redact(REGISTER % b"n2")


@pytest.mark.parametrize(
    ("row", "shown"),
    [
        (b"Authorization: Basic Ym9iOnB3", b"Authorization: Basic redacted"),
        (b"Proxy-Authorization: Ym9iOnB3", b"Proxy-Authorization: redacted"),
        (b"authorization : Digest garbage", b"authorization : Digest redacted"),
        (b"Authorization Digest garbage", b"Authorization Digest redacted"),
        (
            b'Authentication-Info: rspauth="ab", qop=auth',
            b'Authentication-Info: rspauth="redacted", qop=auth',
        ),
        (
            b'WWW-Authenticate: Digest realm="a", opaque="x", Digest realm="b", opaque="y"',
            b'WWW-Authenticate: Digest realm="a", opaque="redacted", Digest realm="b", opaque="redacted"',
        ),
        (
            b'Authorization: Digest username="bob, response=9d5b"',
            b"Authorization: Digest redacted",
        ),
        (b"X-Auth-Token: abc", b"X-Auth-Token: redacted"),
        (b'response="9d5b"', b'response="redacted"'),
        (b"Contact: <sip:a@b?Authorization=Digest%20x>", b"Contact: <sip:a@b?Authorization=redacted>"),
    ],
)
def test_rows_lose_their_secrets(row: bytes, shown: bytes) -> None:
    """By header, and by word where there is no header."""
    start = b"OPTIONS sip:a@b SIP/2.0\r\n"
    assert redact(start + row + b"\r\n\r\n") == start + shown + b"\r\n\r\n"


@pytest.mark.parametrize(
    ("uri", "shown"),
    [
        (b"sip:bob:pw@host", b"sip:bob:redacted@host"),
        (b"sip:bob:p@ss@host;x=1", b"sip:bob:redacted@host;x=1"),
        (b"sip:host:5060;x=1?a=b@c", b"sip:host:5060;x=1?a=b@c"),
        (b"sip:bob@host?Call-ID=1:2@host", b"sip:bob@host?Call-ID=1:2@host"),
        (b"sip:[2001:db8::1]:5060;x=a@b", b"sip:[2001:db8::1]:5060;x=a@b"),
    ],
)
def test_only_the_password_of_a_uri_goes(uri: bytes, shown: bytes) -> None:
    """A port, or a colon in a URI header, is none."""
    assert redact(b"To: <" + uri + b">\r\n") == b"To: <" + shown + b">\r\n"


def test_a_length_that_was_wrong_stays_wrong_by_as_much() -> None:
    """A message that was cut short is still seen to have been cut."""
    head = b"INVITE sip:a@b SIP/2.0\r\nContent-Length: %d\r\n\r\n"
    body = b"v=0\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:abcdefghijklmnop\r\n"
    missing = 40
    shown = redact(head % (len(body) + missing) + body)
    rest = shown.partition(b"\r\n\r\n")[2]
    assert b"abcdefghijklmnop" not in rest
    assert shown == head % (len(rest) + missing) + rest
