"""The header fields Event and Subscription-State (RFC 6665 sections 8.2.1 and 8.2.3)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from shiftline.errors import SipSyntaxError
from shiftline.sip.grammar import TOKEN, parameter, parse_parameters, require_token

_MOST_SECONDS = 2**32 - 1
_DELTA_SECONDS = re.compile(r"[0-9]{1,10}")


@dataclass(frozen=True, slots=True, kw_only=True)
class EventHeader:
    """An event package and the id that tells two subscriptions of one dialog apart."""

    package: str
    event_id: str | None = None

    @classmethod
    def parse(cls, text: str) -> EventHeader:
        """Read the value. Raises SipSyntaxError. Parameters other than ``id`` are no part of the match."""
        package, _, rest = text.partition(";")
        package = package.strip()
        if not TOKEN.fullmatch(package):
            raise SipSyntaxError(f"The Event {text[:80]!r} names no package.")
        return cls(package=package, event_id=parameter(parse_parameters(rest), "id"))

    def __str__(self) -> str:
        """Write the value. Raises MisuseError where package or id is no token."""
        written = require_token(self.package, "event package")
        return written if self.event_id is None else f"{written};id={require_token(self.event_id, 'id')}"


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriptionState:
    """What a NOTIFY says of its subscription.

    ``value`` is "active", "pending", "terminated" or an extension of them, in lower case; so is
    ``reason``. ``expires_seconds`` is what is left, ``retry_after_seconds`` the notifier's wish.
    """

    value: str
    reason: str | None = None
    expires_seconds: int | None = None
    retry_after_seconds: int | None = None

    @classmethod
    def parse(cls, text: str) -> SubscriptionState:
        """Read the value. Raises SipSyntaxError. A parameter that cannot be read counts as absent."""
        value, _, rest = text.partition(";")
        value = value.strip().lower()
        if not TOKEN.fullmatch(value):
            raise SipSyntaxError(f"The Subscription-State {text[:80]!r} cannot be read.")
        parameters = parse_parameters(rest)
        reason = parameter(parameters, "reason")
        return cls(
            value=value,
            reason=reason.lower() if reason else None,
            expires_seconds=delta_seconds(parameter(parameters, "expires")),
            retry_after_seconds=delta_seconds(parameter(parameters, "retry-after")),
        )


def delta_seconds(text: str | None) -> int | None:
    """The whole seconds of an Expires, Min-Expires or ``expires``; None when absent or unreadable."""
    text = (text or "").strip()
    if not _DELTA_SECONDS.fullmatch(text):
        return None
    return min(int(text), _MOST_SECONDS)
