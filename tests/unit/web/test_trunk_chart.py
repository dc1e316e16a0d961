"""A trunk's chart: which part of it says what."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st
from tests.unit.web.books import KNOWLEDGE, NOW, sample, trunk

from shiftline.connector.sampling import merged
from shiftline.pictures.strokes import Shape
from shiftline.pictures.time_chart import TimeChart
from shiftline.store.trunk_view import view_of
from shiftline.web.trunk_chart import NARROW, SPANS, trunk_chart

VIEW = view_of(trunk(governor=dict(KNOWLEDGE)), NOW)


def chart(*samples: object, **options: float) -> TimeChart:
    return trunk_chart(VIEW, samples, SPANS[0], NOW, key="k", **options)  # type: ignore[arg-type]


def test_a_column_is_what_was_sent_per_second() -> None:
    """Passed, still open and refused, over the seconds of the sample, where these seconds were."""
    (column,) = chart(sample(10, seconds=10.0, sent=100, passed=60, refused=10, refusal="ban")).columns
    assert [layer.height for layer in column.layers] == [6.0, 3.0, 1.0]
    assert column.end == (NOW - timedelta(seconds=10)).timestamp()
    assert column.end - column.start == 10.0


def test_answers_to_earlier_requests_make_no_negative_part() -> None:
    """More may be answered in some seconds than was sent in them."""
    (column,) = chart(sample(0, sent=10, passed=40, refused=5, refusal="throttle")).columns
    assert [layer.height for layer in column.layers] == [8.0, 0.0, 1.0]


def test_refusals_are_marked_by_class() -> None:
    """Each class has its form, one that is not known yet a dot; seconds without refusals have no mark."""
    found = chart(
        sample(60, refused=1, refusal="throttle"),
        sample(40, refused=1, refusal="ban"),
        sample(20),
        sample(5, refused=1, refusal="undecided"),
    ).marks
    assert [(mark.css, mark.shape) for mark in found] == [
        ("throttle", Shape.TRIANGLE),
        ("ban", Shape.SQUARE),
        ("undecided", Shape.DOT),
    ]


def test_time_without_a_worker_is_a_gap_in_the_rate() -> None:
    """Nobody paced anything then."""
    (line,) = chart(sample(60, rate=10.0), sample(55, rate=11.0), sample(20, rate=12.0)).lines
    assert [value for _, value in line.points] == [10.0, 11.0, None, 12.0]


def test_a_rate_that_nobody_has_tried_does_not_flatten_what_was_sent() -> None:
    """The axis follows what left; the line goes out of the chart, and the label says how far."""
    rates = (20.0, 400.0, 2000.0, 500.0, 24.0)
    of = chart(*(sample(25 - 5 * index, rate=rate, sent=100) for index, rate in enumerate(rates)))
    (line,) = of.lines
    assert of.top is not None
    assert 20.0 <= of.top <= 100.0
    assert [value for _, value in line.points] == [20.0, of.top, None, of.top, 24.0]
    assert of.label == "Requests per second; paced at up to 2,000"
    assert line.name == "paced rate"


def test_a_limit_is_drawn_from_the_refusal_on_that_may_have_taught_it() -> None:
    """Before it nothing is claimed; without one it was known all the time."""
    met = chart(sample(60), sample(40, refused=3, refusal="throttle"), sample(20), sample(5))
    known = chart(sample(60), sample(5))
    assert [level.start for level in met.levels] == [(NOW - timedelta(seconds=45)).timestamp()]
    assert [level.start for level in known.levels] == [None]


def test_modes_are_bands_and_the_limit_a_level() -> None:
    """As long as they lasted, shaded while hardly anything leaves; the limit is told per second."""
    of = chart(sample(20, mode="climbing"), sample(15, mode="listening"), sample(10), sample(5))
    assert [(band.name, band.end - band.start, band.shaded) for band in of.bands] == [
        ("climbing", 5.0, False),
        ("listening", 5.0, True),
        ("holding", 10.0, False),
    ]
    assert [(level.value, level.name) for level in of.levels] == [(25.0, "learned limit: 25 a second")]


def test_the_axis_has_round_moments() -> None:
    """Every five minutes of the clock, in UTC."""
    assert [words for _, words in chart(sample(5)).ticks or ()] == ["14:45", "14:50", "14:55", "15:00"]


def test_a_phone_gets_fewer_columns_with_the_same_sums() -> None:
    """Three samples as one: 180 columns on a phone would be a smear."""
    samples = [
        sample(5 * index, refused=index % 2, refusal="ban" if index % 2 else None) for index in range(9)
    ]
    narrow = chart(*samples[::-1], width=NARROW)
    assert len(narrow.columns) == 3
    assert [layer.height for layer in narrow.columns[0].layers] == [20.0, 0.0, 1 / 15]


@given(st.lists(st.integers(0, 500), max_size=40), st.integers(1, 7))
def test_merging_loses_nothing(sent: list[int], count: int) -> None:
    """Sums and seconds are those of all samples, whatever does not fill the last group."""
    samples = [sample(500 - 5 * index, sent=number) for index, number in enumerate(sent)]
    found = merged(samples, count)
    assert sum(one.sent for one in found) == sum(sent)
    assert sum(one.seconds for one in found) == 5.0 * len(sent)
    assert [one.at for one in found[-1:]] == [one.at for one in samples[-1:]]
