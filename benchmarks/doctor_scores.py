"""Judges diagnoses against the truth, and prints what came of a bank."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import mean, median

from benchmarks.doctor_bank import BankCase, Examined, knowledge
from benchmarks.doctor_classes import class_of
from rich.console import Console
from rich.table import Table

from shiftline.diagnosis.experiment import Permission
from shiftline.diagnosis.families import Family
from shiftline.diagnosis.hypotheses import HEALTHY

SURE = 0.9


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A diagnosis beside the truth."""

    examined: Examined
    classes: tuple[frozenset[str], ...]
    """Of each fault: what cannot be told from it."""

    @property
    def case(self) -> BankCase:
        """The case."""
        return self.examined.case

    @property
    def reported(self) -> frozenset[str]:
        """All that was named."""
        return frozenset(cause for one in self.examined.sets for cause in one)

    @property
    def has_truth(self) -> bool:
        """Whether every fault was named."""
        return self.reported >= frozenset(self.case.truth)

    @property
    def is_right(self) -> bool:
        """The truth is in the reported set, and the set is no larger than the classes together."""
        most = len(frozenset[str]().union(*self.classes))
        return self.has_truth and len(self.reported) <= most

    @property
    def is_sure_singleton(self) -> bool:
        """One cause, the right one, at a confidence of 0.9 or more."""
        return self.examined.verdict in self.case.truth and self.examined.confidence >= SURE

    @property
    def is_class_of_one(self) -> bool:
        """Whether nothing is like the fault with what was allowed."""
        return all(len(names) == 1 for names in self.classes)

    @property
    def is_confident_and_wrong(self) -> bool:
        """At 0.9 or more, something else."""
        return self.examined.confidence >= SURE and not self.reported & frozenset(self.case.truth)

    @property
    def brier(self) -> float:
        """Of the confidence in the main finding."""
        is_it = bool(frozenset(self.examined.sets[0]) & frozenset(self.case.truth))
        return (self.examined.confidence - is_it) ** 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Scores:
    """What a bank came to; shares from 0 to 1."""

    cases: int
    right: float
    sure_singletons: float
    confident_and_wrong: int
    brier: float
    median_requests: float
    healthy_called_healthy: float
    can_be_singletons: float
    """The share of faults of which a right diagnosis may be one cause: those that are their whole class, and
    those that were told from their class all the same."""
    cpu_seconds: float
    """Of all processes, the classes' measuring among it."""
    missed: Mapping[str, Mapping[str, int]]
    """By cause and personality: what was reported instead, and how often."""

    def as_json(self) -> dict[str, object]:
        """For machines."""
        return {
            "cases": self.cases,
            "right": round(self.right, 4),
            "sure_singletons": round(self.sure_singletons, 4),
            "confident_and_wrong": self.confident_and_wrong,
            "brier": round(self.brier, 4),
            "median_requests": self.median_requests,
            "healthy_called_healthy": round(self.healthy_called_healthy, 4),
            "can_be_singletons": round(self.can_be_singletons, 4),
            "cpu_seconds": round(self.cpu_seconds, 1),
            "missed": {name: dict(reported) for name, reported in self.missed.items()},
        }


def judge(examined: Examined, alike: Mapping[BankCase, frozenset[str]]) -> Judged:
    """Put it beside the truth; ``alike`` are the classes that the lab shows, as far as they are known."""
    case = examined.case
    permission = Permission(risk=case.allow, means=knowledge(case).means)
    family = Family(case.personality)
    classes = [class_of(cause, family, permission) for cause in case.truth]
    if len(classes) == 1:
        classes[0] |= alike.get(case, frozenset())
    return Judged(examined=examined, classes=tuple(classes))


def scores(judged: Sequence[Judged], cpu_seconds: float = 0.0) -> Scores:
    """Add them up."""
    healthy = [one for one in judged if one.case.truth == (HEALTHY,)]
    ill = [one for one in judged if one.case.truth != (HEALTHY,)]
    missed: dict[str, Counter[str]] = defaultdict(Counter)
    for one in judged:
        if not one.is_right:
            name = f"{' + '.join(one.case.truth)} {one.case.personality}"
            missed[name][", ".join(sorted(one.reported))] += 1
    return Scores(
        cases=len(judged),
        right=_share(one.is_right for one in judged),
        sure_singletons=_share(one.is_sure_singleton for one in ill),
        confident_and_wrong=sum(one.is_confident_and_wrong for one in judged),
        brier=mean(one.brier for one in judged) if judged else 0.0,
        median_requests=median(one.examined.requests for one in judged) if judged else 0.0,
        healthy_called_healthy=_share(one.examined.verdict == HEALTHY for one in healthy),
        can_be_singletons=_share(one.is_sure_singleton or one.is_class_of_one for one in ill),
        cpu_seconds=cpu_seconds,
        missed=missed,
    )


def _share(values: Iterable[bool]) -> float:
    listed = list(values)
    return sum(listed) / len(listed) if listed else 1.0


def print_table(tables: Mapping[str, Scores], console: Console) -> None:
    """The figures beside their bars, and what was missed."""
    table = Table(title="The doctor on the fault bank")
    table.add_column("")
    for name in tables:
        table.add_column(name, justify="right")
    rows: dict[str, Callable[[Scores], str]] = {
        "cases": lambda one: f"{one.cases}",
        "right (bar 97 %, passive 85 %)": lambda one: f"{one.right:.1%}",
        "one cause, right, at 0.9 or more (bar 70 %)": lambda one: f"{one.sure_singletons:.1%}",
        "  of these, no more can be one cause": lambda one: f"{one.can_be_singletons:.1%}",
        "confident and wrong (bar 0)": lambda one: f"{one.confident_and_wrong}",
        "Brier score": lambda one: f"{one.brier:.4f}",
        "median requests (bar 40)": lambda one: f"{one.median_requests:.0f}",
        "healthy called healthy (bar 100 %)": lambda one: f"{one.healthy_called_healthy:.1%}",
        "CPU seconds": lambda one: f"{one.cpu_seconds:.0f}",
    }
    for name, text in rows.items():
        table.add_row(name, *(text(one) for one in tables.values()))
    console.print(table)
    for name, one in tables.items():
        console.print(f"[bold]Missed, {name}:[/]")
        for case, reported in sorted(one.missed.items()):
            told = "; ".join(f"{number}x {names}" for names, number in reported.items())
            console.print(f"  {case}: {told}")


def print_lines(judged: Sequence[Judged], console: Console) -> None:
    """One line each."""
    for one in judged:
        told = one.examined
        mark = "ok  " if one.is_right else "MISS"
        if one.is_confident_and_wrong:
            mark = "WRONG"
        sets = " | ".join(
            f"{', '.join(names)} {sure:.2f}" for names, sure in zip(told.sets, told.confidences, strict=True)
        )
        classes = "; ".join(", ".join(sorted(names)) for names in one.classes)
        console.print(
            f"{mark} {one.case.name} [{one.case.allow.word}] ({told.requests} requests, {told.stop}):"
            f" {sets}   [dim]class: {classes}; {told.shows}[/]"
        )


def print_case(judged: Judged, console: Console) -> None:
    """All of one."""
    print_lines([judged], console)
    told = judged.examined
    for step in told.asked:
        console.print(f"   {step}")
    for mark in told.marks:
        console.print(f"   mark {mark}")
    for cause, share in sorted(told.causes.items(), key=lambda item: -item[1])[:10]:
        console.print(f"   {share:.3f} {cause}")
    console.print(f"   {told.seconds:.0f} s of virtual time")
