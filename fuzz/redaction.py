"""Redaction: a known secret among the bytes of the fuzzer; the first byte chooses its disguise."""

from __future__ import annotations

from shiftline.sip.redaction import redact

SECRET = b"q7hunter2Zx9"
DISGUISES = (
    b'Authorization: Digest username="a", realm="lab", nonce="%s", response="%s"\r\n',
    b"Proxy-Authorization: Digest response=%s,nonce=%s\r\n",
    b'WWW-Authenticate: Digest realm="lab", nonce="%s", opaque="%s"\r\n',
    b'Authentication-Info: nextnonce="%s", rspauth="%s"\r\n',
    b"Authorization: Bearer %s%s\r\n",
    b"X-Auth-Token: %s%s\r\n",
    b"Contact: <sip:bob:%s%s@192.0.2.1:5060;lr>\r\n",
    b"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:%s%s\r\n",
    b"k=clear:%s%s\r\n",
    b'{"user": "a", "password": "%s%s"}\r\n',
    b"<password>%s%s</password>\r\n",
)


def one(data: bytes) -> None:
    """It raises nothing, hides what it can tell, and hiding twice is hiding once."""
    shown = redact(data)
    assert redact(shown) == shown
    row = DISGUISES[data[0] % len(DISGUISES) if data else 0] % (SECRET, SECRET)
    before, _, after = data[1:].partition(b"|")
    message = before + b"\r\n" + row + after
    shown = redact(message)
    assert redact(shown) == shown
    if SECRET not in data:
        assert SECRET not in shown
