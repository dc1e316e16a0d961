"""The governor at fifteen limiters as one picture: ``python -m benchmarks.gallery FILE.png`` (or FILE.svg).

Each panel is the beginning of a journey of ten minutes in virtual time, with more checks than could pass, and
its figures are those of the whole journey. A PNG is made by Chromium, which has to be installed.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

from shiftline.governor.controllers.registry import OURS
from shiftline.governor.simulation.bank import Beginning, Case, case
from shiftline.governor.simulation.measure import Outcome, Watched
from shiftline.governor.simulation.trial import attempt_watched
from shiftline.pictures.drawing import Drawing, Plot
from shiftline.pictures.strokes import Shape, draw_line, draw_mark

COLUMNS, WIDTH = 3, 960.0  # units of the drawing
PANEL_WIDTH, PANEL_HEIGHT, HEAD = WIDTH / COLUMNS, 192.0, 40.0
LEFT, RIGHT, TOP, BELOW = 42.0, 16.0, 50.0, 30.0  # from a panel's edges to those of its plot
PIXELS = 1.25  # for each unit
SHORT, LONG = 120.0, 600.0  # seconds that a panel shows
TICKS = {SHORT: 30, LONG: 120}  # seconds between the words below it
BINS = 120  # of a panel, in each of which requests are counted
ROOM_ABOVE = 1.6  # times the hidden limit; what is higher is cut off, and its height written beside it
MARK = 4.0  # half as wide as a mark, in units of the drawing
SEED = 0
BROWSERS = ("chromium", "chromium-browser", "google-chrome")


@dataclass(frozen=True, slots=True)
class Panel:
    """A limiter's text, how much of the journey is shown (seconds), and what makes it special."""

    throttle: str
    seconds: float
    beginning: Beginning = Beginning.COLD
    answer_ms: float = 40.0
    note: str = ""

    @property
    def case(self) -> Case:
        """The trunk."""
        return case(self.throttle, self.answer_ms)

    @property
    def mark(self) -> Shape:
        """The mark of what did not pass: refused, or dropped in silence."""
        options = self.case.throttle.options
        return Shape.DIAMOND if options.get("status", "silent") == "silent" else Shape.TRIANGLE


PANELS = (
    Panel("window:50/1s", SHORT),
    Panel("window:200/10s", LONG),
    Panel("window:50/1s,status=silent", SHORT),
    Panel("window:50/1s,key=user", SHORT),
    Panel("sliding:50/1s", SHORT),
    Panel("bucket:20/s,burst=5", SHORT),
    Panel("retry-after:500/10s", LONG),
    Panel("concurrency:10", SHORT, answer_ms=150.0, note="150 ms an answer"),
    Panel("cpu:100/s", SHORT),
    Panel("pike:30/2s,ban=0", LONG),
    Panel("pike:30/2s,ban=300s", LONG, note="met cold"),
    Panel("pike:30/2s,ban=300s", LONG, Beginning.KNOWN, note="rate known"),
    Panel("shared:50/1s,others=25/s", SHORT),
    Panel("changing:50/1s,25/1s@200s,50/1s@400s", LONG),
    Panel("oc-rate:50/s", SHORT),
)


def gallery(panels: Sequence[Panel] = PANELS, seed: int = SEED) -> Drawing:
    """Let every panel's journey happen, and draw them all."""
    journeys = [attempt_watched(OURS, panel.case, panel.beginning, Random(seed).random) for panel in panels]
    told = (
        f"{panel.throttle}, {panel.beginning}: {outcome.efficiency:.2f}"
        for panel, (outcome, _) in zip(panels, journeys, strict=True)
    )
    drawing = Drawing(
        key="gallery",
        title="The governor at each limiter: requests per second over seconds",
        description=f"Efficiency over ten minutes. {'; '.join(told)}.",
        width=WIDTH,
        height=height_of(panels),
    )
    draw_legend(drawing)
    for number, (panel, (outcome, watched)) in enumerate(zip(panels, journeys, strict=True)):
        row, column = divmod(number, COLUMNS)
        draw_panel(drawing, panel, outcome, watched, (column * PANEL_WIDTH, HEAD + row * PANEL_HEIGHT))
    return drawing


