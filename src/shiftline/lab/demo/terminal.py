"""What the demo shows in a terminal: progress while it runs, and the table at its end."""

from __future__ import annotations

import math
from collections import Counter
from types import TracebackType
from typing import Self

from rich import box
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from shiftline.governor.state import Mode
from shiftline.lab.demo.figures import NOT_APPLICABLE, Cell, Figure, Mark, figures
from shiftline.lab.demo.result import DemoResult, DemoSettings, GovernorTick, Standing, Tick
from shiftline.lab.demo.stage import WorkerSettings
from shiftline.lab.demo.wording import count, headline, plural, rate, seconds, share, verdict

_TITLES = {
    "before": "Before: every check at once, as in the incident",
    "after": "After: Shiftline",
}
_SILENT_MODES = (Mode.LISTENING, Mode.STOPPED)
_CALLS_PER_MINUTE = WorkerSettings().calls_per_minute
_BARS = " ▁▂▃▄▅▆▇█"
_SPARKLINE_SECONDS = 30
_LINE_EVERY_SECONDS = 5.0
_CHECKS_OVER_SECONDS = 3.0
_BAR_WIDTH = 40
_LABEL_WIDTH = 10
_MARKS = {Mark.NONE: "", Mark.GOOD: "✓", Mark.BAD: "✗"}
_STYLES = {Mark.NONE: "", Mark.GOOD: "green", Mark.BAD: "bold red"}


class PhaseView:
    """One run so far, as lines for people. Times are in seconds from the publish."""

    def __init__(self, name: str, trades: int, limit: int) -> None:
        self.title = _TITLES.get(name, name)
        self.standing = Standing(at=0.0, waiting=trades, approved=0, denied=0, referred=0)
        self._trades = trades
        self._limit = limit
        self._totals: Counter[str] = Counter()
        self._checks: Counter[int] = Counter()
        self._refusals: Counter[int] = Counter()
        self._governor: GovernorTick | None = None
        self._last_check_at = math.inf

    def take(self, standing: Standing, tick: Tick | None, governor: GovernorTick | None) -> None:
        """Note the newest figures."""
        self.standing = standing
        self._governor = governor or self._governor
        if tick is None:
            return
        second = math.floor(tick.at)
        self._checks[second] += tick.passed + tick.refused
        self._refusals[second] += tick.refused
        if tick.passed + tick.refused:
            self._last_check_at = tick.at
        self._totals["sent"] += tick.passed + tick.refused
        self._totals["refused"] += tick.refused
        self._totals["calls"] += tick.calls_passed + tick.calls_refused
        self._totals["calls refused"] += tick.calls_refused

    def __rich__(self) -> RenderableType:
        grid = Table.grid(padding=(0, 1))
        grid.add_column(width=_LABEL_WIDTH, style="dim")
        grid.add_column()
        bar = ProgressBar(
            total=max(self._trades, 1), completed=self.decided, width=_BAR_WIDTH, complete_style="blue"
        )
        counted = Text(f"{count(self.decided)} of {count(self._trades)} decided")
        grid.add_row("trades", _beside(bar, counted))
        grid.add_row("", self._states())
        if why := self._why_waiting():
            grid.add_row("", why)
        if self._checks:
            grid.add_row("checks", self._sparkline())
            grid.add_row("refused", self._refused())
            grid.add_row("campaign", self._campaign())
        if self._governor is not None:
            grid.add_row("governor", f"{self._governor.mode}, {rate(self._governor.rate)}")
        elapsed = Text(seconds(self.standing.at), style="bold")
        return Group(_beside(Text(self.title, style="bold"), elapsed), grid)

    def line(self) -> str:
        """Everything in one line, for a log."""
        parts = [
            f"{seconds(self.standing.at)}: {count(self.decided)} of {count(self._trades)} decided",
            self._states(),
            *filter(None, [self._why_waiting()]),
        ]
        if self._checks:
            parts += [f"checks refused: {self._refused()}", f"campaign: {self._campaign()}"]
        return "; ".join(parts)

    @property
    def decided(self) -> int:
        """Trades that no longer wait."""
        return self._trades - self.standing.waiting

    def _states(self) -> str:
        """Trades by state."""
        now = self.standing
        return (
            f"{count(now.approved)} approved, {count(now.denied)} denied, "
            f"{count(now.referred)} referred, {count(now.waiting)} waiting"
        )

    def _why_waiting(self) -> str:
        """What trades wait for once no agent is left to be checked; empty while checks go on."""
        now, governor = self.standing, self._governor
        if not now.waiting or governor is None or governor.mode in _SILENT_MODES:
            return ""
        if now.at - self._last_check_at < _CHECKS_OVER_SECONDS:
            return ""
        return f"waiting for an earlier trade and the WFM's {_CALLS_PER_MINUTE} calls a minute"

    def _refused(self) -> str:
        """Refused checks, and the hidden limit as soon as it has shown."""
        sent, refused = self._totals["sent"], self._totals["refused"]
        if not refused:
            return "none"
        return (
            f"{count(refused)} of {count(sent)} ({share(refused / sent)}), hidden limit {rate(self._limit)}"
        )

    def _campaign(self) -> str:
        """The other sender's calls."""
        calls, refused = self._totals["calls"], self._totals["calls refused"]
        return f"{plural(calls, 'call')}, {count(refused) if refused else 'none'} refused"

    def _sparkline(self) -> Text:
        """Checks per second, and below it a mark under each second in which some were refused."""
        newest = max(self._checks)
        shown = range(max(0, newest + 1 - _SPARKLINE_SECONDS), newest + 1)
        top = max(self._limit, *(self._checks[second] for second in shown))
        line, marks = Text(), Text()
        for second in shown:
            style = "bold red" if self._refusals[second] else "blue"
            line.append(_bar(self._checks[second] / top), style=style)
            marks.append("^" if self._refusals[second] else " ", style=style)
        busiest = max(self._checks.values())
        line.append(f"  {count(self._checks[newest])} in this second, at most {count(busiest)}")
        return line.append("\n").append(marks).append("  ^ some refused") if self._totals["refused"] else line


