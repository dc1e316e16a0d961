"""Typed header values beside addresses and Via: `parse` reads one value, `str` writes it.

`parse` raises SipSyntaxError, `str` raises MisuseError for what cannot be written; nothing else.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
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
    """As written: packages are compared byte by byte, unlike most of SIP."""
    parameters: Parameters = ()

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read the value. Raises SipSyntaxError."""
        package, parameters = _token_and_parameters(text, "Event")
        return cls(package=package, parameters=parameters)

    @property
    def id(self) -> str | None:
        """Tells apart several subscriptions to one package within a dialog, or None."""
        return self.parameter("id")

    def matches(self, other: EventType) -> bool:
        """Whether both name one subscription of a dialog: other parameters are no part of the match."""
        return (self.package, self.id) == (other.package, other.id)

    def __str__(self) -> str:
        return f"{require_token(self.package, 'event package')}{format_parameters(self.parameters)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriptionState(WithParameters):
    """The value of Subscription-State (RFC 6665 section 8.2.3)."""

    value: str
    """``active``, ``pending``, ``terminated``, or a word of an extension; lower case."""
    parameters: Parameters = ()

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read the value. Raises SipSyntaxError. A parameter that cannot be read counts as absent."""
        value, parameters = _token_and_parameters(text, "Subscription-State")
        return cls(value=value.lower(), parameters=parameters)

    @property
    def expires_seconds(self) -> int | None:
        """What is left of the subscription, or None."""
        return read_seconds(self.parameter("expires"))

    @property
    def retry_after_seconds(self) -> int | None:
        """How long to wait before subscribing again, or None."""
        return read_seconds(self.parameter("retry-after"))

    @property
    def reason(self) -> str | None:
        """Why it was terminated (``deactivated``, ``rejected``, ...), lower case, or None."""
        reason = self.parameter("reason")
        return reason.lower() if reason else None

    def __str__(self) -> str:
        return f"{require_token(self.value, 'subscription state')}{format_parameters(self.parameters)}"


_DELTA = re.compile(
    r"(?P<seconds>[0-9]+)\s*+(?:\((?P<comment>(?:[^()\\]++|\\.|\([^()]*+\))*+)\)\s*+)?(?P<parameters>;.*)?",
    re.DOTALL,
)


MOST_SECONDS = 2**32 - 1
"""RFC 3261 section 20.19."""


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
        return read_seconds(self.parameter("duration"))

    def __str__(self) -> str:
        comment = refuse_unwritable(self.comment, "comment")
        if re.search(r"[()\\]", comment):
            raise MisuseError("A comment holds a bracket or backslash.", remedy="Leave them out.")
        written = f" ({comment})" if comment else ""
        return f"{self.seconds:d}{written}{format_parameters(self.parameters)}"


def read_seconds(text: str | None) -> int | None:
    """The seconds of Expires, Min-Expires, Retry-After or a parameter, as tolerantly as they can be read.

    A comment and parameters are skipped, more than 2**32 - 1 counts as that. None when there are none.
    """
    digits = (text or "").partition("(")[0].partition(";")[0].strip()
    if not (digits.isascii() and digits.isdigit()):
        return None
    return min(int(digits.lstrip("0")[:11] or "0"), MOST_SECONDS)  # 11 digits are always more than the most


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


def essence_of(content_type: str | None) -> str:
    """``type/subtype`` of a Content-Type that may be missing or unreadable; then ""."""
    try:
        return MediaType.parse(content_type or "").essence
    except SipSyntaxError:
        return ""


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
