"""What a run is held to and how it is told: conditions, comparison, CSV, metrics, the page, the screen."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry
from rich.console import Console
from tests.unit.html_page import HtmlPage, require_self_contained, require_spoken_charts
from tests.unit.storm.examinations import PLAN, of_a_window

from shiftline.cli.storm.screen import StormScreen
from shiftline.errors import ConfigurationError
from shiftline.storm.asserts import MEASURES, parse_condition
from shiftline.storm.comparison import compare_runs, read_figures
from shiftline.storm.examine import Examination
from shiftline.storm.exporter import StormCollector
from shiftline.storm.figures import examination_figures
from shiftline.storm.report import Page, render_report
from shiftline.storm.sample import TIMEOUT, Result, Sample, total
from shiftline.storm.seconds_csv import seconds_csv


@pytest.fixture(scope="module")
def examination() -> Examination:
    return of_a_window()[1]


def result_of(latency: float = 0.1, *, ok: int = 90, ended: int = 100) -> Result:
    sample = Sample(second=0, seconds=1.0, ok=ok, ended=ended, requests=200, retransmissions=4, in_flight=3)
    sample.statuses.update({200: ok, TIMEOUT: ended - ok})
    for histogram in (sample.latency, sample.response, sample.lag):
        histogram.record_all([latency] * 100)
    return Result(samples=[sample], whole=total([sample]), sending_seconds=1.0)


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("p99<200ms", True), ("p99 <= 0.09s", False), ("max>99000us", True), ("errors<1%", False),
        ("errors<=10%", True), ("timeouts>9%", True), ("rate>=90/s", True), ("rate>90", False),
        ("retransmissions<=2%", True), ("lag.p50<1s", True), ("response.max<1ms", False),
        ("flows>=100", True), ("ok>90", False),
    ],
)  # fmt: skip
def test_a_condition_holds_or_not(text: str, holds: bool) -> None:
    outcome = parse_condition(text).check(result_of())
    assert outcome.holds is holds
    assert outcome.words.startswith(text)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no condition"), ("p99", "no condition"), ("p99=3ms", "no condition"),
        ("p99<-3ms", "no condition"),
        ("p98<3ms", "no figure"), ("p99<3", "lacks its unit"), ("errors<3ms", "'ms' as its unit"),
        ("flows>3%", "'%' as its unit"),
    ],
)  # fmt: skip
def test_what_is_no_condition_is_explained(text: str, said: str) -> None:
    with pytest.raises(ConfigurationError, match=said) as caught:
        parse_condition(text)
    assert caught.value.remedy


def test_the_longest_is_the_longest_and_no_bucket() -> None:
    sample = Sample(second=0, seconds=1.0)
    for histogram in (sample.latency, sample.response, sample.lag):
        histogram.record_all([0.1, 0.201])
    result = Result(samples=[sample], whole=sample, sending_seconds=1.0)
    assert [MEASURES[name].read(result) for name in ("max", "response.max", "lag.max")] == [0.201] * 3


def test_what_was_never_answered_is_in_the_percentiles_of_a_condition() -> None:
    sample = Sample(second=0, seconds=1.0)
    sample.latency.record_all([0.001] * 98)
    sample.response.record_all([0.001] * 98 + [32.0] * 2)
    sample.statuses.update({200: 98, 0: 2})
    result = Result(samples=[sample], whole=sample, sending_seconds=1.0)
    assert parse_condition("p95<2ms").check(result).holds
    for text in ("p99<200ms", "max<31s"):
        assert not parse_condition(text).check(result).holds
    assert MEASURES["p99"].read(result) == 32.0


def test_every_figure_can_be_asserted_of_a_run_without_flows() -> None:
    empty = Result(samples=[], whole=Sample(second=0), sending_seconds=0.0)
    assert {measure.read(empty) for measure in MEASURES.values()} == {0.0}


def figures_of(result: Result, **changes: Any) -> dict[str, Any]:
    examination = Examination()
    examination.phases = [type("P", (), {"purpose": "", "plan": PLAN, "result": result})()]
    return {**examination_figures(examination, PLAN), **changes}


def test_one_copy_more_is_no_news_and_one_in_a_hundred_is() -> None:
    before = figures_of(result_of(), requests=50_000, retransmissions=0)
    assert not compare_runs(before, {**before, "retransmissions": 1}).is_worse
    assert compare_runs(before, {**before, "retransmissions": 500}).is_worse


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        ({"latency_ms": {}}, "latency_ms.p50"), ({"latency_ms": 3}, "latency_ms.p50"),
        ({"flows": "many"}, "flows"), ({"requests": None}, "requests"), ({"seconds": []}, "seconds"),
        ({"load": 3}, "load"), ({"target": None}, "target"), ({"valid": "yes"}, "valid"),
        ({"verdict": {}}, "verdict"), ({"verdict": 3}, "verdict"),
    ],
)  # fmt: skip
def test_damaged_figures_are_no_crash(damage: dict[str, Any], said: str, tmp_path: Path) -> None:
    path = tmp_path / "figures.json"
    path.write_text(json.dumps(figures_of(result_of(), **damage)))
    with pytest.raises(ConfigurationError, match=f"{said} is missing or damaged"):
        read_figures(path)


def test_a_slower_run_is_worse_and_another_load_is_named() -> None:
    before, after = figures_of(result_of()), figures_of(result_of(0.2), transport="TCP")
    found = compare_runs(before, after)
    judged = {row.name: row.judgement for row in found.rows}
    assert (judged["latency p99, ms"], judged["flows per second"], judged["send lag p99, ms"]) == (
        "worse", "same", "",
    )  # fmt: skip
    assert found.is_worse
    assert found.differences == ("transport: UDP before, TCP after",)
    assert found.invalid == ()
    assert not compare_runs(after, before).is_worse


def test_files_that_are_no_figures_are_explained(tmp_path: Path) -> None:
    good = tmp_path / "good.json"
    good.write_text("\ufeff" + json.dumps(figures_of(result_of())), encoding="utf-8")
    assert read_figures(good)["flows"] == 100
    for name, text, said in (("a", "", "no JSON"), ("b", "[1]", "everything"), ("c", "{}", "missing")):
        (tmp_path / name).write_text(text)
        with pytest.raises(ConfigurationError, match=said):
            read_figures(tmp_path / name)
    with pytest.raises(ConfigurationError, match="cannot be read"):
        read_figures(tmp_path / "nothing")


def test_every_second_is_a_row_of_the_table(examination: Examination) -> None:
    rows = list(csv.DictReader(io.StringIO(seconds_csv(examination.result.samples))))
    assert len(rows) == len(examination.result.samples)
    assert sum(int(row["ended"]) for row in rows) == examination.result.flows
    assert sum(int(row["status_403"]) for row in rows) == examination.result.whole.statuses[403]


def test_prometheus_sees_what_was_added_up() -> None:
    registry, collector = CollectorRegistry(), StormCollector()
    registry.register(collector)
    for sample in (*result_of().samples, *result_of().samples):
        collector.add(sample)
    assert registry.get_sample_value("shiftline_storm_flows_total", {"status": "timeout"}) == 20
    assert registry.get_sample_value("shiftline_storm_latency_seconds_bucket", {"le": "0.2"}) == 200
    assert registry.get_sample_value("shiftline_storm_latency_seconds_bucket", {"le": "0.05"}) == 0
    assert registry.get_sample_value("shiftline_storm_latency_seconds_sum") == pytest.approx(20.0)


def test_the_page_has_all_in_it(examination: Examination) -> None:
    outcome = parse_condition("errors<1%").check(examination.result)
    page = Page(
        examination=examination, plan=PLAN, command="shiftline storm '<b>'", title="127.0.0.1:5060",
        conditions=(outcome,),
    )  # fmt: skip
    html = render_report(page)
    require_self_contained(html)
    found = HtmlPage(html)
    require_spoken_charts(found)
    assert len(found.all("svg")) == 4
    assert examination.verdict is not None
    headline, _, explained = examination.verdict.sentence.partition(". ")
    for words in (headline, explained, examination.verdict.advice, "shiftline storm '<b>'"):
        assert words in found.text
    assert "errors<1%" in found.text
    assert "secret" not in html


def test_the_screen_shows_the_second_and_all_so_far() -> None:
    console = Console(file=io.StringIO(), width=100)
    with StormScreen(console) as screen:
        screen.begin("the load")
        screen.show(result_of().samples[0])
        with console.capture() as captured:
            console.print(screen.picture(result_of().samples[0]))
    for words in ("the load", "200 90", "timeout 10", "3 flows under way", "max 100.0 ms"):
        assert words in captured.get()


def test_the_page_of_a_load_that_never_began_shows_no_percentiles() -> None:
    examination = Examination()
    empty = Result(samples=[], whole=Sample(second=0), sending_seconds=0.0, stopped="nothing listens there")
    examination.phases = [type("P", (), {"purpose": "", "plan": PLAN, "result": empty})()]
    page = HtmlPage(render_report(Page(examination=examination, plan=PLAN, command="", title="")))
    assert "p50 0.00" not in page.text


def test_the_page_says_how_many_requests_its_latency_leaves_out() -> None:
    examination = Examination()
    sample = Sample(second=0, seconds=1.0)
    sample.statuses[TIMEOUT] = 7
    result = Result(samples=[sample], whole=sample, sending_seconds=1.0)
    examination.phases = [type("P", (), {"purpose": "", "plan": PLAN, "result": result})()]
    html = render_report(Page(examination=examination, plan=PLAN, command="", title=""))
    assert "to its final answer; 7 had none" in html
