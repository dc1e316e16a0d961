"""The demo's report: one HTML file with all in it, made to be shown to people who do not know the source."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from shiftline.lab.demo.charts import RateScale, by_second, last_change, rates_chart, states_chart
from shiftline.lab.demo.figures import Cell, Mark, figures
from shiftline.lab.demo.reasons import in_words
from shiftline.lab.demo.result import DemoResult, Phase, Tick
from shiftline.lab.demo.wording import (
    all_decided,
    command,
    count,
    headline,
    plural,
    rate,
    seconds,
    share,
    verdict,
)
from shiftline.pictures.pages import page_environment
from shiftline.pictures.style import page_stylesheet

_FEW = 0.02
"""The share of refused checks that the design allows."""
_PBXS = {"practice": "Shiftline's practice PBX", "kamailio": "a real Kamailio"}


@dataclass(frozen=True, slots=True, kw_only=True)
class BigFigure:
    """One of the few figures that a reader should take away."""

    label: str
    before: Cell
    after: Cell
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """Why trades were referred: in words, how many, and the bar's length in percent of the longest."""

    words: str
    code: str
    trades: int
    length: float


def render_report(result: DemoResult) -> str:
    """Return the report as one HTML document that refers to nothing outside itself."""
    environment = page_environment("shiftline.lab.demo", count=count, share=share, seconds=seconds, rate=rate)
    together = RateScale.of(result.settings.limit, *_runs(result))
    alone = RateScale.of(result.settings.limit, result.after)
    until = last_change(*_runs(result))
    return environment.get_template("report.html.j2").render(
        style=page_stylesheet(),
        result=result,
        settings=result.settings,
        pbx=_PBXS.get(result.settings.pbx, result.settings.pbx),
        headline=headline(result),
        verdict=verdict(result),
        big_figures=tuple(_big_figures(result)),
        phases=tuple((phase, _asked(phase), _progress(phase)) for phase in _runs(result)),
        rates={
            phase.name: rates_chart(phase, together, key=f"rates-{phase.name}") for phase in _runs(result)
        },
        states={
            phase.name: states_chart(phase, until, key=f"states-{phase.name}") for phase in _runs(result)
        },
        close_up=rates_chart(result.after, alone, key="close-up", modes=True),
        story=tuple(_story(result)),
        reasons=_reasons(result.after),
        figures=figures(result),
        commands=command(result.settings),
    )


def _runs(result: DemoResult) -> tuple[Phase, Phase]:
    return result.before, result.after


def _big_figures(result: DemoResult) -> Iterator[BigFigure]:
    before, after = _runs(result)
    yield BigFigure(
        label="Trades stuck",
        before=_cell(count(before.stuck), good=not before.stuck),
        after=_cell(count(after.stuck), good=not after.stuck),
        note=f"of {plural(after.trades, 'trade')}: neither decided nor handed to a supervisor in time",
    )
    yield BigFigure(
        label="Checks refused",
        before=_cell(share(before.refused_share), good=before.refused_share <= _FEW),
        after=_cell(share(after.refused_share), good=after.refused_share <= _FEW),
        note=(
            f"{count(before.refused)} of {count(before.checks_sent)} before, "
            f"{count(after.refused)} of {count(after.checks_sent)} after"
        ),
    )
    yield BigFigure(
        label="All trades decided",
        before=_cell(all_decided(before), good=not before.stuck),
        after=_cell(all_decided(after), good=not after.stuck),
        note=_checked(result),
    )


def _checked(result: DemoResult) -> str:
    agents, after = plural(result.agents, "agent"), result.after
    if not after.efficiency:
        return f"{agents} to be checked"
    took = seconds(after.ideal_seconds / after.efficiency)
    return f"{agents} checked in {took}: {share(after.efficiency)} of the fastest pace that the limit allows"


def _progress(phase: Phase) -> str:
    """When half of the trades, nearly all, and all were decided; nothing for a run that never got there."""
    if phase.stuck:
        return ""
    moments = [
        next((standing.at for standing in phase.standings if standing.waiting <= phase.trades * part), None)
        for part in (0.5, 0.05)
    ]
    said = [
        f"{share} after {seconds(at)}"
        for share, at in zip(("half", "95\N{NO-BREAK SPACE}%"), moments, strict=True)
        if at
    ]
    return f"Decided: {', '.join([*said, f'all after {seconds(phase.seconds)}'])}."


def _cell(text: str, *, good: bool) -> Cell:
    return Cell(text=text, mark=Mark.GOOD if good else Mark.BAD)


def _asked(phase: Phase) -> str:
    """What the checks of one run came to, in a sentence below its heading."""
    busiest = max(by_second(phase.ticks), key=lambda second: second.checks, default=None)
    if busiest is None or not busiest.checks:
        return "No check reached the PBX."
    return (
        f"{plural(phase.checks_sent, 'check')}, at most {count(busiest.checks)} in one second; "
        f"{count(phase.refused)} refused."
    )


def _story(result: DemoResult) -> Iterator[str]:
    """How the governor found its pace, step by step."""
    governor = [tick for tick in result.after.governor if tick.at >= 0]
    modes = {tick.mode for tick in governor}
    if not governor:
        return
    if result.settings.max_rate > 0:
        yield f"A rate of {rate(result.settings.max_rate)} was declared, so nothing had to be learned."
    elif "climbing" in modes:
        yield "Nobody had told it the limit. It began slowly and climbed."
    yield _first_refusal(result.after.ticks, learned="holding" in modes)
    if "holding" in modes:
        since = next(tick.at for tick in governor if tick.mode == "holding")
        most = max((s.checks for s in by_second(result.after.ticks) if s.start >= since), default=0)
        if most:
            yield f"It then held its pace: at most {plural(most, 'check')} in any second."
    if result.settings.limit_key == "trunk":
        yield "It keeps below the limit on purpose: what it leaves belongs to the campaign."
    if "stopped" in modes:
        yield "It stopped asking, because the refusals did not look like a limit that waiting would lift."


def _first_refusal(ticks: Sequence[Tick], *, learned: bool) -> str:
    hit = next((tick.at for tick in ticks if tick.refused and tick.at >= 0), None)
    if hit is None:
        return "The PBX never refused a check."
    refused = f"{seconds(hit)} after the publish, the PBX refused for the first time."
    if not learned:
        return refused
    return (
        f"{refused} Shiftline went silent at once, waited until the PBX listened again, "
        "and worked out the limit from what had passed."
    )


def _reasons(phase: Phase) -> tuple[Reason, ...]:
    most = max(phase.referral_reasons.values(), default=0)
    ordered = sorted(phase.referral_reasons.items(), key=lambda item: (-item[1], item[0]))
    return tuple(
        Reason(words=in_words(code), code=code, trades=trades, length=round(100 * trades / most, 1))
        for code, trades in ordered
        if trades
    )
