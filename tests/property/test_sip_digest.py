"""Digest for any realm, user, nonce and URI: our two sides agree, and so does httpx."""

from __future__ import annotations

from itertools import count

import httpx
import sipmessage
from hypothesis import given
from hypothesis import strategies as st

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
from shiftline.sip.digest_server import DigestServer, DigestVerdict
from shiftline.sip.digest_values import ALGORITHMS, hashed_username
from shiftline.sip.message import Request, Response, parse_message
from shiftline.sip.requests import register_query
from shiftline.sip.uri import SipUri

WORDS = st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=12)
REALMS = st.one_of(WORDS, st.sampled_from(['a, b="c"', "back\\slash", "Digest x", "realm with blanks", ","]))
NAMES = st.from_regex(r"[a-z0-9.]{1,8}", fullmatch=True)


def a_request(host: str, body: bytes = b"") -> Request:
    numbers = count(1)
    request = register_query(
        SipUri(user="a", host="lab"), registrar=SipUri(host=host), token=lambda: f"t{next(numbers)}"
    )
    request.body = body
    return request


def over_the_wire(request: Request) -> Request:
    read = parse_message(bytes(request))
    assert isinstance(read, Request)
    return read


def challenged_by(challenges: list[str]) -> Response:
    response = Response(401, "")
    for challenge in challenges:
        response.headers.add("WWW-Authenticate", challenge)
    return response


@given(
    realm=REALMS,
    user=WORDS,
    password=st.text(st.characters(exclude_categories=["Cs"]), max_size=12),
    algorithm=st.sampled_from(ALGORITHMS),
    qop=st.sampled_from([("auth",), ("auth-int",), ("auth", "auth-int")]),
    host=st.sampled_from(["pbx", "pbx.example.com", "127.0.0.1", "[::1]"]),
    body=st.binary(max_size=20),
    hidden=st.booleans(),
    uses=st.integers(1, 4),
)
def test_client_and_server_agree(  # noqa: PLR0917 - one argument per thing that varies
    realm: str,
    user: str,
    password: str,
    algorithm: str,
    qop: tuple[str, ...],
    host: str,
    body: bytes,
    hidden: bool,
    uses: int,
) -> None:
    """Every algorithm, quality, realm and name verifies, with a rising count and a proof in return."""
    tokens = count(1)
    users = {hashed_username(user, realm, algorithm): user}
    server = DigestServer(
        realm,
        {user: Secret(password)}.get,
        token=lambda: f"t{next(tokens)}",
        algorithms=(algorithm,),
        qop=qop,
        user_of_hash=users.get if hidden else None,
    )
    client = DigestClient(DigestAccount(username=user, password=Secret(password)), token=lambda: "c")
    first = a_request(host, body)
    assert client.challenged(challenged_by(server.challenges(0.0)), first) is ChallengeOutcome.RETRY
    for use in range(1, uses + 1):
        request = a_request(host, body)
        assert client.authorize(request)
        arrived = over_the_wire(request)
        assert server.verify(arrived, 1.0) is DigestVerdict.OK
        assert server.username_of(arrived) == user
        assert parse_digest(arrived.headers.get("Authorization") or "")["nc"] == f"{use:08x}"
        accepted = Response(200, "OK")
        accepted.headers.add(
            "Authentication-Info", server.authentication_info(arrived, 1.0, next_nonce=False)
        )
        assert client.accepted(accepted, request) is ServerProof.PROVEN


