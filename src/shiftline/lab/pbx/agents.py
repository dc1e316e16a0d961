"""The truth about agents and accounts that a lab PBX holds."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum


class Truth(StrEnum):
    """What is true of an agent's phone; the lab alone knows it."""

    AVAILABLE = "available"
    BUSY = "busy"
    NOT_REGISTERED = "not-registered"
    UNKNOWN = "unknown"
    """The PBX has never heard of the agent."""

    @property
    def is_registered(self) -> bool:
        """Whether a phone has registered a contact."""
        return self in (Truth.AVAILABLE, Truth.BUSY)


def controls_of(agents: Mapping[str, Truth]) -> dict[str, str]:
    """The trunk's keys for its two control users, one who is there and one who is not, if there are such."""
    present = next((user for user, truth in agents.items() if truth is Truth.AVAILABLE), None)
    absent = next((user for user, truth in agents.items() if truth is Truth.NOT_REGISTERED), None)
    return {"control_present": present, "control_absent": absent} if present and absent else {}


ANSWERS = {Truth.AVAILABLE: 200, Truth.BUSY: 486, Truth.NOT_REGISTERED: 480, Truth.UNKNOWN: 404}
"""The status of an OPTIONS or INVITE to an agent (RFC 3261 sections 11.2, 21.4.5, 21.4.18, 21.4.21)."""

TRUNK_ACCOUNT = "shiftline"
CAMPAIGN_ACCOUNT = "campaign"
CALL_DESTINATION = "^call[0-9]+$"
"""Users that stand for the campaign's customers: every call to them is answered."""
