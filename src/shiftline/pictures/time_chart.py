"""A chart over time from its parts: bands behind, then columns, lines, levels, and marks on top."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from markupsafe import Markup

from shiftline.pictures.drawing import LEFT, WIDTH, Drawing, Plot
from shiftline.pictures.strokes import (
    Band,
    Layer,
    Shape,
    draw_bands,
    draw_bar,
    draw_level,
    draw_line,
    draw_mark,
)

_TOP = 42.0
_BELOW = 32.0
_ROOM_ABOVE = 1.05
_RIGHT = 18.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A stacked bar from ``start`` to ``end``; ``words`` are shown for the pointer.

    A layer whose ``fill`` is the name of a pattern ("refused", "waiting") is painted with its stripes.
    """

    start: float
    end: float
    layers: tuple[Layer, ...]
    words: str = ""

    @property
    def height(self) -> float:
        """How high the whole stack is."""
        return sum(layer.height for layer in self.layers)


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """(moment, value) pairs in time order; a value of None is a gap. ``name`` is shown for the pointer."""

    points: Sequence[tuple[float, float | None]]
    css: str
    name: str = ""

    def pieces(self) -> Iterator[list[tuple[float, float]]]:
        """The line between its gaps."""
        piece: list[tuple[float, float]] = []
        for at, value in self.points:
            if value is not None:
                piece.append((at, value))
            elif piece:
                yield piece
                piece = []
        if piece:
            yield piece


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """A horizontal line with its name; ``start`` is since when it holds, None: all the time."""

    value: float
    name: str
    css: str = "limit"
    start: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """Something that happened at a moment; without a value it stands at the top edge of the plot."""

    at: float
    shape: Shape
    css: str
    words: str
    value: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeChart:
    """What a chart shows, from ``start`` on for ``seconds``; both in the unit of all moments.

    ``key`` is unique in the page. ``title`` and ``description`` are for a screen reader: put the figures into
    the description. ``label`` says what is counted. ``top`` is the end of the value axis, by default a little
    more than the highest value. ``ticks`` are (moment, words) below the plot, by default seconds from 0.
    ``width`` is in units of the drawing: it is scaled to the page, its words with it.
    """

    key: str
    title: str
    description: str
    label: str
    seconds: float
    start: float = 0.0
    top: float | None = None
    bands: Sequence[Band] = ()
    columns: Sequence[Column] = ()
    lines: Sequence[Line] = ()
    levels: Sequence[Level] = ()
    marks: Sequence[Mark] = ()
    ticks: Sequence[tuple[float, str]] | None = None
    width: float = WIDTH
    height: float = 254.0
    patterns: Sequence[str] = field(default=("refused",))

    def markup(self) -> Markup:
        """The chart as an element of a page."""
        return self._drawing().markup()

    def document(self) -> str:
        """The chart as an SVG file that carries its own stylesheet."""
        return self._drawing().document()

    def highest(self) -> float:
        """The highest value of all parts: what several charts on one scale have to agree about."""
        return max(
            (
                *(column.height for column in self.columns),
                *(value for line in self.lines for _, value in line.points if value is not None),
                *(level.value for level in self.levels),
                *(mark.value for mark in self.marks if mark.value is not None),
            ),
            default=0.0,
        )

    def _drawing(self) -> Drawing:
        drawing = Drawing(
            key=self.key,
            title=self.title,
            description=self.description,
            width=self.width,
            height=self.height,
        )
        plot = Plot(
            start=self.start,
            seconds=max(self.seconds, 1e-9),
            top=self.top or self.highest() * _ROOM_ABOVE or 1.0,
            y_of_top=_TOP,
            y_of_zero=self.height - _BELOW,
            left=LEFT,
            right=self.width - _RIGHT,
        )
        draw_bands(drawing, plot, self.bands)
        drawing.grid(plot, label=self.label)
        drawing.time_axis(plot, self.ticks)
        self._draw_columns(drawing, plot)
        for line in self.lines:
            for piece in line.pieces():
                draw_line(drawing, plot, piece, css=line.css, words=line.name)
        for level in self.levels:
            draw_level(drawing, plot, level.value, level.name, css=level.css, start=level.start)
        for column in self.columns:
            if column.words:
                drawing.hint(plot, column.start, column.end, column.words)
        for mark in self.marks:
            y = plot.y_of_top if mark.value is None else plot.y(mark.value)
            draw_mark(drawing, plot.x(mark.at), y, mark.shape, css=mark.css, words=mark.words)
        return drawing

    def _draw_columns(self, drawing: Drawing, plot: Plot) -> None:
        paints = {name: drawing.pattern(name) for name in self.patterns}
        for column in self.columns:
            layers = (
                Layer(layer.height, layer.css, paints.get(layer.fill or "", layer.fill))
                for layer in column.layers
            )
            draw_bar(drawing, plot, column.start, column.end, layers)
