"""A trunk's time series: from counters that only rise, and begin anew, to what was done in each interval."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from shiftline.connector.records import TrunkSample

SAMPLE_SECONDS = 5.0
KEEP_SAMPLES = timedelta(hours=24)
UNDECIDED = "undecided"
DECIDED_WITHIN = timedelta(seconds=60)
_COUNTERS = ("sent", "passed", "refused")


@dataclass(frozen=True, slots=True)
class _Counts:
    sent: int = 0
    passed: int = 0
    refused: int = 0

    @classmethod
    def of(cls, knowledge: Mapping[str, Any]) -> _Counts:
        return cls(*(int(knowledge.get(name) or 0) for name in _COUNTERS))

    def since(self, earlier: _Counts) -> _Counts:
        """What was added; a governor that counts from 0 again has fallen below what was counted."""
        began_anew = any(getattr(self, name) < getattr(earlier, name) for name in _COUNTERS)
        base = _Counts() if began_anew else earlier
        return _Counts(*(getattr(self, name) - getattr(base, name) for name in _COUNTERS))


@dataclass(frozen=True, slots=True)
class Sampled:
    """A new sample, and earlier ones that were undecided when they were kept, with their class."""

    sample: TrunkSample
    decided: tuple[TrunkSample, ...] = ()


class Sampler:
    """Makes a sample of a governor's knowledge every `SAMPLE_SECONDS`. Times are civil."""

    def __init__(self, now: datetime) -> None:
        """Begin where a governor begins: its counters are 0."""
        self._since = now
        self._counted = _Counts()
        self._next = self._counted
        self._undecided: list[TrunkSample] = []

    def sample(self, knowledge: Mapping[str, Any], now: datetime) -> Sampled | None:
        """What was done since the last sample that was kept; None while it is too early."""
        self._since = min(self._since, now)  # the clock was set back: its step is no interval
        seconds = (now - self._since).total_seconds()
        if seconds < SAMPLE_SECONDS:
            return None
        self._next = _Counts.of(knowledge)
        done = self._next.since(self._counted)
        sample = TrunkSample(
            at=now,
            seconds=seconds,
            rate=float(knowledge.get("rate") or 0.0),
            sent=done.sent,
            passed=done.passed,
            refused=done.refused,
            mode=str(knowledge.get("mode") or "unknown"),
            refusal=_class_of(knowledge, seconds, refused=done.refused),
        )
        return Sampled(sample, tuple(self._decided(knowledge, now)))

    def kept(self, sampled: Sampled) -> None:
        """It is in the books: the next sample begins where this one ends."""
        sample = sampled.sample
        self._since = sample.at
        self._counted = self._next
        decided = {one.at for one in sampled.decided}
        self._undecided = [
            one
            for one in (*self._undecided, sample)
            if one.refusal == UNDECIDED and one.at not in decided and sample.at - one.at <= DECIDED_WITHIN
        ]

    def _decided(self, knowledge: Mapping[str, Any], now: datetime) -> Iterator[TrunkSample]:
        """Kept samples whose refusals have got their class since."""
        for sample in self._undecided:
            until = (now - sample.at).total_seconds()
            kind = _listed_class(knowledge, until, until + sample.seconds)
            if kind not in (None, UNDECIDED):
                yield replace(sample, refusal=kind)


def refusal_classes(samples: Sequence[TrunkSample]) -> list[str | None]:
    """The class of each sample's refusals; what was undecided takes the next class within a minute.

    A refusal is mostly undecided when it comes: only the answers after it tell what it was.
    """
    classes: list[str | None] = []
    decided: tuple[datetime, str] | None = None
    for sample in reversed(samples):
        named = sample.refusal
        if named == UNDECIDED and decided is not None and decided[0] - sample.at <= DECIDED_WITHIN:
            named = decided[1]
        elif named is not None and named != UNDECIDED:
            decided = (sample.at, named)
        classes.append(named)
    return classes[::-1]


def merged(samples: Sequence[TrunkSample], count: int) -> list[TrunkSample]:
    """Every ``count`` samples as one: counts added up, rates averaged, mode and refusal the newest."""
    groups = (samples[index : index + count] for index in range(0, len(samples), count))
    return [_one_of(group) for group in groups]


def _one_of(group: Sequence[TrunkSample]) -> TrunkSample:
    seconds = sum(sample.seconds for sample in group)
    refusals = (sample.refusal for sample in reversed(group) if sample.refusal is not None)
    return replace(
        group[-1],
        seconds=seconds,
        rate=sum(sample.rate * sample.seconds for sample in group) / seconds,
        sent=sum(sample.sent for sample in group),
        passed=sum(sample.passed for sample in group),
        refused=sum(sample.refused for sample in group),
        refusal=next(refusals, None),
    )


def _class_of(knowledge: Mapping[str, Any], seconds: float, *, refused: int) -> str | None:
    """How the newest refusal, or silence, of the last seconds was classed; None if there was none.

    Where the list does not tell, what the governor says of all counts.
    """
    listed = _listed_class(knowledge, 0.0, seconds)
    if listed is not None or not refused:
        return listed
    overall = knowledge.get("refusal")
    return UNDECIDED if overall in (None, "none") else str(overall)


def _listed_class(knowledge: Mapping[str, Any], newest: float, oldest: float) -> str | None:
    """The class of the newest listed refusal whose age is within these bounds (seconds)."""
    for refusal in reversed(knowledge.get("refusals") or ()):
        if newest <= float(refusal.get("ago") or 0.0) < oldest:
            return str(refusal.get("class") or UNDECIDED)
    return None
