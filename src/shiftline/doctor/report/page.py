"""The page: everything of the material in one HTML document that refers to nothing outside itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from shiftline.diagnosis.finding import Basis, Diagnosis, Finding, Statement
from shiftline.diagnosis.groups import Group, Key
from shiftline.diagnosis.hypotheses import HEALTHY
from shiftline.doctor.report.charts import LEGEND, ChartPicture, course_chart, figures_in_words, rate_chart
from shiftline.doctor.report.ladders import LadderPicture, telling_ladders
from shiftline.doctor.report.material import Material
from shiftline.doctor.report.wording import (
    SUSPECT_WORDS,
    count,
    meaning,
    moment,
    names_in_words,
    places_in_words,
    strength,
    sureness,
    title,
    verdict,
    with_code,
)
from shiftline.pictures.pages import page_environment
from shiftline.pictures.style import page_stylesheet

_MOST_ROWS = 12
_MOST_REFUSALS = 8
_MOST_STATEMENTS = 12
_SURE, _LIKELY = 0.9, 0.7
_KEYS = {Key.SOURCE: "source", Key.ACCOUNT: "user", Key.METHOD: "method"}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Side:
    """What speaks for a finding, or against it; ``more`` counts what is left to the JSON."""

    heading: str
    css: str
    nothing: str
    statements: Sequence[Statement]
    more: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shown:
    """One finding, ready for the page."""

    finding: Finding
    names: str
    meaning: str
    refuted_by: str
    """Of a cause that is named; else it would be told of one of several."""
    measured: str
    sure: str
    sides: Sequence[_Side]
    ladders: Sequence[LadderPicture]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Table:
    """Traffic by one key."""

    name: str
    rows: Sequence[tuple[Group, dict[float, int]]]
    more: int


def render(material: Material) -> str:
    """Return the report."""
    environment = page_environment(
        "shiftline.doctor.report",
        count=count,
        strength=strength,
        places=places_in_words,
        named=material.named,
        code=with_code,
    )
    diagnosis, statistics = material.diagnosis, material.statistics
    charts = (rate_chart(material), course_chart(material)) if statistics.total else ()
    return environment.get_template("report.html.j2").render(
        style=page_stylesheet(),
        material=material,
        diagnosis=diagnosis,
        state=_state(diagnosis),
        label=_label(diagnosis),
        headline=material.named(title(diagnosis)),
        more=material.named(verdict(diagnosis).removeprefix(title(diagnosis)).strip()),
        refusals=[str(one) for one in statistics.refusals[:_MOST_REFUSALS]],
        more_refusals=max(0, len(statistics.refusals) - _MOST_REFUSALS),
        sure=_sure(diagnosis.findings[0]),
        charts=[one for one in charts if one is not None],
        legend=_legend([one for one in charts if one is not None]),
        findings=[_shown(finding, number, material) for number, finding in enumerate(diagnosis.findings)],
        tables=[_table(key, statistics.groups(key)) for key in Key] if statistics.total else [],
        suspect_words=SUSPECT_WORDS,
        first=moment(statistics.first, material.zone),
        last=moment(statistics.last, material.zone),
        families=[
            (str(family), share)
            for family, share in sorted(diagnosis.families.items(), key=lambda item: -item[1])
            if share >= 0.1
        ],
    )


def _state(diagnosis: Diagnosis) -> str:
    """How the verdict looks: well, ill, or neither, where too little was looked at."""
    if diagnosis.is_clean:
        return "good"
    is_open = diagnosis.shows_no_fault or diagnosis.basis in (Basis.NOTHING, Basis.HEARSAY)
    return "open" if is_open else "bad"


def _label(diagnosis: Diagnosis) -> str:
    if diagnosis.shows_no_fault and not diagnosis.is_clean:
        return "asked, not loaded" if diagnosis.basis is Basis.QUESTIONS else "no fault seen"
    return diagnosis.cause or "undecided"


def _legend(charts: Sequence[ChartPicture]) -> list[tuple[str, str]]:
    """Of what is drawn, and of nothing else."""
    drawn = frozenset[str]().union(*(one.drawn for one in charts))
    return [(swatch, words) for swatch, words in LEGEND.items() if swatch in drawn]


def _sure(finding: Finding) -> str:
    """How sure, in words: a number alone is read as more than it says."""
    confidence = finding.confidence
    number = sureness(confidence)
    if _is_one_of(finding):
        return f"{number} that it is one of these"
    words = "sure" if confidence >= _SURE else "likely" if confidence >= _LIKELY else "uncertain"
    return f"{number} {words}"


def _shown(finding: Finding, number: int, material: Material) -> _Shown:
    return _Shown(
        finding=finding,
        names=names_in_words(finding),
        meaning=_meaning(finding),
        refuted_by="" if _is_one_of(finding) else finding.refuted_by,
        measured=figures_in_words(finding.figures),
        sure=_sure(finding),
        sides=(_side(finding, speaks_for=True), _side(finding, speaks_for=False)),
        ladders=telling_ladders(finding, material.excerpt, key=f"ladder-{number}"),
    )


def _meaning(finding: Finding) -> str:
    if _is_one_of(finding):
        return f"One of {1 + len(finding.indistinguishable_from)} causes, and it is not known which."
    if finding.cause == HEALTHY and finding.indistinguishable_from:
        return "Nothing of what was asked shows a fault."
    return meaning(finding.cause)


def _is_one_of(finding: Finding) -> bool:
    return not finding.is_decided and bool(finding.indistinguishable_from)


def _side(finding: Finding, *, speaks_for: bool) -> _Side:
    told = [one for one in finding.statements if one.speaks_for is speaks_for]
    return _Side(
        heading="What speaks for it" if speaks_for else "What speaks against it",
        css="for" if speaks_for else "against",
        nothing="Nothing in particular." if speaks_for else "Nothing that was seen.",
        statements=told[:_MOST_STATEMENTS],
        more=max(0, len(told) - _MOST_STATEMENTS),
    )


def _table(key: Key, groups: Sequence[Group]) -> _Table:
    return _Table(
        name=_KEYS[key],
        rows=[(group, group.busiest()) for group in groups[:_MOST_ROWS]],
        more=max(0, len(groups) - _MOST_ROWS),
    )