def _bar(part: float) -> str:
    return _BARS[math.ceil(part * (len(_BARS) - 1))]


class DemoScreen:
    """Shows progress: a live view on a terminal, plain lines elsewhere. Use as a context manager."""

    def __init__(self, settings: DemoSettings, console: Console | None = None) -> None:
        self._settings = settings
        self._console = console or Console()
        self._view: PhaseView | None = None
        self._live: Live | None = None
        self._said_at = -math.inf

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end_phase()

    def phase(self, name: str, trades: int) -> None:
        """A run begins; the view of the one before stays where it is."""
        self._end_phase()
        self._view = PhaseView(name, trades, self._settings.limit)
        self._console.line()
        if self._console.is_interactive:
            self._live = Live(self._view, console=self._console, auto_refresh=False)
            self._live.start(refresh=True)
        else:
            self.note(self._view.title)

    def update(self, standing: Standing, tick: Tick | None, governor: GovernorTick | None) -> None:
        """Show the newest figures; ``tick`` holds what came since the update before."""
        if self._view is None:
            return
        self._view.take(standing, tick, governor)
        if self._live is not None:
            self._live.refresh()
        elif standing.at - self._said_at >= _LINE_EVERY_SECONDS:
            self._say_line()

    def note(self, text: str) -> None:
        """Say something in a line of its own."""
        self._console.print(Text(text), soft_wrap=True)

    def _say_line(self) -> None:
        if self._view is not None and self._view.standing.at != self._said_at:
            self._said_at = self._view.standing.at
            self.note(f"  {self._view.line()}")

    def _end_phase(self) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None
        else:
            self._say_line()
        self._view, self._said_at = None, -math.inf


def result_table(result: DemoResult) -> RenderableType:
    """Before beside after beside the truth, and the verdict; readable at 80 columns."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("")
    for heading in ("Before", "After", "Truth"):
        table.add_column(heading, justify="right", min_width=9)
    table.add_column("")
    for figure in figures(result):
        before, after = _cell(figure.before), _cell(figure.after)
        table.add_row(figure.label, before, after, figure.truth.text, _remark(figure))
    style = "bold green" if result.passed else "bold red"
    mark = _MARKS[Mark.GOOD if result.passed else Mark.BAD]
    return Group(
        *(Text(sentence, style="bold") for sentence in headline(result)),
        table,
        Text(f"{mark} {verdict(result)}", style=style),
    )


def _cell(cell: Cell) -> Text:
    text = f"{_MARKS[cell.mark]} {cell.text}" if cell.mark is Mark.BAD else cell.text
    return Text(text, style=_STYLES[cell.mark])


def _remark(figure: Figure) -> Text:
    """Say of the run after whether it is as it should be, in a word."""
    if figure.after.mark is Mark.NONE:
        return Text("")
    against_truth = figure.truth.text != NOT_APPLICABLE
    words = {
        (Mark.GOOD, True): "as the truth",
        (Mark.BAD, True): "not as the truth",
        (Mark.GOOD, False): "none",
        (Mark.BAD, False): "should be 0",
    }[figure.after.mark, against_truth]
    return Text(f"{_MARKS[figure.after.mark]} {words}", style=_STYLES[figure.after.mark])


def _beside(left: RenderableType, right: RenderableType) -> Table:
    grid = Table.grid(padding=(0, 2))
    grid.add_row(left, right)
    return grid
