"""A storm while it lasts: rates, statuses, latency and send lag, second by second."""

from __future__ import annotations

from collections import deque
from types import TracebackType
from typing import Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from shiftline.storm.histogram import Histogram
from shiftline.storm.sample import Sample, percentiles_ms, status_words

_BARS = "▁▂▃▄▅▆▇█"
_SECONDS = 40


class StormScreen:
    """Shows each second on a terminal; elsewhere one line for each load."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live = (
            Live(console=console, auto_refresh=False, transient=True) if console.is_terminal else None
        )
        self._purpose = ""
        self._whole = Sample(second=0)
        self._rates: deque[int] = deque(maxlen=_SECONDS)

    def __enter__(self) -> Self:
        """Begin to show."""
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Take it away again."""
        if self._live is not None:
            self._live.stop()

    def begin(self, purpose: str) -> None:
        """Another load begins."""
        self._purpose = purpose
        self._whole = Sample(second=0)
        self._rates.clear()
        if self._live is None:
            self._console.print(f"[dim]{escape(purpose)}[/]")
        else:
            self._live.update(Text(purpose, style="dim"), refresh=True)

    def show(self, sample: Sample) -> None:
        """A second more."""
        self._whole.follow(sample)
        self._rates.append(sample.ended)
        if self._live is not None:
            self._live.update(self.picture(sample), refresh=True)

    def picture(self, sample: Sample) -> RenderableType:
        """The load so far, and its last second."""
        grid = Table.grid(padding=(0, 2))
        grid.add_column(style="dim", width=12)
        grid.add_column(overflow="fold")
        per = max(sample.seconds, 1e-9)
        grid.add_row("second", f"{sample.second + 1}, {sample.in_flight:,} flows under way")
        grid.add_row(
            "flows", f"{sample.ended / per:,.0f}/s, {sample.ok / per:,.0f}/s succeed  {self._bars()}"
        )
        grid.add_row("statuses", _counts(status_words(sample.statuses)))
        grid.add_row("latency", _times(sample.latency))
        grid.add_row("send lag", _times(sample.lag))
        grid.add_row("all so far", f"{self._whole.ended:,} flows, {self._whole.ok:,} succeeded")
        return Group(Text(self._purpose, style="bold"), grid)

    def _bars(self) -> str:
        top = max(self._rates, default=0) or 1
        return "".join(_BARS[min(len(_BARS) - 1, rate * len(_BARS) // (top + 1))] for rate in self._rates)


def _counts(words: dict[str, int]) -> str:
    return ", ".join(f"{status} {count:,}" for status, count in words.items()) or "none"


def _times(histogram: Histogram) -> str:
    return ", ".join(f"{name} {value:,.1f} ms" for name, value in percentiles_ms(histogram).items())
