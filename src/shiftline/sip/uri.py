"""SIP URIs (RFC 3261 section 19.1) and tel URIs as far as From and To need them (RFC 3966).

``==`` compares the fields as they stand; `SipUri.equivalent` asks whether both name the same resource.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass, field
from urllib.parse import quote, unquote

from shiftline.errors import MisuseError, SipSyntaxError
from shiftline.sip.grammar import HOST, HOST_PATTERN, Parameters, parameter

_SIP_URI = re.compile(
    r"(?P<scheme>[sS][iI][pP][sS]?):"
    r"(?:(?P<user>[^@:\s<>\"]*)(?::(?P<password>[^@\s<>\"]*))?@)?"
    rf"(?P<host>{HOST_PATTERN})(?::(?P<port>[0-9]{{1,5}}))?"
    r"(?P<parameters>(?:;[^;?\s<>\"]*)*)(?:\?(?P<headers>[!#-;=?-~]*))?"
)
_HEADERS = re.compile(r"[!#-;=?-~]*")
_TEL_URI = re.compile(r"[tT][eE][lL]:(?P<number>[^;?@\s<>\"]+)(?P<parameters>(?:;[^;?\s<>\"]*)*)")

# What may stand unescaped beside letters, digits and "_.-~" (RFC 3261 section 25.1).
_UNRESERVED = "!*'()&=+$,"
_SAFE_IN_USER = f"{_UNRESERVED};?/"
_SAFE_IN_PARAMETER = "!*'()[]/:&+$"
_ALWAYS_COMPARED = frozenset({"user", "ttl", "method", "maddr", "transport"})
_MOST_BYTES = 8192
_PASSWORD = re.compile(r"\A((?:[sS][iI][pP][sS]?:)?+[^:@]*+):.*@", re.DOTALL)
"""What stands between the user and the last @: of a text that is no address nobody knows what is secret."""
_MOST_PARAMETERS = 512


@dataclass(frozen=True, slots=True, kw_only=True)
class SipUri:
    """An address. Fields hold unescaped text; `str` escapes again, so no value can leave its place.

    ``host`` keeps the brackets of an IPv6 address. A tel URI has its number as ``user`` and no host.
    """

    scheme: str = "sip"
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    host: str
    port: int | None = None
    parameters: Parameters = ()
    headers: str = ""

    @classmethod
    def parse(cls, text: str) -> SipUri:
        """Read a ``sip:``, ``sips:`` or ``tel:`` URI. Raises SipSyntaxError for anything else.

        Also for more than 8 KiB or 512 parameters, which nobody sends in earnest.
        """
        if len(text) > _MOST_BYTES:
            raise SipSyntaxError(f"The address {_shown(text)} is longer than {_MOST_BYTES} bytes.")
        if found := _SIP_URI.fullmatch(text):
            user, password, port = found["user"], found["password"], found["port"]
            if port is not None and int(port) > 65535:
                raise SipSyntaxError(f"The port in {_shown(text)} is above 65535.")
            return cls(
                scheme=found["scheme"].lower(),
                user=_unescape(user) if user is not None else None,
                password=_unescape(password) if password is not None else None,
                host=found["host"],
                port=int(port) if port is not None else None,
                parameters=_parse_parameters(found["parameters"]),
                headers=found["headers"] or "",
            )
        if found := _TEL_URI.fullmatch(text):
            number = _unescape(found["number"])
            return cls(scheme="tel", user=number, host="", parameters=_parse_parameters(found["parameters"]))
        raise SipSyntaxError(
            f"{_shown(text)} is not a SIP address.", remedy="Write it as sip:user@host or sip:user@host:port."
        )

    def __str__(self) -> str:
        """Write the URI. Raises MisuseError when host, scheme or port cannot be written."""
        tail = "".join(_format_parameter(name, value) for name, value in self.parameters)
        if self.scheme == "tel":
            return f"tel:{_escape(self.user or '', _UNRESERVED)}{tail}"
        if self.scheme not in ("sip", "sips") or not HOST.fullmatch(self.host):
            raise MisuseError(f"A URI with scheme {self.scheme!r} and host {self.host!r} cannot be written.")
        user = ""
        if self.user is not None:
            password = "" if self.password is None else f":{_escape(self.password, _UNRESERVED)}"
            user = f"{_escape(self.user, _SAFE_IN_USER)}{password}@"
        port = "" if self.port is None else f":{self.port:d}"
        headers = f"?{_checked_headers(self.headers)}" if self.headers else ""
        return f"{self.scheme}:{user}{self.host}{port}{tail}{headers}"

    def parameter(self, name: str) -> str | None:
        """The value of the URI parameter ``name`` (lower case); "" for a flag, None when absent."""
        return parameter(self.parameters, name)

    def equivalent(self, other: SipUri) -> bool:
        """Whether both name the same resource (RFC 3261 section 19.1.4; tel: RFC 3966 section 4).

        User and password count as they are; scheme, host and parameters regardless of case. A port,
        ``user``, ``ttl``, ``method``, ``maddr`` or ``transport`` that only one side has makes a difference,
        default value or not; any other parameter counts only where both have it. So the relation is **not
        transitive**: never use it to build sets. Fields hold unescaped text, so an escaped reserved
        character counts as the character itself, which the standard would tell apart.
        """
        if self.scheme != other.scheme or self.port != other.port:
            return False
        if self.scheme == "tel":
            return _tel_key(self) == _tel_key(other)
        return (
            (self.user, self.password) == (other.user, other.password)
            and _same_host(self.host, other.host)
            and _same_parameters(dict(self.parameters), dict(other.parameters))
            and _header_set(self.headers) == _header_set(other.headers)
        )


def without_password(text: str) -> str:
    """An address as it was typed, well-formed or not, for an error that may be shown to anybody."""
    return _PASSWORD.sub(r"\1:…@", text, count=1)


def _shown(text: str) -> str:
    return repr(without_password(text[:_MOST_BYTES])[:80])


def _same_host(one: str, other: str) -> bool:
    """Names regardless of case, IPv6 addresses by value (RFC 5118 section 3), never a name by look-up."""
    if one.startswith("[") and other.startswith("["):
        try:
            return ipaddress.IPv6Address(one[1:-1]) == ipaddress.IPv6Address(other[1:-1])
        except ValueError:
            pass  # not an address at all: as text
    return one.lower() == other.lower()


def _same_parameters(ours: dict[str, str | None], theirs: dict[str, str | None]) -> bool:
    compared = (ours.keys() & theirs.keys()) | ((ours.keys() | theirs.keys()) & _ALWAYS_COMPARED)
    return all(
        name in ours and name in theirs and (ours[name] or "").lower() == (theirs[name] or "").lower()
        for name in compared
    )


def _header_set(text: str) -> list[tuple[str, str]]:
    pairs = (part.partition("=") for part in text.split("&") if part)
    return sorted((_unescape(name).lower(), _unescape(value)) for name, _, value in pairs)


def _tel_key(uri: SipUri) -> tuple[str, dict[str, str]]:
    number = re.sub(r"[-.()]", "", uri.user or "").lower()
    return number, {name: (value or "").lower() for name, value in uri.parameters}


def _parse_parameters(text: str) -> Parameters:
    if not text:
        return ()
    parameters: list[tuple[str, str | None]] = []
    parts = text.split(";")
    if len(parts) > _MOST_PARAMETERS + 1:
        raise SipSyntaxError(f"There are more than {_MOST_PARAMETERS} parameters in one address.")
    for part in parts:
        if part:
            name, equals, value = part.partition("=")
            parameters.append((_unescape(name).lower(), _unescape(value) if equals else None))
    return tuple(parameters)


def _format_parameter(name: str, value: str | None) -> str:
    written = _escape(name, _SAFE_IN_PARAMETER)
    return f";{written}" if value is None else f";{written}={_escape(value, _SAFE_IN_PARAMETER)}"


def _unescape(text: str) -> str:
    return unquote(text, errors="surrogateescape") if "%" in text else text


def _escape(text: str, safe: str) -> str:
    if text.isascii() and text.isalnum():
        return text
    try:
        return quote(text, safe=safe, errors="surrogateescape")
    except UnicodeEncodeError as error:
        raise MisuseError("A URI holds half a surrogate pair, which has no bytes.") from error


def _checked_headers(text: str) -> str:
    if not _HEADERS.fullmatch(text):
        raise MisuseError("The headers of a URI hold a character that must be escaped.")
    return text
