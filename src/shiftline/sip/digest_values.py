"""The values of Digest authentication: challenges, credentials, accounts and their hashes (RFC 7616, 8760).

Text is hashed as UTF-8, whether or not the challenge says ``charset``: SIP knows no other (RFC 3261
section 25.1).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from urllib.parse import quote as percent_encode
from urllib.parse import unquote as percent_decode

from shiftline.errors import ConfigurationError, SipSyntaxError
from shiftline.secrets import Secret
from shiftline.sip.grammar import TOKEN, quote, require_token, split_list, split_parameters, unquote
from shiftline.sip.message import Request

SESSION_SUFFIX = "-sess"
_HASHES: Mapping[str, Callable[[bytes], str]] = MappingProxyType(
    {
        "MD5": lambda data: hashlib.md5(data, usedforsecurity=False).hexdigest(),
        "SHA-256": lambda data: hashlib.sha256(data).hexdigest(),
        "SHA-512-256": lambda data: hashlib.new("sha512_256", data).hexdigest(),
    }
)
ALGORITHMS = (*_HASHES, *(f"{name}{SESSION_SUFFIX}" for name in _HASHES))
"""Every algorithm we have, as RFC 7616 writes it."""
QUALITIES = ("auth", "auth-int")
"""Every quality of protection we have; of those that a server offers, the first is taken."""
_SPELLINGS = MappingProxyType({name.upper(): name for name in ALGORITHMS})
_SCHEME = re.compile(rf"(?P<scheme>{TOKEN.pattern})(?:\s+(?P<rest>.*))?", re.DOTALL)


def parse_digest(value: str) -> dict[str, str]:
    """The parameters of one challenge or of credentials. Raises SipSyntaxError for another scheme."""
    scheme, _, rest = value.strip().partition(" ")
    if scheme.lower() != "digest":
        raise SipSyntaxError(f"The scheme {scheme[:20]!r} is not Digest.")
    return _parameters_of(rest)


def split_challenges(value: str) -> list[str]:
    """The challenges of one row: some servers join them by commas, as HTTP does (RFC 7616 section 3.3)."""
    challenges: list[list[str]] = []
    for part in split_list(value):
        found = _SCHEME.fullmatch(part)
        begins = found is not None and not (found["rest"] or "").startswith("=")
        if begins or not challenges:
            challenges.append([part])
        else:
            challenges[-1].append(part)
    return [", ".join(parts) for parts in challenges]


@dataclass(frozen=True, slots=True, kw_only=True)
class Challenge:
    """A WWW-Authenticate or Proxy-Authenticate value (RFC 7616 section 3.3)."""

    realm: str
    nonce: str = field(repr=False)
    algorithm: str = "MD5"
    qop: tuple[str, ...] = ()
    opaque: str | None = field(default=None, repr=False)
    stale: bool = False
    userhash: bool = False
    """The server wants the user name hashed (section 3.4.4)."""
    charset: str = ""

    @classmethod
    def parse(cls, value: str) -> Challenge:
        """Read a Digest challenge. Raises SipSyntaxError, also for other schemes."""
        parameters = parse_digest(value)
        if "realm" not in parameters or "nonce" not in parameters:
            raise SipSyntaxError("A challenge lacks its realm or nonce.")
        return cls(
            realm=parameters["realm"],
            nonce=parameters["nonce"],
            algorithm=canonical_algorithm(parameters.get("algorithm", "MD5")),
            qop=tuple(part.lower() for part in split_list(parameters.get("qop", ""))),
            opaque=parameters.get("opaque"),
            stale=parameters.get("stale", "").lower() == "true",
            userhash=parameters.get("userhash", "").lower() == "true",
            charset=parameters.get("charset", "").upper(),
        )

    @property
    def answerable(self) -> bool:
        """Whether we know the algorithm and a quality of protection it offers."""
        if self.algorithm not in ALGORITHMS:
            return False
        # Without qop there is no cnonce (RFC 7616 section 3.4), and without that no session key.
        return self.quality is not None or not (self.qop or self.is_session)

    @property
    def quality(self) -> str | None:
        """The offered quality of protection that we take: ``auth`` before ``auth-int``; None for none."""
        return next((quality for quality in QUALITIES if quality in self.qop), None)

    @property
    def is_session(self) -> bool:
        """Whether nonce and cnonce go into the key (RFC 7616 section 3.4.2)."""
        return self.algorithm.endswith(SESSION_SUFFIX)

    def __str__(self) -> str:
        parts = [f"realm={quote(self.realm)}", f"nonce={quote(self.nonce)}", f"algorithm={self.algorithm}"]
        if self.qop:
            parts.append(f"qop={quote(','.join(self.qop))}")
        if self.opaque is not None:
            parts.append(f"opaque={quote(self.opaque)}")
        if self.stale:
            parts.append("stale=true")
        if self.charset:
            parts.append(f"charset={self.charset}")
        if self.userhash:
            parts.append("userhash=true")
        return f"Digest {', '.join(parts)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class DigestAccount:
    """Whom we say we are."""

    username: str
    password: Secret

    def __post_init__(self) -> None:
        if not self.username.isprintable():
            raise ConfigurationError("The SIP user name holds a line break or another control character.")


def canonical_algorithm(name: str) -> str:
    """The algorithm's name as RFC 7616 writes it; upper case where we do not know it."""
    return _SPELLINGS.get(name.upper(), name.upper())