def height_of(panels: Sequence[Panel]) -> float:
    """The whole drawing's, in its units."""
    return HEAD - (-len(panels) // COLUMNS) * PANEL_HEIGHT


def draw_legend(drawing: Drawing) -> None:
    """One line above all panels; what is on the axes is part of it."""
    drawing.text(12, 24, "Requests per second, over seconds", css="caption")
    drawing.rect(300, 14, 12, 11, css="passed")
    drawing.text(318, 24, "sent and passed")
    drawing.rect(446, 14, 12, 11, css="refused-ground")
    drawing.text(464, 24, "in vain")
    draw_mark(drawing, 538, 20, Shape.TRIANGLE, css="throttle", radius=MARK)
    drawing.text(549, 24, "refused then")
    draw_mark(drawing, 652, 20, Shape.DIAMOND, css="throttle", radius=MARK)
    drawing.text(663, 24, "dropped then in silence")
    drawing.path([(832, 20), (858, 20)], css="limit")
    drawing.text(864, 24, "hidden limit")


def draw_panel(
    drawing: Drawing, panel: Panel, outcome: Outcome, watched: Watched, corner: tuple[float, float]
) -> None:
    """One journey; ``corner`` is the left upper one."""
    x, y = corner
    limits = list(limit_stairs(panel))
    plot = Plot(
        seconds=panel.seconds,
        top=max(limit for _, limit in limits) * ROOM_ABOVE,
        y_of_top=y + TOP,
        y_of_zero=y + PANEL_HEIGHT - BELOW,
        left=x + LEFT,
        right=x + PANEL_WIDTH - RIGHT,
    )
    drawing.text(x + 12, y + 18, ", ".join(filter(None, (panel.throttle, panel.note))), css="caption")
    drawing.text(x + 12, y + 35, in_words(outcome))
    drawing.grid(plot, label="")
    step = TICKS[panel.seconds]
    ticks = range(0, round(panel.seconds) + 1, step)
    drawing.time_axis(plot, [(at, f"{at}" if at else "0 s") for at in ticks])
    draw_requests(drawing, plot, panel, watched)
    draw_line(drawing, plot, limits, css="limit", words="hidden limit")


def draw_requests(drawing: Drawing, plot: Plot, panel: Panel, watched: Watched) -> None:
    """Areas of what was sent and what passed, a mark where something did not, and the height of towers."""
    step = panel.seconds / BINS
    starts = [number * step for number in range(BINS)]
    sent = [watched.arrived_between(at, at + step) / step for at in starts]
    lost = [watched.turned_down_between(at, at + step) / step for at in starts]
    drawing.path(area(plot, sent, step), css="refused-ground", closed=True)
    passed = [one - other for one, other in zip(sent, lost, strict=True)]
    drawing.path(area(plot, passed, step), css="passed", closed=True)
    for at, rate, in_vain in zip(starts, sent, lost, strict=True):
        if in_vain:
            draw_mark(drawing, plot.x(at + step / 2), plot.y(rate), panel.mark, css="throttle", radius=MARK)
    if max(sent) > plot.top:
        drawing.text(plot.right, plot.y_of_top - 15, f"peak {max(sent):.0f}", css="mode", anchor="end")


def area(plot: Plot, rates: Sequence[float], step: float) -> list[tuple[float, float]]:
    """Return the outline of columns side by side, down to zero; each lasts ``step`` seconds."""
    outline = [(plot.x(0.0), plot.y(0.0))]
    for number, rate in enumerate(rates):
        outline += [(plot.x(number * step), plot.y(rate)), (plot.x((number + 1) * step), plot.y(rate))]
    return [*outline, (plot.x(len(rates) * step), plot.y(0.0))]


def limit_stairs(panel: Panel) -> Iterator[tuple[float, float]]:
    """(moment, rate of an all-knowing sender), two for each stair."""
    starts = (0.0, *panel.case.changes)
    for start, end in zip(starts, (*starts[1:], panel.seconds), strict=True):
        yield start, panel.case.ideal_rate(start)
        yield min(end, panel.seconds), panel.case.ideal_rate(start)


def in_words(outcome: Outcome) -> str:
    """What came of it."""
    bans = f", {outcome.bans} ban{'s' if outcome.bans > 1 else ''}" if outcome.bans else ""
    in_vain = f"{outcome.refused_share:.2%}".replace("%", " %")
    return f"efficiency {outcome.efficiency:.2f}, {in_vain} in vain{bans}"


def write_png(drawing: Drawing, size: tuple[int, int], file: Path) -> None:
    """Let Chromium draw it. Raises SystemExit if there is none, CalledProcessError if it fails."""
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        raise SystemExit(f"A PNG needs one of {', '.join(BROWSERS)}; an SVG needs none of them.")
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder) / "gallery.html"
        page.write_text(f'<body style="margin:0">{drawing.document()}</body>', encoding="utf-8")
        command = [browser, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"]
        command += [f"--window-size={size[0]},{size[1]}", f"--screenshot={file.resolve()}", page.as_uri()]
        subprocess.run(command, check=True, capture_output=True, timeout=60)


def main(arguments: Sequence[str]) -> None:
    """Write the picture."""
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m benchmarks.gallery")
    parser.add_argument("file", type=Path)
    file: Path = parser.parse_args(arguments).file
    drawing = gallery()
    if file.suffix == ".svg":
        file.write_text(drawing.document(), encoding="utf-8")
    else:
        write_png(drawing, (round(WIDTH * PIXELS), round(height_of(PANELS) * PIXELS)), file)


if __name__ == "__main__":
    main(sys.argv[1:])
