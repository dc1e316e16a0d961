"""What a registrar's answer to a REGISTER means (RFC 3261 sections 10.2.4, 10.2.7, 10.2.8, 21)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from shiftline.errors import SipSyntaxError
from shiftline.sip.address import NameAddr
from shiftline.sip.message import Response
from shiftline.sip.uri import SipUri
from shiftline.sip.values import MOST_SECONDS, read_seconds

LONGEST_WISH_SECONDS = 86_400.0
"""A Retry-After beyond a day is nonsense, and would end a registration for good."""
_PASSING_STATUSES = frozenset({408, 480, 491})
"""4xx that speak of the moment: they may be repeated as they are, later."""
_LASTING_STATUSES = frozenset({501, 505, 513})
"""5xx that speak of the request: later is no better."""


class Verdict(StrEnum):
    """What an answer means for the registration."""

    ACCEPTED = "accepted"
    CHALLENGED = "challenged"
    """Send it again with credentials, at once."""
    TOO_BRIEF = "too-brief"
    """Send it again with a longer time, at once."""
    FAILED = "failed"
    """Not now: silence, an overloaded or broken server."""
    REFUSED = "refused"
    """No: asking again would change nothing."""
    CREDENTIALS_REFUSED = "credentials-refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Why it did not work: ``status`` is None for silence, ``why`` is a short sentence for a person."""

    status: int | None
    why: str


def verdict_on(response: Response | None) -> Verdict:
    """The verdict, as far as the status says it: a challenge counts as refused until somebody answers it.

    A 403 with Retry-After is off the standard, and some carriers' word for "too fast": it is a failure.
    """
    if response is None:
        return Verdict.FAILED
    status = response.status
    if 200 <= status < 300:
        return Verdict.ACCEPTED
    if status in (401, 407):
        return Verdict.CREDENTIALS_REFUSED
    if status == 423:
        return Verdict.TOO_BRIEF
    server_trouble = 500 <= status < 600 and status not in _LASTING_STATUSES
    waits = status >= 400 and retry_after_seconds(response) > 0
    return Verdict.FAILED if server_trouble or waits or status in _PASSING_STATUSES else Verdict.REFUSED


def failure_of(response: Response | None) -> Failure:
    """Say why an answer that is no acceptance is none."""
    if response is None:
        return Failure(status=None, why="The registrar did not answer.")
    status = response.status
    if status in (401, 407):
        why = "The registrar does not accept our credentials, or offers no challenge that we can answer."
    elif 300 <= status < 400:
        why = f"The registrar sends us elsewhere{_elsewhere(response)}; a registration does not follow."
    elif status == 423:
        why = "The registrar finds the time too brief, and names none that we can ask for."
    elif status == 403:
        why = "The registrar forbids it."
    elif status == 404:
        why = "The registrar does not know the address."
    else:
        why = f"The registrar answered {status}."
    return Failure(status=status, why=why)


def granted_seconds(response: Response | None, contacts: Sequence[SipUri], *, asked: int) -> int:
    """How long the binding holds: of the shortest of our contacts, else the Expires header, else as asked.

    The registrar may list other contacts of the same address (section 10.3, step 8), and may write ours
    as its network sees it: then only the header or our wish can tell. 0 when it bound nothing.
    """
    if response is None:
        return asked
    ours = {_place(uri) for uri in contacts}
    general = _grant(response.headers.get("Expires"))
    granted = [
        seconds
        for value in response.headers.get_all("Contact")
        if (address := _read(value)) is not None and _place(address.uri) in ours
        if (seconds := _grant(address.parameter("expires"))) is not None
    ]
    if granted:
        return min(granted)
    return asked if general is None else general


def minimum_expires(response: Response | None) -> int | None:
    """Min-Expires of a 423 (section 20.23), or None."""
    return None if response is None else read_seconds(response.headers.get("Min-Expires"))


def retry_after_seconds(response: Response | None) -> float:
    """Retry-After (section 20.33) of any answer, at most a day; 0 when there is none."""
    written = response.headers.get("Retry-After") if response is not None else None
    return min(float(read_seconds(written) or 0), LONGEST_WISH_SECONDS)


def _grant(text: str | None) -> int | None:
    seconds = read_seconds(text)
    return None if seconds == MOST_SECONDS else seconds  # beyond all bounds nobody meant it


def _read(value: str) -> NameAddr | None:
    try:
        return NameAddr.parse(value)
    except SipSyntaxError:
        return None  # somebody else's contact may be unreadable: ours is what counts


def _place(uri: SipUri) -> tuple[str | None, str, int]:
    return uri.user, uri.host.lower(), uri.port or 5060


def _elsewhere(response: Response) -> str:
    contacts = [_read(value) for value in response.headers.get_all("Contact")]
    found = [f"{contact.uri.host}" for contact in contacts if contact is not None]
    return f" (to {', '.join(found[:3])})" if found else ""
