"""Digest authentication: its values and the client (RFC 7616, 2617, 8760; in SIP, RFC 3261 section 22)."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum, auto

from shiftline.errors import ConfigurationError, SipSyntaxError
from shiftline.secrets import Secret
from shiftline.sip.grammar import quote, split_list, unquote
from shiftline.sip.headers import CSeq
from shiftline.sip.message import Request, Response

ALGORITHMS = {"MD5": "md5", "SHA-256": "sha256", "SHA-512-256": "sha512_256"}
_REMEMBERED_CALLS = 16384
_REMEMBERED_REALMS = 4
_MOST_ROUNDS = 3
"""Challenges in a row for one call: a proxy's, a registrar's and a stale nonce. More would have no end."""
_HEADERS = {401: ("WWW-Authenticate", "Authorization"), 407: ("Proxy-Authenticate", "Proxy-Authorization")}


def parse_digest(value: str) -> dict[str, str]:
    """The parameters of a challenge or of credentials. Raises SipSyntaxError for another scheme."""
    scheme, _, rest = value.strip().partition(" ")
    if scheme.lower() != "digest":
        raise SipSyntaxError(f"The scheme {scheme[:20]!r} is not Digest.")
    parameters: dict[str, str] = {}
    for part in split_list(rest):
        name, equals, text = part.partition("=")
        if equals:
            parameters.setdefault(name.strip().lower(), unquote(text.strip()))
    return parameters


@dataclass(frozen=True, slots=True, kw_only=True)
class Challenge:
    """A WWW-Authenticate or Proxy-Authenticate value (RFC 7616 section 3.3)."""

    realm: str
    nonce: str
    algorithm: str = "MD5"
    qop: tuple[str, ...] = ()
    opaque: str | None = None
    stale: bool = False

    @classmethod
    def parse(cls, value: str) -> Challenge:
        """Read a Digest challenge. Raises SipSyntaxError, also for other schemes."""
        parameters = parse_digest(value)
        if "realm" not in parameters or "nonce" not in parameters:
            raise SipSyntaxError("A challenge lacks its realm or nonce.")
        return cls(
            realm=parameters["realm"],
            nonce=parameters["nonce"],
            algorithm=parameters.get("algorithm", "MD5").upper(),
            qop=tuple(part.lower() for part in split_list(parameters.get("qop", ""))),
            opaque=parameters.get("opaque"),
            stale=parameters.get("stale", "").lower() == "true",
        )

    @property
    def answerable(self) -> bool:
        """Whether we know the algorithm and a quality of protection it offers."""
        return self.algorithm in ALGORITHMS and (not self.qop or "auth" in self.qop)

    def __str__(self) -> str:
        parts = [f"realm={quote(self.realm)}", f"nonce={quote(self.nonce)}", f"algorithm={self.algorithm}"]
        if self.qop:
            parts.append(f"qop={quote(','.join(self.qop))}")
        if self.opaque is not None:
            parts.append(f"opaque={quote(self.opaque)}")
        if self.stale:
            parts.append("stale=true")
        return f"Digest {', '.join(parts)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class DigestAccount:
    """Whom we say we are."""

    username: str
    password: Secret

    def __post_init__(self) -> None:
        if not self.username.isprintable():
            raise ConfigurationError("The SIP user name holds a line break or another control character.")


def digest_response(account: DigestAccount, method: str, credentials: Mapping[str, str]) -> str:
    """The ``response`` of RFC 7616 section 3.4.1, in lower-case hexadecimal, for qop ``auth`` or none.

    ``credentials`` holds realm, nonce, uri, and where they apply algorithm, qop, nc and cnonce.
    """
    algorithm = ALGORITHMS[credentials.get("algorithm", "MD5").upper()]

    def digest(text: str) -> str:
        return hashlib.new(algorithm, text.encode(errors="surrogateescape")).hexdigest()

    a1 = digest(f"{account.username}:{credentials['realm']}:{account.password.reveal()}")
    a2 = digest(f"{method}:{credentials['uri']}")
    middle = [credentials[name] for name in ("nc", "cnonce", "qop")] if "qop" in credentials else []
    return digest(":".join([a1, credentials["nonce"], *middle, a2]))


class ChallengeOutcome(Enum):
    """What a 401 or 407 means for the request it answers."""

    RETRY = auto()
    """A nonce is now known: authorize a fresh copy and send it."""
    REFUSED = auto()
    """The credentials came from a current nonce and are not accepted: sending them again changes nothing."""
    UNSUPPORTED = auto()
    """There is no challenge that we can answer, or no end of them."""


@dataclass(slots=True)
class _Nonce:
    challenge: Challenge
    header: str
    uses: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Challenged:
    """The last challenge of a call, and how many in a row it had by then."""

    cseq: int
    round: int


class DigestClient:
    """Answers challenges for one account towards one server from one source.

    A nonce is used until it is challenged again, so a burst of N requests costs N+1.
    """

    def __init__(self, account: DigestAccount, *, token: Callable[[], str]) -> None:
        self._account = account
        self._token = token
        self._nonces: dict[str, _Nonce] = {}
        self._calls: OrderedDict[str, _Challenged] = OrderedDict()

    def authorize(self, request: Request) -> bool:
        """Add credentials for every realm whose nonce is known; False when none is.

        Call it on each copy anew: the credentials cover method and Request-URI and count the nonce's uses.
        """
        for nonce in self._nonces.values():
            request.headers.remove(nonce.header)
        for nonce in self._nonces.values():
            nonce.uses += 1
            request.headers.add(nonce.header, self._credentials(nonce, request))
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
        before = self._calls.get(call_id)
        rounds = before.round if before is not None and 0 <= cseq - before.cseq <= 1 else 0
        used = credentials_for(request, reply, challenge.realm)
        fresh = used is not None and (rounds > 0 or self._is_first_use(used))
        if used is not None and used.get("nonce") == challenge.nonce:
            return ChallengeOutcome.REFUSED
        self._learn(challenge, reply)
        if fresh and not challenge.stale:
            return ChallengeOutcome.REFUSED
        if rounds == _MOST_ROUNDS:
            return ChallengeOutcome.UNSUPPORTED
        self._remember(call_id, _Challenged(cseq=cseq, round=rounds + 1))
        return ChallengeOutcome.RETRY

    def _is_first_use(self, used: dict[str, str]) -> bool:
        if "nc" in used:
            return used["nc"] == "00000001"
        known = self._nonces.get(used["realm"])
        return known is not None and known.challenge.nonce == used.get("nonce") and known.uses == 1

    def _learn(self, challenge: Challenge, header: str) -> None:
        known = self._nonces.get(challenge.realm)
        if known is None or known.challenge.nonce != challenge.nonce:
            self._nonces[challenge.realm] = _Nonce(challenge, header)
            while len(self._nonces) > _REMEMBERED_REALMS:
                del self._nonces[next(iter(self._nonces))]

    def _remember(self, call_id: str, challenged: _Challenged) -> None:
        self._calls[call_id] = challenged
        self._calls.move_to_end(call_id)
        if len(self._calls) > _REMEMBERED_CALLS:
            self._calls.popitem(last=False)

    def _credentials(self, nonce: _Nonce, request: Request) -> str:
        challenge = nonce.challenge
        quoted = {
            "username": self._account.username,
            "realm": challenge.realm,
            "nonce": challenge.nonce,
            "uri": str(request.uri),
        }
        plain = {"algorithm": challenge.algorithm}
        if challenge.qop:
            quoted["cnonce"] = self._token()
            plain |= {"qop": "auth", "nc": f"{nonce.uses:08x}"}
        quoted["response"] = digest_response(self._account, request.method, quoted | plain)
        if challenge.opaque is not None:
            quoted["opaque"] = challenge.opaque
        parts = [f"{name}={quote(value)}" for name, value in quoted.items()]
        parts += [f"{name}={value}" for name, value in plain.items()]
        return f"Digest {', '.join(parts)}"


def _best_challenge(response: Response, header: str) -> Challenge | None:
    # The server lists its challenges in order of preference (RFC 8760 section 2.4).
    for value in response.headers.get_all(header) if header else ():
        try:
            challenge = Challenge.parse(value)
        except SipSyntaxError:
            continue  # another scheme, or nonsense beside a challenge that we may understand
        if challenge.answerable:
            return challenge
    return None


def _call_of(request: Request) -> tuple[str, int]:
    return request.headers.get("Call-ID") or "", CSeq.parse(request.headers.get("CSeq") or "").number


def credentials_for(request: Request, header: str, realm: str) -> dict[str, str] | None:
    """The Digest credentials for ``realm`` in the rows called ``header``, or None."""
    for value in request.headers.get_all(header):
        try:
            credentials = parse_digest(value)
        except SipSyntaxError:
            continue  # credentials of another scheme answer no Digest challenge
        if credentials.get("realm") == realm:
            return credentials
    return None
