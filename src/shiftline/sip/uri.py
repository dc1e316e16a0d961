"""SIP URIs (RFC 3261 section 19.1) and tel URIs as far as From and To need them (RFC 3966)."""

from __future__ import annotations

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
        """Read a ``sip:``, ``sips:`` or ``tel:`` URI. Raises SipSyntaxError for anything else."""
        if found := _SIP_URI.fullmatch(text):
            user, password, port = found["user"], found["password"], found["port"]
            if port is not None and int(port) > 65535:
                raise SipSyntaxError(f"The port in {text[:80]!r} is above 65535.")
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
            f"{text[:80]!r} is not a SIP address.", remedy="Write it as sip:user@host or sip:user@host:port."
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


def _parse_parameters(text: str) -> Parameters:
    if not text:
        return ()
    parameters: list[tuple[str, str | None]] = []
    for part in text.split(";"):
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
