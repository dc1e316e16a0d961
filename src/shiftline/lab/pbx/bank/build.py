"""All faults of the bank, and the faulty PBX that a seed makes of some of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from difflib import get_close_matches
from random import Random
from types import MappingProxyType

from shiftline.errors import ConfigurationError
from shiftline.lab.pbx.bank.access import ACCESS
from shiftline.lab.pbx.bank.bans import BANS
from shiftline.lab.pbx.bank.condition import CONDITION
from shiftline.lab.pbx.bank.credentials import CREDENTIALS
from shiftline.lab.pbx.bank.draw import Draw, Entry, Settings, Step
from shiftline.lab.pbx.bank.limits import THROTTLES
from shiftline.lab.pbx.bank.messages import MESSAGES
from shiftline.lab.pbx.bank.registrars import REGISTRARS
from shiftline.lab.pbx.bank.roads import ROADS
from shiftline.lab.pbx.bank.wishes import Drawn, Wishes
from shiftline.lab.pbx.personality import Personality
from shiftline.lab.pbx.visit import Stage

_ALL = (*ROADS, *CREDENTIALS, *ACCESS, *REGISTRARS, *THROTTLES, *BANS, *CONDITION, *MESSAGES)
BANK: Mapping[str, Entry] = MappingProxyType({entry.id: entry for entry in _ALL})
"""Every fault by its id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawnFault:
    """What became of one fault: how it shows, and what was drawn."""

    id: str
    shows: str
    stage: Stage
    status: int | None
    phrase: str
    drawn: Mapping[str, Drawn]

    def to_json(self) -> dict[str, object]:
        """For the truth that a benchmark compares with."""
        return {**asdict(self), "drawn": dict(self.drawn)}


@dataclass(slots=True, kw_only=True)
class FaultyParts:
    """The faults as the pipeline wants them; the truth in the order of the bank."""

    steps: list[Step] = field(default_factory=list)
    truth: list[DrawnFault] = field(default_factory=list)


def require_fault(name: str, personality: str = "") -> Entry:
    """The fault of that id. Raises ConfigurationError for an unknown one, or one it cannot show."""
    entry = BANK.get(name)
    if entry is None:
        near = get_close_matches(name, BANK, n=1)
        hint = f"Did you mean {near[0]}? " if near else ""
        raise ConfigurationError(
            f"There is no fault {name!r} here.", remedy=f"{hint}See: shiftline lab faults"
        )
    if personality and personality not in entry.shown:
        raise ConfigurationError(
            f"The personality {personality} cannot show the fault {name}.",
            remedy=f"These can: {', '.join(entry.shown)}.",
        )
    return entry


def draw_faults(
    names: Iterable[str], personality: Personality, *, seed: int, wishes: Wishes, settings: Settings
) -> FaultyParts:
    """Draw the faults; each has a randomness of its own, so that one more changes nothing of the others.

    Changes ``settings``. Raises ConfigurationError for a fault that this personality cannot show.
    """
    wanted = set(names)
    for name in wanted:
        require_fault(name, personality.name)
    parts = FaultyParts()
    for entry in _ALL:
        if entry.id not in wanted:
            continue
        draw = Draw(
            entry.id,
            personality,
            entry.shown[personality.name],
            random=Random(f"{seed}/{personality.name}/{entry.id}"),
            wishes=wishes,
            settings=settings,
        )
        entry.make(draw)
        parts.steps += draw.steps
        refusal = draw.showing.refusal
        parts.truth.append(
            DrawnFault(
                id=entry.id,
                shows=str(draw.showing),
                stage=draw.showing.stage,
                status=refusal.status,
                phrase=refusal.phrases[0] if refusal.phrases else "",
                drawn=draw.truth,
            )
        )
    return parts
