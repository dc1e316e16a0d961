"""The practice PBX's registrar: which contacts are bound to whom, and until when (RFC 3261 section 10.3)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto

from shiftline.errors import SipSyntaxError
from shiftline.sip.address import NameAddr
from shiftline.sip.message import Request
from shiftline.sip.values import read_seconds

DEFAULT_EXPIRES_SECONDS = 3600


class TooBrief(Enum):
    """The answer to a wish for less than the shortest time: 423 (step 7)."""

    TOO_BRIEF = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpiresLimits:
    """What a binding may last, in seconds."""

    shortest: int = 0
    longest: int = 7200


class Bindings:
    """Contacts by user. ``now`` is monotonic seconds."""

    def __init__(self, limits: ExpiresLimits) -> None:
        self._limits = limits
        self._contacts: dict[str, dict[str, float]] = {}

    def take(self, user: str, request: Request, now: float) -> TooBrief | None:
        """Add, renew or remove what a REGISTER's Contacts say, all or nothing.

        Raises SipSyntaxError for a Contact that cannot be read, and for ``*`` with anything beside it.
        """
        contacts = request.headers.get_all("Contact")
        general = request.headers.get("Expires")
        if "*" in contacts:
            if len(contacts) > 1 or (general or "").strip() != "0":
                raise SipSyntaxError("The Contact * stands alone, with Expires 0 (section 10.2.2).")
            self._contacts.pop(user, None)
            return None
        wanted: dict[str, int] = {}
        for contact in contacts:
            address = NameAddr.parse(contact)
            wish = read_seconds(address.parameter("expires") or general)
            seconds = DEFAULT_EXPIRES_SECONDS if wish is None else wish
            if 0 < seconds < self._limits.shortest:
                return TooBrief.TOO_BRIEF
            wanted[f"<{address.uri}>"] = min(seconds, self._limits.longest)
        bound = self._contacts.setdefault(user, {})
        for uri, seconds in wanted.items():
            if seconds:
                bound[uri] = now + seconds
            else:
                bound.pop(uri, None)
        return None

    def of(self, user: str, now: float) -> dict[str, float] | None:
        """The contacts of ``user`` that still hold, with their ends; None for one who never registered."""
        bound = self._contacts.get(user)
        return None if bound is None else {uri: ends for uri, ends in bound.items() if ends > now}
