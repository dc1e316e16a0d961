"""What answers to checks mean, per PBX family, as data: one row a rule, each with its source.

``source`` is an RFC section, or the id of a row of the fact base on SIP refusals (K Kamailio, A Asterisk
PJSIP, C chan_sip, F FreeSWITCH, V SBCs and carriers), or "law" for what a qualified method is
(docs/decisions/0009-qualified-methods.md). docs/reference/availability-methods.md shows the same table.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import get_args

from shiftline.config import PbxFamily
from shiftline.trades.model import EvidenceKind

FAMILIES: tuple[PbxFamily, ...] = get_args(PbxFamily)
GENERIC: PbxFamily = "generic"
ANY_METHOD = "*"
BLIND = "method.blind"
"""The cause of evidence that cannot tell the present from the absent."""
WITHOUT_BINDING = "2xx-empty"
"""The key of a 2xx to a REGISTER query that lists no binding."""


@dataclass(frozen=True, slots=True)
class Row:
    """``answer`` is a status, a class such as "2xx", or `WITHOUT_BINDING`; ``method`` may be `ANY_METHOD`."""

    family: PbxFamily
    method: str
    answer: str
    kind: EvidenceKind
    cause: str | None
    source: str
    meaning: str


def _cannot_tell(family: PbxFamily, method: str, answer: str, cause: str, source: str, meaning: str) -> Row:
    return Row(family, method, answer, EvidenceKind.UNVERIFIABLE, cause, source, meaning)


_GENERIC: tuple[Row, ...] = (
    Row(
        GENERIC, ANY_METHOD, "2xx", EvidenceKind.AVAILABLE, None, "RFC 3261 11.2",
        "an INVITE would have got this too",
    ),
    Row(
        GENERIC, "registration", "2xx", EvidenceKind.AVAILABLE, None, "RFC 3261 10.2.3",
        "a phone is registered",
    ),
    Row(
        GENERIC, "registration", WITHOUT_BINDING, EvidenceKind.NOT_REGISTERED, None, "RFC 3261 10.2.3",
        "no phone is registered",
    ),
    Row(GENERIC, ANY_METHOD, "486", EvidenceKind.BUSY, None, "RFC 3261 21.4.24", "on a call"),
    Row(GENERIC, ANY_METHOD, "600", EvidenceKind.BUSY, None, "RFC 3261 21.6.1", "on a call, everywhere"),
    Row(
        GENERIC, ANY_METHOD, "480", EvidenceKind.NOT_REGISTERED, None, "RFC 3261 21.4.18",
        "known, and not to be reached now",
    ),
    Row(GENERIC, ANY_METHOD, "404", EvidenceKind.UNKNOWN_USER, None, "RFC 3261 21.4.5", "no such user"),
    Row(GENERIC, ANY_METHOD, "410", EvidenceKind.UNKNOWN_USER, None, "RFC 3261 21.4.10", "gone for good"),
    Row(GENERIC, ANY_METHOD, "604", EvidenceKind.UNKNOWN_USER, None, "RFC 3261 21.6.3", "exists nowhere"),
    _cannot_tell(
        GENERIC, "registration", "401", "credentials.identity-mismatch", "RFC 3261 10.3",
        "the registrar wants the agent's own credentials",
    ),
    _cannot_tell(
        GENERIC, "registration", "407", "credentials.identity-mismatch", "RFC 3261 10.3",
        "the registrar wants the agent's own credentials",
    ),
    _cannot_tell(
        GENERIC, ANY_METHOD, "401", "credentials.wrong-password", "RFC 3261 21.4.2", "not our credentials"
    ),
    _cannot_tell(
        GENERIC, ANY_METHOD, "407", "credentials.wrong-password", "RFC 3261 21.4.8", "not our credentials"
    ),
    _cannot_tell(
        GENERIC, "registration", "403", "credentials.identity-mismatch", "RFC 3261 10.3",
        "the registrar wants the agent's own credentials",
    ),
    _cannot_tell(
        GENERIC, ANY_METHOD, "403", "policy.account-disabled", "RFC 3261 21.4.4",
        "refused again and again while others pass",
    ),
    _cannot_tell(GENERIC, ANY_METHOD, "405", "policy.method", "RFC 3261 21.4.6", "the method is not allowed"),
    _cannot_tell(
        GENERIC, ANY_METHOD, "408", "network.unreachable", "RFC 3261 21.4.9",
        "the PBX passed the question on, and the phone never answered",
    ),
    _cannot_tell(GENERIC, ANY_METHOD, "413", "message.too-large", "RFC 3261 21.4.11", "too large"),
    _cannot_tell(GENERIC, ANY_METHOD, "489", "policy.event-package", "RFC 6665", "no such event package"),
    _cannot_tell(GENERIC, ANY_METHOD, "501", "policy.method", "RFC 3261 21.5.2", "the method is not known"),
    _cannot_tell(
        GENERIC, ANY_METHOD, "504", "network.unreachable", "RFC 3261 21.5.5", "a server behind was silent"
    ),
    _cannot_tell(
        GENERIC, ANY_METHOD, "603", "policy.caller-identity", "RFC 3261 21.6.2",
        "the callee's own no, not the trunk's",
    ),
    _cannot_tell(GENERIC, ANY_METHOD, "3xx", "message.malformed", "RFC 3261 21.3", "a redirection"),
    _cannot_tell(GENERIC, ANY_METHOD, "4xx", "message.malformed", "RFC 3261 21.4", "not understood"),
    _cannot_tell(GENERIC, ANY_METHOD, "5xx", "capacity.overload", "RFC 3261 21.5", "the server failed"),
    _cannot_tell(GENERIC, ANY_METHOD, "6xx", "message.malformed", "RFC 3261 21.6", "not understood"),
)  # fmt: skip

_OWN_ANSWER = "the box answers for itself, whoever is asked about"

_OF_FAMILIES: tuple[Row, ...] = (
    Row(
        "kamailio", "options", "404", EvidenceKind.NOT_REGISTERED, None, "K20",
        "no binding; an address that the roster has wrong looks the same",
    ),
    _cannot_tell("kamailio", "options", "403", "policy.domain", "K9", "the domain is not one of its own"),
    _cannot_tell(
        "asterisk-pjsip", "options", "2xx", BLIND, "A11", "the number is in the dial plan, phone or not"
    ),
    Row(
        "asterisk-pjsip", "options", "404", EvidenceKind.UNKNOWN_USER, None, "A11",
        "the number is not in the dial plan",
    ),
    _cannot_tell("asterisk-pjsip", "options", "503", "capacity.maintenance", "A11", "it is shutting down"),
    _cannot_tell("asterisk-pjsip", "options", "403", "acl.source", "A4", "a global access list"),
    Row("asterisk-pjsip", "registration", "404", EvidenceKind.UNKNOWN_USER, None, "A8", "no such AOR"),
    _cannot_tell(
        "asterisk-pjsip", "registration", "403", "registrar.no-aor", "A5", "the account has no AOR there"
    ),
    _cannot_tell("chan_sip", "options", "480", "throttle.concurrency", "C5", "a session limit"),
    Row("chan_sip", "registration", "404", EvidenceKind.UNKNOWN_USER, None, "C3", "no such peer"),
    _cannot_tell(
        "chan_sip", "registration", "403", "credentials.wrong-password", "C1",
        "the password is not that of this peer",
    ),
    _cannot_tell("freeswitch", "options", "403", "acl.source", "F2", "an inbound access list"),
    _cannot_tell(
        "freeswitch", "registration", "403", "credentials.identity-mismatch", "F5",
        "one of seven refusals after credentials that look alike",
    ),
    _cannot_tell("freeswitch", ANY_METHOD, "503", "capacity.overload", "F9", "sessions or queue are full"),
    _cannot_tell("cucm", "options", "2xx", BLIND, "law", _OWN_ANSWER),
    _cannot_tell(
        "cucm", ANY_METHOD, "503", "policy.no-trunk-match", "V8", "our address fits none of its trunks"
    ),
    _cannot_tell("sbc", "options", "2xx", BLIND, "law", _OWN_ANSWER),
    _cannot_tell("sbc", ANY_METHOD, "403", "acl.source", "V1", "our address is in no allowed class"),
    _cannot_tell("sbc", ANY_METHOD, "503", "throttle.method", "V2", "a rate constraint per method"),
)  # fmt: skip

ROWS: tuple[Row, ...] = (*_OF_FAMILIES, *_GENERIC)


def _indexed(rows: Iterable[Row]) -> Mapping[tuple[str, str, str], Row]:
    return MappingProxyType({(row.family, row.method, row.answer): row for row in rows})


INDEX = _indexed(ROWS)
"""Every row by (family, method, answer)."""
