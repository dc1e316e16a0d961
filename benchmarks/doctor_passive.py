"""The passive half of the doctor's bank: an hour of traffic with a fault, recorded by the lab and read back.

What is read is a capture, as a person would give it to ``shiftline doctor read``; nothing is known of the
trunk beside it. The truth is in the reported set, and the set is no larger than that cause's class in such
a record: the causes that its comparisons cannot tell apart by the catalogue, or which the lab showed alike.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory
from zoneinfo import ZoneInfo

from benchmarks.doctor_bank import TWO_FAULTS, BankCase, Examined
from benchmarks.doctor_classes import alike_under
from benchmarks.doctor_scores import Judged

from shiftline.cli.doctor_read import Gathered, conclude, gather
from shiftline.diagnosis.as_json import as_json
from shiftline.diagnosis.belief import believe
from shiftline.diagnosis.evidence import Evidence
from shiftline.diagnosis.exchange import Exchange
from shiftline.diagnosis.experiment import Risk
from shiftline.diagnosis.families import Family
from shiftline.diagnosis.finding import Diagnosis
from shiftline.diagnosis.probe import Account, Aim, Credentials, Load, Method, Probe, Shape, Source
from shiftline.doctor.reading.reading import Reading
from shiftline.lab.pbx.bank.build import BANK
from shiftline.lab.recording_stage import TIME_ZONE
from shiftline.lab.recordings import PUBLISHED_AT, Recording, Scene, record

_NOTICED = 0.1
"""Share of like requests from which on an answer counts as shown."""
_BURST_SECONDS = 20.0
_BY_ONE_ACCOUNT = (Method.REGISTER, Method.REGISTER_CONTACT, Method.SUBSCRIBE)
_BY_OTHERS = (Method.REGISTER, Method.REGISTER_CONTACT, Method.INVITE)

Vector = frozenset[tuple[object, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """What was made of one record, and what the record shows without any doctor."""

    examined: Examined
    vector: Vector
    """Who got which answer, at rest and in the burst."""


def passive_bank(
    causes: Sequence[str], personalities: Sequence[str], seeds: Iterable[int]
) -> Iterator[BankCase]:
    """Healthy hours, and one with each fault that a personality can show, for each seed."""
    for personality, seed in product(personalities, seeds):
        yield BankCase(faults=(), personality=personality, seed=seed, allow=Risk.PASSIVE)
        for cause in causes:
            if personality in BANK[cause].shown:
                yield BankCase(faults=(cause,), personality=personality, seed=seed, allow=Risk.PASSIVE)


def passive_pairs(personalities: Sequence[str], seeds: Iterable[int]) -> Iterator[BankCase]:
    """Two faults in one record."""
    for personality, seed, pair in product(personalities, seeds, TWO_FAULTS):
        if all(personality in BANK[cause].shown for cause in pair):
            yield BankCase(faults=pair, personality=personality, seed=seed, allow=Risk.PASSIVE)


def read_case(case: BankCase) -> Read | None:
    """Record an hour, write it as a capture, read that; None where nothing reached the capture."""
    recorded = record(Scene(personality=case.personality, fault_ids=case.faults, seed=case.seed))
    with TemporaryDirectory() as folder:
        capture, _ = recorded.write(Path(folder) / "trunk")
        gathered = gather(Reading([capture]), ZoneInfo(TIME_ZONE))
        found = conclude(gathered)
        if found is None:
            return None
        vector = _vector(each for each in Reading([capture]) if isinstance(each, Exchange))
    return Read(examined=_examined(case, recorded, gathered, found), vector=vector)


def _examined(case: BankCase, recorded: Recording, gathered: Gathered, found: Diagnosis) -> Examined:
    evidence = gathered.observer.evidence()
    return Examined(
        case=case,
        shows="; ".join(f"{one.shows} {dict(one.drawn)}" for one in recorded.faults),
        verdict=found.cause,
        confidence=found.confidence,
        sets=tuple((one.cause, *one.indistinguishable_from) for one in found.findings),
        confidences=tuple(one.confidence for one in found.findings),
        causes=dict(believe(evidence[0]).causes),
        requests=0,
        stop="",
        seconds=0.0,
        asked=tuple(line for one in evidence for line in _lines(one)),
        marks=tuple(f"{mark.kind}: {mark.text}" for one in evidence for mark in one.marks),
        json=as_json(found),
    )


def _lines(evidence: Evidence) -> Iterator[str]:
    yield f"== {evidence.subject.name}"
    for trial in evidence.trials:
        probe = trial.probe
        words = (probe.method, probe.source, probe.account, probe.credentials, probe.load, probe.shape)
        yield f"{' '.join(words)}: {trial.count} x {trial.outcome}"


def _vector(exchanges: Iterable[Exchange]) -> Vector:
    """Of each kind of request from each address: the answers, rare ones left out."""
    answers: dict[tuple[object, ...], Counter[int]] = {}
    for one in exchanges:
        in_burst = abs(one.at - PUBLISHED_AT.timestamp()) <= _BURST_SECONDS
        key = (one.source, one.method, bool(one.user), one.carried is not None, in_burst)
        answers.setdefault(key, Counter())[one.status or 0] += 1
    return frozenset(
        (*key, status)
        for key, counts in answers.items()
        for status, count in counts.items()
        if count >= _NOTICED * counts.total()
    )


@cache
def contained() -> tuple[Probe, ...]:
    """The comparisons that such an hour contains, seen from the connector's side."""
    found = [Probe(method=Method.OPTIONS, account=Account.NOBODY)]
    for credentials in (Credentials.NONE, Credentials.FRESH, Credentials.CACHED):
        asked = Probe(method=Method.OPTIONS, credentials=credentials, aim=Aim.PRESENT)
        others = replace(asked, source=Source.OTHER, account=Account.OTHER, shape=Shape.FOREIGN)
        found += [asked, replace(asked, source=Source.OTHER)]
        found += [replace(asked, load=load) for load in (Load.RAISED, Load.AFTER_PAUSE)]
        found += [replace(asked, method=method, aim=Aim.SERVER) for method in _BY_ONE_ACCOUNT]
        found += [
            replace(others, method=method, load=load, aim=Aim.SERVER)
            for method, load in product(_BY_OTHERS, (Load.SINGLE, Load.DURING))
        ]
    return tuple(found)


def judge_all(read: Sequence[Read]) -> list[Judged]:
    """Put each beside the truth. Records in which the fault did not show at all are left out."""
    alike: dict[tuple[str, Vector], set[str]] = {}
    healthy = {
        (one.examined.case.personality, one.examined.case.seed): one.vector
        for one in read
        if not one.examined.case.faults
    }
    for one in read:
        case = one.examined.case
        if len(case.truth) == 1:
            alike.setdefault((case.personality, one.vector), set()).add(case.truth[0])
    judged = []
    for one in read:
        case = one.examined.case
        if case.faults and one.vector == healthy.get((case.personality, case.seed)):
            continue
        family = Family(case.personality)
        classes = [alike_under(contained(), family).get(cause, frozenset({cause})) for cause in case.truth]
        if len(classes) == 1:
            classes[0] |= alike[case.personality, one.vector]
        judged.append(Judged(examined=one.examined, classes=tuple(classes)))
    return judged
