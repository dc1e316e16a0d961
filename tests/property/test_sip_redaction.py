"""Redaction, whatever the spelling: no secret survives, nothing else changes, twice is once."""

from __future__ import annotations

from hypothesis import assume, example, given
from hypothesis import strategies as st

from shiftline.sip.redaction import redact

SECRET = st.text("abcdefghkmnXYZ0123456789+/", min_size=8, max_size=40).map(lambda text: f"q7{text}")
BLANKS = st.sampled_from(["", " ", "\t", "   ", "\r\n ", "\n\t", " \r\n\t "])
COLONS = st.sampled_from([":", ": ", " :", "\t:\t", ":\r\n ", " :  \r\n\t"])
HIDDEN = ("response", "nonce", "cnonce", "opaque", "nextnonce", "rspauth", "auts")
SHOWN = ('username="bob"', 'realm="lab"', "qop=auth", "algorithm=MD5", "nc=00000001", 'uri="sip:a@b;x=1"')
NAMES = st.sampled_from(["Authorization", "Proxy-Authorization", "WWW-Authenticate", "Proxy-Authenticate"])
HEAD = b"OPTIONS sip:agent0001@192.0.2.1 SIP/2.0\r\nCall-ID: a@b\r\nCSeq: 1 OPTIONS\r\n"


def spelled(draw: st.DrawFn, word: str) -> str:
    """The word in letters of either case."""
    upper = draw(st.integers(0, 2 ** len(word) - 1))
    return "".join([char.upper() if upper >> at & 1 else char.lower() for at, char in enumerate(word)])


@st.composite
def credentials(draw: st.DrawFn, hidden: tuple[str, ...] = HIDDEN) -> tuple[bytes, list[bytes]]:
    """A row of Digest, in any spelling, and the secrets in it."""
    secrets, parts = [], list(SHOWN)
    for name in draw(st.lists(st.sampled_from(hidden), min_size=1, unique=True)):
        secret = draw(SECRET)
        secrets.append(secret.encode())
        written = draw(st.sampled_from([f'"{secret}"', secret, f'"{secret}\\""', f'"\\"{secret}"']))
        parts.append(f"{spelled(draw, name)}{draw(BLANKS)}={draw(BLANKS)}{written}")
    commas = st.tuples(BLANKS, BLANKS).map(",".join)
    text = ""
    for place, part in enumerate(draw(st.permutations(parts))):
        text += part if place == 0 else draw(commas) + part
    name = spelled(draw, draw(NAMES))
    scheme = spelled(draw, "Digest") + draw(st.sampled_from([" ", "  ", "\t", "\r\n "]))
    return f"{name}{draw(COLONS)}{scheme}{text}\r\n".encode(), secrets


@given(
    credentials((*HIDDEN, "x-extension")),
    st.sampled_from([b"\r\n", b"", b"Content-Length: 0\r\n\r\n", b"\r\nbody\r\n"]),
)
def test_no_digest_secret_survives(row: tuple[bytes, list[bytes]], rest: bytes) -> None:
    """Neither case nor order, blanks, folds, quotes or escapes save one, in a whole message or a cut one."""
    shown = redact(HEAD + row[0] + rest)
    assert [secret for secret in row[1] if secret in shown] == []
    assert redact(shown) == shown


@given(credentials(), st.data())
def test_no_digest_secret_survives_one_slip(row: tuple[bytes, list[bytes]], data: st.DataObject) -> None:
    """One character too many, too few or wrong, anywhere in the row, and still nothing shows.

    But for a slip that makes a blank line: what stands behind it is a body, and without its name no secret.
    """
    text, secrets = row
    at = data.draw(st.integers(0, len(text) - 1))
    slip = data.draw(st.sampled_from([b"", *[bytes([char]) for char in b'",;=\\\r\n\t <>:a@']]))
    dropped = data.draw(st.integers(0, 1))
    broken = text[:at] + slip + text[at + dropped :]
    assume(b"\n\n" not in broken and b"\n\r\n" not in broken)
    shown = redact(HEAD + broken + b"\r\n")
    assert [secret for secret in secrets if secret in broken and secret in shown] == []
    assert redact(shown) == shown


@given(
    SECRET,
    st.sampled_from(["Basic", "bearer", "NTLM", "Digest", "AKA", ""]),
    st.sampled_from(
        ["Authorization", "Proxy-Authorization", "X-Auth-Token", "Api-Key", "cookie", "X-Secret"]
    ),
    COLONS,
    st.sampled_from(["\r\n", "\n", ""]),
)
def test_no_token_of_another_scheme_survives(
    secret: str, scheme: str, name: str, colon: str, end: str
) -> None:
    """Whatever stands behind such a name goes, but for the name of the scheme."""
    row = f"{name}{colon}{scheme} {secret}==".encode()
    shown = redact(HEAD + row + end.encode())
    assert secret.encode() not in shown
    assert shown.startswith(HEAD)
    assert redact(shown) == shown


