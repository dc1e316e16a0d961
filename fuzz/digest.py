"""Digest: a client that is challenged, a server that verifies; parts of the input are separated by LF."""

from __future__ import annotations

from shiftline.errors import MisuseError, SipSyntaxError
from shiftline.secrets import Secret
from shiftline.sip.digest import Challenge, DigestAccount, DigestClient, parse_digest
from shiftline.sip.digest_server import DigestServer, DigestVerdict
from shiftline.sip.headers import Headers
from shiftline.sip.message import Request, Response
from shiftline.sip.uri import SipUri

URI = SipUri(host="pbx.example")
ACCOUNT = DigestAccount(username="agent0042", password=Secret("secret"))


def _row(text: str) -> str:
    return text.replace("\r", " ").replace("\0", " ")


def one(data: bytes) -> None:
    """Any challenge is answered, refused or not understood; any credentials are judged."""
    lines = [_row(line) for line in data.decode(errors="surrogateescape").split("\n")[:6]]
    _challenge(lines)
    for line in lines:
        _verify(line)
        for read in (parse_digest, Challenge.parse):
            try:
                str(read(line))
            except (SipSyntaxError, MisuseError):
                continue


def _challenge(lines: list[str]) -> None:
    client = DigestClient(ACCOUNT, token=lambda: "cnonce")
    request = _request()
    for line in lines:
        request.headers.set("CSeq", f"{lines.index(line) + 1} REGISTER")
        status, names = (401, "WWW-Authenticate") if len(line) % 2 else (407, "Proxy-Authenticate")
        try:
            client.challenged(Response(status, "", Headers([(names, line)])), request)
            client.authorize(request)
        except MisuseError:
            continue
        assert bytes(request).count(b"\n") == len(request.headers) + 3


def _verify(line: str) -> None:
    server = DigestServer("lab", lambda user: Secret(user) if user else None, token=lambda: "key")
    request = _request()
    request.headers.add("Authorization", line)
    assert server.verify(request, 100.0) in DigestVerdict
    server.username_of(request)


def _request() -> Request:
    rows = [("From", "<sip:a@h>;tag=1"), ("To", "<sip:a@h>"), ("Call-ID", "c"), ("CSeq", "1 REGISTER")]
    return Request("REGISTER", URI, Headers(rows))
