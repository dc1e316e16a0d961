"""The report's charts: outcomes by arrivals with the fitted threshold, and the course of time."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo

from markupsafe import Markup

from shiftline.diagnosis.finding import Diagnosis, Finding
from shiftline.diagnosis.groups import Bin, Group, Key
from shiftline.diagnosis.statistics import Statistics
from shiftline.diagnosis.wording import LIMITS, limit_in_short, limit_in_words
from shiftline.doctor.report.material import Material
from shiftline.pictures.drawing import steps
from shiftline.pictures.strokes import Band, Layer
from shiftline.pictures.time_chart import Column, Line, TimeChart

_TELLING = 0.8
"""Balanced accuracy from which on a threshold is worth a line."""
_MOST_COLUMNS = 100
_STEPS = (1, 2, 5, 10, 30, 60, 300, 900, 3600, 21_600, 86_400)
_ROOM = 1.12
_PUBLISH = "publish window"
_TICKS = (*_STEPS[:6], 120, *_STEPS[6:8], 1800, *_STEPS[8:])


@dataclass(frozen=True, slots=True, kw_only=True)
class ChartPicture:
    """A chart with its words."""

    heading: str
    caption: str
    svg: Markup
    drawn: frozenset[str]
    """Of `LEGEND`."""


LEGEND = {
    "passed": "passed, or answered for another reason",
    "refused": "403, 429, 503 (against the rate also no answer)",
    "waiting": "no answer",
    "limit": "fitted threshold",
}
"""What colours and lines stand for."""


def rate_chart(material: Material) -> ChartPicture | None:
    """Arrivals in the window before each request against what became of it; None without refusals."""
    finding = material.diagnosis.findings[0]
    group = _group(material.statistics, finding)
    if group is None:
        return None
    line = _threshold(finding, group)
    window = line.window if line else 1.0
    bins = group.bins(window)
    end = max((one.highest for one in bins), default=1) + 0.5
    name = f"{group.key} {material.named(group.value)}"
    chart = TimeChart(
        key="rate",
        title=f"Outcome by rate, {name}",
        description=_bins_in_words(bins, window, line),
        label=f"Requests of {name}",
        start=0.5,
        seconds=max(1.0, end - 0.5),
        columns=tuple(_bin_column(one, window) for one in bins),
        lines=() if line is None else (_upright(line, bins),),
        ticks=tuple((value, f"{value:,.0f}") for value in steps(end) if value >= 1),
    )
    return ChartPicture(
        heading="Does it depend on the rate?",
        caption=_rate_caption(name, window, line, is_enough=group.is_enough),
        svg=chart.markup(),
        drawn=_drawn(chart.columns) | ({"limit"} if line else set()),
    )


def _drawn(columns: Sequence[Column]) -> frozenset[str]:
    return frozenset(layer.css for column in columns for layer in column.layers if layer.height > 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Threshold:
    window: float
    arrivals: float
    words: str


def _threshold(finding: Finding, group: Group) -> _Threshold | None:
    figures = finding.figures
    if "limit" in figures:
        window = figures.get("window_seconds", 1.0)
        words = limit_in_short(figures) or limit_in_words(figures)
        return _Threshold(window=window, arrivals=_most_that_pass(figures, window), words=words)
    found = group.threshold() if group.is_enough and _may_be_a_limit(finding) else None
    if found is None or found.accuracy < _TELLING:
        return None
    span = f"{found.arrivals:,} in {found.window_seconds:g} s"
    words = f"most are refused from {span} on ({found.accuracy:.0%} fit)"
    return _Threshold(window=found.window_seconds, arrivals=found.arrivals, words=words)


def _most_that_pass(figures: Mapping[str, float], window: float) -> float:
    """In a window, as the headline has it: of all that short loads leave possible, the most."""
    if "rate_highest" not in figures:
        return figures.get("limit_highest", figures["limit"])
    is_a_rate = limit_in_short(figures) != limit_in_words(figures)
    return figures["rate_highest"] * window if is_a_rate else figures.get("limit_highest", figures["limit"])


def _may_be_a_limit(finding: Finding) -> bool:
    """Whether the finding names one: a number can be fitted to any refusal that comes after a passage."""
    return any(one.startswith(LIMITS) for one in (finding.cause, *finding.indistinguishable_from))


def _group(statistics: Statistics, finding: Finding) -> Group | None:
    """Whose requests: of the subject, or by what the cause counts; the most refused of them."""
    key = {
        "throttle.user": Key.ACCOUNT,
        "ban.user": Key.ACCOUNT,
        "throttle.method": Key.METHOD,
        "throttle.registration-rate": Key.METHOD,
    }.get(finding.cause, Key.SOURCE)
    groups = [one for one in statistics.groups(key) if one.refused + one.silent]
    return groups[0] if groups else None


def _bin_column(one: Bin, window: float) -> Column:
    span = f"{one.lowest}" if one.lowest == one.highest else f"{one.lowest} to {one.highest}"
    return Column(
        start=one.lowest - 0.5,
        end=one.highest + 0.5,
        layers=(Layer(one.passed, "passed"), Layer(one.refused, "refused", "refused")),
        words=f"{span} in {window:g} s: {one.passed:,} passed, {one.refused:,} refused",
    )


def _upright(line: _Threshold, bins: Sequence[Bin]) -> Line:
    top = max((one.passed + one.refused for one in bins), default=1) * _ROOM
    return Line(points=[(line.arrivals, 0.0), (line.arrivals, top)], css="limit", name=line.words)


def _bins_in_words(bins: Sequence[Bin], window: float, line: _Threshold | None) -> str:
    if line is None:
        return "No number of arrivals is known that would tell what is refused from what passes."
    low = [one for one in bins if one.highest <= line.arrivals]
    high = [one for one in bins if one.highest > line.arrivals]
    return (
        f"{line.words}. With up to {line.arrivals:g} requests in {window:g} s "
        f"{sum(one.passed for one in low):,} passed and {sum(one.refused for one in low):,} were refused; "
        f"with more, {sum(one.passed for one in high):,} passed and {sum(one.refused for one in high):,} "
        "were refused."
    )


def _rate_caption(name: str, window: float, line: _Threshold | None, *, is_enough: bool) -> str:
    axis = (
        f"Across: how many requests of {name} there were in the {window:g} s up to a request, with itself. "
        "Upwards: how many requests met so many, and what became of them."
    )
    if line is None and not is_enough:
        return f"{axis} That is too few of either to tell whether the rate decides."
    if line is None:
        return f"{axis} No number of arrivals is known that would tell refused from passed."
    return f"{axis} The dashed line is the fitted threshold: {line.words}."


def course_chart(material: Material) -> ChartPicture | None:
    """What passed and was refused in the course of time, publish windows shaded; None for nothing."""
    statistics = material.statistics
    first, last = statistics.first, statistics.last
    if first is None or last is None or not math.isfinite(last - first):
        return None
    step = next((one for one in _STEPS if (last - first) / one <= _MOST_COLUMNS), _STEPS[-1])
    columns = [
        Column(
            start=start,
            end=start + step,
            layers=(
                Layer(passed, "passed"),
                Layer(refused, "refused", "refused"),
                Layer(silent, "waiting", "waiting"),
            ),
            words=f"{passed:,} passed, {refused:,} refused, {silent:,} not answered in {step} s",
        )
        for start, passed, refused, silent in statistics.timeline(step)
    ]
    begin = columns[0].start
    bands = _burst_bands(material.diagnosis, step)
    chart = TimeChart(
        key="course",
        title="Requests in the course of time",
        description=_course_in_words(columns, bands, material.zone),
        label="Requests a second" if step == 1 else f"Requests in {step} s",
        start=begin,
        seconds=columns[-1].end - begin,
        columns=columns,
        bands=bands,
        ticks=_ticks(begin, columns[-1].end, material.zone),
        patterns=("refused", "waiting"),
    )
    caption = f"Times are {material.zone}." if material.was_read else "Our own questions, in their time."
    if bands:
        where = " in the publish window" if any(band.name == _PUBLISH for band in bands) else ""
        caption += f" Shaded: the burst{where}."
    return ChartPicture(
        heading="When it happened", caption=caption, svg=chart.markup(), drawn=_drawn(columns)
    )


def _burst_bands(diagnosis: Diagnosis, step: int) -> list[Band]:
    spans = {
        (one.figures["begins_at"], one.figures["ends_at"], one.figures.get("in_publish_window", 0.0))
        for one in diagnosis.findings
        if "begins_at" in one.figures and "ends_at" in one.figures
    }
    return [
        Band(start - start % step, end - end % step + step, _PUBLISH if declared else "burst", shaded=True)
        for start, end, declared in sorted(spans)
    ]


def _course_in_words(columns: Sequence[Column], bands: Sequence[Band], zone: tzinfo) -> str:
    busiest = max(columns, key=lambda one: one.height)
    told = f"The busiest moment was {_clock(busiest.start, zone)}: {busiest.words}."
    for band in bands:
        told += f" A {band.name} from {_clock(band.start, zone)} to {_clock(band.end, zone)}."
    return told


def _ticks(start: float, end: float, zone: tzinfo) -> list[tuple[float, str]]:
    spacing = next((one for one in _TICKS if (end - start) / one <= 5), _STEPS[-1])
    first = start - start % spacing + spacing
    has_days = end - start > 86_400
    return [
        (at, _clock(at, zone, has_day=has_days))
        for at in (first + number * spacing for number in range(6))
        if at <= end
    ]


def _clock(at: float, zone: tzinfo, *, has_day: bool = False) -> str:
    try:
        told = datetime.fromtimestamp(at, UTC).astimezone(zone)
    except (ValueError, OverflowError, OSError):  # a capture may claim any time
        return ""
    return f"{told:%m-%d %H:%M}" if has_day else f"{told:%H:%M:%S}" if at % 60 else f"{told:%H:%M}"


def figures_in_words(figures: Mapping[str, float]) -> str:
    """What was measured about a finding, in one sentence; empty without."""
    told = [limit_in_words(figures)]
    if "rate" in figures:
        told.append(f"some are refused from {figures['rate']:g} requests a second on")
    if "recovered_after" in figures:
        told.append(f"it passes again {figures['recovered_after']:.1f} s after the last refusal")
    if "in_flight" in figures:
        told.append(f"{figures['in_flight']:g} were under way")
    sentence = "; ".join(one for one in told if one)
    return f"{sentence[0].upper()}{sentence[1:]}." if sentence else ""
