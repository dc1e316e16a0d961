"""The server side of Digest authentication (RFC 7616 section 3.4, RFC 3261 section 22.4)."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable
from enum import Enum, auto

from shiftline.errors import MisuseError, SipSyntaxError
from shiftline.secrets import Secret
from shiftline.sip.digest import ALGORITHMS, Challenge, DigestAccount, credentials_for, digest_response
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
        algorithm: str = "MD5",
        nonce_seconds: float = 300,
    ) -> None:
        """``password_of`` knows the users; ``token`` feeds the nonces and the key that signs them."""
        if algorithm not in ALGORITHMS:
            raise MisuseError(
                f"There is no digest algorithm {algorithm!r}.", remedy=f"Use {', '.join(ALGORITHMS)}."
            )
        self._realm = realm
        self._password_of = password_of
        self._algorithm = algorithm
        self._token = token
        self._nonce_seconds = nonce_seconds
        self._key = (token() + token()).encode()

    def challenge(self, now: float, *, stale: bool = False) -> str:
        """A WWW-Authenticate or Proxy-Authenticate value with a nonce that lives ``nonce_seconds``."""
        stamp = f"{int(now * 1000):x}.{self._token()}"
        nonce = f"{stamp}.{self._signature(stamp)}"
        return str(
            Challenge(realm=self._realm, nonce=nonce, algorithm=self._algorithm, qop=("auth",), stale=stale)
        )

    def verify(self, request: Request, now: float) -> DigestVerdict:
        """Judge the credentials for our realm in Authorization or Proxy-Authorization."""
        credentials = self._credentials(request)
        if credentials is None:
            return DigestVerdict.MISSING
        if not self._well_formed(credentials, request):
            return DigestVerdict.MALFORMED
        password = self._password_of(credentials["username"])
        if password is None:
            return DigestVerdict.UNKNOWN_USER
        account = DigestAccount(username=credentials["username"], password=password)
        expected = digest_response(account, request.method, credentials)
        if not hmac.compare_digest(
            expected.encode(), credentials["response"].lower().encode(errors="replace")
        ):
            return DigestVerdict.WRONG_PASSWORD
        return DigestVerdict.OK if self._is_current(credentials["nonce"], now) else DigestVerdict.STALE

    def username_of(self, request: Request) -> str | None:
        """The user name that the request claims for our realm, unproven; None without credentials."""
        credentials = self._credentials(request)
        return credentials.get("username") if credentials else None

    def _credentials(self, request: Request) -> dict[str, str] | None:
        return credentials_for(request, "Authorization", self._realm) or credentials_for(
            request, "Proxy-Authorization", self._realm
        )

    def _well_formed(self, credentials: dict[str, str], request: Request) -> bool:
        needed = {"username", "nonce", "uri", "response"}
        if "qop" in credentials:
            needed |= {"nc", "cnonce"}
        return (
            needed <= credentials.keys()
            and credentials["username"].isprintable()
            and credentials.get("qop", "auth") == "auth"
            and credentials.get("algorithm", "MD5").upper() == self._algorithm
            and _same_uri(credentials["uri"], request.uri)
        )

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
