"""The chart over time: what is in it, where, and for whom."""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shiftline.pictures.drawing import LEFT, RIGHT, WIDTH, Plot
from shiftline.pictures.strokes import Band, Layer, Shape
from shiftline.pictures.style import stylesheet
from shiftline.pictures.time_chart import Column, Level, Line, Mark, TimeChart

SVG = "{http://www.w3.org/2000/svg}"
moments = st.floats(min_value=-1e6, max_value=1e6)
values = st.floats(min_value=0, max_value=1e9)


def chart(**parts: object) -> TimeChart:
    """A minute of requests, with whatever else a test needs."""
    known: dict[str, object] = {
        "key": "minute",
        "title": "Requests per second",
        "description": "At most 40 in a second.",
        "label": "Requests per second",
        "seconds": 60.0,
    }
    return TimeChart(**(known | parts))  # type: ignore[arg-type]


def drawn(of: TimeChart) -> ET.Element:
    """The drawing as XML."""
    return ET.fromstring(str(of.markup()))  # noqa: S314 - our own


def classes(of: TimeChart) -> list[str]:
    """The classes of all elements."""
    return [element.get("class", "") for element in drawn(of).iter()]


def test_all_parts_are_drawn_and_the_marks_are_on_top() -> None:
    """Bands are behind everything, marks in front, so that no column hides a refusal."""
    of = chart(
        bands=[Band(0, 30, "climbing"), Band(30, 60, "holding")],
        columns=[Column(start=0, end=5, layers=(Layer(30, "passed"), Layer(2, "refused", "refused")))],
        lines=[Line(points=[(0, 10.0), (5, 40.0)], css="pace", name="learned rate")],
        levels=[Level(value=50, name="hidden limit")],
        marks=[Mark(at=5, value=40, shape=Shape.TRIANGLE, css="throttle", words="403, throttle")],
    )
    found = [
        name
        for name in classes(of)
        if name in {"band", "passed", "refused", "pace", "limit", "mark throttle"}
    ]
    assert found == ["band", "passed", "refused", "pace", "limit", "mark throttle"]
    assert "403, throttle" in [element.text for element in drawn(of).iter("title")]


def test_the_refused_part_stands_on_the_passed_part_in_stripes() -> None:
    """Who cannot see the colour sees the stripes; the pattern belongs to this drawing alone."""
    of = chart(
        columns=[Column(start=0, end=60, layers=(Layer(30, "passed"), Layer(10, "refused", "refused")))]
    )
    passed, refused = (
        next(rect for rect in drawn(of).iter("rect") if rect.get("class") == name)
        for name in ("passed", "refused")
    )
    assert refused.get("fill") == "url(#minute-refused)"
    below = float(passed.get("y", 0))
    assert float(refused.get("y", 0)) + float(refused.get("height", 0)) == pytest.approx(below, abs=0.02)


def test_a_gap_in_a_line_stays_a_gap() -> None:
    """While nobody measured, nothing is drawn: no straight line pretends to know."""
    of = chart(lines=[Line(points=[(0, 10.0), (5, 20.0), (10, None), (15, 30.0), (20, 30.0)], css="pace")])
    assert classes(of).count("pace") == 2


def test_several_charts_can_share_a_scale() -> None:
    """``top`` of all is the highest of all, whichever part it is in."""
    assert chart(levels=[Level(value=50, name="limit")]).highest() == 50
    assert chart(lines=[Line(points=[(0, 70.0), (1, None)], css="pace")]).highest() == 70
    assert (
        chart(columns=[Column(start=0, end=1, layers=(Layer(80, "passed"), Layer(4, "refused")))]).highest()
        == 84
    )
    assert chart(marks=[Mark(at=1, value=90, shape=Shape.DOT, css="ban", words="")]).highest() == 90
    assert chart().highest() == 0


def test_an_axis_can_have_words_of_its_own() -> None:
    """A page of today shows the hour, not seconds from somewhere."""
    words = {
        element.text
        for element in drawn(chart(start=100, ticks=[(100, "12:00"), (160, "12:01")])).iter("text")
    }
    assert {"12:00", "12:01"} <= words
    assert "0 s" not in words