def hashed_username(username: str, realm: str, algorithm: str) -> str:
    """The user name that a server asks for with ``userhash`` (RFC 7616 section 3.4.4)."""
    return _hash(algorithm, f"{username}:{realm}")


def named_user(username: str, challenge: Challenge) -> dict[str, str]:
    """The quoted parameters that name the user to the challenger (RFC 7616 sections 3.4 and 3.4.4)."""
    if challenge.userhash:
        return {"username": hashed_username(username, challenge.realm, challenge.algorithm)}
    if challenge.charset == "UTF-8" and not username.isascii():
        return {"username*": f"UTF-8''{percent_encode(username, safe='', errors='surrogateescape')}"}
    return {"username": username}


def claimed_user(credentials: Mapping[str, str]) -> str | None:
    """The user name in credentials, from ``username`` or ``username*``; a hashed one comes as it is."""
    if (extended := credentials.get("username*")) is None:
        return credentials.get("username")
    charset, quoted, rest = extended.partition("'")
    _language, quoted_again, value = rest.partition("'")
    if charset.upper() != "UTF-8" or not quoted or not quoted_again:
        return None
    return percent_decode(value, errors="surrogateescape")


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthenticationInfo:
    """The value of Authentication-Info (RFC 7616 section 3.5); its repr tells no nonce and no digest."""

    nextnonce: str | None = field(default=None, repr=False)
    rspauth: str | None = field(default=None, repr=False)
    cnonce: str | None = field(default=None, repr=False)
    qop: str | None = None
    nc: str | None = None

    @classmethod
    def parse(cls, text: str) -> AuthenticationInfo:
        """Read the value; parameters we do not know are skipped. Raises SipSyntaxError when none is left."""
        read = _parameters_of(text)
        known = {name: read[name] for name in ("nextnonce", "rspauth", "cnonce", "qop", "nc") if name in read}
        if not known:
            raise SipSyntaxError("An Authentication-Info has no parameter that we know.")
        return cls(**known)

    def __str__(self) -> str:
        """Write the value. Raises MisuseError for what cannot be written."""
        quoted = {"nextnonce": self.nextnonce, "rspauth": self.rspauth, "cnonce": self.cnonce}
        plain = {"qop": self.qop, "nc": self.nc}
        parts = [f"{name}={quote(value)}" for name, value in quoted.items() if value is not None]
        parts += [
            f"{name}={require_token(value, name)}" for name, value in plain.items() if value is not None
        ]
        return ", ".join(parts)


def account_key(account: DigestAccount, realm: str, algorithm: str) -> str:
    """H(username:realm:password), which opens every nonce of that realm: as secret as the password."""
    return _hash(algorithm, f"{account.username}:{realm}:{account.password.reveal()}")


def keyed_response(key: str, method: str, credentials: Mapping[str, str], body: bytes = b"") -> str:
    """The ``response`` of RFC 7616 section 3.4.1, in lower-case hexadecimal, from an `account_key`.

    ``credentials`` holds nonce, uri, and where they apply algorithm, qop, nc and cnonce. With an empty
    ``method`` it is the server's ``rspauth`` (section 3.5).
    """
    algorithm = canonical_algorithm(credentials.get("algorithm", "MD5"))
    if algorithm.endswith(SESSION_SUFFIX):
        key = _hash(algorithm, f"{key}:{credentials['nonce']}:{credentials['cnonce']}")
    a2 = f"{method}:{credentials['uri']}"
    middle = ""
    if "qop" in credentials:
        middle = f"{credentials['nc']}:{credentials['cnonce']}:{credentials['qop']}:"
        if credentials["qop"] == "auth-int":
            a2 += f":{_HASHES[algorithm.removesuffix(SESSION_SUFFIX)](body)}"
    return _hash(algorithm, f"{key}:{credentials['nonce']}:{middle}{_hash(algorithm, a2)}")


def digest_response(
    account: DigestAccount, method: str, credentials: Mapping[str, str], body: bytes = b""
) -> str:
    """`keyed_response` for an account; ``credentials`` also holds the realm."""
    algorithm = canonical_algorithm(credentials.get("algorithm", "MD5"))
    return keyed_response(account_key(account, credentials["realm"], algorithm), method, credentials, body)


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


def _parameters_of(text: str) -> dict[str, str]:
    """The ``name=value`` pairs of a comma-separated list; of repeated names, the first."""
    parameters: dict[str, str] = {}
    for part in split_parameters(text, ","):
        name, equals, value = part.partition("=")
        if equals:
            parameters.setdefault(name.strip().lower(), unquote(value.strip()))
    return parameters


def _hash(algorithm: str, text: str) -> str:
    return _HASHES[algorithm.removesuffix(SESSION_SUFFIX)](text.encode(errors="surrogateescape"))
