"""What the first words of a report say, and what they do not."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from html.parser import HTMLParser

import pytest
from rich.console import Console
from tests.unit.doctor.trunk import CASE, trunk

from shiftline.cli.doctor.findings import exit_code, print_diagnosis, print_verdict
from shiftline.diagnosis.belief import believe
from shiftline.diagnosis.conclude import conclude
from shiftline.diagnosis.evidence import Evidence, Trial
from shiftline.diagnosis.exchange import Exchange
from shiftline.diagnosis.experiment import Means, Permission, Risk
from shiftline.diagnosis.finding import Basis, Diagnosis
from shiftline.diagnosis.outcome import Outcome
from shiftline.diagnosis.probe import Credentials, Probe
from shiftline.diagnosis.statistics import Statistics, statistics_of
from shiftline.diagnosis.wording import limit_in_short
from shiftline.doctor.report.charts import rate_chart
from shiftline.doctor.report.material import Asked, Material
from shiftline.doctor.report.page import render
from shiftline.doctor.report.wording import headline, title, verdict
from shiftline.lab.virtual_examination import examine

ALL = Permission(risk=Risk.MAY_TRIP, means=frozenset(Means))
LOGIN = Probe(credentials=Credentials.FRESH)


def harmless(*faults: str) -> Diagnosis:
    return examine(trunk(*faults), CASE, Permission(risk=Risk.HARMLESS)).diagnosis()


def undecided() -> Diagnosis:
    """One login that was refused, and nothing else."""
    trials = (
        Trial(probe=Probe(), outcome=Outcome.CHALLENGE),
        Trial(probe=LOGIN, outcome=Outcome.FORBIDDEN_AFTER_CHALLENGE),
    )
    return conclude([believe(Evidence(trials=trials))], ALL)


def asked(at: float, status: int, reason: str = "") -> Exchange:
    return Exchange(at=at, source="192.0.2.7", method="REGISTER", status=status, reason=reason)


def material(diagnosis: Diagnosis, statistics: Statistics | None = None) -> Material:
    return Material(
        name="trunk pbx",
        made_at=datetime(2026, 11, 26, tzinfo=UTC),
        diagnosis=diagnosis,
        statistics=statistics or statistics_of([asked(1.0, 403)]),
        asked=(Asked(question="log in", risk="harmless", answer="403", requests=2),),
        allowed="harmless",
    )


def test_a_throttle_that_nobody_may_load_is_no_clean_bill() -> None:
    """It answers as a healthy trunk does; first word, page and exit code say what was not looked at."""
    for diagnosis in (harmless("throttle.source"), harmless()):
        assert (diagnosis.cause, diagnosis.basis) == ("healthy", Basis.QUESTIONS)
        assert headline(diagnosis).startswith("no fault at single questions, limits not looked at")
        assert title(diagnosis) == "No fault at single questions; limits were not looked at."
        assert "--allow may-trip" in verdict(diagnosis)
        assert (exit_code(diagnosis), exit_code(diagnosis, is_over=False)) == (3, 1)
        console = Console(record=True, width=200)
        print_verdict(diagnosis, (), console)
        assert console.export_text().lower().count("at single questions") == 1
        html = render(material(diagnosis))
        assert 'class="verdict open"' in html
        assert "<code>healthy</code>" not in html


def test_what_was_loaded_and_bore_it_is_healthy() -> None:
    diagnosis = examine(trunk(), CASE, Permission(risk=Risk.MAY_TRIP)).diagnosis()
    assert (diagnosis.cause, diagnosis.basis) == ("healthy", Basis.LOADS)
    assert headline(diagnosis).startswith("healthy, ")
    assert exit_code(diagnosis) == 0
    assert 'class="verdict good"' in render(material(diagnosis))
    doubtful = replace(diagnosis, confidence=0.55)
    assert headline(doubtful) == "no fault seen, 55% sure"
    assert "too little to be sure" in verdict(doubtful)


def test_undecided_between_health_and_what_was_not_asked_is_told_as_such() -> None:
    """And a monitor is told the same on either side of one half."""
    diagnosis = replace(harmless(), cause=None)
    assert headline(diagnosis) == "no fault at single questions, limits not looked at"
    assert exit_code(diagnosis) == 3
    assert exit_code(replace(diagnosis, unasked=())) == 1


def test_without_an_answer_nothing_is_healthy() -> None:
    """Ended before the first answer."""
    diagnosis = conclude([believe(Evidence())], ALL)
    assert (diagnosis.cause, diagnosis.basis, exit_code(diagnosis)) == (None, Basis.NOTHING, 1)
    assert headline(diagnosis) == "undecided"
    assert verdict(diagnosis).startswith("No question was answered.")


def test_a_heading_counts_many_causes_and_the_text_names_them() -> None:
    diagnosis = undecided()
    main = diagnosis.findings[0]
    count = 1 + len(main.indistinguishable_from)
    assert count > 2
    assert title(diagnosis) == f"Undecided between {count} causes."
    html = render(material(diagnosis))
    assert f"<h1>{title(diagnosis)}</h1>" in html
    assert f"One of {count} causes" in html
    assert main.refuted_by not in html


def test_a_command_is_printed_once() -> None:
    """However many suspects it would clear."""
    diagnosis = undecided()
    assert diagnosis.separation is not None
    open_ = [one for one in diagnosis.suspicions if "What would settle it" in one.sentence]
    assert len(open_) > 1
    console = Console(record=True, width=400)
    print_diagnosis(diagnosis, console)
    command = diagnosis.separation.command
    assert console.export_text().count(command) == 1
    assert render(material(diagnosis)).count(command) == 1


@pytest.mark.parametrize(("passed", "refused", "is_fitted"), [(20, 2, False), (40, 20, True)])
def test_no_threshold_is_fitted_to_two_refusals(*, passed: int, refused: int, is_fitted: bool) -> None:
    statistics = statistics_of(
        [
            *(asked(float(number), 200) for number in range(passed)),
            *(asked(1000.0 + number / 100.0, 403) for number in range(refused)),
        ]
    )
    main = replace(undecided().findings[0], cause="throttle.source", figures={})
    diagnosis = replace(undecided(), findings=(main,))
    chart = rate_chart(material(diagnosis, statistics))
    assert chart is not None
    assert ("limit" in chart.drawn, "fitted threshold" in chart.caption) == (is_fitted, is_fitted)
    assert ("too few" in chart.caption) != is_fitted
    other = replace(main, cause="registrar.max-contacts", indistinguishable_from=())
    chart = rate_chart(material(replace(diagnosis, findings=(other,)), statistics))
    assert chart is not None
    assert "limit" not in chart.drawn


@pytest.mark.parametrize(
    ("more", "most"),
    [
        ({"window_seconds_highest": 2.0, "burst_highest": 12.1}, "up to 12 requests in 1 s"),
        ({"window_seconds_highest": 1.0}, "up to 11 requests in 1 s"),
    ],
)
def test_the_line_of_the_chart_stands_where_the_headline_has_the_limit(
    more: dict[str, float], most: str
) -> None:
    """Of all that short loads leave possible, at the most: the bars beside it passed."""
    statistics = statistics_of([asked(number / 20.0, 200 if number < 12 else 403) for number in range(20)])
    bounds = {"limit_lowest": 8.0, "limit_highest": 11.0, "rate_lowest": 3.74, "rate_highest": 12.0}
    figures = {"limit": 10.0, "window_seconds": 1.0, "window_seconds_lowest": 1.0, **bounds, **more}
    main = replace(undecided().findings[0], cause="throttle.source", figures=figures)
    chart = rate_chart(material(replace(undecided(), findings=(main,)), statistics))
    assert chart is not None
    assert most in chart.svg
    assert limit_in_short(figures) in chart.caption


@pytest.mark.parametrize("cause", ["throttle.registration-rate", "throttle.method"])
def test_the_chart_of_a_limit_on_one_method_counts_that_method(cause: str) -> None:
    """However much of another one passes beside it."""
    refused = [replace(asked(1000.0 + number / 10.0, 403), method="REGISTER") for number in range(20)]
    rested = [replace(asked(20.0 * number, 200), method="REGISTER") for number in range(20)]
    passed = [replace(asked(2000.0 + number / 100.0, 200), method="OPTIONS") for number in range(300)]
    main = replace(undecided().findings[0], cause=cause, figures={})
    diagnosis = replace(undecided(), findings=(main,))
    chart = rate_chart(material(diagnosis, statistics_of([*refused, *rested, *passed])))
    assert chart is not None
    assert "requests of method REGISTER" in chart.caption
    assert "fitted threshold" in chart.caption


def test_the_words_of_refusals_stand_before_the_findings() -> None:
    statistics = statistics_of([asked(1.0, 403, "Domain <b>not</b> served"), asked(2.0, 403, "Use TCP")])
    html = render(material(undecided(), statistics))
    words = html.index("403 Domain &lt;b&gt;not&lt;/b&gt; served, once")
    assert words < html.index("What was found")
    console = Console(record=True, width=200)
    print_verdict(undecided(), statistics.refusals, console)
    assert "  403 Use TCP, once" in console.export_text()


class Cells(HTMLParser):
    """The labels of cells in tables that a narrow screen shows as blocks."""

    def __init__(self) -> None:
        super().__init__()
        self.labels: list[str | None] = []
        self._is_plain = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take a start tag."""
        if tag == "table":
            self._is_plain = dict(attrs).get("class") == "plain"
        if tag == "td" and self._is_plain:
            self.labels.append(dict(attrs).get("data-label"))


