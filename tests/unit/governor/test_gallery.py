"""The picture of the governor at each limiter shows what its journeys came to."""

from __future__ import annotations

from random import Random

from benchmarks.gallery import BINS, PANELS, Panel, area, gallery, limit_stairs
from defusedxml import ElementTree

from shiftline.governor.controllers.registry import OURS
from shiftline.governor.simulation.bank import Beginning
from shiftline.governor.simulation.trial import attempt, attempt_watched
from shiftline.pictures.drawing import Plot
from shiftline.pictures.strokes import Shape

SVG = "{http://www.w3.org/2000/svg}"


def test_a_panel_tells_the_figures_of_its_journey() -> None:
    """The efficiency beside a limiter is that of the same trial, and there is a mark for each bad moment."""
    panel = Panel("window:20/1s", 120.0, note="slow")
    drawn = ElementTree.fromstring(gallery([panel], seed=3).document())
    outcome, watched = attempt_watched(OURS, panel.case, Beginning.COLD, Random(3).random)
    words = {text.text for text in drawn.iter(f"{SVG}text")}
    assert "window:20/1s, slow" in words
    assert any(word and word.startswith(f"efficiency {outcome.efficiency:.2f}, ") for word in words)
    legend = 2
    marks = [path for path in drawn.iter(f"{SVG}path") if path.get("class", "").startswith("mark ")]
    bad = {int(at) for at in watched.turned_down if at < panel.seconds}
    assert panel.seconds == BINS
    assert len(marks) == len(bad) + legend


def test_a_watched_trial_is_the_same_trial() -> None:
    """Whoever looks on changes nothing, and sees all that arrived."""
    panel = Panel("window:20/1s", 120.0)
    plain = attempt(OURS, panel.case, Beginning.COLD, Random(3).random, horizon=30.0)
    outcome, watched = attempt_watched(OURS, panel.case, Beginning.COLD, Random(3).random, horizon=30.0)
    assert outcome == plain
    assert len(watched.arrivals) == outcome.arrivals


def test_the_hidden_limit_is_drawn_as_it_changes() -> None:
    """Down at 200 s and up at 400 s, within what the panel shows."""
    panel = Panel("changing:50/1s,25/1s@200s,50/1s@400s", 600.0)
    assert list(limit_stairs(panel)) == [(0, 50), (200, 50), (200, 25), (400, 25), (400, 50), (600, 50)]


def test_an_area_is_as_high_as_its_rates() -> None:
    """From zero over each column and back to zero."""
    plot = Plot(seconds=2.0, top=10.0, y_of_top=0.0, y_of_zero=100.0, left=0.0, right=200.0)
    outline = [(0, 100), (0, 50), (100, 50), (100, 0), (200, 0), (200, 100)]
    assert area(plot, [5.0, 10.0], 1.0) == outline


def test_what_drops_in_silence_has_a_mark_of_its_own() -> None:
    """A 403 and no answer at all are told apart by form."""
    marks = {panel.throttle: panel.mark for panel in PANELS}
    assert marks["window:50/1s"] is Shape.TRIANGLE
    assert marks["window:50/1s,status=silent"] is marks["cpu:100/s"] is Shape.DIAMOND
