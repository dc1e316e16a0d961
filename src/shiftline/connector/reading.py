"""What a final SIP answer says about an agent.

RFC 3261 section 11.2: the answer to an OPTIONS is the one that an INVITE would have got. 480 is a known
user without a way to reach him, 404 is no such user; the two must not be merged (facts 2.1).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from shiftline.trades.model import EvidenceKind

REFUSALS = frozenset({401, 403, 407, 429, 500, 503})
"""Statuses that say nothing about the agent: the trunk, its credentials or its load are meant."""


@dataclass(frozen=True, slots=True)
class Reading:
    """The evidence's kind, and the cause id when nothing can be said about the agent."""

    kind: EvidenceKind
    cause: str | None = None


_KINDS: Mapping[int, EvidenceKind] = MappingProxyType(
    {
        486: EvidenceKind.BUSY,
        600: EvidenceKind.BUSY,
        480: EvidenceKind.NOT_REGISTERED,
        404: EvidenceKind.UNKNOWN_USER,
        410: EvidenceKind.UNKNOWN_USER,
        604: EvidenceKind.UNKNOWN_USER,
    }
)
_CAUSES: Mapping[int, str] = MappingProxyType(
    {
        400: "message.malformed",
        403: "policy.account-disabled",  # refused again and again while others pass
        405: "policy.method",
        408: "network.unreachable",  # the PBX forwarded the question and the phone never answered
        413: "message.too-large",
        420: "message.malformed",
        489: "policy.event-package",
        501: "policy.method",
        504: "network.unreachable",
        603: "policy.caller-identity",  # the callee's own no (RFC 3261 section 21.6.2), not the trunk's
    }
)


def read_answer(method: str, status: int, *, has_binding: bool) -> Reading:
    """Return what a final answer to a check says.

    ``method`` is "options" or "registration"; a 200 to a REGISTER query names the bindings, and none
    means that no phone is registered (RFC 3261 section 10.2.3).
    """
    if 200 <= status < 300:
        if method == "registration" and not has_binding:
            return Reading(EvidenceKind.NOT_REGISTERED)
        return Reading(EvidenceKind.AVAILABLE)
    if status in _KINDS:
        return Reading(_KINDS[status])
    fallback = "capacity.overload" if 500 <= status < 600 else "message.malformed"
    return Reading(EvidenceKind.UNVERIFIABLE, _CAUSES.get(status, fallback))