def test_every_cell_of_a_lower_table_bears_its_heads_words() -> None:
    """On a phone the heads are not seen, and nothing ends at the right edge."""
    page = Cells()
    page.feed(render(material(undecided())))
    assert len(page.labels) > 10
    assert all(page.labels)


def test_ranges_of_a_limit_stand_below_the_headline() -> None:
    """All that a short load leaves possible is nothing that a heading can say."""
    found = harmless("throttle.source")
    bounds = {"rate_lowest": 0.0, "rate_highest": 22.0, "burst_highest": 43.0, "limit": 18.5}
    bounds |= {"limit_lowest": 15.0, "limit_highest": 41.0}
    bounds |= {"window_seconds": 1.0, "window_seconds_lowest": 1.0, "window_seconds_highest": 10.0}
    banned = replace(
        found.findings[0], cause="ban.source", indistinguishable_from=(), figures=bounds, confidence=0.95
    )
    diagnosis = replace(found, cause="ban.source", confidence=0.95, findings=(banned,), basis=Basis.LOADS)
    assert title(diagnosis).endswith(": at most about 22 requests a second pass.")
    ranges = "0 to 22 requests a second pass, 15 to 41 in a window of 1 to 10 s or at most 43 at once"
    assert f"Measured: {ranges}" in render(material(diagnosis))
    console = Console(record=True, width=400)
    print_diagnosis(diagnosis, console)
    assert f"Measured: {ranges}" in console.export_text()


@pytest.mark.parametrize(("basis", "is_run"), [(Basis.LOADS, True), (Basis.RECORD, False)])
def test_options_of_a_run_are_told_to_who_ran(*, basis: Basis, is_run: bool) -> None:
    """Who reads a record has a burst to record, and no run to add a source to."""
    found = undecided()
    finding = replace(
        found.findings[0],
        cause="throttle.source",
        indistinguishable_from=("throttle.shared",),
        is_decided=True,
    )
    words = verdict(replace(found, cause="throttle.source", findings=(finding,), basis=basis))
    assert ("--source" in words) is is_run
