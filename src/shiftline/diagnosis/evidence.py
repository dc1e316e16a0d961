"""What is known of one subject: trials and marks. All conclusions start here, and order plays no role."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from shiftline.diagnosis.exchange import Place
from shiftline.diagnosis.outcome import Outcome
from shiftline.diagnosis.probe import Aim, Credentials, Method, Probe

MOST_PLACES = 8
"""Places kept for each piece of evidence: enough to look it up."""
NO_FIGURES: Mapping[str, float] = MappingProxyType({})
_CHALLENGED_OR_NOT = (Aim.SERVER, Aim.USER, Aim.OTHER_USER)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One question and what came back, once or several times alike."""

    probe: Probe
    outcome: Outcome
    carried: bool = True
    """Whether the credentials that its probe names were really sent: without a challenge none are."""
    count: int = 1
    """How often. Repeats are one fact: they are worth hardly more than the first (`belief`)."""
    experiment: str = ""
    """The id of the experiment that asked; empty for the traffic of others."""
    heard: str = ""
    """What came, where the outcome does not say."""
    places: tuple[Place, ...] = ()
    figures: Mapping[str, float] = field(default_factory=lambda: NO_FIGURES)
    """What was measured, for sentences and charts: ``rate`` (requests a second at which it flipped),
    ``limit`` and ``window_seconds`` (fitted), ``recovered_after`` (seconds), ``in_flight``."""

    @property
    def as_sent(self) -> Probe:
        """What really was asked: OPTIONS that nobody challenged are no proof of what meets a login."""
        probe = self.probe
        is_options = probe.method is Method.OPTIONS and probe.aim in _CHALLENGED_OR_NOT
        if self.carried or not is_options or probe.credentials is Credentials.NONE:
            return probe
        return replace(probe, credentials=Credentials.UNASKED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """Something that was noticed: a header, a phrase, a log line, a habit of the traffic.

    ``kind`` is a row of the catalogue's table of marks, which says for which causes and families it speaks.
    """

    kind: str
    count: int = 1
    text: str = ""
    """What was seen, in a few words, redacted."""
    places: tuple[Place, ...] = ()
    figures: Mapping[str, float] = field(default_factory=lambda: NO_FIGURES)


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What the evidence is about: all of a trunk's traffic, or the part that fails in a way of its own."""

    name: str = "the trunk"
    """As sentences name it: "user agent0007", "source 192.0.2.7", "SUBSCRIBE"."""
    key: str = ""
    """``user``, ``source``, ``method``, ``domain``, ``user-agent`` or "" (all of it)."""
    values: tuple[str, ...] = ()
    requests: int = 0
    refused: int = 0
    is_scanner: bool = False
    """Whether it calls itself so, and was never served anything: what refuses it is no fault of the trunk."""
    seconds: float = 0.0
    """From the first request of the record to the last."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """Trials and marks of one subject, of experiments and of records alike."""

    subject: Subject = field(default_factory=Subject)
    trials: tuple[Trial, ...] = ()
    marks: tuple[Mark, ...] = ()

    def with_trials(self, *trials: Trial) -> Evidence:
        """The same with more trials."""
        return replace(self, trials=(*self.trials, *trials))
