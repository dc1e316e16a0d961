"""What of the faults is not left to the seed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

Drawn = str | int | float | bool | list[str]
"""A value that was drawn, as JSON has it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """Values that are given; the seed draws the others."""

    limit: int | None = None
    """Requests per second that a throttle lets pass."""
    since_seconds: float = 0.0
    """The faults begin so long after the PBX's first request; those that are settings hold from the start."""
    options: Mapping[str, Drawn] = field(default_factory=dict)
    """Drawn values by name, for whoever needs one of them just so."""
