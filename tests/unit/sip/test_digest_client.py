"""Digest: the published examples, and what a second 401 means."""

from __future__ import annotations

from itertools import count

import pytest

from shiftline.errors import ConfigurationError, MisuseError, SipSyntaxError
from shiftline.secrets import Secret
from shiftline.sip.digest import (
    Challenge,
    ChallengeOutcome,
    DigestAccount,
    DigestClient,
    ServerProof,
    digest_response,
    parse_digest,
)
from shiftline.sip.message import Request, Response
from shiftline.sip.requests import next_attempt, register_query
from shiftline.sip.uri import SipUri

AOR = SipUri.parse("sip:agent0001@lab")
CALLS = count(1)


def a_request(call_id: str | None = None) -> Request:
    call_id = call_id or f"call{next(CALLS)}"
    return register_query(AOR, registrar=SipUri(host="pbx"), token=lambda: "x", call_id=call_id)


def a_client() -> DigestClient:
    account = DigestAccount(username="agent0001", password=Secret("secret"))
    return DigestClient(account, token=lambda: "cnonce1")


def a_challenge(
    nonce: str, *, status: int = 401, stale: bool = False, more: str = ', qop="auth"'
) -> Response:
    name = "WWW-Authenticate" if status == 401 else "Proxy-Authenticate"
    response = Response(status, "")
    flag = ", stale=TRUE" if stale else ""
    response.headers.add(name, f'Digest realm="lab", nonce="{nonce}"{more}{flag}')
    return response


def credentials(request: Request, header: str = "Authorization") -> dict[str, str]:
    return parse_digest(request.headers.get(header) or "")


def retry(client: DigestClient, request: Request) -> Request:
    fresh = next_attempt(request)
    assert client.authorize(fresh)
    return fresh


def test_a_challenge_is_read() -> None:
    """Quoted commas, several qualities, an opaque, any case."""
    text = (
        'DIGEST Realm="a, b", nonce="n==", qop="auth,auth-int", algorithm=sha-256, opaque="", stale=TRUE, x'
    )
    challenge = Challenge.parse(text)
    assert challenge == Challenge(
        realm="a, b", nonce="n==", qop=("auth", "auth-int"), algorithm="SHA-256", opaque="", stale=True
    )
    assert Challenge.parse(str(challenge)) == challenge
    assert challenge.answerable


@pytest.mark.parametrize("text", ["", 'Basic realm="a"', 'Digest realm="a"', 'Digest nonce="a"', "Digest"])
def test_what_is_no_challenge_is_a_syntax_error(text: str) -> None:
    """Other schemes and missing parts cannot be answered."""
    with pytest.raises(SipSyntaxError):
        Challenge.parse(text)


def test_without_a_nonce_there_are_no_credentials() -> None:
    """The first request of all goes out bare."""
    request = a_request()
    assert not a_client().authorize(request)
    assert "Authorization" not in request.headers


def test_a_challenge_is_answered() -> None:
    """Credentials name user, realm, nonce, URI, the nonce's use, and echo the opaque."""
    client, request = a_client(), a_request()
    challenge = a_challenge("n1", more=', qop="auth,auth-int", opaque="o"')
    assert client.challenged(challenge, request) is ChallengeOutcome.RETRY
    fresh = retry(client, request)
    written = fresh.headers.get("Authorization") or ""
    found = parse_digest(written)
    expected = digest_response(
        DigestAccount(username="agent0001", password=Secret("secret")), "REGISTER", found
    )
    assert found == {
        "username": "agent0001", "realm": "lab", "nonce": "n1", "uri": "sip:pbx", "response": expected,
        "algorithm": "MD5", "qop": "auth", "nc": "00000001", "cnonce": "cnonce1", "opaque": "o",
    }  # fmt: skip
    assert "qop=auth, nc=00000001" in written


def test_a_challenge_without_qop_is_answered_the_old_way() -> None:
    """RFC 2069: no nc, no cnonce; an absent algorithm is MD5."""
    client, request = a_client(), a_request()
    client.challenged(a_challenge("n1", more=""), request)
    found = credentials(retry(client, request))
    assert found.keys() == {"username", "realm", "nonce", "uri", "response", "algorithm"}


def test_a_407_is_answered_with_proxy_authorization() -> None:
    """The answer's header follows the challenge's."""
    client, request = a_client(), a_request()
    assert client.challenged(a_challenge("n1", status=407), request) is ChallengeOutcome.RETRY
    fresh = retry(client, request)
    assert "Authorization" not in fresh.headers
    assert credentials(fresh, "Proxy-Authorization")["nonce"] == "n1"


