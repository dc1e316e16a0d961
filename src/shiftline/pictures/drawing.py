"""Inline SVG: a drawing with a title, and a plot with axes. Colours are the stylesheet's, by class."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass
from xml.etree import ElementTree as ET
from xml.etree.ElementTree import Element, SubElement

from markupsafe import Markup

from shiftline.pictures.style import stylesheet

WIDTH = 480.0
LEFT = 52.0
RIGHT = 12.0
_MOST_STEPS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Plot:
    """A rectangle of a drawing with ``seconds`` across, from ``start``, and a value upwards, from 0.

    ``left`` and ``right`` are the edges of the rectangle, in units of the drawing.
    """

    seconds: float
    top: float
    y_of_top: float
    y_of_zero: float
    start: float = 0.0
    left: float = LEFT
    right: float = WIDTH - RIGHT

    def x(self, at: float) -> float:
        """Where a moment is; moments outside are moved to the edge."""
        part = min(max((at - self.start) / self.seconds, 0.0), 1.0)
        return self.left + (self.right - self.left) * part

    def y(self, value: float) -> float:
        """Where a value is; values above the top are moved to it."""
        part = min(max(value / self.top, 0.0), 1.0)
        return self.y_of_zero - (self.y_of_zero - self.y_of_top) * part


class Drawing:
    """An SVG image that a screen reader announces by its title and description."""

    def __init__(
        self, *, key: str, title: str, description: str, height: float, width: float = WIDTH
    ) -> None:
        """``key`` is unique in the page: the ids of the drawing start with it."""
        self.key = key
        self._svg = Element(
            "svg",
            {
                "viewBox": f"0 0 {_number(width)} {_number(height)}",
                "role": "img",
                "aria-labelledby": f"{key}-title {key}-description",
            },
        )
        SubElement(self._svg, "title", id=f"{key}-title").text = title
        SubElement(self._svg, "desc", id=f"{key}-description").text = description

    def pattern(self, name: str) -> str:
        """Define stripes and return how to paint with them: a mark for those who cannot see the colour."""
        identity = f"{self.key}-{name}"
        pattern = SubElement(
            self._svg,
            "pattern",
            id=identity,
            width="5",
            height="5",
            patternUnits="userSpaceOnUse",
            patternTransform="rotate(45)",
        )
        SubElement(pattern, "rect", {"width": "5", "height": "5", "class": f"{name}-ground"})
        SubElement(pattern, "rect", {"width": "1.4", "height": "5", "class": f"{name}-stripe"})
        return f"url(#{identity})"

    def rect(
        self, x: float, y: float, width: float, height: float, *, css: str, fill: str | None = None
    ) -> Element:
        """Draw a rectangle."""
        box = {"x": x, "y": y, "width": width, "height": height}
        attributes = {name: _number(value) for name, value in box.items()} | {"class": css}
        return SubElement(self._svg, "rect", attributes | ({"fill": fill} if fill else {}))

    def path(
        self,
        points: Sequence[tuple[float, float]],
        *,
        css: str,
        closed: bool = False,
        fill: str | None = None,
    ) -> Element | None:
        """Draw a line through points, or the area within them; nothing without points."""
        if not points:
            return None
        line = "M" + "L".join(f"{_number(x)} {_number(y)}" for x, y in points) + ("Z" if closed else "")
        return SubElement(self._svg, "path", {"d": line, "class": css} | ({"fill": fill} if fill else {}))

    def text(self, x: float, y: float, words: str, *, css: str = "", anchor: str = "start") -> None:
        """Write words; ``anchor`` is start, middle or end."""
        attributes = {"x": _number(x), "y": _number(y), "text-anchor": anchor, "class": css}
        SubElement(self._svg, "text", attributes).text = words

    def hint(self, plot: Plot, start: float, end: float, words: str) -> None:
        """Show words while the pointer is over a stretch of time."""
        box = self.rect(
            plot.x(start),
            plot.y_of_top,
            plot.x(end) - plot.x(start),
            plot.y_of_zero - plot.y_of_top,
            css="hint",
        )
        self.tell(box, words)

    def grid(self, plot: Plot, *, label: str) -> None:
        """Draw horizontal lines with their values, and say what is counted."""
        for value in steps(plot.top):
            y = plot.y(value)
            self.path([(plot.left, y), (plot.right, y)], css="grid" if value else "zero")
            self.text(plot.left - 7, y + 4, f"{value:,.10g}", anchor="end")
        self.text(0, plot.y_of_top - 24, label, css="axis")

    def time_axis(self, plot: Plot, ticks: Iterable[tuple[float, str]] | None = None) -> None:
        """Write the seconds below a plot, or other words at moments of your own."""
        for at, words in _seconds(plot) if ticks is None else ticks:
            self.text(plot.x(at), plot.y_of_zero + 20, words, anchor="middle")

    def tell(self, element: Element, words: str) -> None:
        """Show words while the pointer is over an element."""
        SubElement(element, "title").text = words

    def markup(self) -> Markup:
        """The drawing as an element of the page."""
        return Markup(ET.tostring(self._svg, encoding="unicode"))  # noqa: S704 - ElementTree escapes

    def document(self) -> str:
        """The drawing as an SVG file on a ground of its own, with its stylesheet."""
        svg = deepcopy(self._svg)
        svg.set("xmlns", "http://www.w3.org/2000/svg")
        ground = Element("rect", {"width": "100%", "height": "100%", "class": "paper"})
        style = Element("style")
        style.text = f"text {{ font-family: system-ui, sans-serif; }}\n{stylesheet()}"
        svg.insert(2, style)
        svg.insert(3, ground)
        return ET.tostring(svg, encoding="unicode")


def steps(top: float) -> list[float]:
    """Round values from 0 up to ``top``: steps of 1, 2 or 5 times a power of ten, and never less than 1."""
    raw = max(top / _MOST_STEPS, 1.0)
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= raw * (1 - 1e-9))
    return [round(index * step, 10) for index in range(int(top / step + 1e-9) + 1)]


def _seconds(plot: Plot) -> Iterator[tuple[float, str]]:
    for value in steps(plot.seconds):
        yield plot.start + value, f"{value:,.10g}" if value else "0 s"


def _number(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".")
