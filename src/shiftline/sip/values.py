"""Typed header values beside addresses and Via: `parse` reads one value, `str` writes it.

`parse` raises SipSyntaxError, `str` raises MisuseError for what cannot be written; nothing else.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Self

from shiftline.errors import MisuseError, SipSyntaxError
from shiftline.sip.grammar import (
    TOKEN,
    Parameters,
    WithParameters,
    format_parameters,
    parse_parameters,
    quote,
    read_number,
    refuse_unwritable,
    require_token,
    split_list,
    split_parameters,
    unquote,
)

_CSEQ = re.compile(r"(?P<number>[0-9]{1,10})\s+(?P<method>[A-Za-z0-9!%*_+`'~.-]+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class CSeq:
    """Sequence number and method of a request (RFC 3261 section 20.16)."""

    number: int
    method: str

    @classmethod
    def parse(cls, text: str) -> CSeq:
        """Read the value. Raises SipSyntaxError."""
        found = _CSEQ.fullmatch(text.strip())
        if not found or int(found["number"]) >= 2**32:
            raise SipSyntaxError(f"The CSeq {text[:80]!r} cannot be read.")
        return cls(number=int(found["number"]), method=found["method"])

    def __str__(self) -> str:
        return f"{self.number:d} {require_token(self.method, 'method')}"


@dataclass(frozen=True, slots=True, kw_only=True)
class EventType(WithParameters):
    """The value of Event (RFC 6665 section 8.2.1): a package, perhaps with templates, and its id."""

    package: str
    parameters: Parameters = ()

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read the value. Raises SipSyntaxError."""
        package, parameters = _token_and_parameters(text, "Event")
        return cls(package=package.lower(), parameters=parameters)

    @property
    def id(self) -> str | None:
        """Tells apart several subscriptions to one package within a dialog, or None."""
        return self.parameter("id")

    def __str__(self) -> str:
        return f"{require_token(self.package, 'event package')}{format_parameters(self.parameters)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriptionState(WithParameters):
    """The value of Subscription-State (RFC 6665 section 8.2.3)."""

    state: str
    """``active``, ``pending``, ``terminated``, or a word of an extension; lower case."""
    parameters: Parameters = ()

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read the value. Raises SipSyntaxError."""
        state, parameters = _token_and_parameters(text, "Subscription-State")
        return cls(state=state.lower(), parameters=parameters)

    @property
    def expires_seconds(self) -> int | None:
        """What is left of the subscription, or None."""
        return read_number(self.parameter("expires") or "")

    @property
    def retry_after_seconds(self) -> int | None:
        """How long to wait before subscribing again, or None."""
        return read_number(self.parameter("retry-after") or "")

    @property
    def reason(self) -> str | None:
        """Why it was terminated (``deactivated``, ``rejected``, ...), lower case, or None."""
        reason = self.parameter("reason")
        return reason.lower() if reason else None

    def __str__(self) -> str:
        return f"{require_token(self.state, 'subscription state')}{format_parameters(self.parameters)}"


_DELTA = re.compile(
    r"(?P<seconds>[0-9]+)\s*+(?:\((?P<comment>(?:[^()\\]++|\\.|\([^()]*+\))*+)\)\s*+)?(?P<parameters>;.*)?",
    re.DOTALL,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeltaSeconds(WithParameters):
    """The value of Expires, Min-Expires and Retry-After (RFC 3261 sections 20.19, 20.23, 20.33)."""

    seconds: int
    comment: str = ""
    parameters: Parameters = ()

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read the value. Raises SipSyntaxError for a number above 2**32 - 1 too."""
        found = _DELTA.fullmatch(text.strip())
        seconds = read_number(found["seconds"]) if found else None
        if found is None or seconds is None:
            raise SipSyntaxError(f"The number of seconds {text[:80]!r} cannot be read.")
        return cls(
            seconds=seconds,
            comment=found["comment"] or "",
            parameters=parse_parameters(found["parameters"] or ""),
        )

    @property
    def duration_seconds(self) -> int | None:
        """How long the callee will then be reachable (Retry-After only), or None."""
        return read_number(self.parameter("duration") or "")

    def __str__(self) -> str:
        comment = refuse_unwritable(self.comment, "comment")
        if re.search(r"[()\\]", comment):
            raise MisuseError("A comment holds a bracket or backslash.", remedy="Leave them out.")
        written = f" ({comment})" if comment else ""
        return f"{self.seconds:d}{written}{format_parameters(self.parameters)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaType(WithParameters):
    """The value of Content-Type, and one of Accept (RFC 3261 section 20.15); names in lower case."""

    type: str
    subtype: str
    parameters: Parameters = ()

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read one value. Raises SipSyntaxError."""
        essence, semicolon, parameters = text.partition(";")
        kind, slash, subtype = (part.strip().lower() for part in essence.partition("/"))
        if not slash or not TOKEN.fullmatch(kind) or not TOKEN.fullmatch(subtype):
            raise SipSyntaxError(f"The media type {text[:80]!r} cannot be read.")
        return cls(type=kind, subtype=subtype, parameters=parse_parameters(semicolon + parameters))

    @property
    def essence(self) -> str:
        """``type/subtype``, to compare with."""
        return f"{self.type}/{self.subtype}"

    def __str__(self) -> str:
        require_token(self.type, "media type")
        require_token(self.subtype, "media subtype")
        return f"{self.essence}{format_parameters(self.parameters)}"


_WARNING = re.compile(r'(?P<code>[0-9]{3})\s+(?P<agent>[^\s"]+)\s+(?P<text>"(?:[^"\\]|\\.)*+")', re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class WarningValue:
    """One Warning value (RFC 3261 section 20.43): a code from 300 to 399, who warns, and the words."""

    code: int
    agent: str
    text: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read one value. Raises SipSyntaxError."""
        found = _WARNING.fullmatch(text.strip())
        if not found:
            raise SipSyntaxError(f"The Warning {text[:80]!r} cannot be read.")
        return cls(code=int(found["code"]), agent=found["agent"], text=unquote(found["text"]))

    def __str__(self) -> str:
        if not re.fullmatch(r'[^\s",]+', refuse_unwritable(self.agent, "warning agent")):
            raise MisuseError("A warning agent holds a blank, quote or comma.")
        return f"{self.code:03d} {self.agent} {quote(self.text)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason(WithParameters):
    """One Reason value (RFC 3326 section 2): whose cause it is (``SIP``, ``Q.850``), its number and words."""

    protocol: str
    parameters: Parameters = ()

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read one value. Raises SipSyntaxError."""
        protocol, parameters = _token_and_parameters(text, "Reason")
        return cls(protocol=protocol, parameters=parameters)

    @property
    def cause(self) -> int | None:
        """The number, or None."""
        return read_number(self.parameter("cause") or "")

    @property
    def text(self) -> str:
        """The words, or ""."""
        return self.parameter("text") or ""

    def __str__(self) -> str:
        return f"{require_token(self.protocol, 'protocol')}{format_parameters(self.parameters)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthenticationInfo:
    """The value of Authentication-Info (RFC 7616 section 3.5); its repr tells no nonce and no digest."""

    nextnonce: str | None = field(default=None, repr=False)
    rspauth: str | None = field(default=None, repr=False)
    cnonce: str | None = field(default=None, repr=False)
    qop: str | None = None
    nc: str | None = None

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read the value; parameters we do not know are skipped. Raises SipSyntaxError when none is left."""
        pairs = (part.partition("=") for part in split_parameters(text, ","))
        read = {name.strip().lower(): unquote(value.strip()) for name, equals, value in pairs if equals}
        known = {name: read[name] for name in ("nextnonce", "rspauth", "cnonce", "qop", "nc") if name in read}
        if not known:
            raise SipSyntaxError("An Authentication-Info has no parameter that we know.")
        return cls(**known)

    def __str__(self) -> str:
        quoted = {"nextnonce": self.nextnonce, "rspauth": self.rspauth, "cnonce": self.cnonce}
        plain = {"qop": self.qop, "nc": self.nc}
        parts = [f"{name}={quote(value)}" for name, value in quoted.items() if value is not None]
        parts += [
            f"{name}={require_token(value, name)}" for name, value in plain.items() if value is not None
        ]
        return ", ".join(parts)


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenList:
    """The value of Allow, Supported, Require, Unsupported, Allow-Events and their kin."""

    tokens: tuple[str, ...] = ()

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a comma-separated list. Raises SipSyntaxError for a member that is no token."""
        tokens = split_list(text)
        for token in tokens:
            if not TOKEN.fullmatch(token):
                raise SipSyntaxError(f"The list member {token[:80]!r} is not a token.")
        return cls(tokens=tuple(tokens))

    def __contains__(self, token: str) -> bool:
        return token in self.tokens

    def __str__(self) -> str:
        return ", ".join(require_token(token, "list member") for token in self.tokens)


def _token_and_parameters(text: str, header: str) -> tuple[str, Parameters]:
    token, semicolon, parameters = text.partition(";")
    token = token.strip()
    if not TOKEN.fullmatch(token):
        raise SipSyntaxError(f"The {header} {text[:80]!r} cannot be read.")
    return token, parse_parameters(semicolon + parameters)
