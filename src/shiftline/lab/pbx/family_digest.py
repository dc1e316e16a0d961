"""Digest authentication as a family does it: its nonces, how long they hold, how it challenges."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from shiftline.lab.pbx.bank.draw import Settings
from shiftline.lab.pbx.config import PracticePbxConfig
from shiftline.lab.pbx.personality import Personality
from shiftline.lab.pbx.visit import Visit
from shiftline.secrets import Secret
from shiftline.sip.digest_server import DigestServer, DigestVerdict
from shiftline.sip.digest_values import Challenge, credentials_for
from shiftline.sip.message import Request

_MOST_NONCES = 50_000
_COMPLETE = frozenset({"nonce", "uri", "response"})


@dataclass(slots=True)
class _Nonce:
    given_at: float
    source: str
    uses: int = 0


class FamilyDigest:
    """Challenges and verifies; times are monotonic seconds."""

    def __init__(
        self,
        config: PracticePbxConfig,
        personality: Personality,
        settings: Settings,
        *,
        password_of: Callable[[str], Secret | None],
        random: Random,
    ) -> None:
        self._personality = personality
        self._settings = settings
        self._qop = config.qop if personality.offers_qop else ()
        self._random = random
        self._nonces: dict[str, _Nonce] = {}
        self._server = DigestServer(
            settings.realm,
            password_of,
            token=lambda: "unused",  # the nonces are the family's
            algorithms=(settings.algorithm,),
            qop=config.qop,
        )

    def credentials(self, request: Request) -> dict[str, str]:
        """The digest credentials for its realm; empty without any."""
        for header in self._headers(request.method):
            found = credentials_for(request, header, self._settings.realm)
            if found:
                return found
        return {}

    def verify(self, visit: Visit) -> DigestVerdict:
        """Judge the credentials of a request; a use of the nonce is counted."""
        if not visit.digest:
            return DigestVerdict.MISSING
        verdict = self._server.verify(self._with_one_header(visit.request), visit.now)
        if verdict is DigestVerdict.MALFORMED and self._personality.compares_uri:
            return verdict
        if verdict is DigestVerdict.MALFORMED:  # families compare the digest and nothing else
            is_complete = visit.digest.keys() >= _COMPLETE
            return DigestVerdict.WRONG_PASSWORD if is_complete else verdict
        if verdict not in (DigestVerdict.OK, DigestVerdict.STALE):
            return verdict
        return DigestVerdict.OK if self._takes(visit) else DigestVerdict.STALE

    def challenge(self, visit: Visit, *, stale: bool = False) -> tuple[int, tuple[str, str]]:
        """Status and header of a challenge with a new nonce."""
        status = self._personality.challenge_status(visit.method)
        nonce = self._personality.nonce(self._random, visit.now)
        self._nonces[nonce] = _Nonce(visit.now, visit.source)
        if len(self._nonces) > _MOST_NONCES:
            del self._nonces[next(iter(self._nonces))]
        value = Challenge(
            realm=self._settings.realm,
            nonce=nonce,
            algorithm=self._settings.announced_algorithm or self._settings.algorithm,
            qop=self._qop,
            opaque=f"{self._random.getrandbits(64):016x}" if self._personality.has_opaque else None,
            stale=stale and self._personality.says_stale,
        )
        return status, ("Proxy-Authenticate" if status == 407 else "WWW-Authenticate", str(value))

    def _headers(self, method: str) -> tuple[str, str]:
        """Where credentials are looked for, first and second."""
        if self._personality.challenge_status(method) == 407:
            return "Proxy-Authorization", "Authorization"
        return "Authorization", "Proxy-Authorization"

    def _with_one_header(self, request: Request) -> Request:
        """A request with credentials in both headers, reduced to the one that is looked at first."""
        first, second = self._headers(request.method)
        if first not in request.headers or second not in request.headers:
            return request
        headers = request.headers.copy()
        headers.remove(second)
        return Request(request.method, request.uri, headers, request.body)

    def _takes(self, visit: Visit) -> bool:
        nonce = self._nonces.get(visit.digest["nonce"])
        if nonce is None or visit.now - nonce.given_at > self._settings.nonce_seconds:
            return False
        if self._personality.nonce_is_of_source and nonce.source != visit.source:
            return False
        nonce.uses += 1
        return not self._settings.nonce_uses or nonce.uses <= self._settings.nonce_uses
