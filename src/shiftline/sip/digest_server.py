"""The server side of Digest authentication (RFC 7616 section 3.4, RFC 3261 section 22.4)."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Sequence
from dataclasses import replace
from enum import Enum, auto

from shiftline.errors import MisuseError, SipSyntaxError
from shiftline.secrets import Secret
from shiftline.sip.digest_values import (
    ALGORITHMS,
    QUALITIES,
    AuthenticationInfo,
    Challenge,
    DigestAccount,
    account_key,
    canonical_algorithm,
    claimed_user,
    credentials_for,
    digest_response,
    keyed_response,
)
from shiftline.sip.grammar import TOKEN
from shiftline.sip.message import Request
from shiftline.sip.uri import SipUri


class DigestVerdict(Enum):
    """What the credentials of a request are worth."""

    MISSING = auto()
    OK = auto()
    STALE = auto()
    """The digest is right, the nonce is too old or not ours: challenge again with ``stale=True``."""
    WRONG_PASSWORD = auto()
    UNKNOWN_USER = auto()
    MALFORMED = auto()


class DigestServer:
    """Challenges and verifies for one realm. Nonces carry their own age, so nothing is stored per challenge.

    Nonce counts are not checked: the transaction layer already absorbs a datagram sent twice.
    """

    def __init__(
        self,
        realm: str,
        password_of: Callable[[str], Secret | None],
        *,
        token: Callable[[], str],
        algorithms: Sequence[str] = ("MD5",),
        qop: Sequence[str] = ("auth",),
        nonce_seconds: float = 300,
        user_of_hash: Callable[[str], str | None] | None = None,
    ) -> None:
        """``password_of`` knows the users; ``token`` feeds the nonces and the key that signs them.

        ``algorithms`` are offered in this order, one challenge each. ``qop`` says which qualities are good
        enough: ("auth-int",) demands that the body be covered. With ``user_of_hash``, which finds the user
        of a `hashed_username`, clients are asked to hide the name (RFC 7616 section 3.4.4).
        """
        if not algorithms or not qop or not {*algorithms} <= {*ALGORITHMS} or not {*qop} <= {*QUALITIES}:
            raise MisuseError(
                f"There is no digest with algorithms {algorithms!r} and qop {qop!r}.",
                remedy=f"Use some of {', '.join(ALGORITHMS)} and of {', '.join(QUALITIES)}.",
            )
        self._realm = realm
        self._password_of = password_of
        self._algorithms = tuple(algorithms)
        self._qop = tuple(qop)
        self._token = token
        self._nonce_seconds = nonce_seconds
        self._user_of_hash = user_of_hash
        self._key = (token() + token()).encode()

    def challenge(self, now: float, *, stale: bool = False, algorithm: str = "") -> str:
        """A WWW-Authenticate or Proxy-Authenticate value with a nonce that lives ``nonce_seconds``."""
        return str(
            Challenge(
                realm=self._realm,
                nonce=self._new_nonce(now),
                algorithm=algorithm or self._algorithms[0],
                qop=self._qop,
                stale=stale,
                userhash=self._user_of_hash is not None,
            )
        )

    def challenges(self, now: float, *, stale: bool = False) -> list[str]:
        """One value per algorithm, the preferred one first, each for a row of its own (RFC 8760)."""
        return [self.challenge(now, stale=stale, algorithm=algorithm) for algorithm in self._algorithms]

    def verify(self, request: Request, now: float) -> DigestVerdict:
        """Judge the credentials for our realm in Authorization or Proxy-Authorization."""
        credentials = self._credentials(request)
        if credentials is None:
            return DigestVerdict.MISSING
        if not self._well_formed(credentials, request):
            return DigestVerdict.MALFORMED
        account = self._account_of(credentials)
        if account is None:
            return DigestVerdict.UNKNOWN_USER
        expected = digest_response(account, request.method, credentials, request.body)
        if not hmac.compare_digest(
            expected.encode(), credentials["response"].lower().encode(errors="replace")
        ):
            return DigestVerdict.WRONG_PASSWORD
        return DigestVerdict.OK if self._is_current(credentials["nonce"], now) else DigestVerdict.STALE

    def authentication_info(
        self, request: Request, now: float, *, next_nonce: bool, body: bytes = b""
    ) -> str:
        """The Authentication-Info of the answer to a verified request (RFC 7616 section 3.5).

        It proves that we know the password; ``body`` is the answer's own. With ``next_nonce`` it also hands
        out the nonce to use next. Raises MisuseError for a request that was not verified.
        """
        credentials = self._credentials(request)
        account = self._account_of(credentials) if credentials is not None else None
        if credentials is None or account is None:
            raise MisuseError("Only a verified request is told about its authentication.")
        info = AuthenticationInfo(nextnonce=self._new_nonce(now) if next_nonce else None)
        if "qop" in credentials:
            key = account_key(account, self._realm, canonical_algorithm(credentials.get("algorithm", "MD5")))
            proof = keyed_response(key, "", credentials, body)
            used = {name: credentials[name] for name in ("cnonce", "nc", "qop")}
            info = replace(info, rspauth=proof, **used)
        return str(info)

    def username_of(self, request: Request) -> str | None:
        """The user name that the request claims for our realm, unproven; None without credentials."""
        credentials = self._credentials(request)
        return self._user_of(credentials) if credentials else None

    def _credentials(self, request: Request) -> dict[str, str] | None:
        return credentials_for(request, "Authorization", self._realm) or credentials_for(
            request, "Proxy-Authorization", self._realm
        )

    def _user_of(self, credentials: dict[str, str]) -> str | None:
        claimed = claimed_user(credentials)
        if claimed is not None and credentials.get("userhash", "").lower() == "true":
            return self._user_of_hash(claimed) if self._user_of_hash is not None else None
        return claimed

    def _account_of(self, credentials: dict[str, str]) -> DigestAccount | None:
        user = self._user_of(credentials)
        password = self._password_of(user) if user is not None else None
        if user is None or password is None:
            return None
        return DigestAccount(username=user, password=password)

    def _well_formed(self, credentials: dict[str, str], request: Request) -> bool:
        user = claimed_user(credentials)
        needed = {"nonce", "uri", "response"}
        if "qop" in credentials:
            needed |= {"nc", "cnonce"}
        algorithm = canonical_algorithm(credentials.get("algorithm", "MD5"))
        return (
            needed <= credentials.keys()
            and user is not None
            and user.isprintable()
            and self._good_enough(credentials.get("qop"), algorithm)
            and TOKEN.fullmatch(credentials.get("nc", "1")) is not None
            and algorithm in self._algorithms
            and _same_uri(credentials["uri"], request.uri)
        )

    def _good_enough(self, quality: str | None, algorithm: str) -> bool:
        if quality is not None:
            return quality in self._qop
        return "auth" in self._qop and not algorithm.endswith("-sess")  # a peer of RFC 2069

    def _new_nonce(self, now: float) -> str:
        stamp = f"{int(now * 1000):x}.{self._token()}"
        return f"{stamp}.{self._signature(stamp)}"

    def _is_current(self, nonce: str, now: float) -> bool:
        stamp, _, signature = nonce.rpartition(".")
        if not hmac.compare_digest(signature.encode(errors="replace"), self._signature(stamp).encode()):
            return False
        return now - int(stamp.partition(".")[0], 16) / 1000 <= self._nonce_seconds

    def _signature(self, stamp: str) -> str:
        return hmac.new(self._key, stamp.encode(errors="replace"), hashlib.sha256).hexdigest()[:16]


def _same_uri(text: str, uri: SipUri) -> bool:
    try:
        return SipUri.parse(text) == uri
    except SipSyntaxError:
        return False
