"""What a simulation shows: a table for the terminal, JSON, and one HTML file with charts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from markupsafe import Markup
from rich import box
from rich.console import Console
from rich.table import Table

from shiftline.cli.simulate.pool import Simulated
from shiftline.governor.controllers.registry import CONTROLLERS
from shiftline.governor.limiters.forms import FORMS
from shiftline.governor.simulation.trunk_run import Instant
from shiftline.pictures.pages import page_environment
from shiftline.pictures.strokes import Layer
from shiftline.pictures.style import stylesheet
from shiftline.pictures.time_chart import Column, Line, TimeChart

CHART_WIDTH, CHART_HEIGHT = 920.0, 260.0  # units of the drawing, about as many pixels of a wide page
MOST_SPACED = 8
"""Columns that fit into 80 characters with a space more between them."""
ROOM_ABOVE = 1.6  # times the hidden limit: a first climb may be far above it, and would flatten all else


def as_json(done: Sequence[Simulated], seed: int) -> dict[str, Any]:
    """The first controller's figures, and all controllers' under ``controllers``; see reference/json.md."""
    controllers = [_figures(one, seed) for one in done]
    return controllers[0] | {"controllers": controllers}


def _figures(one: Simulated, seed: int) -> dict[str, Any]:
    return one.report.as_json() | {
        "seed": seed,
        "wall_seconds": round(one.wall_seconds, 3),
        "costs": [
            {
                "trunks": cost.trunks,
                "trades": cost.trades,
                "checks": cost.checks,
                "requests": cost.requests,
                "cpu_seconds": round(cost.cpu_seconds, 4),
                "cpu_seconds_per_thousand_trades": round(cost.cpu_seconds_per_thousand_trades, 5),
            }
            for cost in one.costs
        ],
    }


def figures(done: Sequence[Simulated]) -> tuple[list[str], list[tuple[str, ...]]]:
    """What is told of each controller, on the terminal and in the report: the heads and the rows.

    What is nought for all of them is left out. All of it fits into 80 columns.
    """
    columns: dict[str, list[str]] = {
        "controller": [one.report.scenario.controller for one in done],
        "efficiency": [f"{one.report.efficiency:.3f}" for one in done],
        "refused": [f"{one.report.refused_share:.2%}" for one in done],
        "learned": [_learned(one.report.learned_after) for one in done],
        "took": [_seconds(max(run.seconds for run in one.report.runs) or None) for one in done],
    }
    if done[0].report.scenario.trunks > 1:
        columns["worst"] = [f"{one.report.worst_efficiency:.3f}" for one in done]
    if done[0].report.scenario.connectors > 1:
        columns["fairness"] = [f"{one.report.fairness:.3f}" for one in done]
    for head, counts in {
        "bans": [sum(run.bans for run in one.report.runs) for one in done],
        "unanswered": [sum(run.checks - run.answered for run in one.report.runs) for one in done],
    }.items():
        if any(counts):
            columns[head] = [f"{one:,}" for one in counts]
    return list(columns), list(zip(*columns.values(), strict=True))


def stops(done: Sequence[Simulated]) -> list[str]:
    """Of each controller that gave up: on how many trunks, what it took the refusals for, and how soon."""
    sentences = []
    for one in done:
        stopped = [run.stops for run in one.report.runs if run.stops]
        each = [stop for of_trunk in stopped for stop in of_trunk]
        for refusal in sorted({stop.refusal for stop in each}):
            after = min(stop.after for stop in each if stop.refusal == refusal)
            trunks = sum(any(stop.refusal == refusal for stop in of_trunk) for of_trunk in stopped)
            sentences.append(
                f"{one.report.scenario.controller} stopped on {trunks:,} of "
                f"{_counted(one.report.scenario.trunks, 'trunk')}: it took the refusals for {refusal}, "
                f"after {_seconds(after)} at the earliest. A worker would wait until somebody re-arms it."
            )
    return sentences


COST_HEADS = ("controller", "trunks", "trades", "checks", "requests", "CPU s", "s/1,000 trades")


def cost_rows(done: Sequence[Simulated]) -> list[tuple[str, ...]]:
    """What the first trunk, the first 10, 100 and so on cost with each controller."""
    return [
        (
            one.report.scenario.controller,
            f"{cost.trunks:,}",
            f"{cost.trades:,}",
            f"{cost.checks:,}",
            f"{cost.requests:,}",
            f"{cost.cpu_seconds:.2f}",
            f"{cost.cpu_seconds_per_thousand_trades:.3f}",
        )
        for one in done
        for cost in one.costs
    ]


def print_report(done: Sequence[Simulated], console: Console) -> None:
    """The figures of each controller, and how the cost grew with the trunks."""
    console.print(in_words(done[0]), highlight=False)
    console.print(_table(*figures(done)))
    for sentence in stops(done):
        console.print(sentence, highlight=False)
    took = sum(one.wall_seconds for one in done)
    console.print(f"Simulated in {took:.1f} s. What it cost:", highlight=False)
    console.print(_table(COST_HEADS, cost_rows(done)))


def _table(heads: Sequence[str], lines: Sequence[Sequence[str]]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, padding=(0, int(len(heads) <= MOST_SPACED), 0, 0))
    for number, head in enumerate(heads):
        table.add_column(head, justify="right" if number else "left", no_wrap=True)
    for line in lines:
        table.add_row(*line)
    return table


def in_words(one: Simulated) -> str:
    """What was simulated, in one sentence."""
    scenario = one.report.scenario
    checks = sum(run.checks for run in one.report.runs)
    shared = f", each shared by {scenario.connectors} connectors" if scenario.connectors > 1 else ""
    return (
        f"{_counted(scenario.trades, 'trade')}, {_counted(checks, 'check')}, "
        f"{_counted(scenario.trunks, 'trunk')}{shared}, {scenario.throttle}, "
        f"arrivals: {scenario.arrivals}; an all-knowing sender takes "
        f"{_seconds(max(run.ideal_seconds for run in one.report.runs))}."
    )


def _counted(number: int, what: str) -> str:
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"


def render_report(done: Sequence[Simulated], seed: int) -> str:
    """Return the report as one HTML document that refers to nothing outside itself."""
    environment = page_environment("shiftline.cli.simulate")
    scenario = done[0].report.scenario
    heads, rows = figures(done)
    return environment.get_template("simulate.html.j2").render(
        chart_style=stylesheet(),
        words=in_words(done[0]),
        throttle=str(scenario.throttle),
        meaning=FORMS[scenario.throttle.name].meaning,
        seed=seed,
        heads=heads,
        rows=rows,
        stops=stops(done),
        cost_heads=COST_HEADS,
        costs=cost_rows(done),
        charts=[
            (
                one.report.scenario.controller,
                CONTROLLERS[one.report.scenario.controller].meaning,
                course_chart(one),
            )
            for one in done
        ],
    )


def _end(course: Sequence[Instant]) -> float:
    return course[-1].at + course[-1].seconds if course else 1.0


def course_chart(one: Simulated) -> Markup:
    """The first trunk's course: what passed and was refused, the controller's rate, and the hidden limit.

    Its time axis is its own, or one slow controller would leave the others a few columns.
    """
    course = one.report.runs[0].course
    top = max((instant.limit for instant in course), default=1.0) * ROOM_ABOVE
    name = one.report.scenario.controller
    run = one.report.runs[0]
    chart = TimeChart(
        key=f"course-{name}",
        title=f"{name} at {one.report.scenario.throttle}",
        description=(
            f"{run.answered} of {run.checks} checks answered in {run.seconds:.0f} seconds, {run.refused} of "
            f"{run.requests} requests refused. Efficiency {run.efficiency:.3f}."
        ),
        label="Requests per second",
        seconds=_end(course),
        top=top,
        width=CHART_WIDTH,
        height=CHART_HEIGHT,
        columns=tuple(_column(instant, top) for instant in course),
        lines=(
            Line(points=_stairs(course, "limit"), css="limit", name="hidden limit"),
            Line(
                points=[(one.at + one.seconds / 2, min(one.rate, top)) for one in course],
                css="pace",
                name=f"rate of {name}",
            ),
        ),
    )
    return chart.markup()


def _column(instant: Instant, top: float) -> Column:
    passed = min(instant.passed, top)
    return Column(
        start=instant.at,
        end=instant.at + instant.seconds,
        layers=(
            Layer(passed, "passed"),
            Layer(min(instant.refused, top - passed), "refused", "refused"),
        ),
        words=(
            f"second {instant.at:.0f}: {instant.passed:.0f} passed, {instant.refused:.0f} refused, "
            f"rate {instant.rate:.1f}/s, limit {instant.limit:.1f}/s"
        ),
    )


def _stairs(course: Sequence[Instant], name: str) -> list[tuple[float, float | None]]:
    points: list[tuple[float, float | None]] = []
    for instant in course:
        value = float(getattr(instant, name))
        points += [(instant.at, value), (instant.at + instant.seconds, value)]
    return points


def _learned(after: float | None) -> str:
    """When the rate was as good as known; some controllers do well from their first request on."""
    return "at once" if after == 0.0 else _seconds(after)


def _seconds(value: float | None) -> str:
    if value is None:
        return "never"
    if value < 1.0:
        return f"{value * 1000:.0f} ms"
    return f"{value:.1f} s" if value < 100 else f"{value:,.0f} s"
