"""What the doctor says in the end. Pure values; `as_json` and the reports turn them into text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from shiftline.diagnosis.evidence import Subject
from shiftline.diagnosis.exchange import Place
from shiftline.diagnosis.families import Family
from shiftline.diagnosis.losses import LOST


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """One piece of evidence in words."""

    sentence: str
    speaks_for: bool
    weight: float
    """Natural logarithm of the likelihood ratio against everything else; its sign is ``speaks_for``."""
    places: tuple[Place, ...] = ()

    def __str__(self) -> str:
        if not self.places:
            return self.sentence
        return f"{self.sentence} ({', '.join(str(place) for place in self.places)})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One cause, or a class of causes that cannot be told apart here."""

    cause: str
    """The likeliest of them."""
    indistinguishable_from: tuple[str, ...]
    confidence: float
    """That one of them is at work."""
    subject: Subject
    statements: tuple[Statement, ...]
    remedy: tuple[str, ...]
    """Steps, in order."""
    refuted_by: str
    figures: Mapping[str, float]
    """What was measured about it: ``limit``, ``window_seconds``, ``recovered_after``…"""
    is_decided: bool = True
    """Whether ``cause`` is named; else it is one of them, and nobody knows which."""

    @property
    def names(self) -> str:
        """Whom it names, in words. Beside health there is only what could not be asked about."""
        others = self.indistinguishable_from
        if self.cause == "healthy" and others:
            return f"healthy, or what could not be asked about ({', '.join(others)})"
        return " or ".join((self.cause, *others))


class SuspectVerdict(StrEnum):
    """What became of a suspect of the incident."""

    IT_IS = "it-is"
    IT_IS_NOT = "it-is-not"
    CANNOT_TELL = "cannot-tell"


@dataclass(frozen=True, slots=True, kw_only=True)
class Suspicion:
    """One suspect by name, what is said of it and why."""

    suspect: str
    """As people name it: "burst throttle", "IP allow list"."""
    causes: tuple[str, ...]
    verdict: SuspectVerdict
    sentence: str
    """"it is not, because …", or what to do to find out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Separation:
    """The experiment that would settle what is open."""

    experiment: str
    sentence: str
    command: str
    """To be typed, with the reader's own words for what is in capitals."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unasked:
    """Causes that look like health until something more is said on the command line."""

    causes: tuple[str, ...]
    options: tuple[str, ...]
    """Such as ``--subscribes``."""

    def __str__(self) -> str:
        return f"{', '.join(self.causes)} ({' '.join(self.options)})"


class Basis(StrEnum):
    """What a diagnosis rests on: what it does not have, it cannot tell."""

    NOTHING = "nothing"
    """No question was answered."""
    HEARSAY = "hearsay"
    """Lines without a request, which name no cause."""
    QUESTIONS = "single-questions"
    LOADS = "loads"
    """Single questions and loads."""
    RECORD = "record"
    """Requests with their answers, or lines that name a cause."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """The whole result."""

    cause: str | None
    """Of the main finding; None when undecided."""
    confidence: float
    """That the main finding is right: of the cause, or of its class when undecided."""
    findings: tuple[Finding, ...]
    suspicions: tuple[Suspicion, ...]
    separation: Separation | None
    families: Mapping[Family, float]
    requests_sent: int = 0
    unasked: tuple[Unasked, ...] = ()
    """Beside health: what this run could not ask about."""
    basis: Basis = Basis.RECORD
    beside: tuple[str, ...] = ()
    """What checks will meet besides, in sentences."""

    @property
    def shows_no_fault(self) -> bool:
        """Whether it is health, or beside it nothing but what could not be asked about."""
        main = self.findings[0]
        hidden = {cause for one in self.unasked for cause in one.causes}
        is_alone = self.cause is not None or hidden.issuperset(main.indistinguishable_from)
        return main.cause == "healthy" and is_alone and self.basis not in (Basis.NOTHING, Basis.HEARSAY)

    @property
    def is_clean(self) -> bool:
        """Whether nothing is wrong: no limit, which single questions do not show, and no way that loses."""
        is_lossy = LOST in self.findings[0].figures
        return self.cause == "healthy" and self.basis is not Basis.QUESTIONS and not is_lossy
