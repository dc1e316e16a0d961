"""What credentials are worth to a server, with our own client on the other side."""

from __future__ import annotations

from itertools import count

import pytest

from shiftline.errors import MisuseError
from shiftline.secrets import Secret
from shiftline.sip.digest import Challenge, DigestAccount, DigestClient, ServerProof, digest_response
from shiftline.sip.digest_server import DigestServer, DigestVerdict
from shiftline.sip.digest_values import hashed_username
from shiftline.sip.message import Request, Response
from shiftline.sip.requests import register_query
from shiftline.sip.uri import SipUri

PASSWORD = "secret"
USERS = {"agent0001": Secret(PASSWORD), "jörg": Secret("pässword")}


def a_server(algorithm: str = "MD5") -> DigestServer:
    numbers = count(1)
    return DigestServer(
        "lab", USERS.get, token=lambda: f"t{next(numbers)}", algorithms=(algorithm,), nonce_seconds=300
    )


def a_request() -> Request:
    return register_query(
        SipUri(user="agent0001", host="lab"), registrar=SipUri(host="pbx"), token=lambda: "x"
    )


def answered(
    challenge: str, *, username: str = "agent0001", password: str = PASSWORD, status: int = 401
) -> Request:
    account = DigestAccount(username=username, password=Secret(password))
    client = DigestClient(account, token=lambda: "c")
    response = Response(status, "")
    response.headers.add("WWW-Authenticate" if status == 401 else "Proxy-Authenticate", challenge)
    request = a_request()
    client.challenged(response, request)
    assert client.authorize(request)
    return request


@pytest.mark.parametrize("algorithm", ["MD5", "SHA-256", "SHA-512-256"])
@pytest.mark.parametrize("status", [401, 407])
def test_the_right_password_is_ok(algorithm: str, status: int) -> None:
    """Every algorithm, both headers."""
    server = a_server(algorithm)
    request = answered(server.challenge(10.0), status=status)
    assert server.verify(request, 11.0) is DigestVerdict.OK
    assert server.username_of(request) == "agent0001"


def test_names_and_passwords_are_utf8() -> None:
    """Both sides hash the same bytes."""
    server = a_server()
    request = answered(server.challenge(0.0), username="jörg", password="pässword")
    assert server.verify(request, 0.0) is DigestVerdict.OK


def test_no_credentials_are_missing() -> None:
    """Neither a bare request nor one for another realm or scheme claims anything."""
    server, other = a_server(), DigestServer("elsewhere", USERS.get, token=lambda: "t")
    basic = a_request()
    basic.headers.add("Authorization", "Basic abc")
    for request in (a_request(), basic, answered(other.challenge(0.0))):
        assert server.verify(request, 0.0) is DigestVerdict.MISSING
        assert server.username_of(request) is None


def test_a_wrong_password_and_an_unknown_user_are_told_apart() -> None:
    """What the peer is told is the peer's matter; we know which it was."""
    server = a_server()
    assert server.verify(answered(server.challenge(0.0), password="x"), 0.0) is DigestVerdict.WRONG_PASSWORD
    assert server.verify(answered(server.challenge(0.0), username="x"), 0.0) is DigestVerdict.UNKNOWN_USER


def test_a_nonce_grows_stale() -> None:
    """Right digest, nonce older than its lifetime."""
    server = a_server()
    request = answered(server.challenge(0.0))
    assert server.verify(request, 300.0) is DigestVerdict.OK
    assert server.verify(request, 300.1) is DigestVerdict.STALE
    assert Challenge.parse(server.challenge(300.1, stale=True)).stale


def test_a_nonce_of_someone_else_is_stale() -> None:
    """A right digest over a nonce we did not sign asks for a new nonce."""
    server = a_server()
    forged = str(Challenge(realm="lab", nonce="0.x.deadbeefdeadbeef", qop=("auth",)))
    assert server.verify(answered(forged), 0.0) is DigestVerdict.STALE


def test_every_challenge_has_its_own_nonce() -> None:
    """Two challenges at one moment differ."""
    server = a_server()
    assert Challenge.parse(server.challenge(0.0)).nonce != Challenge.parse(server.challenge(0.0)).nonce


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('username="agent0001"', 'user="agent0001"'),
        ('username="agent0001"', 'username="\x07"'),
        ("response=", "answer="),
        ('uri="sip:pbx"', 'uri="sip:elsewhere"'),
        ('uri="sip:pbx"', 'uri="nonsense"'),
        ("qop=auth", "qop=auth-int"),
        ("nc=00000001", "x=1"),
        ("algorithm=MD5", "algorithm=SHA-256"),
    ],
)
def test_credentials_that_lack_something_are_malformed(old: str, new: str) -> None:
    """Missing or foreign parts are not a wrong password."""
    server = a_server()
    request = answered(server.challenge(0.0))
    written = request.headers.get("Authorization") or ""
    assert old in written
    request.headers.set("Authorization", written.replace(old, new))
    assert server.verify(request, 0.0) is DigestVerdict.MALFORMED


