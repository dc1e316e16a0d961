"""What a fault is made of: a part of the pipeline, or a setting of the PBX; both drawn from the seed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from random import Random
from typing import TypeVar

from shiftline.lab.pbx.agents import Truth
from shiftline.lab.pbx.bank.wishes import Drawn, Wishes
from shiftline.lab.pbx.bindings import ExpiresLimits
from shiftline.lab.pbx.personality import Personality
from shiftline.lab.pbx.refusal import Showing
from shiftline.lab.pbx.road_faults import RoadChange
from shiftline.lab.pbx.visit import Visit

Choice = TypeVar("Choice", str, int, float)


@dataclass(frozen=True, slots=True)
class Step:
    """A fault at its stage: whom it strikes, and how that shows."""

    id: str
    showing: Showing
    strikes: Callable[[Visit], bool]


@dataclass(slots=True, kw_only=True)
class Settings:
    """What faults change of the PBX itself; built from its configuration and its personality."""

    realm: str
    nonce_seconds: float
    nonce_uses: int = 0
    """So often a nonce is taken; 0: as long as it lives."""
    algorithm: str = "MD5"
    announced_algorithm: str = ""
    """What the challenge names instead."""
    expires: ExpiresLimits
    clock_skew_seconds: float = 0.0
    """So far its clock is ahead of the true time; it writes Date then."""
    tells_date: bool = False
    slow_factor: float = 1.0
    road: list[RoadChange] = field(default_factory=list)
    foreign_contacts: list[Callable[[str, float], tuple[str, ...] | None]] = field(default_factory=list)
    """Contacts of other systems for a user at a moment (elapsed seconds), in place of what was registered;
    None: as registered."""
    watchers: list[Callable[[Visit], None]] = field(default_factory=list)
    """Told of each visit whose credentials were wrong."""
    truth_of: Callable[[str | None], Truth]
    tls_fault: str = ""
    """The id of what is wrong with its TLS."""
    is_unreachable: bool = False


class Lottery:
    """Draws values from the seed, unless they are wished, and notes each as the truth."""

    def __init__(self, random: Random, wishes: Wishes) -> None:
        self.random = random
        self.wishes = wishes
        self.truth: dict[str, Drawn] = {}
        """What was drawn, by name."""

    def pick(self, name: str, *choices: Choice) -> Choice:
        """One of them, all alike."""
        picked = self.random.choice(choices)
        wished = self.wishes.options.get(name)
        if isinstance(wished, type(picked)):
            picked = wished
        self.truth[name] = picked
        return picked

    def between(self, name: str, low: float, high: float, *, digits: int = 1) -> float:
        """A number, its logarithm evenly spread, rounded to ``digits`` behind the point."""
        drawn = round(float(low * (high / low) ** self.random.random()), digits)
        wished = self.wishes.options.get(name)
        if isinstance(wished, int | float):
            drawn = float(wished)
        self.truth[name] = drawn
        return drawn

    def aside(self, name: str, *choices: Choice) -> Choice:
        """The same as `pick`, and whatever else is drawn of the seed stays as it is."""
        mine, self.random = self.random, Random(f"{name} {self.random.getstate()[1][:8]}")
        try:
            return self.pick(name, *choices)
        finally:
            self.random = mine

    def tell(self, name: str, value: Drawn) -> None:
        """Note what follows from what was drawn."""
        self.truth[name] = value


class Draw(Lottery):
    """One fault being made for one PBX: it draws, and collects the parts."""

    def __init__(
        self,
        id: str,  # noqa: A002 - the catalogue's word
        personality: Personality,
        showings: Sequence[Showing],
        *,
        random: Random,
        wishes: Wishes,
        settings: Settings,
    ) -> None:
        super().__init__(random, wishes)
        self.id = id
        self.personality = personality
        self.settings = settings
        self.steps: list[Step] = []
        showing = random.choice(showings)
        refusal = showing.refusal
        if len(refusal.phrases) > 1:
            refusal = replace(refusal, phrases=(random.choice(refusal.phrases),))
        self.showing = replace(showing, refusal=refusal)
        """How it shows here."""

    def refuse(self, strikes: Callable[[Visit], bool], *, showing: Showing | None = None) -> None:
        """Add the step: who is struck gets the showing that was drawn, or another."""
        showing = showing or self.showing
        since, methods = self.wishes.since_seconds, showing.methods

        def judge(visit: Visit) -> bool:
            return visit.elapsed >= since and (not methods or visit.method in methods) and strikes(visit)

        self.steps.append(Step(self.id, showing, judge))


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One fault of the bank."""

    id: str
    does: str
    make: Callable[[Draw], None]
    shown: Mapping[str, tuple[Showing, ...]]
    """How it may show, by personality; a family that is not here cannot show it."""