def test_the_first_known_algorithm_is_taken() -> None:
    """The server lists challenges in order of preference (RFC 8760 section 2.4)."""
    client, request = a_client(), a_request()
    response = Response(401, "")
    for more in ("algorithm=AKAv1-MD5", "algorithm=SHA-256", "algorithm=MD5"):
        response.headers.add("WWW-Authenticate", f'Digest realm="lab", nonce="n", qop="auth", {more}')
    assert client.challenged(response, request) is ChallengeOutcome.RETRY
    assert credentials(retry(client, request))["algorithm"] == "SHA-256"


@pytest.mark.parametrize(
    "response",
    [
        Response(401, ""),
        Response(403, ""),
        a_challenge("n", more=", algorithm=AKAv1-MD5"),
        a_challenge("n", more=', qop="auth-conf"'),
        a_challenge("n", more=", algorithm=MD5-sess"),
    ],
)
def test_a_challenge_we_cannot_answer_is_unsupported(response: Response) -> None:
    """No retry can help."""
    assert a_client().challenged(response, a_request()) is ChallengeOutcome.UNSUPPORTED


def test_a_nonce_is_used_again_with_a_rising_count() -> None:
    """A burst of N requests costs one challenge, not N."""
    client, request = a_client(), a_request()
    client.challenged(a_challenge("n1"), request)
    counts = [credentials(retry(client, a_request()))["nc"] for _ in range(3)]
    assert counts == ["00000001", "00000002", "00000003"]


def test_authorizing_twice_leaves_one_header() -> None:
    """Old credentials of the realm are replaced."""
    client, request = a_client(), a_request()
    client.challenged(a_challenge("n1"), request)
    client.authorize(request)
    client.authorize(request)
    assert len(request.headers.get_all("Authorization")) == 1


def test_fresh_credentials_refused_are_a_refusal() -> None:
    """The nonce had just come: the password is wrong."""
    client, request = a_client(), a_request()
    client.challenged(a_challenge("n1"), request)
    fresh = retry(client, request)
    assert client.challenged(a_challenge("n2"), fresh) is ChallengeOutcome.REFUSED


def test_an_old_nonce_refused_is_tried_once_more() -> None:
    """Some servers never say stale: a new nonce after an old one is worth exactly one more try."""
    client = a_client()
    first = a_request()
    client.challenged(a_challenge("n1"), first)
    retry(client, first)
    later = a_request()
    client.authorize(later)
    assert client.challenged(a_challenge("n2"), later) is ChallengeOutcome.RETRY
    again = retry(client, later)
    assert credentials(again)["nonce"] == "n2"
    assert client.challenged(a_challenge("n3"), again) is ChallengeOutcome.REFUSED


def test_a_refresh_with_an_expired_nonce_is_tried_once_more() -> None:
    """A registration keeps its Call-ID: a challenge long ago does not make today's credentials fresh."""
    client, request = a_client(), a_request("boot")
    client.challenged(a_challenge("n1"), request)
    accepted = retry(client, request)
    refresh = retry(client, accepted)
    assert client.challenged(a_challenge("n2"), refresh) is ChallengeOutcome.RETRY
    assert client.challenged(a_challenge("n3"), retry(client, refresh)) is ChallengeOutcome.REFUSED


def test_stale_is_a_reason_to_try_again() -> None:
    """stale=true says the password is right, even where the nonce was fresh."""
    client, request = a_client(), a_request()
    client.challenged(a_challenge("n1"), request)
    fresh = retry(client, request)
    assert client.challenged(a_challenge("n2", stale=True), fresh) is ChallengeOutcome.RETRY


@pytest.mark.parametrize("more", [', qop="auth", stale=true', ', qop="auth"'])
def test_a_server_that_challenges_for_ever_is_given_up(more: str) -> None:
    """Always stale, or always another realm: the fourth challenge ends it, calling no password wrong."""
    client, request, outcomes = a_client(), a_request(), []
    for number in range(4):
        response = Response(401, "")
        realm = "lab" if "stale" in more else f"realm{number}"
        response.headers.add("WWW-Authenticate", f'Digest realm="{realm}", nonce="n{number}"{more}')
        outcomes.append(client.challenged(response, request))
        request = retry(client, request)
    assert outcomes == [ChallengeOutcome.RETRY] * 3 + [ChallengeOutcome.UNSUPPORTED]


def test_a_proxy_and_a_registrar_may_both_challenge() -> None:
    """The second challenge comes from another party: its credentials have not been tried yet."""
    client, request = a_client(), a_request()
    assert client.challenged(a_challenge("p1", status=407), request) is ChallengeOutcome.RETRY
    request = retry(client, request)
    response = Response(401, "")
    response.headers.add("WWW-Authenticate", 'Digest realm="registrar", nonce="r1"')
    assert client.challenged(response, request) is ChallengeOutcome.RETRY
    request = retry(client, request)
    assert credentials(request)["realm"] == "registrar"
    assert credentials(request, "Proxy-Authorization")["nc"] == "00000002"


