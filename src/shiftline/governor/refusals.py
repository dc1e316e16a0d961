"""What kind of refusal a trunk shows."""

from __future__ import annotations

from enum import StrEnum


class RefusalClass(StrEnum):
    """What kind of refusal the trunk shows; the doctor takes these as observations."""

    NONE = "none"
    THROTTLE = "throttle"
    """Depends on the rate, and is over within a minute."""
    BAN = "ban"
    """Lasts long after the rate has fallen."""
    POLICY = "policy"
    """No pacing will change it."""
    CAPACITY = "capacity"
    """The PBX cannot do more: answers come ever later, or no place is free."""
    USER_BOUND = "user-bound"
    """Concerns our account alone: the path is open without it."""
    CREDENTIALS = "credentials"
    UNREACHABLE = "unreachable"
    UNDECIDED = "undecided"
