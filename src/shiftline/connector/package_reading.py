"""What the state of an event package says about an agent.

The tables are data; docs/reference/availability-methods.md tells the same with the sources. Families
differ in one thing that matters here: what an agent without a phone looks like.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from shiftline.connector.reading import Reading, read_answer
from shiftline.errors import SipSyntaxError
from shiftline.sip.packages.catalogue import Package, PackageState, parse_state
from shiftline.sip.packages.dialog_info import DialogInfo
from shiftline.sip.packages.presence import Presence
from shiftline.sip.packages.registration_info import RegistrationInfo
from shiftline.sip.values import SubscriptionState
from shiftline.trades.model import EvidenceKind

BLIND = "method.blind"
GENERIC = "generic"
"""What the RFCs say, and nothing that only some make do."""

_PRODUCTS: tuple[tuple[str, str], ...] = (
    ("asterisk", "asterisk-pjsip"),
    ("fpbx", "asterisk-pjsip"),
    ("freeswitch", "freeswitch"),
    ("kamailio", "kamailio"),
    ("cisco-cucm", "cucm"),
)

_ON_THE_PHONE = frozenset({"on-the-phone"})
_ASTERISK = frozenset({"on-the-phone", "busy"})
# res_pjsip/presence_xml.c: a call is "busy" (older) or "on-the-phone" (newer); without a phone
# it is "away" or nothing at all. There "busy" is never a person who has said so.
# chan_sip is taken to write the same words.
BUSY_ACTIVITIES: Mapping[str, frozenset[str]] = MappingProxyType(
    {"asterisk-pjsip": _ASTERISK, "chan_sip": _ASTERISK}
)
"""By family: RPID activities that mean a call (RFC 4480 section 3.2).

All other families mean it by "on-the-phone" only; a person's own "busy" may be a meeting.
"""

_END_REASONS: Mapping[str, Reading] = MappingProxyType(
    {
        # RFC 6665 section 4.2.2. All others say something about the subscription only.
        "noresource": Reading(EvidenceKind.UNKNOWN_USER),
        "rejected": Reading(EvidenceKind.UNVERIFIABLE, "policy.event-package"),
        "giveup": Reading(EvidenceKind.UNVERIFIABLE, "policy.event-package"),
        "probation": Reading(EvidenceKind.UNVERIFIABLE, "capacity.overload"),
    }
)
_SILENCE_MEANS: Mapping[str, Reading] = MappingProxyType(
    {
        "dialog": Reading(EvidenceKind.AVAILABLE),
        "presence": Reading(EvidenceKind.NOT_REGISTERED),
        "reg": Reading(EvidenceKind.NOT_REGISTERED),
    }
)
"""What a state that names no call, no presence or no registration means where absence shows."""
_PENDING = Reading(EvidenceKind.UNVERIFIABLE, "policy.event-package")
_NOTHING_SAID = Reading(EvidenceKind.UNVERIFIABLE, BLIND)
_UNREADABLE = Reading(EvidenceKind.UNVERIFIABLE, "message.malformed")
_NO_NOTIFY = Reading(EvidenceKind.UNVERIFIABLE, "network.filtered")
"""The SUBSCRIBE was accepted and its NOTIFY never came: something between lets no request through to us."""


def family_of(product: str | None) -> str:
    """The PBX family, in the words of the configuration, by the Server or User-Agent header of an answer.

    GENERIC when it tells nothing known.
    """
    text = (product or "").lower()
    return next((family for mark, family in _PRODUCTS if mark in text), GENERIC)


def reading_of(
    package: Package,
    state: PackageState | None,
    family: str = GENERIC,
    *,
    absence_shows: bool = False,
) -> Reading:
    """Return what a package's state says; None is a NOTIFY without body.

    ``absence_shows``: the method is qualified on this trunk, that is, an absent control user got another
    answer than a present one. Then what says nothing by itself says something: a line without a call has
    a phone, and an agent of whom the PBX has no presence and no registration has none.
    """
    if isinstance(state, Presence):
        found = _of_presence(state, BUSY_ACTIVITIES.get(family, _ON_THE_PHONE))
    elif isinstance(state, RegistrationInfo):
        found = _of_registrations(state)
    else:
        found = Reading(EvidenceKind.BUSY) if isinstance(state, DialogInfo) and state.live else None
    if found is not None:
        return found
    return _SILENCE_MEANS[package.name] if absence_shows else _NOTHING_SAID


def _of_presence(presence: Presence, busy: frozenset[str]) -> Reading | None:
    if not (presence.is_open or presence.is_closed):
        return None
    if presence.activities & busy:
        return Reading(EvidenceKind.BUSY)
    return Reading(EvidenceKind.AVAILABLE if presence.is_open else EvidenceKind.NOT_REGISTERED)


def _of_registrations(info: RegistrationInfo) -> Reading | None:
    if any(one.has_active_contact for one in info.registrations):
        return Reading(EvidenceKind.AVAILABLE)
    return Reading(EvidenceKind.NOT_REGISTERED) if info.registrations else None


def read_notify(
    package: Package,
    subscription: SubscriptionState,
    content_type: str | None,
    body: bytes,
    family: str = GENERIC,
    *,
    absence_shows: bool = False,
) -> Reading:
    """Return what a NOTIFY says about the agent.

    Its reason comes first ("noresource" needs no body), then a pending subscription, whose body is
    neutral on purpose (RFC 3856 section 6.6.2), then the body.
    """
    if (ended := read_ending(subscription.value, subscription.reason)) is not None:
        return ended
    try:
        state = parse_state(package, content_type, body)
    except SipSyntaxError:
        return _UNREADABLE
    return reading_of(package, state, family, absence_shows=absence_shows)


def read_ending(state: str, reason: str | None) -> Reading | None:
    """Return what the subscription's own state says about the agent; None when it leaves it to the body."""
    if state == "pending":
        return _PENDING
    return _END_REASONS.get(reason or "") if state == "terminated" else None


def read_subscribe_answer(package: Package, status: int) -> Reading:
    """Return what a final answer to a SUBSCRIBE says when no NOTIFY came with it.

    A refusal reads as that of an OPTIONS does: 404 is no such user, 480 a user without a phone, 489 a
    package and 405 or 501 a method that the PBX does not have. A 2xx alone says nothing.
    """
    if 200 <= status < 300:
        return _NO_NOTIFY
    return read_answer(package.name, status, has_binding=False)