def test_the_same_nonce_again_is_a_refusal() -> None:
    """A server that repeats its nonce did not find it too old."""
    client, request = a_client(), a_request()
    client.challenged(a_challenge("n1"), request)
    retry(client, request)
    later = a_request()
    client.authorize(later)
    assert client.challenged(a_challenge("n1"), later) is ChallengeOutcome.REFUSED


def test_a_burst_with_a_wrong_password_is_refused_once_each() -> None:
    """Challenges that cross each other do not make a wrong password look like an old nonce."""
    client = a_client()
    burst = [a_request() for _ in range(50)]
    for number, request in enumerate(burst):
        client.challenged(a_challenge(f"n{number}"), request)
    tried = [retry(client, request) for request in burst]
    outcomes = {client.challenged(a_challenge(f"m{number}"), request) for number, request in enumerate(tried)}
    assert outcomes == {ChallengeOutcome.REFUSED}


def test_without_counts_the_first_use_is_known_too() -> None:
    """A server of RFC 2069 gets the same judgement, even if each attempt has a new Call-ID."""
    client = a_client()
    client.challenged(a_challenge("n1", more=""), a_request())
    attempt = a_request()
    client.authorize(attempt)
    assert client.challenged(a_challenge("n2", more=""), attempt) is ChallengeOutcome.REFUSED


def test_few_realms_are_remembered() -> None:
    """A server that invents realms does not fill our memory."""
    client = a_client()
    for number in range(20):
        response = Response(401, "")
        response.headers.add("WWW-Authenticate", f'Digest realm="r{number}", nonce="n"')
        client.challenged(response, a_request())
    request = a_request()
    client.authorize(request)
    assert len(request.headers.get_all("Authorization")) == 4


def test_credentials_of_another_scheme_answer_nothing() -> None:
    """A Basic header beside ours is not our Digest answer."""
    client, request = a_client(), a_request()
    request.headers.add("Authorization", "Basic abc")
    assert client.challenged(a_challenge("n1"), request) is ChallengeOutcome.RETRY


def test_a_user_name_with_a_line_break_is_a_configuration_error() -> None:
    """A name from a file cannot inject a header."""
    with pytest.raises(ConfigurationError):
        DigestAccount(username="a\r\nX: y", password=Secret("x"))


def test_a_realm_with_a_line_break_cannot_be_written() -> None:
    """Not even our own challenge may inject one."""
    with pytest.raises(MisuseError):
        str(Challenge(realm="a\r\nb", nonce="n"))


def test_the_password_is_never_shown() -> None:
    """Neither account nor client tells it."""
    account = DigestAccount(username="agent0001", password=Secret("hunter2"))
    assert "hunter2" not in repr(account)


def test_auth_is_preferred_to_auth_int() -> None:
    """The body need not be hashed where the server does not insist."""
    for more, expected in ((', qop="auth-int,auth"', "auth"), (', qop="auth-int"', "auth-int")):
        client, request = a_client(), a_request()
        assert client.challenged(a_challenge("n1", more=more), request) is ChallengeOutcome.RETRY
        assert credentials(retry(client, request))["qop"] == expected


def test_challenges_may_share_a_row() -> None:
    """Some servers join them by commas; the first that we can answer is taken."""
    client, request, response = a_client(), a_request(), Response(401, "")
    response.headers.add(
        "WWW-Authenticate",
        'Negotiate, Digest realm="lab", nonce="a", algorithm=AKAv1-MD5, '
        'Digest realm="lab", qop="auth,auth-int", nonce="b", algorithm=SHA-512-256, '
        'Digest realm="lab", nonce="c"',
    )
    assert client.challenged(response, request) is ChallengeOutcome.RETRY
    found = credentials(retry(client, request))
    assert (found["nonce"], found["algorithm"]) == ("b", "SHA-512-256")


def test_a_proxy_and_a_registrar_may_share_a_realm() -> None:
    """401 and 407 in the name of one realm have a nonce each (RFC 3261 section 22.3)."""
    client, request = a_client(), a_request()
    client.challenged(a_challenge("p1", status=407), request)
    request = retry(client, request)
    assert client.challenged(a_challenge("r1"), request) is ChallengeOutcome.RETRY
    request = retry(client, request)
    assert credentials(request)["nonce"] == "r1"
    assert credentials(request, "Proxy-Authorization")["nonce"] == "p1"


