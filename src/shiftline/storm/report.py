"""A run as one HTML file with all in it: verdict, charts, figures, and the command to run it again."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from shiftline.pictures.pages import page_environment
from shiftline.pictures.strokes import Layer
from shiftline.pictures.style import page_stylesheet
from shiftline.pictures.time_chart import Column, Level, Line, TimeChart
from shiftline.storm.asserts import Outcome
from shiftline.storm.examine import Examination
from shiftline.storm.histogram import Histogram
from shiftline.storm.knee_run import Knee
from shiftline.storm.plan import ClosedLoop, Plan
from shiftline.storm.sample import TIMEOUT, Result, Sample, percentiles_ms, status_words
from shiftline.storm.verdict.verdict import Kind, Verdict

_TONES = {Kind.INVALID: "bad", Kind.STOPPED: "bad", Kind.NONE: "good"}
_SHARES = (("p50", 0.5, "series1"), ("p95", 0.95, "series2"), ("p99", 0.99, "series3"))
_MOST_POINTS = 600
"""Seconds that a chart shows one by one; of longer runs each column is several of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """What a report is made of. ``command`` is what was typed; ``title`` says what was loaded, and when."""

    examination: Examination
    plan: Plan
    command: str
    title: str
    conditions: Sequence[Outcome] = ()
    knee: Knee | None = None


def render_report(page: Page) -> str:
    """The page; it refers to nothing outside itself."""
    environment = page_environment("shiftline.storm")
    examination, result = page.examination, page.examination.result
    verdict = examination.verdict
    samples = _merged(result.samples)
    level = _level(verdict, result)
    headline, _, explained = (verdict.sentence if verdict is not None else _headline(result)).partition(". ")
    return environment.get_template("report.html.j2").render(
        page_style=page_stylesheet(),
        title=page.title,
        headline=headline.removesuffix("."),
        explained=explained,
        verdict=verdict,
        tone=_TONES.get(verdict.kind, "open") if verdict is not None else "",
        result=result,
        asked=_asked(page.plan, result),
        flows_chart=_flows_chart(samples),
        passes_chart=_passes_chart(samples, level),
        passes_legend=[("passed", "passed"), *([("limit", "the threshold")] if level else [])],
        latency_chart=_times_chart("latency", samples, lambda sample: sample.latency),
        lag_chart=_times_chart("lag", samples, lambda sample: sample.lag),
        figures=list(_figures(result)),
        conditions=page.conditions,
        phases=[
            {
                "purpose": phase.purpose,
                "requests": f"{phase.result.whole.requests:,}",
                "answers": _counts(status_words(phase.result.whole.answers)),
            }
            for phase in examination.phases
        ],
        knee=page.knee,
        command=page.command,
    )


def _headline(result: Result) -> str:
    return f"{result.ok:,} of {result.flows:,} flows succeeded, {result.flows_per_second:,.0f} a second"


def _asked(plan: Plan, result: Result) -> str:
    load = plan.load
    what = (
        f"{load.concurrency:,} flows at any time"
        if isinstance(load, ClosedLoop)
        else f"flows along {load.shape.name}, {load.shape.highest_rate:,.10g} a second at the most"
    )
    methods = ", ".join(mixed.script.name for mixed in plan.mix)
    return (
        f"{what}, for {result.sending_seconds:,.0f} s, by {len(plan.names):,} users over"
        f" {plan.target.transport.value}: {methods}. {result.flows:,} flows ended, {result.ok:,} succeeded."
    )


