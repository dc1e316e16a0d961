"""One trunk in a terminal: how it does, its last minutes as a chart of text, last refusals, lanes."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from shiftline.connector.records import TrunkSample
from shiftline.connector.sampling import refusal_classes
from shiftline.store.trunk_view import NOTHING_PASSES, REFUSALS_IN_WORDS, TrunkView, age_in_words

CHART = timedelta(minutes=15)
_COLUMNS = 60
_BARS = "·▁▂▃▄▅▆▇█"
_GAUGE = 10
_LABEL = 12
_LETTERS = {
    "throttle": "T",
    "ban": "B",
    "policy": "P",
    "capacity": "C",
    "user-bound": "U",
    "credentials": "K",
    "unreachable": "S",
}
"""How refusals of a class are marked in the chart; of any other class by a question mark."""


def trunk_screen(view: TrunkView, samples: Sequence[TrunkSample], now: datetime) -> RenderableType:
    """All of it, readable at 80 columns."""
    parts: list[RenderableType] = [_heading(view), _facts(view)]
    if samples:
        parts += [Text(""), *_chart(samples, now)]
    if view.refusals:
        parts += [Text(""), _refusals(view)]
    if view.lanes:
        parts += [Text(""), _lanes(view)]
    return Group(*parts)


def _heading(view: TrunkView) -> Text:
    by = f" by {view.owner}" if view.owner else ""
    saved = f", saved {age_in_words(view.saved_seconds_ago)} ago{by}"
    return Text(view.trunk, style="bold").append(f"  {view.auth_user} from {view.source}{saved}", style="dim")


def _facts(view: TrunkView) -> Table:
    grid = Table.grid(padding=(0, 1))
    grid.add_column(width=_LABEL, style="dim")
    grid.add_column(overflow="fold")
    for label, fact in _rows(view):
        grid.add_row(label, fact)
    return grid


def _rows(view: TrunkView) -> Iterator[tuple[str, Text]]:
    rate = "rate unknown" if view.rate is None else f"{view.rate:.1f} requests/s"
    yield "governor", Text(f"{view.mode or 'mode unknown'}, {rate}", style="bold")
    yield "trouble", _trouble(view)
    if view.failure:
        yield "last failure", Text(view.failure)
    if view.waiting_for:
        yield "waits for", Text(view.waiting_for)
    yield "limit", Text(_limit(view))
    if view.confidence is not None:
        yield "confidence", _confidence(view)
    if view.sent is not None:
        under_way = f", {view.in_flight:,} under way" if view.in_flight is not None else ""
        yield (
            "requests",
            Text(
                f"{view.sent:,} sent, {view.passed or 0:,} passed, {view.refused or 0:,} refused{under_way}"
            ),
        )
    if view.waiting is not None:
        yield "queued", Text(f"{view.waiting:,} checks")


def _trouble(view: TrunkView) -> Text:
    if view.disarmed_cause:
        words = f"disarmed by {view.disarmed_cause}: mend it, then shiftline trunk rearm {view.trunk}"
        return Text(words, style="bold red")
    if view.worker_is_silent:
        words = f"no worker has looked after it for {age_in_words(view.saved_seconds_ago)}"
        return Text(words, style="bold red")
    if view.shut_since is not None:
        named = f"{view.trouble}, " if view.trouble else ""
        words = f"{named}nothing has passed since {view.shut_since.astimezone(UTC):%H:%M:%S} UTC. "
        return Text(f"{words}It may be {NOTHING_PASSES}", style="bold red")
    return Text(view.trouble, style="bold red") if view.trouble else Text("none", style="green")


def _limit(view: TrunkView) -> str:
    if view.limit and view.window_seconds:
        kind = f", {view.model}" if view.model else ""
        return f"{view.limit:g} in {view.window_seconds:g} s{kind}"
    return f"{view.model}, its window is not known" if view.model else "not learned"


def _confidence(view: TrunkView) -> Text:
    share = min(max(view.confidence or 0.0, 0.0), 1.0)
    full = round(share * _GAUGE)
    bar = Text("█" * full, style="green").append("░" * (_GAUGE - full), style="bright_black")
    ago = view.learned_seconds_ago
    confirmed = "" if ago is None else f", confirmed {age_in_words(ago)} ago"
    return bar.append(f" {share:.0%}{confirmed}".replace("%", " %"), style="default")


def _chart(samples: Sequence[TrunkSample], now: datetime) -> Iterator[RenderableType]:
    """Rate and requests on one scale, and below them which refusals came when."""
    columns = [_Column.of(cells) for cells in _in_columns(samples, now)]
    top = max(1e-9, *(max(column.rate or 0.0, column.sent or 0.0) for column in columns))
    minutes, step = CHART.total_seconds() / 60, CHART.total_seconds() / _COLUMNS
    yield Text(f"the last {minutes:.0f} minutes, {step:.0f} s a column, requests/s", style="dim")
    rates = [(_bar(column.rate, top), "green") for column in columns]
    yield _line("rate", rates, max(column.rate or 0.0 for column in columns))
    bars = [(_bar(column.sent, top), "bold red" if column.is_in_vain else "blue") for column in columns]
    yield _line("sent", bars, max(column.sent or 0.0 for column in columns))
    classes = [column.refusal for column in columns]
    if any(classes):
        marks = [(_letter(name) if name else " ", "bold red") for name in classes]
        told = sorted({f"{_letter(name)} {name}" for name in classes if name})
        yield _line("refused", marks, None)
        yield Text(" " * (_LABEL + 1) + ", ".join(told), style="dim")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Column:
    """What one column shows: rates in requests per second, None while nobody looked after the trunk."""

    rate: float | None
    sent: float | None
    refusal: str | None
    is_in_vain: bool
    """Half of what was sent or more was refused."""

    @classmethod
    def of(cls, cells: Sequence[tuple[TrunkSample, str | None]]) -> _Column:
        seconds = sum(sample.seconds for sample, _ in cells)
        named = [name for _, name in cells if name]
        return cls(
            rate=max((sample.rate for sample, _ in cells), default=None),
            sent=sum(sample.sent for sample, _ in cells) / seconds if cells else None,
            refusal=named[-1] if named else None,
            is_in_vain=0
            < sum(sample.sent for sample, _ in cells)
            <= 2 * sum(sample.refused for sample, _ in cells),
        )


def _in_columns(samples: Sequence[TrunkSample], now: datetime) -> list[list[tuple[TrunkSample, str | None]]]:
    """The samples with their classes, by the column in which they ended."""
    columns: list[list[tuple[TrunkSample, str | None]]] = [[] for _ in range(_COLUMNS)]
    for sample, name in zip(samples, refusal_classes(samples), strict=True):
        index = _COLUMNS - 1 - math.floor((now - sample.at) / (CHART / _COLUMNS))
        if 0 <= index < _COLUMNS:
            columns[index].append((sample, name))
    return columns


def _line(label: str, columns: Sequence[tuple[str, str]], most: float | None) -> Text:
    line = Text.assemble((f"{label:<{_LABEL}} ", "dim"), *columns)
    return line if most is None else line.append(f" ≤{most:.0f}", style="dim")


def _bar(value: float | None, top: float) -> str:
    """A gap where nobody looked after the trunk, a dot where nothing was sent."""
    if value is None:
        return " "
    return _BARS[math.ceil(min(value / top, 1.0) * (len(_BARS) - 1))]


def _letter(name: str) -> str:
    return _LETTERS.get(name, "?")


def _refusals(view: TrunkView) -> Table:
    table = _table("last refusals", "class", "status", "at rate", "")
    for refusal in view.refusals:
        table.add_row(
            f"{age_in_words(refusal.seconds_ago)} ago",
            Text(refusal.kind if refusal.count == 1 else f"{refusal.count} {refusal.kind}"),
            "silence" if refusal.status is None else str(refusal.status),
            "" if refusal.rate is None else f"{refusal.rate:.1f}/s",
            Text(REFUSALS_IN_WORDS.get(refusal.kind, ""), style="dim"),
        )
    return table


def _lanes(view: TrunkView) -> Table:
    table = _table("lane", "waiting", "oldest", "sent")
    for lane in view.lanes:
        oldest = "" if lane.oldest_seconds is None else age_in_words(lane.oldest_seconds)
        table.add_row(Text(lane.name), f"{lane.waiting:,}", oldest, f"{lane.sent:,}")
    return table


def _table(*headings: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, padding=(0, 1, 0, 0))
    for heading in headings:
        table.add_column(heading, justify="right" if heading in _NUMBERS else "left")
    return table


_NUMBERS = {"status", "at rate", "waiting", "oldest", "sent"}
