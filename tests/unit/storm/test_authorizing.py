"""Quick answers to challenges are those of the connector's own digest code."""

from __future__ import annotations

import pytest

from shiftline.secrets import Secret
from shiftline.sip.digest import DigestAccount, digest_response, parse_digest
from shiftline.storm.authorizing import Authorizer
from shiftline.storm.users import User

URI = b"sip:127.0.0.1:5060"
ACCOUNT = DigestAccount(username="bob", password=Secret("secret"))


def response(*challenges: str, status: str = "401 Unauthorized", name: str = "WWW-Authenticate") -> bytes:
    rows = "".join(f"{name}: Digest {challenge}\r\n" for challenge in challenges)
    return f"SIP/2.0 {status}\r\nVia: x\r\n{rows}Content-Length: 0\r\n\r\n".encode()


def bob() -> User:
    return User(b"bob", Secret("secret"))


def given(row: bytes | None) -> dict[str, str]:
    assert row is not None
    assert row.endswith(b"\r\n")
    return parse_digest(row.decode().partition(": ")[2].strip())


@pytest.mark.parametrize(
    "challenge",
    [
        'realm="lab", nonce="{n}"',
        'realm="lab", nonce="{n}", qop="auth"',
        'realm="a \\"b\\"", nonce="{n}", qop="auth,auth-int", opaque="o", algorithm=MD5',
        'realm="lab", nonce="{n}", algorithm=SHA-256, qop="auth"',
        'realm="lab", nonce="{n}", algorithm=SHA-512-256, qop="auth"',
        'realm="lab", nonce="{n}", algorithm=MD5-sess, qop="auth"',
        'realm="lab", nonce="{n}", qop="auth-int"',
    ],
)
def test_an_answer_is_right_for_each_kind_of_challenge(challenge: str) -> None:
    authorizer, user = Authorizer("c0ffee"), bob()
    for nonce in ("one", "two", "three"):
        data = response(challenge.format(n=nonce))
        told = given(authorizer.answer(b"401", data, user, b"REGISTER", URI))
        assert (told["nonce"], told["username"], told["uri"]) == (nonce, "bob", URI.decode())
        assert told["response"] == digest_response(ACCOUNT, "REGISTER", told)
        assert told.get("nc", "00000001") == "00000001"
    told = given(authorizer.preempt(user, b"REGISTER", URI))
    assert told["response"] == digest_response(ACCOUNT, "REGISTER", told)
    assert told.get("nc", "00000002") == "00000002"


def test_the_topmost_challenge_that_can_be_answered_is() -> None:
    data = response('realm="lab", nonce="x", algorithm=FUTURE', 'realm="lab", nonce="y"')
    assert given(Authorizer("c").answer(b"401", data, bob(), b"REGISTER", URI))["nonce"] == "y"


def test_a_proxys_challenge_has_its_own_rows_however_they_are_spelled() -> None:
    data = response('realm="lab", nonce="x"', status="407 Proxy", name="proxy-authenticate")
    row = Authorizer("c").answer(b"407", data, bob(), b"INVITE", URI)
    assert row is not None
    assert row.startswith(b"Proxy-Authorization: Digest ")


@pytest.mark.parametrize("challenge", ['realm="lab"', 'realm="lab", nonce="x", algorithm=FUTURE', ""])
def test_what_cannot_be_answered_is_not(challenge: str) -> None:
    assert Authorizer("c").answer(b"401", response(challenge), bob(), b"REGISTER", URI) is None


def test_nothing_is_preempted_without_a_nonce_or_after_it_was_refused() -> None:
    authorizer, user = Authorizer("c"), bob()
    assert authorizer.preempt(user, b"REGISTER", URI) == b""
    authorizer.answer(b"401", response('realm="lab", nonce="x"'), user, b"REGISTER", URI)
    authorizer.forget()
    assert authorizer.preempt(user, b"REGISTER", URI) == b""


def test_methods_and_users_do_not_share_what_is_hashed() -> None:
    authorizer = Authorizer("c")
    data = response('realm="lab", nonce="x", qop="auth"')
    for name, method in (("bob", "REGISTER"), ("eve", "REGISTER"), ("bob", "INVITE")):
        user = User(name.encode(), Secret("secret"))
        told = given(authorizer.answer(b"401", data, user, method.encode(), URI))
        account = DigestAccount(username=name, password=Secret("secret"))
        assert told["response"] == digest_response(account, method, told)
