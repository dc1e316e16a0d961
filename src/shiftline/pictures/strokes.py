"""What stands in a plot: stacked bars, lines, levels, bands behind it, and marks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from shiftline.pictures.drawing import Drawing, Plot

WIDE_ENOUGH_TO_NAME = 54.0
"""A band narrower than this, in units of the drawing, has no room for its name."""
_GAP = 0.12
_MARK = 5.0
_NAME_HEIGHT = 20.0


class Shape(StrEnum):
    """The form of a mark: it tells apart what the colour does not tell everybody."""

    TRIANGLE = "triangle"
    SQUARE = "square"
    DIAMOND = "diamond"
    CROSS = "cross"
    DOT = "dot"


_OUTLINES: dict[Shape, tuple[tuple[float, float], ...]] = {
    Shape.TRIANGLE: ((-1, 0.8), (1, 0.8), (0, -1)),
    Shape.SQUARE: ((-0.85, -0.85), (0.85, -0.85), (0.85, 0.85), (-0.85, 0.85)),
    Shape.DIAMOND: ((0, -1.15), (1.15, 0), (0, 1.15), (-1.15, 0)),
    Shape.CROSS: (
        *((-0.35, 0), (-1, -0.65), (-0.65, -1), (0, -0.35), (0.65, -1), (1, -0.65)),
        *((0.35, 0), (1, 0.65), (0.65, 1), (0, 0.35), (-0.65, 1), (-1, 0.65)),
    ),
    Shape.DOT: (
        *((0, -0.9), (0.64, -0.64), (0.9, 0), (0.64, 0.64)),
        *((0, 0.9), (-0.64, 0.64), (-0.9, 0), (-0.64, -0.64)),
    ),
}


@dataclass(frozen=True, slots=True)
class Layer:
    """One part of a stacked bar: how high it is, its class, and a pattern to paint it with."""

    height: float
    css: str
    fill: str | None = None


@dataclass(frozen=True, slots=True)
class Band:
    """A stretch of time with a name, shaded or not; with None every other one is."""

    start: float
    end: float
    name: str
    shaded: bool | None = None


def draw_bar(drawing: Drawing, plot: Plot, start: float, end: float, layers: Iterable[Layer]) -> None:
    """Stack layers over a stretch of time, the first one at the bottom."""
    left, right = plot.x(start), plot.x(end)
    gap = min(1.0, (right - left) * _GAP)
    low = 0.0
    for layer in layers:
        high = low + layer.height
        if high > low:
            y = plot.y(high)
            box = (left + gap, y, right - left - 2 * gap, plot.y(low) - y)
            drawing.rect(*box, css=layer.css, fill=layer.fill)
        low = high


def draw_line(
    drawing: Drawing, plot: Plot, points: Iterable[tuple[float, float]], *, css: str, words: str = ""
) -> None:
    """Draw (moment, value) pairs as a line with a halo, without those outside of the plot's time."""
    end = plot.start + plot.seconds
    drawn = [(plot.x(at), plot.y(value)) for at, value in points if plot.start <= at <= end]
    drawing.path(drawn, css=f"{css}-halo")
    line = drawing.path(drawn, css=css)
    if line is not None and words:
        drawing.tell(line, words)


def draw_level(
    drawing: Drawing, plot: Plot, value: float, words: str, *, css: str = "limit", start: float | None = None
) -> None:
    """Draw a horizontal line from a moment on, else through the whole plot, with its name at its right end.

    The name is above the line, but below it where it would touch the names of the bands.
    """
    y = plot.y(value)
    left = plot.left if start is None else plot.x(start)
    drawing.path([(left, y), (plot.right, y)], css=css)
    is_high = y - plot.y_of_top < _NAME_HEIGHT
    drawing.text(plot.right, y + 15 if is_high else y - 6, words, css=f"{css}-name", anchor="end")


def draw_bands(drawing: Drawing, plot: Plot, bands: Sequence[Band]) -> None:
    """Tell stretches of time apart behind the plot; name the wide ones."""
    for index, band in enumerate(bands):
        left, right = plot.x(band.start), plot.x(band.end)
        shaded = index % 2 == 0 if band.shaded is None else band.shaded
        css = "band" if shaded else "band other"
        drawing.rect(left, plot.y_of_top, right - left, plot.y_of_zero - plot.y_of_top, css=css)
        if right - left >= WIDE_ENOUGH_TO_NAME:
            drawing.text((left + right) / 2, plot.y_of_top - 5, band.name, css="mode", anchor="middle")


def draw_mark(
    drawing: Drawing, x: float, y: float, shape: Shape, *, css: str, words: str = "", radius: float = _MARK
) -> None:
    """Draw a small form around a point of the drawing, with words for the pointer."""
    outline = [(x + radius * across, y + radius * down) for across, down in _OUTLINES[shape]]
    mark = drawing.path(outline, css=f"mark {css}".rstrip(), closed=True)
    if mark is not None and words:
        drawing.tell(mark, words)