PASSWORD = st.text("abcXYZ019&=+$,.%!~*'()_@-", min_size=3, max_size=20).map(lambda text: f"q7{text}q")
PLACES = (
    "OPTIONS {} SIP/2.0\r\n\r\n",
    "{}",
    "x\nContact: <{}>;q=1\r\n",
    'From: "A, B" <{}>;tag=1\r\n',
    "m: {}\r\n",
)


@given(PASSWORD, st.sampled_from(PLACES), st.sampled_from(["sip:", "SIPS:", "https://"]))
def test_no_password_of_a_uri_survives(password: str, place: str, scheme: str) -> None:
    """User and host stay, wherever the URI stands."""
    before = place.format(f"{scheme}bob:{password}@192.0.2.1:5060;lr").encode()
    after = place.format(f"{scheme}bob:redacted@192.0.2.1:5060;lr").encode()
    assert redact(before) == after
    assert redact(after) == after


KEYS = (
    "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:{}|2^20|1:4",
    "A=CRYPTO:2 F8_128_HMAC_SHA1_80 inline:{};inline:abc",
    "a=crypto:{}",
    "a=key-mgmt:mikey {}",
    "k=base64:{}",
    "k=clear:{}",
    "a=ice-pwd:{}",
    "password={}",
    '{{"a": 1, "Password" : "\\"{}", "b": 2}}',
    "<account><user>a</user><password>{}</password></account>",
    "Authorization: Bearer {}\r\nX:",
)


@given(SECRET, st.sampled_from(KEYS), st.sampled_from([b"\r\n", b"\n"]))
def test_no_media_key_survives_and_the_body_is_measured_anew(secret: str, key: str, end: bytes) -> None:
    """Keys of a body go, and Content-Length says how long what is left is."""
    body = end.join([b"v=0", key.format(secret).encode(), b"m=audio 1 RTP/SAVP 0", b""])
    head = HEAD.replace(b"\r\n", end) + b"l: %d" % len(body) + end + end
    shown = redact(head + body)
    assert secret.encode() not in shown
    kept_head, _, kept_body = shown.partition(end + end)
    assert kept_head.endswith(b"l: %d" % len(kept_body))
    assert kept_body.endswith(b"m=audio 1 RTP/SAVP 0" + end)
    assert redact(shown) == shown


HARMLESS = st.sampled_from([
    b"Via: SIP/2.0/UDP 192.0.2.9:5060;rport;branch=z9hG4bKa", b"Contact: <sip:a@b:5060;ob>;expires=60",
    b"Route: <sip:p:5060;lr>,<sip:q@r?Call-ID=a:b@c>", b"Subject: the response, a token of esteem",
    b"To: sip:carol@x", b"X: a=b, c=\"d\\\"\"", b"Supported: path", b"Broken line", b"Author: nobody",
    b"Warning: 399 h \"no nonce\"", b"k: timer", b"Request: sip:192.0.2.1:5060;x=1?y=a@b",
    b"Expires: 3600\r\n ;folded=1", b"a=ice-ufrag:ab", b"k=prompt", b"a=fingerprint:sha-256 AB:CD",
])  # fmt: skip


@given(st.lists(HARMLESS, max_size=12), st.sampled_from([b"\r\n", b"\n"]), st.binary(max_size=64))
@example(rows=[b"Broken line"], end=b"\n", body=b"")
def test_a_message_without_secrets_stays_as_it_is(rows: list[bytes], end: bytes, body: bytes) -> None:
    """Byte for byte, and so does its wrong Content-Length."""
    message = end.join([HEAD + b"l: 7", *rows, b"", body])
    assert redact(message) == message


SOUP = st.lists(
    st.sampled_from([
        b"Authorization", b"Proxy-Authenticate:", b"Digest ", b"digest\r\n\t", b"nonce", b"response", b"=",
        b'"', b"\\", b",", b";", b"\r", b"\n", b"\r\n", b" ", b"\t", b"sip:", b"@", b":", b"abc", b"redacted",
        b"a=crypto:1 X inline:", b"k=uri:", b"redacted-0123abcd", b"Content-Length: 12", b"\r\n\r\n", b"<",
        b">", b"\xff\0", b"uri", b"X-Auth-", b"token", b"Basic ",
    ])
)  # fmt: skip


@given(SOUP.map(b"".join) | st.binary())
def test_nothing_makes_it_fail_and_twice_is_once(data: bytes) -> None:
    """No bytes at all raise, and what is redacted stays as it is."""
    shown = redact(data)
    assert redact(shown) == shown
