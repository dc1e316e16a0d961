"""Digest authentication: the client (RFC 7616, 2617, 8760; in SIP, RFC 3261 section 22)."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from enum import Enum, auto
from hmac import compare_digest

from shiftline.errors import SipSyntaxError
from shiftline.sip.digest_values import (
    ALGORITHMS,
    AuthenticationInfo,
    Challenge,
    DigestAccount,
    account_key,
    credentials_for,
    digest_response,
    keyed_response,
    named_user,
    parse_digest,
    split_challenges,
)
from shiftline.sip.grammar import quote
from shiftline.sip.message import Request, Response
from shiftline.sip.values import CSeq

__all__ = [
    "ALGORITHMS", "Challenge", "ChallengeOutcome", "DigestAccount", "DigestClient", "ServerProof",
    "credentials_for", "digest_response", "parse_digest",
]  # fmt: skip

_REMEMBERED_CALLS = 16384
_REMEMBERED_REALMS = 4
_REMEMBERED_GIFTS = 16
_MOST_ROUNDS = 3
"""Challenges in a row for one call: a proxy's, a registrar's and a stale nonce. More would have no end."""
_HEADERS = {401: ("WWW-Authenticate", "Authorization"), 407: ("Proxy-Authenticate", "Proxy-Authorization")}
_INFOS = (("Authentication-Info", "Authorization"), ("Proxy-Authentication-Info", "Proxy-Authorization"))


class ChallengeOutcome(Enum):
    """What a 401 or 407 means for the request it answers."""

    RETRY = auto()
    """A nonce is now known: authorize a fresh copy and send it."""
    REFUSED = auto()
    """The credentials came from a current nonce and are not accepted: sending them again changes nothing."""
    UNSUPPORTED = auto()
    """There is no challenge that we can answer, or no end of them."""


class ServerProof(Enum):
    """What an accepted request's answer shows of the server (``rspauth``, RFC 7616 section 3.5)."""

    ABSENT = auto()
    PROVEN = auto()
    """The server knows the account's password."""
    WRONG = auto()
    """It claims to and does not: the answer was made or changed by somebody else."""


@dataclass(slots=True)
class _Nonce:
    challenge: Challenge
    key: str = field(repr=False)
    session_cnonce: str = field(repr=False)
    """The one cnonce of a session algorithm: whichever of its uses a server keys on, it is the same."""
    uses: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Challenged:
    """The last challenge of a call, and how many in a row it had by then."""

    cseq: int
    round: int
    place: tuple[str, str]
    nonce: _Nonce