def _merged(samples: Sequence[Sample]) -> list[Sample]:
    """The seconds, or several added up to one where there are too many for a chart."""
    step = -(-len(samples) // _MOST_POINTS) or 1
    if step == 1:
        return list(samples)
    merged = []
    for start in range(0, len(samples), step):
        whole = Sample(second=samples[start].second)
        for sample in samples[start : start + step]:
            whole.follow(sample)
        merged.append(whole)
    return merged


def _seconds(samples: Sequence[Sample]) -> float:
    return samples[-1].second + max(1.0, samples[-1].seconds) if samples else 1.0


def _flows_chart(samples: Sequence[Sample]) -> Markup:
    columns = [
        _column(
            sample,
            [(sample.ok, "passed", None), (sample.ended - sample.ok, "refused", "refused")],
            f"second {sample.second}: {sample.ok:,} succeeded, {sample.ended - sample.ok:,} failed",
        )
        for sample in samples
    ]
    ended, ok = sum(sample.ended for sample in samples), sum(sample.ok for sample in samples)
    return TimeChart(
        key="flows", title="Flows that ended per second", label="Flows per second",
        description=f"{ended:,} flows ended, {ok:,} of them succeeded.",
        seconds=_seconds(samples), columns=columns,
    ).markup()  # fmt: skip


def _passes_chart(samples: Sequence[Sample], level: float | None) -> Markup:
    passes = [
        sum(count for status, count in sample.answers.items() if 200 <= status < 300 or status in (401, 407))
        for sample in samples
    ]
    columns = [
        _column(sample, [(count, "passed", None)], f"second {sample.second}: {count:,} requests passed")
        for sample, count in zip(samples, passes, strict=True)
    ]
    levels = [Level(value=level, name=f"threshold: {level:,.10g} a second")] if level else []
    return TimeChart(
        key="passes", title="Requests that passed per second", label="Requests per second",
        description=f"At most {max(passes, default=0):,} requests passed in a second.",
        seconds=_seconds(samples), columns=columns, levels=levels,
    ).markup()  # fmt: skip


def _column(sample: Sample, parts: Sequence[tuple[int, str, str | None]], words: str) -> Column:
    per = max(sample.seconds, 1.0)
    return Column(
        start=sample.second,
        end=sample.second + per,
        layers=tuple(Layer(count / per, css, fill) for count, css, fill in parts),
        words=words,
    )


def _times_chart(key: str, samples: Sequence[Sample], histogram: Callable[[Sample], Histogram]) -> Markup:
    lines = [
        Line(
            points=[
                (
                    sample.second + sample.seconds / 2.0,
                    histogram(sample).quantile(share) * 1000.0 if histogram(sample).count else None,
                )
                for sample in samples
            ],
            css=css,
            name=name,
        )
        for name, share, css in _SHARES
    ]
    highest = max((value for _, value in lines[-1].points if value is not None), default=0.0)
    return TimeChart(
        key=key, title=f"{key.capitalize()} percentiles", label="Milliseconds", lines=lines,
        description=f"The 99th percentile of a second is {highest:,.1f} ms at the most.",
        seconds=_seconds(samples),
    ).markup()  # fmt: skip


def _level(verdict: Verdict | None, result: Result) -> float | None:
    """The threshold as the chart has it: of one key, if all requests were of one."""
    limit = verdict.limit if verdict is not None else None
    if limit is None or not limit.seconds or limit.key.value == "user":
        return None
    sources = {row.source for row in result.watch.asked}
    return limit.rate * (len(sources) if limit.key.value == "source" else 1)


def _figures(result: Result) -> Iterator[tuple[str, str, str]]:
    whole = result.whole
    yield "flows per second", f"{result.flows_per_second:,.1f}", "that succeeded"
    yield "flows by last status", _counts(status_words(whole.statuses)), ""
    yield "answers to requests", _counts(status_words(whole.answers)), "challenges among them"
    unanswered = whole.statuses[TIMEOUT]
    but = f"; {unanswered:,} had none" if unanswered else ""
    note = f"per request, from its first copy to its final answer{but}"
    yield "latency", _percentiles(whole.latency), note
    yield "response", _percentiles(whole.response), "per flow, from its moment on: our lateness counts"
    yield "send lag", _percentiles(whole.lag), "how late flows began"
    yield "requests", f"{whole.requests:,}", f"{whole.retransmissions:,} of them were sent again"
    yield "our processor", f"{result.cpu_us_per_flow:.1f} us per flow", _engines(result.processes)
    theirs = "unknown" if whole.target_drops is None else f"{whole.target_drops:,}"
    yield "dropped by kernels", f"{whole.our_drops:,} here, {theirs} at the target", ""
    if result.bindings is not None and result.bindings.asked:
        found = f"{result.bindings.bound} of {result.bindings.asked}"
        yield "bindings found afterwards", found, "users who were told 200 and were asked about"


def _engines(count: int) -> str:
    return "one engine" if count == 1 else f"{count} engines"


def _counts(words: dict[str, int]) -> str:
    return ", ".join(f"{status}: {count:,}" for status, count in words.items()) or "none"


def _percentiles(histogram: Histogram) -> str:
    if not histogram.count:
        return "none"
    return ", ".join(f"{name} {value:,.2f} ms" for name, value in percentiles_ms(histogram).items())