def test_a_response_that_is_no_ascii_is_a_wrong_password() -> None:
    """A hostile response does not break the comparison."""
    server = a_server()
    request = answered(server.challenge(0.0))
    written = request.headers.get("Authorization") or ""
    found = written.partition('response="')[2].partition('"')[0]
    request.headers.set("Authorization", written.replace(found, "é\udcff"))
    assert server.verify(request, 0.0) is DigestVerdict.WRONG_PASSWORD


def test_credentials_without_qop_are_verified() -> None:
    """Peers of RFC 2069 leave out qop."""
    server = a_server()
    nonce = Challenge.parse(server.challenge(0.0)).nonce
    request = a_request()
    account = DigestAccount(username="agent0001", password=USERS["agent0001"])
    response = digest_response(account, "REGISTER", {"realm": "lab", "nonce": nonce, "uri": "sip:pbx"})
    request.headers.add(
        "Authorization",
        f'Digest username="agent0001", realm="lab", nonce="{nonce}", uri="sip:pbx", '
        f'response="{response.upper()}"',
    )
    assert server.verify(request, 0.0) is DigestVerdict.OK


def test_every_algorithm_is_offered_in_its_order() -> None:
    """One challenge each, with a nonce of its own (RFC 8760 section 2.4)."""
    offered = ("SHA-512-256", "SHA-256", "MD5")
    server = DigestServer("lab", USERS.get, token=lambda: "t", algorithms=offered)
    challenges = [Challenge.parse(text) for text in server.challenges(0.0)]
    assert tuple(challenge.algorithm for challenge in challenges) == offered


def test_auth_int_can_be_demanded() -> None:
    """A client that offers only ``auth`` is not let in, and a changed body is found out."""
    server = DigestServer("lab", USERS.get, token=lambda: "t", qop=("auth-int",))
    request = answered(server.challenge(0.0))
    assert server.verify(request, 0.0) is DigestVerdict.OK
    request.body = b"changed on the way"
    assert server.verify(request, 0.0) is DigestVerdict.WRONG_PASSWORD
    forged = str(Challenge(realm="lab", nonce="n", qop=("auth",)))
    assert server.verify(answered(forged), 0.0) is DigestVerdict.MALFORMED


def test_a_hidden_name_is_found_again() -> None:
    """With ``userhash`` the name does not travel; an unknown hash is an unknown user."""
    hidden = {hashed_username(user, "lab", "MD5"): user for user in USERS}
    server = DigestServer("lab", USERS.get, token=lambda: "t", user_of_hash=hidden.get)
    request = answered(server.challenge(0.0))
    assert "agent0001" not in (request.headers.get("Authorization") or "")
    assert server.verify(request, 0.0) is DigestVerdict.OK
    assert server.username_of(request) == "agent0001"
    assert server.verify(answered(server.challenge(0.0), username="x"), 0.0) is DigestVerdict.UNKNOWN_USER


@pytest.mark.parametrize("algorithm", ["MD5", "SHA-256", "SHA-512-256"])
@pytest.mark.parametrize("qop", ["auth", "auth-int"])
def test_we_prove_ourselves_to_our_own_client(algorithm: str, qop: str) -> None:
    """``rspauth`` covers the answer's body with auth-int; ``nextnonce`` is a nonce of ours."""
    server = DigestServer("lab", USERS.get, token=lambda: "t", algorithms=(algorithm,), qop=(qop,))
    client = DigestClient(DigestAccount(username="agent0001", password=Secret(PASSWORD)), token=lambda: "c")
    response, request = Response(401, ""), a_request()
    response.headers.add("WWW-Authenticate", server.challenge(0.0))
    client.challenged(response, request)
    client.authorize(request)
    info = server.authentication_info(request, 1.0, next_nonce=True, body=b"welcome")
    accepted = Response(200, "OK", body=b"welcome")
    accepted.headers.add("Authentication-Info", info)
    assert client.accepted(accepted, request) is ServerProof.PROVEN
    following = a_request()
    client.authorize(following)
    assert server.verify(following, 301.0) is DigestVerdict.OK


def test_nobody_unverified_is_told_anything() -> None:
    """A proof of the password for a stranger would be a gift."""
    with pytest.raises(MisuseError):
        a_server().authentication_info(a_request(), 0.0, next_nonce=True)


def test_an_unknown_algorithm_is_our_defect() -> None:
    """A server is built with an algorithm we have."""
    with pytest.raises(MisuseError, match="SHA-256"):
        DigestServer("lab", USERS.get, token=lambda: "t", algorithms=("ROT13",))