class DigestClient:
    """Answers challenges for one account towards one server from one source.

    Nonces are kept by (header, realm): server and source address are the instance's own, and a proxy and a
    registrar may challenge in the name of one realm (RFC 3261 section 22.3). A nonce is used until it is
    challenged again, so a burst of N requests costs N+1. A call that was challenged answers with the nonce
    that it was given, even if another call has got a newer one since: some servers keep one for each call.
    """

    def __init__(self, account: DigestAccount, *, token: Callable[[], str]) -> None:
        self._account = account
        self._token = token
        self._nonces: dict[tuple[str, str], _Nonce] = {}
        self._gifts: deque[str] = deque(maxlen=_REMEMBERED_GIFTS)
        self._calls: OrderedDict[str, _Challenged] = OrderedDict()

    def authorize(self, request: Request) -> bool:
        """Add credentials for every realm whose nonce is known; False when none is.

        Call it on each copy anew: the credentials cover method, Request-URI and (``auth-int``) body, and
        count the nonce's uses.
        """
        for header in {header for header, _ in self._nonces}:
            request.headers.remove(header)
        own = self._challenge_of(request)
        for place, newest in self._nonces.items():
            nonce = own.nonce if own is not None and own.place == place else newest
            nonce.uses += 1
            header = place[0]
            request.headers.add(header, self._credentials(nonce, request))
        return bool(self._nonces)

    def challenged(self, response: Response, request: Request) -> ChallengeOutcome:
        """Judge the 401 or 407 that answered ``request`` and keep its nonce.

        A first challenge, ``stale=true``, or a new nonce after an old cached one is worth one more try: some
        servers never say stale. Refused credentials that were fresh are a refusal: the first ones made from
        their nonce, or this call's answer (`requests.next_attempt`) to the challenge it just had. A server
        that challenges one call for ever, with new realms or stale nonces, is UNSUPPORTED.
        """
        offer, reply = _HEADERS.get(response.status, ("", ""))
        challenge = _best_challenge(response, offer)
        if challenge is None:
            return ChallengeOutcome.UNSUPPORTED
        call_id, cseq = _call_of(request)
        before = self._challenge_of(request)
        rounds = before.round if before is not None else 0
        used = credentials_for(request, reply, challenge.realm)
        fresh = used is not None and self._is_first_use(reply, used, before)
        if used is not None and used.get("nonce") == challenge.nonce:
            return ChallengeOutcome.REFUSED
        place, nonce = self._learn(challenge, reply)
        if fresh and not challenge.stale:
            return ChallengeOutcome.REFUSED
        if rounds == _MOST_ROUNDS:
            return ChallengeOutcome.UNSUPPORTED
        self._remember(call_id, _Challenged(cseq=cseq, round=rounds + 1, place=place, nonce=nonce))
        return ChallengeOutcome.RETRY

    def accepted(self, response: Response, request: Request) -> ServerProof:
        """Read the Authentication-Info of the answer to ``request``: check ``rspauth``, keep ``nextnonce``.

        A wrong ``rspauth`` brings no nonce. Of a session algorithm ``nextnonce`` is not kept: the standard
        leaves open which nonce would then be in the key, and one more challenge is the surer way.
        """
        for info, header in _INFOS:
            value = response.headers.get(info)
            used = self._sole_use(request, header) if value is not None else None
            if value is None or used is None:
                continue
            nonce, credentials = used
            try:
                told = AuthenticationInfo.parse(value)
            except SipSyntaxError:
                continue  # it says nothing that we know
            proof = _proof(nonce.key, credentials, told.rspauth, response.body)
            if proof is not ServerProof.WRONG:
                self._keep_next(nonce, credentials, told.nextnonce)
            return proof
        return ServerProof.ABSENT

    def _sole_use(self, request: Request, header: str) -> tuple[_Nonce, dict[str, str]] | None:
        """Our credentials in these rows. Authentication-Info names no realm, so there must be one only."""
        rows = request.headers.get_all(header)
        known = [nonce for (name, _), nonce in self._nonces.items() if name == header]
        if len(rows) != 1 or len(known) != 1:
            return None
        credentials = credentials_for(request, header, known[0].challenge.realm)
        return None if credentials is None else (known[0], credentials)

    def _keep_next(self, nonce: _Nonce, credentials: dict[str, str], following: str | None) -> None:
        current = nonce.challenge.nonce
        if not following or nonce.challenge.is_session or credentials.get("nonce") != current:
            return  # nothing new, or an answer that a newer one has overtaken
        if following != current:
            nonce.challenge = replace(nonce.challenge, nonce=following, stale=False)
            nonce.uses = 0
            self._gifts.append(following)

    def _challenge_of(self, request: Request) -> _Challenged | None:
        """What this call was challenged with, if this is its next attempt, or was."""
        call_id, cseq = _call_of(request)
        last = self._calls.get(call_id)
        return last if last is not None and 0 <= cseq - last.cseq <= 1 else None

    def _is_first_use(self, header: str, used: dict[str, str], own: _Challenged | None) -> bool:
        if used.get("nonce") in self._gifts:
            return False  # it came with an accepted answer, and may have grown old before its first use
        if "nc" in used:
            return used["nc"] == "00000001"
        newest = self._nonces.get((header, used["realm"]))
        known = (None if own is None else own.nonce, newest)
        return any(one and one.challenge.nonce == used.get("nonce") and one.uses == 1 for one in known)

    def _learn(self, challenge: Challenge, header: str) -> tuple[tuple[str, str], _Nonce]:
        place = (header, challenge.realm)
        known = self._nonces.get(place)
        if known is None or known.challenge.nonce != challenge.nonce:
            key = account_key(self._account, challenge.realm, challenge.algorithm)
            known = _Nonce(challenge, key, self._token() if challenge.is_session else "")
            self._nonces[place] = known
            while len(self._nonces) > _REMEMBERED_REALMS:
                del self._nonces[next(iter(self._nonces))]
        return place, known

    def _remember(self, call_id: str, challenged: _Challenged) -> None:
        self._calls[call_id] = challenged
        self._calls.move_to_end(call_id)
        if len(self._calls) > _REMEMBERED_CALLS:
            self._calls.popitem(last=False)

    def _credentials(self, nonce: _Nonce, request: Request) -> str:
        challenge = nonce.challenge
        name = named_user(self._account.username, challenge)
        quoted = {"realm": challenge.realm, "nonce": challenge.nonce, "uri": str(request.uri)}
        plain = {"algorithm": challenge.algorithm}
        if (quality := challenge.quality) is not None:
            quoted["cnonce"] = nonce.session_cnonce or self._token()
            plain |= {"qop": quality, "nc": f"{nonce.uses:08x}"}
        quoted["response"] = keyed_response(nonce.key, request.method, quoted | plain, request.body)
        if challenge.opaque is not None:
            quoted["opaque"] = challenge.opaque
        if challenge.userhash:
            plain["userhash"] = "true"
        # RFC 7616 section 3.4: the extended notation of username* stands without quotes.
        parts = [f"{key}={value if key.endswith('*') else quote(value)}" for key, value in name.items()]
        parts += [f"{key}={quote(value)}" for key, value in quoted.items()]
        parts += [f"{key}={value}" for key, value in plain.items()]
        return f"Digest {', '.join(parts)}"


def _proof(key: str, credentials: dict[str, str], claimed: str | None, body: bytes) -> ServerProof:
    if claimed is None:
        return ServerProof.ABSENT
    expected = keyed_response(key, "", credentials, body)
    given = claimed.lower().encode(errors="replace")
    return ServerProof.PROVEN if compare_digest(expected.encode(), given) else ServerProof.WRONG


def _best_challenge(response: Response, header: str) -> Challenge | None:
    # The server lists its challenges in order of preference (RFC 8760 section 2.4).
    rows = response.headers.get_all(header) if header else ()
    for value in (value for row in rows for value in split_challenges(row)):
        try:
            challenge = Challenge.parse(value)
        except SipSyntaxError:
            continue  # another scheme, or nonsense beside a challenge that we may understand
        if challenge.answerable:
            return challenge
    return None


def _call_of(request: Request) -> tuple[str, int]:
    return request.headers.get("Call-ID") or "", CSeq.parse(request.headers.get("CSeq") or "").number
