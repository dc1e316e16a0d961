"""A trunk's last minutes as a chart: the paced rate, what was sent and what became of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import groupby
from math import ceil, inf

from shiftline.connector.records import TrunkSample
from shiftline.connector.sampling import merged, refusal_classes
from shiftline.governor.state import Mode
from shiftline.pictures.strokes import Band, Layer, Shape
from shiftline.pictures.time_chart import Column, Level, Line, Mark, TimeChart
from shiftline.store.trunk_view import TrunkView

WIDE = 960.0
NARROW = 480.0
SHAPES = {
    "throttle": Shape.TRIANGLE,
    "ban": Shape.SQUARE,
    "policy": Shape.CROSS,
    "credentials": Shape.CROSS,
    "capacity": Shape.DIAMOND,
    "unreachable": Shape.DIAMOND,
}
"""How refusals of a class are marked; of any other class by a dot."""
_GAP = 2.5
_FREE = (Mode.CLIMBING, Mode.HOLDING)
"""In any other mode hardly anything leaves: these stretches are shaded."""
_NARROW_MERGES = 3
_ROOM_ABOVE = 1.05
_ROOM_ABOVE_LIMIT = 1.2
_MOST_TIMES_SENT = 3.0
"""So far above all that was sent does the chart follow the paced rate."""


@dataclass(frozen=True, slots=True)
class Span:
    """How much time a chart shows, and in buckets of how long (None: sample by sample)."""

    minutes: int
    words: str
    bucket_seconds: float | None
    tick_minutes: int

    @property
    def length(self) -> timedelta:
        """The whole of it."""
        return timedelta(minutes=self.minutes)


SPANS = (
    Span(15, "15 minutes", None, 5),
    Span(60, "hour", 20.0, 15),
    Span(360, "6 hours", 120.0, 120),
    Span(1440, "24 hours", 480.0, 360),
)


def trunk_chart(
    view: TrunkView,
    samples: Sequence[TrunkSample],
    span: Span,
    now: datetime,
    *,
    key: str,
    width: float = WIDE,
    hints: bool = False,
) -> TimeChart:
    """The chart of one trunk up to ``now``; with ``hints`` each column tells its figures to the pointer."""
    if width <= NARROW:
        samples = merged(samples, _NARROW_MERGES)
    classes = refusal_classes(samples)
    levels = tuple(_limit(view, samples))
    top = _top(samples, levels)
    return TimeChart(
        key=key,
        title=f"Requests per second on trunk {view.trunk}, the last {span.words}",
        description=in_words(view, samples, span),
        label=_label(samples, top),
        top=top,
        start=(now - span.length).timestamp(),
        seconds=span.length.total_seconds(),
        bands=tuple(_bands(samples)),
        columns=tuple(
            _column(sample, name, hint=hints) for sample, name in zip(samples, classes, strict=True)
        ),
        lines=(Line(points=tuple(_rates(samples, top)), css="pace", name="paced rate"),),
        levels=levels,
        marks=tuple(_marks(samples, classes)),
        ticks=tuple(_ticks(span, now)),
        width=width,
    )


def in_words(view: TrunkView, samples: Sequence[TrunkSample], span: Span) -> str:
    """What the chart shows, for those who do not see it."""
    if not samples:
        return f"Nothing was noted in the last {span.words}."
    sent, refused = sum(sample.sent for sample in samples), sum(sample.refused for sample in samples)
    words = f"In the last {span.words} {sent:,} requests were sent, {refused:,} refused"
    if classes := refused_by_class(samples):
        words += f" ({', '.join(f'{count:,} {name}' for name, count in classes.items())})"
    rate = "" if view.rate is None else f" The rate is now {view.rate:.1f} requests per second."
    return f"{words}.{rate}"


def refused_by_class(samples: Sequence[TrunkSample]) -> dict[str, int]:
    """How many requests were refused, by class, the most frequent first."""
    counted: Counter[str] = Counter()
    for sample, name in zip(samples, refusal_classes(samples), strict=True):
        if name is not None and sample.refused:
            counted[name] += sample.refused
    return dict(counted.most_common())


def _column(sample: TrunkSample, name: str | None, *, hint: bool) -> Column:
    other = max(0, sample.sent - sample.passed - sample.refused)
    parts = ((sample.passed, "passed", None), (other, "call", None), (sample.refused, "refused", "refused"))
    end = sample.at.timestamp()
    return Column(
        start=end - sample.seconds,
        end=end,
        layers=tuple(Layer(count / sample.seconds, css, fill) for count, css, fill in parts),
        words=_figures(sample, name) if hint else "",
    )


def _figures(sample: TrunkSample, name: str | None) -> str:
    began = sample.at - timedelta(seconds=sample.seconds)
    refused = f"{sample.refused} refused" + (f" ({name})" if name else "")
    return (
        f"{began.astimezone(UTC):%H:%M:%S}, {sample.seconds:.0f} s: {sample.sent} sent, "
        f"{sample.passed} passed, {refused}; rate {sample.rate:.1f}, {sample.mode}"
    )


def _rates(samples: Sequence[TrunkSample], top: float | None) -> Iterator[tuple[float, float | None]]:
    """The paced rate, with a gap wherever no worker looked after the trunk, and where it leaves the chart."""
    top = inf if top is None else top
    last = None
    for sample in samples:
        if last is not None and _apart(last, sample):
            yield last.at.timestamp(), None
        if last is not None and last.rate > top >= sample.rate:
            yield last.at.timestamp(), top
        if sample.rate <= top:
            yield sample.at.timestamp(), sample.rate
        elif last is not None and last.rate <= top:
            yield from ((sample.at.timestamp(), top), (sample.at.timestamp(), None))
        last = sample


def _bands(samples: Sequence[TrunkSample]) -> Iterator[Band]:
    for mode, group in groupby(samples, key=lambda sample: sample.mode):
        run = list(group)
        start, end = run[0].at.timestamp() - run[0].seconds, run[-1].at.timestamp()
        yield Band(start, end, mode, shaded=mode not in _FREE)


def _marks(samples: Sequence[TrunkSample], classes: Sequence[str | None]) -> Iterator[Mark]:
    for sample, name in zip(samples, classes, strict=True):
        if name is None:
            continue
        yield Mark(
            at=sample.at.timestamp() - sample.seconds / 2,
            value=(sample.passed + sample.refused) / sample.seconds,
            shape=SHAPES.get(name, Shape.DOT),
            css=name,
            words=_figures(sample, name),
        )


def _limit(view: TrunkView, samples: Sequence[TrunkSample]) -> Iterator[Level]:
    """From the first refusal shown: it may have taught the limit, and one from before teaches no less."""
    if view.limit and view.window_seconds:
        each = view.limit / view.window_seconds
        met = next((sample.at.timestamp() - sample.seconds for sample in samples if sample.refused), None)
        yield Level(value=each, name=f"learned limit: {each:.3g} a second", start=met)


def _top(samples: Sequence[TrunkSample], levels: Sequence[Level]) -> float | None:
    """The end of the value axis: a rate that nobody has tried may be far above all that was sent."""
    sent = (max(sample.sent, sample.passed + sample.refused) / sample.seconds for sample in samples)
    seen = max((*sent, *(level.value * _ROOM_ABOVE_LIMIT for level in levels)), default=0.0)
    rate = max((sample.rate for sample in samples), default=0.0)
    return max(seen, min(rate, seen * _MOST_TIMES_SENT)) * _ROOM_ABOVE if seen else None


def _label(samples: Sequence[TrunkSample], top: float | None) -> str:
    rate = max((sample.rate for sample in samples), default=0.0)
    above = top is not None and rate > top
    return f"Requests per second; paced at up to {rate:,.0f}" if above else "Requests per second"


def _ticks(span: Span, now: datetime) -> Iterator[tuple[float, str]]:
    """Round moments of the day, in UTC, as the page says."""
    step = span.tick_minutes * 60
    at = ceil((now - span.length).timestamp() / step) * step
    while at <= now.timestamp():
        yield at, f"{datetime.fromtimestamp(at, UTC):%H:%M}"
        at += step


def _apart(earlier: TrunkSample, later: TrunkSample) -> bool:
    between = (later.at - earlier.at).total_seconds()
    return between > _GAP * max(earlier.seconds, later.seconds)
