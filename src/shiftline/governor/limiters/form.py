"""What a form of limiter is: the shape of an entry in the table of `forms`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from shiftline.governor.limiters.model import Limiter
from shiftline.governor.limiters.spec_text import Amount, Option, Value


class Kind(StrEnum):
    """What a limiter does to whoever is too fast; each kind has its own bars."""

    RATE = "rate"
    """Refuses what is too much, and nothing else."""
    BAN = "ban"
    """Refuses everything of a source for a while."""
    LOCKOUT = "lockout"
    """Refuses everything of an account for a while."""
    CAPACITY = "capacity"
    """Can do no more."""
    FEEDBACK = "feedback"
    """Says what it would rather get."""


class AmountKind(StrEnum):
    """How the amount of a form is written."""

    WINDOW = "50/1s"
    RATE = "50/s"
    PLACES = "20"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What one text asks for, all options filled in."""

    amount: Amount
    options: Mapping[str, Value]

    def number(self, name: str) -> float:
        """An option that is a number or a duration in seconds."""
        return float(self.options[name])

    @property
    def limit(self) -> int:
        """The amount as a count."""
        return round(self.amount.count)


@dataclass(frozen=True, slots=True)
class Chance:
    """What a text leaves open: where a window begins (share of its length), and random numbers in [0, 1)."""

    phase_share: float
    random: Callable[[], float] | None

    def draw(self) -> float:
        """One number of the random source; 0 without one."""
        return self.random() if self.random else 0.0


@dataclass(frozen=True, slots=True)
class Form:
    """One limiter that a text can name."""

    kind: Kind
    meaning: str
    amount: AmountKind
    build: Callable[[Wanted, Chance], Limiter]
    ideal: Callable[[Wanted, float], float]
    """The steadiest rate that is never refused, given what an answer takes (seconds)."""
    example: str
    options: Mapping[str, Option] = field(default_factory=dict)
