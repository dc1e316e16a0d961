"""Addresses as headers carry them: From, To, Route and their kin, and Contact (RFC 3261 section 20.10)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Self

from shiftline.sip.grammar import (
    Parameters,
    WithParameters,
    format_parameters,
    parse_parameters,
    quote,
    unquote,
)
from shiftline.sip.uri import SipUri
from shiftline.sip.values import read_seconds

_NAME_ADDR = re.compile(
    # Possessive, so that a hostile value costs linear time.
    r'(?P<display>"(?:[^"\\]|\\.)*+"\s*+|[^"<]*+)<(?P<uri>[^>]*+)>\s*+(?P<parameters>;.*)?',
    re.DOTALL,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class NameAddr(WithParameters):
    """The value of From, To, Contact, Route and their kin (RFC 3261 section 20.10)."""

    display_name: str = ""
    uri: SipUri
    parameters: Parameters = ()

    @classmethod
    def parse(cls, text: str) -> NameAddr:
        """Read one value. Raises SipSyntaxError.

        "If no < and > are present, all parameters after the URI are header parameters, not URI parameters."
        """
        if found := _NAME_ADDR.fullmatch(text.strip()):
            display, address, parameters = (
                found["display"].strip(),
                found["uri"].strip(),
                found["parameters"] or "",
            )
        else:
            display = ""
            address, semicolon, rest = text.strip().partition(";")
            parameters = semicolon + rest
        return cls(
            display_name=unquote(display),
            uri=SipUri.parse(address.strip()),
            parameters=parse_parameters(parameters),
        )

    @property
    def tag(self) -> str | None:
        """The tag that names one side of a dialog (section 19.3), or None."""
        return self.parameter("tag")

    def __str__(self) -> str:
        display = f"{quote(self.display_name)} " if self.display_name else ""
        return f"{display}<{self.uri}>{format_parameters(self.parameters)}"


_Q_VALUE = re.compile(r"0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """One Contact value; ``address`` is None for ``*``, which means every binding (section 10.2.2)."""

    address: NameAddr | None

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read one value. Raises SipSyntaxError."""
        return cls(address=None if text.strip() == "*" else NameAddr.parse(text))

    @property
    def expires_seconds(self) -> int | None:
        """How long the binding lasts; None when it is not said, or not in a readable way."""
        text = self.address.parameter("expires") if self.address else None
        return read_seconds(text)

    @property
    def q(self) -> float | None:
        """The preference from 0 to 1; None when it is not said, or not in a readable way."""
        text = self.address.parameter("q") if self.address else None
        return float(text) if text is not None and _Q_VALUE.fullmatch(text) else None

    def __str__(self) -> str:
        return "*" if self.address is None else str(self.address)
