"""What an entry of the catalogue is made of.

A cause acts as a filter at one stage of the way that a request takes through a PBX. A signature is one way
in which it shows: on some families, on some questions, with some outcomes. Of two faults, the one that
acts first answers. Everything else, which cause explains what and which ones cannot be told apart, follows
from these tables.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from types import MappingProxyType

from shiftline.diagnosis.families import Family
from shiftline.diagnosis.outcome import Outcome
from shiftline.diagnosis.probe import Probe


class Grounds(StrEnum):
    """How well a signature is known. The less, the nearer its likelihoods are to knowing nothing."""

    MEASURED = "measured"
    SOURCE = "source"
    """Read in the program's source code or README."""
    RFC = "RFC"
    VENDOR = "vendor document"
    THREAD = "thread"
    """Reported in an issue, with a trace."""
    RECALLED = "recalled"
    """Known in the field, not read again."""


DOUBT = MappingProxyType(
    {
        Grounds.MEASURED: 0.02,
        Grounds.SOURCE: 0.03,
        Grounds.RFC: 0.05,
        Grounds.VENDOR: 0.08,
        Grounds.THREAD: 0.12,
        Grounds.RECALLED: 0.2,
    }
)
"""The share of likelihood that a signature leaves to any outcome at all."""


class Stage(IntEnum):
    """Where on the way a cause acts. What comes first answers first."""

    NAME = 0
    PATH = 10
    TLS = 20
    SOURCE_BAN = 30
    SOURCE_LIST = 40
    CAPACITY = 45
    """Overload is met before anything is looked at closely."""
    PARSER = 50
    AGENT = 55
    RATE = 60
    RULE = 65
    """Method, domain and peer rules that need no login."""
    CHALLENGE = 70
    ACCOUNT_LIMIT = 80
    ACCOUNT_RULE = 90
    REGISTRAR = 100
    SERVICE = 110
    """The service behind: presence, dialog plan."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Acts:
    """On which probes a filter acts, and how surely. A field that is not named does not matter."""

    chance: float = 1.0
    on: Mapping[str, frozenset[str]] = field(default_factory=lambda: MappingProxyType({}))

    def matches(self, probe: Probe) -> bool:
        """Whether the probe is of this kind. Several changes are of each kind that has one of them."""
        for name, values in self.on.items():
            if getattr(probe, name) not in values and (name != "shape" or probe.changes.isdisjoint(values)):
                return False
        return True


def when(chance: float = 1.0, **fields: str | tuple[str, ...]) -> Acts:
    """Acts with ``chance`` where each named field of the probe has one of these values."""
    return Acts(
        chance=chance,
        on=MappingProxyType(
            {name: frozenset((value,) if isinstance(value, str) else value) for name, value in fields.items()}
        ),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """One way in which a cause shows."""

    id: str
    """The row of the facts, such as ``K5``; a letter behind it where a row has several."""
    families: frozenset[Family]
    stage: Stage
    acts: tuple[Acts, ...]
    """The first that matches a probe decides how surely the filter acts on it; none: not at all."""
    answers: Mapping[Outcome, float]
    grounds: Grounds
    source: str
    """Where it was read or measured."""
    words: str
    """What it looks like, in one sentence."""
    weight: float = 1.0
    """How usual it is among the signatures of its cause on a family."""
    over_other: Outcome | None = None
    """What it answers over the other transport, where that is another answer."""

    def chance(self, probe: Probe) -> float:
        """How surely it acts on such a question."""
        for rule in self.acts:
            if rule.matches(probe):
                return rule.chance
        return 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Remedy:
    """What to do about it, as steps in their order."""

    steps: tuple[str, ...]
    by_family: Mapping[Family, tuple[str, ...]] = field(default_factory=lambda: MappingProxyType({}))
    """Steps with that family's own commands, to be done first."""

    def of(self, family: Family | None) -> tuple[str, ...]:
        """The steps for one family, its own first."""
        own = self.by_family.get(family, ()) if family is not None else ()
        return (*own, *self.steps)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """One entry of the catalogue. Its id is never renamed."""

    id: str
    meaning: str
    """One sentence."""
    seen: str
    """What a user sees and says."""
    tells: str
    """The evidence that tells it from others."""
    refuted_by: str
    """What would show that it is not this."""
    remedy: Remedy
    sources: tuple[str, ...]
    signatures: tuple[Signature, ...] = ()
    """Empty where no question to a PBX shows it: then marks alone speak for it."""
    prior: float = 1.0
    """How usual it is, against the others."""
