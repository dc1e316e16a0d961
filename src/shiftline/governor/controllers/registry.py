"""Which controllers there are, by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from shiftline.errors import ConfigurationError
from shiftline.governor.controller import Controller
from shiftline.governor.controllers import aimd, gradient2, sre, static, vegas
from shiftline.governor.controllers.start import Start
from shiftline.governor.governor import Governor

OURS = "shiftline"


@dataclass(frozen=True, slots=True)
class Entry:
    """One kind of controller."""

    meaning: str
    make: Callable[[Start], Controller]
    settings: Mapping[str, float] = field(default_factory=dict)
    """What can be set, with the defaults."""


def _shiftline(start: Start) -> Controller:
    start.setting({})
    return Governor(start.policy, start.now, start.known)


CONTROLLERS: Mapping[str, Entry] = {
    OURS: Entry("finds the hidden limit and lives just below it", _shiftline),
    "aimd": Entry("a little faster all the time, much slower after a refusal", aimd.Aimd, aimd.DEFAULTS),
    "sre": Entry("Google's client throttle: K times what was accepted lately", sre.Sre, sre.DEFAULTS),
    "gradient2": Entry(
        "places that follow the round-trip time's gradient", gradient2.Gradient2, gradient2.DEFAULTS
    ),
    "vegas": Entry("places that keep a short queue", vegas.Vegas, vegas.DEFAULTS),
    "static": Entry("a declared rate, whatever comes back", static.Static, static.DEFAULTS),
}


def controller_named(name: str, start: Start) -> Controller:
    """Make the controller of that name.

    Raises ConfigurationError if there is none, or if it has no setting that ``start`` sets.
    """
    entry = CONTROLLERS.get(name)
    if entry is None:
        raise ConfigurationError(
            f"There is no controller {name!r}.", remedy=f"Choose one of: {', '.join(CONTROLLERS)}."
        )
    return entry.make(start)
