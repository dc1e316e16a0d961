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
from pathlib import Path as FilePath
from tempfile import TemporaryDirectory
from zoneinfo import ZoneInfo

from benchmarks.doctor_bank import TWO_FAULTS, BankCase, Examined
from benchmarks.doctor_classes import alike_under
from benchmarks.doctor_scores import Judged

from shiftline.cli.doctor.gathered import Gathered, conclude, gather
from shiftline.diagnosis.as_json import as_json
from shiftline.diagnosis.belief import believe
from shiftline.diagnosis.catalogue import CATALOGUE
from shiftline.diagnosis.evidence import Evidence
from shiftline.diagnosis.exchange import Exchange
from shiftline.diagnosis.experiment import Risk
from shiftline.diagnosis.families import Family
from shiftline.diagnosis.finding import Diagnosis
from shiftline.diagnosis.hypotheses import HEALTHY
from shiftline.diagnosis.probe import (
    Account,
    Aim,
    Credentials,
    Load,
    Method,
    Path,
    Probe,
    Shape,
    Source,
)
from shiftline.doctor.reading.reading import Reading
from shiftline.lab.pbx.bank.build import BANK
from shiftline.lab.recording_stage import CONNECTOR, SECOND, TIME_ZONE
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
    held: frozenset[tuple[bool, str, bool]]
    """What the record holds at all: from the connector's first address or not, a method (``REGISTER-contact``
    with a Contact), and whether it carried credentials."""


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
        capture, _ = recorded.write(FilePath(folder) / "trunk")
        gathered = gather(Reading([capture]), ZoneInfo(TIME_ZONE))
        found = conclude(gathered)
        if found is None:
            return None
        exchanges = [each for each in Reading([capture]) if isinstance(each, Exchange)]
    examined = _examined(case, recorded, gathered, found)
    return Read(examined=examined, vector=_vector(exchanges), held=held_in(exchanges))


def held_in(exchanges: Iterable[Exchange]) -> frozenset[tuple[bool, str, bool]]:
    """What requests there are, whatever became of them."""
    return frozenset(
        (
            one.source == CONNECTOR,
            f"{one.method}-contact" if one.method == "REGISTER" and one.contact_host else one.method,
            one.carried is not None,
        )
        for one in exchanges
    )


def _examined(case: BankCase, recorded: Recording, gathered: Gathered, found: Diagnosis) -> Examined:
    evidence = gathered.observer.evidence()
    return Examined(
        case=case,
        shows="; ".join(f"{one.shows} {dict(one.drawn)}" for one in recorded.faults),
        verdict=found.cause,
        confidence=found.confidence,
        sets=tuple((one.cause, *one.indistinguishable_from) for one in found.findings),
        confidences=tuple(one.confidence for one in found.findings),
        causes=dict(believe(evidence[0], is_recorded=True).causes),
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
        # What is too large for UDP goes over TCP, and there is much that is large and not too large.
        found += [
            replace(asked, shape=Shape.LARGE, path=Path.OTHER_TRANSPORT),
            replace(asked, shape=Shape.LARGE),
        ]
    return tuple(found)


_UNNAMED = frozenset({Family.KAMAILIO, Family.OPENSIPS, Family.SBC, Family.OTHER})
_MAY_BE = {
    "server.asterisk": frozenset({Family.CHAN_SIP, Family.PJSIP}),
    "server.unnamed": _UNNAMED,
}
"""Families that a record cannot tell apart by what the answers say of their maker. Other names are those of
one family."""


def _contained_in(one: Read) -> tuple[Probe, ...]:
    """The comparisons of such an hour that this record holds.

    Two addresses of the connector that fare alike are no comparison: what strikes addresses may strike both.
    """
    statuses = [
        frozenset(key[-1] for key in one.vector if key[:3] == (source, "OPTIONS", True) and not key[4])
        for source in (CONNECTOR, SECOND)
    ]
    fare_alike = statuses[0] == statuses[1]
    return tuple(
        probe
        for probe in contained()
        if (
            probe.source is Source.OWN,
            probe.method.value,
            probe.credentials is not Credentials.NONE,
        )
        in one.held
        and not (fare_alike and probe.source is Source.OTHER and probe.account is Account.OWN)
    )


def twins(one: Read, cause: str) -> frozenset[str]:
    """Whatever such a record cannot tell from a cause, by the catalogue.

    Causes that no request shows are left out: a record has no word for them, and nobody names them.
    """
    kinds = {mark.partition(":")[0] for mark in one.examined.marks}
    likewise = frozenset[Family]().union(*(_MAY_BE.get(kind, frozenset()) for kind in kinds))
    alike = alike_under(_contained_in(one), Family(one.examined.case.personality), likewise)
    shown = {name for name in alike.get(cause, frozenset()) if name == HEALTHY or CATALOGUE[name].signatures}
    return frozenset({cause, *shown})


def judge_all(read: Sequence[Read]) -> list[Judged]:
    """Put each beside the truth. Records in which a fault did not show at all are left out.

    That is so if the record is like that of a healthy hour, or of two faults like that of one of them.
    """
    alike: dict[tuple[str, Vector], set[str]] = {}
    healthy = {
        (one.examined.case.personality, one.examined.case.seed): one.vector
        for one in read
        if not one.examined.case.faults
    }
    alone = {
        (one.examined.case.truth[0], one.examined.case.personality, one.examined.case.seed): one.vector
        for one in read
        if len(one.examined.case.truth) == 1
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
        if len(case.faults) > 1 and any(
            one.vector == alone.get((cause, case.personality, case.seed)) for cause in case.faults
        ):
            continue
        classes = [twins(one, cause) for cause in case.truth]
        if len(classes) == 1:
            classes[0] |= alike[case.personality, one.vector]
        judged.append(Judged(examined=one.examined, classes=tuple(classes)))
    return judged
