"""The charts of the demo's report: requests per second against the hidden limit, and trades by state."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby, pairwise

from markupsafe import Markup

from shiftline.lab.demo.result import GovernorTick, Phase, Standing, Tick
from shiftline.lab.demo.wording import count, plural, rate
from shiftline.pictures.drawing import LEFT, RIGHT, WIDTH, Drawing, Plot
from shiftline.pictures.strokes import (
    WIDE_ENOUGH_TO_NAME,
    Band,
    Layer,
    draw_bands,
    draw_bar,
    draw_level,
    draw_line,
)

STATES = ("approved", "denied", "referred", "waiting")
"""A trade's states in the order in which they are stacked."""

_TOP = 42.0
_RATES_ZERO = 222.0
_CAMPAIGN_ZERO = 306.0
_CAMPAIGN_HEIGHT = 28.0
_RATES_HEIGHT = 334.0
_STATES_ZERO = 258.0
_STATES_HEIGHT = 286.0
_ROOM_ABOVE = 1.05
_ROOM_AFTER = 1.12
_TOWER = 1.5
"""How far above the limit, as a multiple of it, a second is called out by name."""
_TALL_ENOUGH_TO_NAME = 18.0


@dataclass(frozen=True, slots=True)
class Second:
    """What reached the PBX within one second from ``start`` (seconds from the publish)."""

    start: int
    passed: int
    refused: int
    calls_passed: int
    calls_refused: int

    @property
    def checks(self) -> int:
        """Our requests."""
        return self.passed + self.refused

    @property
    def calls(self) -> int:
        """The campaign's calls."""
        return self.calls_passed + self.calls_refused


