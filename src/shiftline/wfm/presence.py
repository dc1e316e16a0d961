"""What presence and routing status say about whether an agent can be reached. Pure; the table is data.

The question is the one a SIP check asks: is this agent's way of being reached up? Whoever is signed in
counts as a registered phone does, whoever sits before it or not; whoever is logged off counts as a phone
that is not registered. Whatever we do not know, and whatever contradicts itself, says nothing.
Sources: docs/reference/availability-methods.md, section "platform".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType

from shiftline.connector.reading import Reading
from shiftline.trades.model import EvidenceKind

NO_WORD = "platform.no-word"
CONTRADICTION = "platform.contradiction"
NOT_RESPONDING = "platform.not-responding"
OUT_OF_OFFICE = "platform.out-of-office"
STALE = "platform.stale"

LONGEST_SESSION = timedelta(hours=24)
"""Nobody works so long: whoever has been in one signed-in state since then has left a session behind."""

OFFLINE = "offline"
SIGNED_IN: Mapping[str, EvidenceKind] = MappingProxyType(
    {
        "onqueue": EvidenceKind.AVAILABLE,
        "available": EvidenceKind.AVAILABLE,
        "idle": EvidenceKind.AVAILABLE,
        "away": EvidenceKind.AVAILABLE,
        "break": EvidenceKind.AVAILABLE,
        "meal": EvidenceKind.AVAILABLE,
        "busy": EvidenceKind.BUSY,
        "meeting": EvidenceKind.BUSY,
        "training": EvidenceKind.BUSY,
    }
)
"""System presences of somebody who is logged in, spelled as `_plain` does."""
TALKING = frozenset({"interacting", "communicating"})
AT_WORK = TALKING | {"idle", "notresponding"}
ROUTING = AT_WORK | {"", "empty", "offqueue", "offline"}
"""Routing statuses. OFF_QUEUE leaves the word to the presence: it is said even of users who do not exist."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What the platform shows of one agent; ``since`` is when the presence was taken up."""

    presence: str = ""
    routing: str = ""
    out_of_office: bool = False
    since: datetime | None = None


def read_presence(shown: Shown, now: datetime) -> Reading:
    """Return what this says about the agent; ``now`` is an aware moment."""
    presence, routing = _plain(shown.presence), _plain(shown.routing)
    if routing not in ROUTING or (presence != OFFLINE and presence not in SIGNED_IN):
        return Reading(EvidenceKind.UNVERIFIABLE, NO_WORD)
    if presence == OFFLINE:
        if routing in AT_WORK:
            return Reading(EvidenceKind.UNVERIFIABLE, CONTRADICTION)
        return Reading(EvidenceKind.NOT_REGISTERED)
    doubt = _doubt(shown, routing, now)
    if doubt is not None:
        return Reading(EvidenceKind.UNVERIFIABLE, doubt)
    return Reading(EvidenceKind.BUSY if routing in TALKING else SIGNED_IN[presence])


def _doubt(shown: Shown, routing: str, now: datetime) -> str | None:
    """Return the cause for which somebody who is signed in may not be there nevertheless."""
    if routing == OFFLINE:
        return CONTRADICTION
    if shown.out_of_office:
        return OUT_OF_OFFICE
    if routing == "notresponding":
        return NOT_RESPONDING
    if shown.since is not None and now - shown.since > LONGEST_SESSION:
        return STALE
    return None


def _plain(word: str) -> str:
    """``OnQueue``, ``ON_QUEUE`` and ``On Queue`` are one word: topic, route and page spell it differently."""
    return "".join(character for character in word.casefold() if character.isalnum())