def test_a_session_keeps_its_cnonce() -> None:
    """Servers differ on whether the first or the newest cnonce is in the key: there is only one."""
    tokens = count(1)
    account = DigestAccount(username="agent0001", password=Secret("secret"))
    client = DigestClient(account, token=lambda: f"c{next(tokens)}")
    client.challenged(a_challenge("n1", more=', qop="auth", algorithm=MD5-sess'), a_request())
    used = [credentials(retry(client, a_request())) for _ in range(2)]
    assert [(one["cnonce"], one["nc"]) for one in used] == [("c1", "00000001"), ("c1", "00000002")]


def an_acceptance(request: Request, *, right: bool, following: str = "") -> Response:
    found = credentials(request)
    account = DigestAccount(username="agent0001", password=Secret("secret"))
    proof = digest_response(account, "" if right else "REGISTER", found)
    response = Response(200, "OK")
    next_nonce = f', nextnonce="{following}"' if following else ""
    response.headers.add("Authentication-Info", f'qop=auth, rspauth="{proof}"{next_nonce}')
    return response


def test_a_nextnonce_saves_a_challenge() -> None:
    """The next credentials are made from it, and its count begins anew (RFC 7616 section 3.5)."""
    client, request = a_client(), a_request()
    client.challenged(a_challenge("n1"), request)
    request = retry(client, request)
    accepted = an_acceptance(request, right=True, following="n2")
    assert client.accepted(accepted, request) is ServerProof.PROVEN
    found = credentials(retry(client, a_request()))
    assert (found["nonce"], found["nc"]) == ("n2", "00000001")


def test_a_nextnonce_that_grew_old_is_worth_one_more_try() -> None:
    """It was handed out long before its first use: that use says nothing against the password."""
    client, request = a_client(), a_request("boot")
    client.challenged(a_challenge("n1"), request)
    request = retry(client, request)
    client.accepted(an_acceptance(request, right=True, following="n2"), request)
    refresh = retry(client, request)
    assert client.challenged(a_challenge("n3"), refresh) is ChallengeOutcome.RETRY
    assert client.challenged(a_challenge("n4"), retry(client, refresh)) is ChallengeOutcome.REFUSED


def test_a_wrong_rspauth_is_reported_and_brings_no_nonce() -> None:
    """Whoever does not know the password does not choose our nonces."""
    client, request = a_client(), a_request()
    client.challenged(a_challenge("n1"), request)
    request = retry(client, request)
    forged = an_acceptance(request, right=False, following="n2")
    assert client.accepted(forged, request) is ServerProof.WRONG
    assert credentials(retry(client, a_request()))["nonce"] == "n1"


def test_an_answer_without_proof_proves_nothing() -> None:
    """Most SIP servers send no Authentication-Info."""
    client, request = a_client(), a_request()
    assert client.accepted(Response(200, "OK"), request) is ServerProof.ABSENT
    client.challenged(a_challenge("n1"), request)
    request = retry(client, request)
    assert client.accepted(Response(200, "OK"), request) is ServerProof.ABSENT


def test_the_overtaken_nextnonce_is_not_taken() -> None:
    """The answer to an old nonce comes after a newer nonce: counting goes on with the newer."""
    client = a_client()
    client.challenged(a_challenge("n1"), a_request())
    first, second = retry(client, a_request()), retry(client, a_request())
    client.accepted(an_acceptance(second, right=True, following="n3"), second)
    client.accepted(an_acceptance(first, right=True, following="n2"), first)
    assert credentials(retry(client, a_request()))["nonce"] == "n3"


def test_a_call_answers_its_own_challenge() -> None:
    """Another call has got a newer nonce meanwhile; a server may keep one for each call, to serve once."""
    client, first, second = a_client(), a_request(), a_request()
    client.challenged(a_challenge("n1"), first)
    client.challenged(a_challenge("n2"), second)
    assert credentials(retry(client, first))["nonce"] == "n1"
    assert credentials(retry(client, second))["nonce"] == "n2"
    later = a_request()
    client.authorize(later)
    assert credentials(later)["nonce"] == "n2"


def test_a_nonce_that_another_call_had_used_up_is_worth_one_more_try() -> None:
    """Its refusal tells of the nonce; that of one that was used by nobody else, of the password."""
    client, call, other = a_client(), a_request(), a_request()
    client.challenged(a_challenge("n1"), call)
    client.authorize(other)
    again = retry(client, call)
    assert client.challenged(a_challenge("n2"), again) is ChallengeOutcome.RETRY
    once_more = retry(client, again)
    assert client.challenged(a_challenge("n3"), once_more) is ChallengeOutcome.REFUSED