def by_second(ticks: Sequence[Tick]) -> tuple[Second, ...]:
    """Add up the ticks of each second; empty seconds are left out, and what was before the publish."""
    sums: dict[int, Counter[str]] = {}
    for tick in ticks:
        if tick.at < 0:
            continue
        second = sums.setdefault(math.floor(tick.at), Counter())
        for name in ("passed", "refused", "calls_passed", "calls_refused"):
            second[name] += getattr(tick, name)
    return tuple(
        Second(start, one["passed"], one["refused"], one["calls_passed"], one["calls_refused"])
        for start, one in sorted(sums.items())
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class RateScale:
    """What charts of rates beside each other share. ``seconds`` and ``top`` are the ends of their axes."""

    seconds: float
    top: float
    limit: int
    calls_top: int

    @classmethod
    def of(cls, limit: int, *phases: Phase) -> RateScale:
        """The scale on which all of these phases fit, up to the last check in any of them."""
        seconds = [second for phase in phases for second in by_second(phase.ticks)]
        last = max((second.start + 1 for second in seconds if second.checks), default=1)
        paces = (min(tick.rate, limit * _TOWER) for phase in phases for tick in phase.governor)
        highest = max((*(second.checks for second in seconds), *paces, limit * 1.2, 1))
        return cls(
            seconds=math.ceil(last * _ROOM_AFTER),
            top=highest * _ROOM_ABOVE,
            limit=limit,
            calls_top=max((second.calls for second in seconds), default=0),
        )


def last_change(*phases: Phase) -> float:
    """When a trade last changed its state in any of these phases, in seconds from the publish."""
    return max(
        (
            later.at
            for phase in phases
            for earlier, later in pairwise(phase.standings)
            if _states(earlier) != _states(later)
        ),
        default=1.0,
    )


def rates_chart(phase: Phase, scale: RateScale, *, key: str, modes: bool = False) -> Markup:
    """Checks per second against the hidden limit, the governor's pace, and the campaign's calls below."""
    seconds = [second for second in by_second(phase.ticks) if second.start < scale.seconds]
    drawing = Drawing(
        key=key,
        title=f"Checks per second at the PBX, {phase.name}",
        description=_rates_in_words(seconds, scale),
        height=_RATES_HEIGHT,
    )
    plot = Plot(seconds=scale.seconds, top=scale.top, y_of_top=_TOP, y_of_zero=_RATES_ZERO)
    if modes:
        _draw_modes(drawing, plot, phase.governor)
    drawing.grid(plot, label="Checks per second")
    stripes = drawing.pattern("refused")
    for second in seconds:
        _draw_bar(drawing, plot, second.start, (second.passed, second.refused), "passed", stripes)
    _draw_pace(drawing, plot, phase.governor)
    draw_level(drawing, plot, scale.limit, f"hidden limit: {count(scale.limit)} a second")
    _name_tower(drawing, plot, seconds, scale.limit)
    _draw_campaign(drawing, scale, seconds, stripes)
    for second in seconds:
        drawing.hint(plot, second.start, second.start + 1, _second_in_words(second))
    return drawing.markup()


def states_chart(phase: Phase, until: float, *, key: str) -> Markup:
    """Trades by state over time, stacked, with some room after ``until`` (seconds from the publish)."""
    drawing = Drawing(
        key=key,
        title=f"Trades by state over time, {phase.name}",
        description=_states_in_words(phase),
        height=_STATES_HEIGHT,
    )
    end = math.ceil(until * _ROOM_AFTER)
    plot = Plot(seconds=end, top=max(phase.trades, 1) * _ROOM_ABOVE, y_of_top=_TOP, y_of_zero=_STATES_ZERO)
    drawing.grid(plot, label="Trades")
    drawing.time_axis(plot)
    standings = _drawn(phase.standings, end)
    stripes = drawing.pattern("waiting")
    floor = [0] * len(standings)
    for state in STATES:
        ceiling = [low + getattr(standing, state) for low, standing in zip(floor, standings, strict=True)]
        if ceiling != floor:
            edge = [(plot.x(s.at), plot.y(v)) for s, v in zip(standings, ceiling, strict=True)]
            back = [(plot.x(s.at), plot.y(v)) for s, v in zip(standings, floor, strict=True)]
            fill = stripes if state == "waiting" else None
            drawing.path(edge + back[::-1], css=f"state {state}", closed=True, fill=fill)
        floor = ceiling
    if standings:
        _name_the_end(drawing, plot, phase, standings)
    return drawing.markup()


def _draw_bar(
    drawing: Drawing, plot: Plot, start: float, parts: tuple[int, int], css: str, stripes: str
) -> None:
    """Stack what passed and what was refused in one second."""
    passed, refused = parts
    draw_bar(drawing, plot, start, start + 1, (Layer(passed, css), Layer(refused, "refused", stripes)))


def _name_tower(drawing: Drawing, plot: Plot, seconds: Sequence[Second], limit: int) -> None:
    """Call out the second that is far above the limit."""
    tower = max(seconds, key=lambda second: second.checks, default=None)
    if tower is None or tower.checks < limit * _TOWER:
        return
    in_left_half = tower.start + 1 < plot.seconds / 2
    x = plot.x(tower.start + 1) + 7 if in_left_half else plot.x(tower.start) - 7
    anchor = "start" if in_left_half else "end"
    y = plot.y(tower.checks) + 13
    drawing.text(x, y, f"{count(tower.checks)} in one second,", css="tower", anchor=anchor)
    drawing.text(x, y + 17, f"{count(tower.refused)} of them refused", css="tower", anchor=anchor)


def _draw_pace(drawing: Drawing, plot: Plot, governor: Sequence[GovernorTick]) -> None:
    draw_line(drawing, plot, [(tick.at, tick.rate) for tick in governor], css="pace")


def _draw_modes(drawing: Drawing, plot: Plot, governor: Sequence[GovernorTick]) -> None:
    """Tell by bands behind the plot in which mode the governor was."""
    groups = [list(group) for _, group in groupby(governor, key=lambda tick: tick.mode)]
    starts = [group[0].at for group in groups]
    ends = [*starts[1:], *(tick.at for tick in governor[-1:])]
    draw_bands(
        drawing,
        plot,
        [Band(start, end, group[0].mode) for group, start, end in zip(groups, starts, ends, strict=True)],
    )


def _draw_campaign(drawing: Drawing, scale: RateScale, seconds: Sequence[Second], stripes: str) -> None:
    """Draw the other sender's calls as a strip on a scale of its own, with the time axis under it."""
    plot = Plot(
        seconds=scale.seconds,
        top=max(scale.calls_top, 1),
        y_of_top=_CAMPAIGN_ZERO - _CAMPAIGN_HEIGHT,
        y_of_zero=_CAMPAIGN_ZERO,
    )
    drawing.text(0, plot.y_of_top - 14, "Campaign calls per second", css="axis")
    drawing.text(LEFT - 7, plot.y_of_top + 10, count(round(plot.top)), anchor="end")
    drawing.path([(LEFT, plot.y_of_zero), (WIDTH - RIGHT, plot.y_of_zero)], css="zero")
    drawing.time_axis(plot)
    over = seconds[-1].start + 1 if seconds else 0
    if plot.x(scale.seconds) - plot.x(over) >= WIDE_ENOUGH_TO_NAME:
        drawing.text(plot.x(over) + 8, plot.y_of_zero - 6, "run over")
    for second in seconds:
        _draw_bar(drawing, plot, second.start, (second.calls_passed, second.calls_refused), "call", stripes)


def _drawn(standings: Sequence[Standing], seconds: float) -> list[Standing]:
    """The standings within the plot: all trades wait at first, and the last standing holds to the end."""
    within = [standing for standing in standings if 0 <= standing.at <= seconds]
    if not within:
        return []
    trades = sum(_states(within[0]))
    published = Standing(at=0.0, waiting=trades, approved=0, denied=0, referred=0)
    return [published, *within, replace(within[-1], at=seconds)]


def _name_the_end(drawing: Drawing, plot: Plot, phase: Phase, standings: Sequence[Standing]) -> None:
    """Write into each area, at its right end, what it came to."""
    end, floor = standings[-1], 0
    for state in STATES:
        number = getattr(end, state)
        low, high = plot.y(floor), plot.y(floor + number)
        if low - high >= _TALL_ENOUGH_TO_NAME:
            word = "stuck" if state == "waiting" and phase.stuck == number else state
            middle = (low + high) / 2 + 5
            drawing.text(
                WIDTH - RIGHT - 10, middle, f"{count(number)} {word}", css=f"named {state}", anchor="end"
            )
        floor += number


def _states(standing: Standing) -> tuple[int, ...]:
    return tuple(getattr(standing, state) for state in STATES)


def _second_in_words(second: Second) -> str:
    checks = f"{plural(second.checks, 'check')}, {count(second.refused)} refused"
    calls = f"{plural(second.calls, 'campaign call')}, {count(second.calls_refused)} refused"
    return f"Second {second.start} to {second.start + 1}: {checks}; {calls}"


def _rates_in_words(seconds: Sequence[Second], scale: RateScale) -> str:
    busiest = max(seconds, key=lambda second: second.checks, default=None)
    if busiest is None or not busiest.checks:
        return "No check reached the PBX."
    total, refused = sum(s.checks for s in seconds), sum(s.refused for s in seconds)
    return (
        f"{plural(total, 'check')} in all, {count(refused)} refused. At most {rate(busiest.checks)}, "
        f"{count(busiest.refused)} of them refused, against a hidden limit of {rate(scale.limit)}."
    )


def _states_in_words(phase: Phase) -> str:
    if not phase.standings:
        return "No trade was followed."
    end = phase.standings[-1]
    ends = ", ".join(f"{count(getattr(end, state))} {state}" for state in STATES)
    return f"Of {plural(phase.trades, 'trade')} at the end: {ends}."
