"""``--report`` and ``--bundle`` of the doctor's verbs: what is wished, and doing it in the end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from shiftline.cli.writing import require_writable, write_text
from shiftline.errors import ConfigurationError

if TYPE_CHECKING:
    from datetime import tzinfo

    from shiftline.cli.doctor.gathered import Gathered
    from shiftline.cli.doctor.plan import Examined
    from shiftline.diagnosis.finding import Diagnosis
    from shiftline.doctor.examination import Case, Examination
    from shiftline.doctor.report.material import Asked, Material
    from shiftline.sip.trace import Trace

_MOST_NAMES = 3

ReportFile = Annotated[
    Path | None, typer.Option("--report", metavar="FILE", help="Write the result as one HTML page.")
]
BundleFile = Annotated[
    Path | None,
    typer.Option(
        "--bundle",
        metavar="FILE.zip",
        help="Write page, JSON and a capture of the evidence, redacted, for a carrier's ticket.",
    ),
]
WithPseudonyms = Annotated[
    bool, typer.Option("--pseudonyms", help="In the bundle: other names for users and numbers.")
]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportWishes:
    """What is to be written."""

    report: Path | None = None
    bundle: Path | None = None
    pseudonyms: bool = False

    def check(self) -> None:
        """Raise ConfigurationError for what could not be done in the end."""
        for path in (self.report, self.bundle):
            if path is not None:
                require_writable(path)
        if self.pseudonyms and self.bundle is None:
            raise ConfigurationError(
                "--pseudonyms is for the bundle.", remedy="Give --bundle FILE.zip as well, or leave it away."
            )

    def fulfil(self, material: Callable[[], Material], result: dict[str, Any]) -> None:
        """Write what is wished; ``material`` is gathered only then. ``result`` is the verb's JSON."""
        if self.report is None and self.bundle is None:
            return
        from shiftline.doctor.report.bundle import write_bundle
        from shiftline.doctor.report.page import render

        gathered = material()
        if self.report is not None:
            write_text(self.report, render(gathered), private=True)
        if self.bundle is not None:
            write_bundle(self.bundle, gathered, result, pseudonyms=self.pseudonyms)


def material_of_reading(gathered: Gathered, diagnosis: Diagnosis, zone: tzinfo) -> Material:
    """What a report of files tells. Reads them again for the messages behind the evidence."""
    from shiftline.clock import clock_from_environment
    from shiftline.doctor.report.excerpt import excerpt_of_files, places_of
    from shiftline.doctor.report.material import Material

    ledger = gathered.reading.ledger
    names = [entry.name for entry in ledger.files if not entry.passed_over]
    more = f" and {len(names) - _MOST_NAMES} files more" if len(names) > _MOST_NAMES else ""
    return Material(
        name=", ".join(names[:_MOST_NAMES]) + more,
        made_at=clock_from_environment()(),
        diagnosis=diagnosis,
        statistics=gathered.statistics,
        excerpt=excerpt_of_files(gathered.reading.sightings, places_of(diagnosis)),
        zone=zone,
        files=ledger.files,
        skipped=ledger.skipped,
    )


def material_of_examination(
    examined: Examined, examination: Examination, trace: Trace, epoch_offset: float
) -> Material:
    """What a report of an examination tells; ``epoch_offset`` makes civil times of its times."""
    from shiftline.cli.doctor.findings import addressed
    from shiftline.clock import clock_from_environment
    from shiftline.diagnosis.statistics import statistics_of
    from shiftline.doctor.report.excerpt import excerpt_of_trace, places_of
    from shiftline.doctor.report.material import Material

    diagnosis, stop = addressed(examination.diagnosis(), examined.arguments), examination.stop
    exchanges = (replace(one, at=one.at + epoch_offset) for one in examination.exchanges)
    return Material(
        name=examined.name,
        made_at=clock_from_environment()(),
        diagnosis=diagnosis,
        statistics=statistics_of(exchanges, examination.words_at_rest),
        excerpt=excerpt_of_trace(trace, places_of(diagnosis), epoch_offset=epoch_offset),
        asked=_asked(examination),
        allowed=examination.permission.risk.word,
        budget=examination.budget,
        given=_given(examined.plan.case),
        ended="It was ended before it was over." if stop is None else stop.sentence,
    )


def _given(case: Case) -> dict[str, list[str]]:
    """Whom the command line or the configuration names; the host that is asked stays, as addresses do."""
    accounts = [one.username.partition("@")[0] for one in (case.account, case.known_good) if one is not None]
    here = (case.server.host.casefold(), case.address.casefold())
    return {
        "user": [*accounts, case.present, case.absent, case.other_caller],
        "domain": [one for one in case.other_domains if one.casefold() not in here],
        "program": [case.working_agent],
        "value": [value for _, value in case.metadata],
    }


def _asked(examination: Examination) -> list[Asked]:
    from shiftline.cli.doctor.asked import phrases_of, rows_of

    return list(rows_of(examination.done, phrases_of(examination.exchanges)))
