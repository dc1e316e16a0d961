"""The demo's report, on made-up runs that look like the real ones."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

import pytest
from tests.unit.html_page import HtmlPage, require_self_contained, require_spoken_charts

from shiftline.lab.demo.charts import by_second
from shiftline.lab.demo.figures import figures
from shiftline.lab.demo.report import render_report
from shiftline.lab.demo.result import (
    DemoResult,
    DemoSettings,
    GovernorTick,
    Phase,
    Standing,
    Tick,
    Verdicts,
)
from shiftline.lab.demo.wording import NBSP

QUARTER = 0.25
QUIET_SECONDS = 3.0
REASONS = {
    "initiating.unknown-user": 14,
    "receiving.unknown-user": 11,
    "violation.ReceivingWeeklyMinPaidTime": 9,
    "receiving.not-registered.on-duty": 8,
    "initiating.not-registered.on-duty": 6,
    "admin-review.ReceivingPlanningPeriodMaxPaidTime": 9,
    "unevaluated.InitiatingPlanningPeriodMinPaidTime": 5,
    "receiving.no-address": 5,
    "receiving.unverifiable:network.unreachable": 2,
    "late.refer-by": 1,
}


def made_up_result(*, trades: int = 500, limit: int = 50, limit_key: str = "source") -> DemoResult:
    """The incident, and a governor that climbs, overshoots once and holds just below the limit."""
    agents = round(trades * 1.18)
    denied, referred = trades // 50, trades * 7 // 50
    truth = Verdicts(approved=trades - denied - referred, denied=denied, referred=referred)
    settings = DemoSettings(trades=trades, limit=limit, limit_key=limit_key)
    after = _after(settings, agents, truth)
    return DemoResult(
        settings=settings,
        published_at="Monday 23 November 2026, 09:00 (America/Chicago)",
        agents=agents,
        before=_before(settings, agents, shut_out=limit_key == "trunk"),
        after=after,
        truth=truth,
    )


def _call(tick: int) -> int:
    return int(tick % 4 in {0, 1, 3})


def _before(settings: DemoSettings, agents: int, *, shut_out: bool) -> Phase:
    sent, decided = round(agents * 0.83), settings.trades // 7
    shares = (0.6, 0.3, 0.1)
    counts = [round(sent * part) for part in shares]
    counts[-1] = sent - sum(counts[:-1])
    ticks, left = [], settings.limit
    for index in range(int((1.4 + QUIET_SECONDS) / QUARTER)):
        ours = counts[index] if index < len(counts) else 0
        passed = min(left, ours)
        left -= passed
        lost = _call(index) if shut_out and index < 4 else 0
        ticks.append(_tick(index, passed, ours - passed, _call(index), lost))
    verdicts = Verdicts(
        approved=decided - decided // 8, denied=decided // 35, referred=decided // 8 - decided // 35
    )
    return Phase(
        name="before",
        trades=settings.trades,
        verdicts=verdicts,
        stuck=settings.trades - decided,
        wrong=0,
        checks_sent=sent,
        refused=max(0, sent - settings.limit),
        seconds=1.4,
        campaign_calls=sum(tick.calls_passed + tick.calls_refused for tick in ticks),
        campaign_refused=sum(tick.calls_refused for tick in ticks),
        overshoot_windows=1,
        ticks=ticks,
        standings=(
            _standing(0.0, settings.trades, 0.0, verdicts),
            _standing(1.4, settings.trades, decided / settings.trades, verdicts),
        ),
        referral_reasons={"left pending after a 403": settings.trades - decided},
    )


def _after(settings: DemoSettings, agents: int, truth: Verdicts) -> Phase:
    ticks: list[Tick] = []
    governor: list[GovernorTick] = []
    answered, refused, window, owed, silent_until = 0, 0, 0, 0.0, 0.0
    while answered < agents:
        at = len(ticks) * QUARTER
        mode, pace = _pace(at, settings.limit, refused, silent_until)
        governor.append(GovernorTick(at=at, rate=pace, mode=mode))
        if len(ticks) % 4 == 0:
            window = 0
        owed += 0.0 if mode == "listening" else pace * QUARTER
        sent = min(int(owed), agents - answered)
        owed -= int(owed)
        passed = min(sent, settings.limit - window)
        window += passed
        answered += passed
        if sent > passed and not refused:
            silent_until = at + 0.75
        refused += sent - passed
        ticks.append(_tick(len(ticks), passed, sent - passed, _call(len(ticks)), 0))
    ended = len(ticks) * QUARTER
    standings = [
        _standing(tick.at, settings.trades, max(0.0, tick.at / ended) ** 1.25, truth) for tick in ticks
    ]
    quiet = range(len(ticks), len(ticks) + int(QUIET_SECONDS / QUARTER))
    ideal = agents / settings.limit
    return Phase(
        name="after",
        trades=settings.trades,
        verdicts=truth,
        stuck=0,
        wrong=0,
        checks_sent=answered + refused,
        refused=refused,
        seconds=ended + 0.4,
        campaign_calls=sum(tick.calls_passed for tick in ticks),
        campaign_refused=0,
        ideal_seconds=ideal,
        efficiency=ideal / ended,
        overshoot_windows=1,
        ticks=[*ticks, *(_tick(index, 0, 0, _call(index), 0) for index in quiet)],
        standings=[*standings, _standing(ended, settings.trades, 1.0, truth)],
        governor=governor,
        referral_reasons=REASONS,
    )


def _pace(at: float, limit: int, refused: int, silent_until: float) -> tuple[str, float]:
    if not refused:
        return "climbing", min(20.0 * limit / 50 * 2 ** (at / 0.9), limit * 1.3)
    return ("listening", limit * 0.5) if at < silent_until else ("holding", limit * 0.98)


def _tick(index: int, passed: int, refused: int, calls: int, lost: int) -> Tick:
    return Tick(
        at=index * QUARTER, passed=passed, refused=refused, calls_passed=calls - lost, calls_refused=lost
    )


def _standing(at: float, trades: int, done: float, verdicts: Verdicts) -> Standing:
    decided = round(trades * done)
    total = max(1, verdicts.approved + verdicts.denied + verdicts.referred)
    denied, referred = (round(decided * number / total) for number in (verdicts.denied, verdicts.referred))
    return Standing(
        at=at,
        waiting=trades - decided,
        approved=decided - denied - referred,
        denied=denied,
        referred=referred,
    )


def _empty(phase: Phase) -> Phase:
    """A run in which nothing happened at all."""
    nothing = Verdicts(approved=0, denied=0, referred=0)
    return Phase(
        name=phase.name,
        trades=0,
        verdicts=nothing,
        stuck=0,
        wrong=0,
        checks_sent=0,
        refused=0,
        seconds=0.0,
        campaign_calls=0,
        campaign_refused=0,
    )


def _nothing_happened() -> DemoResult:
    result = made_up_result()
    return replace(
        result,
        settings=replace(result.settings, trades=0),
        agents=0,
        before=_empty(result.before),
        after=_empty(result.after),
        truth=Verdicts(approved=0, denied=0, referred=0),
    )


def _all_refused() -> DemoResult:
    result = made_up_result()
    after = result.after
    return replace(
        result,
        after=replace(
            after,
            verdicts=Verdicts(approved=0, denied=0, referred=3),
            stuck=497,
            wrong=2,
            refused=after.checks_sent,
            efficiency=0.0,
            ticks=[replace(tick, passed=0, refused=tick.passed + tick.refused) for tick in after.ticks],
            standings=[_standing(13.0, 500, 0.0, after.verdicts)],
            governor=[GovernorTick(at=0.5, rate=0.0, mode="stopped")],
            referral_reasons={"late.refer-by": 3},
        ),
    )


def _very_short() -> DemoResult:
    """One trade, decided within the first tick."""
    result = made_up_result(trades=2, limit=200)
    return replace(result, after=replace(result.after, seconds=0.05, ticks=result.after.ticks[:1]))


EXTREMES = {
    "nothing happened": _nothing_happened,
    "all refused": _all_refused,
    "very short": _very_short,
    "4,000 trades": lambda: made_up_result(trades=4000, limit=200),
    "a shared limit": lambda: made_up_result(limit_key="trunk"),
}


@pytest.mark.parametrize("made", EXTREMES.values(), ids=EXTREMES.keys())
def test_extreme_runs_give_a_whole_page(made: Callable[[], DemoResult]) -> None:
    """No run, however odd, breaks the page: five charts, finite coordinates, a verdict."""
    html = render_report(made())
    page = HtmlPage(html)
    assert len(page.all("svg")) == 5
    assert not re.search(r'(?:nan|inf)[ "LZ]', "".join(re.findall(r"<svg.*?</svg>", html, re.DOTALL)))
    assert "assed:" in page.text


def test_the_page_refers_to_nothing_outside_itself() -> None:
    """The file works offline and tells nobody that it was opened."""
    html = render_report(made_up_result())
    require_self_contained(html)
    assert "http:" not in html
    assert "https:" not in html


def test_hostile_text_is_shown_and_not_obeyed() -> None:
    """Names and reasons come from other systems: they cannot add elements or attributes."""
    hostile = '"><script>alert(1)</script><img src=x onerror=alert(2)>'
    result = made_up_result()
    after = replace(
        result.after,
        referral_reasons={f"violation.{hostile}": 3, hostile: 2},
        governor=[replace(tick, mode=hostile) for tick in result.after.governor],
    )
    html = render_report(
        replace(
            result,
            after=after,
            published_at=hostile,
            settings=replace(result.settings, pbx=hostile, limit_key=hostile),
        )
    )
    page = HtmlPage(html)
    assert "<script" not in html
    assert "<img" not in html
    assert not [name for _, attributes in page.tags for name in attributes if name.startswith("on")]
    assert hostile in page.text


def test_every_figure_of_the_contract_appears() -> None:
    """Each key of the JSON stands in the table with the same figure for before and after."""
    result = made_up_result(trades=4000, limit=200, limit_key="trunk")
    page = HtmlPage(render_report(result))
    rows = {figure.key: figure for figure in figures(result) if figure.key}
    for phase, of in (("before", result.before), ("after", result.after)):
        keys = of.as_json()
        keys |= {f"campaign.{name}": value for name, value in keys.pop("campaign").items()}
        for key, value in keys.items():
            shown = getattr(rows[key], phase).text.replace(NBSP, " ")
            assert shown in page.text
            assert _same(shown, value), (key, shown, value)
    assert rows["approved"].truth.text == "3,360"
    assert all(key in page.text for key in rows)


def _same(shown: str, value: float) -> bool:
    number = float(re.sub(r"[^\d.]", "", shown))
    return number == pytest.approx(value * (100 if shown.endswith("%") else 1), abs=0.5)


def test_the_headline_says_it_in_one_breath() -> None:
    """A reader of nothing but the headline knows what was wrong and that it is solved."""
    page = HtmlPage(render_report(made_up_result()))
    sentence = "Before: 429 of 500 trades stuck. After: all 500 decided in 13 s, 1 % of checks refused."
    assert sentence in page.text
    assert "✓ Passed" in page.text


def test_the_pace_is_told_in_checks_of_a_second() -> None:
    """A rate of more than the limit, which a fit can give, would puzzle whoever reads it."""
    page = HtmlPage(render_report(made_up_result()))
    assert "It then held its pace: at most 49 checks in any second." in page.text
    assert "of the hidden limit" not in page.text


def test_a_failed_run_is_not_dressed_up() -> None:
    """A run that missed the truth says so in the headline and in the verdict."""
    page = HtmlPage(render_report(_all_refused()))
    assert "After: 497 of 500 trades stuck, 2 decided wrongly, 100 % of checks refused." in page.text
    assert "✗ Not passed" in page.text
    assert "0 approved, 0 denied and 3 referred, where the truth has 420 approved" in page.text
    assert "It stopped asking" in page.text


def test_charts_speak_to_a_screen_reader() -> None:
    """Every chart has a title and a description with figures, and every id is used once."""
    page = HtmlPage(render_report(made_up_result()))
    require_spoken_charts(page)
    assert "440 of them refused, against a hidden limit of 50 a second" in page.text


def test_both_runs_are_drawn_on_the_same_scale() -> None:
    """The highest grid line of before and after is the same, so that heights can be compared."""
    html = render_report(made_up_result())
    before, after, close_up, *_ = re.findall(r"<svg.*?</svg>", html, re.DOTALL)
    assert ">400</text>" in before
    assert ">400</text>" in after
    assert ">400</text>" not in close_up


def test_the_command_repeats_this_very_run() -> None:
    """The command carries every setting that is not a default of the world, quoted for a shell."""
    result = made_up_result(trades=4000, limit=200, limit_key="trunk")
    settings = replace(result.settings, seed=3, max_rate=37.5, pbx="kamailio")
    page = HtmlPage(render_report(replace(result, settings=settings)))
    assert (
        "shiftline demo --pbx kamailio --trades 4000 --limit 200 --limit-key trunk --seed 3 "
        "--max-rate 37.5 --exit --report report.html"
    ) in page.text
    assert "A rate of 37.5 a second was declared" in page.text


def test_ticks_add_up_to_seconds() -> None:
    """A bar holds the four quarters of its second; what came before the publish is left out."""
    ticks = [_tick(index, 10, index, 1, 0) for index in range(-2, 6)]
    first, second = by_second(ticks)
    assert (first.start, first.checks, first.refused, first.calls) == (0, 46, 6, 4)
    assert (second.start, second.passed, second.refused) == (1, 20, 9)