@given(start=moments, seconds=st.floats(min_value=0, max_value=1e6), at=moments, value=values, top=values)
def test_nothing_leaves_the_picture(
    start: float, seconds: float, at: float, value: float, top: float
) -> None:
    """Whatever comes in, every coordinate is finite, and every mark is within the plot."""
    of = chart(
        start=start,
        seconds=seconds,
        top=top,
        columns=[Column(start=at, end=at + 5, layers=(Layer(value, "passed"),))],
        lines=[Line(points=[(at, value), (start, top)], css="pace")],
        marks=[Mark(at=at, value=value, shape=Shape.CROSS, css="policy", words="")],
    )
    text = str(of.markup())
    assert not re.search(r'(?:nan|inf)[ "LZ]', text)
    mark = next(element for element in drawn(of).iter("path") if element.get("class") == "mark policy")
    across = [float(x) for x in re.findall(r"[ML](-?[\d.]+) ", mark.get("d", ""))]
    assert min(across) >= LEFT - 6
    assert max(across) <= WIDTH - RIGHT + 6


def test_hostile_words_are_shown_and_not_obeyed() -> None:
    """Names come from configurations and PBXs: they cannot become elements."""
    hostile = '</title><script>alert("1")</script>'
    of = chart(
        title=hostile,
        marks=[Mark(at=1, shape=Shape.DOT, css="x", words=hostile)],
        bands=[Band(0, 60, hostile)],
    )
    assert "<script" not in str(of.markup())
    assert hostile in [element.text for element in drawn(of).iter("text")]


def test_a_file_carries_its_stylesheet() -> None:
    """An SVG file is the same picture without a page: its rules come with it, after title and description."""
    root = ET.fromstring(chart(levels=[Level(value=1, name="limit")]).document())  # noqa: S314 - our own
    assert root.tag == f"{SVG}svg"
    assert str(stylesheet()) in (root.findtext(f"{SVG}style") or "")
    assert [child.tag for child in root][:4] == [
        f"{SVG}{name}" for name in ("title", "desc", "style", "rect")
    ]


def test_the_stylesheet_knows_every_class_that_it_promises() -> None:
    """Each named line and mark has a rule, and each variable a value for light and for dark."""
    rules = str(stylesheet())
    for name in ("pace", *(f"series{number}" for number in range(1, 7)), "limit", "band", "hint"):
        assert f"svg .{name}" in rules
    used = set(re.findall(r"var\((--[\w-]+)\)", rules))
    light, dark = (set(re.findall(r"(--[\w-]+):", part)) for part in rules.split("@media")[:2])
    assert used <= light
    assert used <= dark


def test_a_plot_can_begin_at_any_moment() -> None:
    """``start`` is at the left edge, ``start + seconds`` at the right one, later moments too."""
    plot = Plot(start=100, seconds=10, top=1, y_of_top=0, y_of_zero=100, left=50, right=150)
    assert [plot.x(at) for at in (0, 100, 105, 110, 999)] == [50, 50, 100, 150, 150]


def test_a_level_near_the_top_is_named_below_its_line() -> None:
    """Above it stand the names of the bands."""
    low, high = (drawn(chart(levels=[Level(value=value, name="limit")], top=100.0)) for value in (50.0, 99.0))
    for element, is_below in ((low, False), (high, True)):
        (name,) = [one for one in element.iter("text") if one.text == "limit"]
        (line,) = [one for one in element.iter("path") if one.get("class") == "limit"]
        y = float(line.get("d", "").split("L")[1].split()[1])
        assert (float(name.get("y", "")) > y) is is_below


def test_a_level_begins_when_it_does() -> None:
    """And goes on to the end."""
    of = drawn(chart(levels=[Level(value=50.0, name="limit", start=30.0)]))
    (line,) = [one for one in of.iter("path") if one.get("class") == "limit"]
    left, right = (float(point.split()[0]) for point in line.get("d", "")[1:].split("L"))
    assert LEFT + 0.4 * (WIDTH - LEFT) < left < right