@given(
    steps=st.lists(
        st.sampled_from(["ask", "challenge lab", "challenge other", "challenge twice", "gift"]), max_size=20
    )
)
def test_counts_rise_and_no_realm_is_answered_unasked(steps: list[str]) -> None:
    """Per nonce nc is 1, 2, 3..., and credentials name only realms that challenged."""
    numbers, asked, counts = count(1), set[str](), dict[str, int]()
    client = DigestClient(DigestAccount(username="a", password=Secret("b")), token=lambda: "c")
    for step in steps:
        request = a_request("pbx")
        request.headers.set("Call-ID", f"call{next(numbers)}")
        client.authorize(request)
        for value in request.headers.get_all("Authorization"):
            used = parse_digest(value)
            assert used["realm"] in asked
            counts[used["nonce"]] = counts.get(used["nonce"], 0) + 1
            assert int(used["nc"], 16) == counts[used["nonce"]]
        if step.startswith("challenge"):
            realm = "other" if step.endswith("other") else "lab"
            asked.add(realm)
            text = str(Challenge(realm=realm, nonce=f"n{next(numbers)}", qop=("auth",)))
            client.challenged(challenged_by([text] * (2 if step.endswith("twice") else 1)), request)
        elif step == "gift":
            accepted = Response(200, "OK")
            accepted.headers.add("Authentication-Info", f'nextnonce="n{next(numbers)}"')
            client.accepted(accepted, request)


@given(
    realm=st.from_regex(r"[A-Za-z0-9 @.]{1,12}", fullmatch=True),
    user=NAMES,
    password=NAMES,
    nonce=st.from_regex(r"[A-Za-z0-9/+=]{1,20}", fullmatch=True),
    algorithm=st.sampled_from(["MD5", "SHA-256", "MD5-sess", "SHA-256-sess"]),
    path=st.from_regex(r"/[a-z0-9]{0,8}", fullmatch=True),
)
def test_httpx_makes_the_same_response(
    realm: str, user: str, password: str, nonce: str, algorithm: str, path: str
) -> None:
    """An independent client, given the same challenge, computes what we compute from its parameters."""
    auth = httpx.DigestAuth(user, password)
    flow = auth.sync_auth_flow(httpx.Request("GET", f"http://pbx{path}"))
    asked = next(flow)
    challenge = str(Challenge(realm=realm, nonce=nonce, algorithm=algorithm, qop=("auth",)))
    answered = flow.send(httpx.Response(401, headers={"WWW-Authenticate": challenge}, request=asked))
    found = parse_digest(answered.headers["Authorization"])
    account = DigestAccount(username=user, password=Secret(password))
    assert found["response"] == digest_response(account, "GET", found)


@given(
    realm=st.from_regex(r"[A-Za-z0-9 @.]{1,12}", fullmatch=True),
    user=NAMES,
    algorithm=st.sampled_from(ALGORITHMS),
    qop=st.sampled_from([("auth",), ("auth-int",)]),
)
def test_sipmessage_reads_what_we_write(realm: str, user: str, algorithm: str, qop: tuple[str, ...]) -> None:
    """Challenge and credentials have the shape that an independent reader expects."""
    challenge = Challenge(realm=realm, nonce="n==", algorithm=algorithm, qop=qop, opaque="o")
    read = sipmessage.AuthChallenge.parse(str(challenge))
    assert (read.scheme, read.parameters["realm"], read.parameters["qop"]) == ("Digest", realm, qop[0])
    client = DigestClient(DigestAccount(username=user, password=Secret("secret")), token=lambda: "c")
    request = a_request("pbx")
    client.challenged(challenged_by([str(challenge)]), request)
    client.authorize(request)
    written = request.headers.get("Authorization") or ""
    found = sipmessage.AuthCredentials.parse(written)
    assert found.scheme == "Digest"
    assert found.parameters is not None
    assert dict(found.parameters) == parse_digest(written)


@given(nonce=st.from_regex(r"[a-z0-9]{12,20}", fullmatch=True), session=st.booleans())
def test_no_repr_tells_a_secret(nonce: str, session: bool) -> None:
    """Neither password nor nonce, key or response: anything of ours may be logged."""
    client = DigestClient(DigestAccount(username="agent", password=Secret("hunter2")), token=lambda: "cn0nce")
    request = a_request("pbx")
    challenge = Challenge(
        realm="lab", nonce=nonce, algorithm="MD5-sess" if session else "MD5", qop=("auth",), opaque="0paque"
    )
    client.challenged(challenged_by([str(challenge)]), request)
    client.authorize(request)
    used = parse_digest(request.headers.get("Authorization") or "")
    shown = repr([client, *client._nonces.values(), challenge, request])
    for secret in ("hunter2", nonce, "cn0nce", "0paque", used["response"]):
        assert secret not in shown
