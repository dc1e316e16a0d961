"""What a report tells, whoever gathered it: a reading of captures and logs, or an examination."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo

from shiftline.diagnosis.exchange import Place
from shiftline.diagnosis.finding import Diagnosis
from shiftline.diagnosis.statistics import Statistics
from shiftline.doctor.reading.ledger import FileEntry
from shiftline.doctor.report.excerpt import Excerpt

NO_EXCERPT = Excerpt()


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One experiment of a run, in words."""

    question: str
    risk: str
    answer: str
    requests: int
    places: tuple[Place, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """Everything that a report is made of. Times of ``statistics`` and ``excerpt`` are seconds since 1970."""

    name: str
    """What was examined: "incident.pcap", "trunk pbx"."""
    made_at: datetime
    diagnosis: Diagnosis
    statistics: Statistics
    excerpt: Excerpt = NO_EXCERPT
    zone: tzinfo = UTC
    """In which civil times are told."""
    files: Sequence[FileEntry] = ()
    skipped: Mapping[str, int] = field(default_factory=dict)
    asked: Sequence[Asked] = ()
    allowed: str = ""
    """The highest risk class of a run; empty where nothing was sent."""
    budget: int = 0
    ended: str = ""
    """Why a run asked no more."""
    given: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Whom a run was told of, by kind: ``user``, ``domain``, ``program``, ``value`` (of a header)."""
    named: Callable[[str], str] = str
    """What is shown of a text that may name people: all of it, or pseudonyms."""

    @property
    def was_read(self) -> bool:
        """Whether it is of records; else of questions of ours."""
        return not self.allowed
