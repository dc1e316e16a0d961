"""Which controllers there are, by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from shiftline.errors import ConfigurationError
from shiftline.governor.controller import Controller
from shiftline.governor.governor import Governor
from shiftline.governor.policy import GovernorPolicy


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """What a controller is told before it begins: the same for all."""

    policy: GovernorPolicy
    known: Mapping[str, Any] | None = None
    """What was learned in an earlier life; its ``rate`` (requests per second) is for all controllers."""
    settings: Mapping[str, float] = field(default_factory=dict)
    """Settings of this kind of controller that differ from its defaults."""
    now: float = 0.0
    """Seconds."""
    draw: Callable[[], float] = lambda: 0.5
    """Random numbers from 0 to 1."""


Maker = Callable[[Start], Controller]


def _shiftline(start: Start) -> Controller:
    return Governor(start.policy, start.now, start.known)


OURS = "shiftline"
CONTROLLERS: dict[str, Maker] = {OURS: _shiftline}


def controller_named(name: str, start: Start) -> Controller:
    """Make the controller of that name. Raises ConfigurationError if there is none."""
    maker = CONTROLLERS.get(name)
    if maker is None:
        raise ConfigurationError(
            f"There is no controller {name!r}.", remedy=f"Choose one of: {', '.join(CONTROLLERS)}."
        )
    return maker(start)
