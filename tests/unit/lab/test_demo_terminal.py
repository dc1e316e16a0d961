"""The demo's progress view and table, recorded instead of shown."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest
from rich.console import Console, RenderableType

from shiftline.lab.demo.result import (
    DemoResult,
    DemoSettings,
    GovernorTick,
    Phase,
    Standing,
    Tick,
    Verdicts,
)
from shiftline.lab.demo.terminal import DemoScreen, PhaseView, result_table
from shiftline.lab.demo.wording import NBSP

SETTINGS = DemoSettings()
TRUTH = Verdicts(approved=420, denied=10, referred=70)
BEFORE = Phase(
    name="before",
    trades=500,
    verdicts=Verdicts(approved=62, denied=2, referred=7),
    stuck=429,
    wrong=0,
    checks_sent=490,
    refused=440,
    seconds=1.4,
    campaign_calls=13,
    campaign_refused=0,
    overshoot_windows=1,
)
AFTER = Phase(
    name="after",
    trades=500,
    verdicts=TRUTH,
    stuck=0,
    wrong=0,
    checks_sent=596,
    refused=6,
    seconds=13.4,
    campaign_calls=39,
    campaign_refused=0,
    ideal_seconds=11.8,
    efficiency=0.91,
    overshoot_windows=1,
)
RESULT = DemoResult(
    settings=SETTINGS,
    published_at="Monday 23 November 2026, 09:00 (America/Chicago)",
    agents=590,
    before=BEFORE,
    after=AFTER,
    truth=TRUTH,
)


def _shown(renderable: RenderableType) -> str:
    console = Console(record=True, width=80, file=io.StringIO())
    console.print(renderable)
    return console.export_text().replace(NBSP, " ")


def _standing(at: float, decided: int) -> Standing:
    return Standing(at=at, waiting=500 - decided, approved=decided, denied=0, referred=0)


def _tick(at: float, passed: int, refused: int = 0, calls_refused: int = 0) -> Tick:
    return Tick(at=at, passed=passed, refused=refused, calls_passed=1, calls_refused=calls_refused)


def test_the_table_has_the_figures_of_both_runs_and_the_truth() -> None:
    """Before, after and truth stand side by side, and the verdict is said."""
    rows = {
        words[0]: words[1:] for line in _shown(result_table(RESULT)).splitlines() if (words := line.split())
    }
    assert rows["Approved"][:3] == ["62", "420", "420"]
    assert rows["Denied"][:3] == ["2", "10", "10"]
    assert rows["Referred"][:3] == ["7", "70", "70"]
    assert rows["Stuck"][:3] == ["✗", "429", "0"]
    assert rows["Efficiency"][1:3] == ["91", "%"]
    shown = _shown(result_table(RESULT))
    for figure in ("490", "596", "440", "13.4 s", "11.8 s", "39"):
        assert figure in shown
    assert "Before: 429 of 500 trades stuck." in shown
    assert "✓ Passed" in shown


def test_the_table_fits_80_columns() -> None:
    """Nothing is cut or wrapped on the smallest usual terminal, also with large figures."""
    many = replace(
        RESULT,
        before=replace(BEFORE, trades=20_000, stuck=19_999, checks_sent=123_456),
        after=replace(AFTER, trades=20_000, verdicts=Verdicts(approved=1, denied=0, referred=19_999)),
    )
    lines = _shown(result_table(many)).splitlines()
    assert all(len(line) <= 80 for line in lines)
    assert "…" not in "".join(lines)
    assert sum("not as the truth" in line for line in lines) == 3


def test_a_failed_run_is_marked_in_words() -> None:
    """Who cannot tell red from green reads the same verdict."""
    failed = replace(AFTER, stuck=3, wrong=1, verdicts=replace(TRUTH, approved=416))
    shown = _shown(result_table(replace(RESULT, after=failed)))
    assert "✗ Not passed: 3 of 500 trades stuck; 1 decided wrongly" in shown
    assert "✗ should be 0" in shown
    assert "✗ not as the truth" in shown


@pytest.mark.parametrize(("max_rate", "marked"), [(0.0, False), (40.0, True)])
def test_a_shared_limit_may_be_touched_while_it_is_learned(max_rate: float, *, marked: bool) -> None:
    """The table does not blame a run for what its verdict passes; with a declared rate there is no excuse."""
    settings = DemoSettings(limit_key="trunk", max_rate=max_rate)
    shown = _shown(result_table(replace(RESULT, settings=settings, after=replace(AFTER, campaign_refused=2))))
    assert ("✗ should be 0" in shown) is marked
    assert "✓ Passed" in shown


def test_without_trades_the_table_says_so() -> None:
    """Zero of everything is a table too."""
    nothing = Verdicts(approved=0, denied=0, referred=0)
    empty = replace(BEFORE, trades=0, verdicts=nothing, stuck=0, checks_sent=0, refused=0)
    result = replace(
        RESULT,
        settings=replace(SETTINGS, trades=0),
        before=empty,
        after=replace(empty, name="after"),
        truth=nothing,
    )
    assert "No trade was published" in _shown(result_table(result))


def test_without_a_terminal_progress_is_plain_lines() -> None:
    """A log gets a line every five seconds and one at the end, without control characters."""
    console = Console(width=80, file=io.StringIO(), record=True)
    with DemoScreen(SETTINGS, console) as screen:
        screen.note("Starting the PBX")
        screen.phase("before", 500)
        for second in range(12):
            screen.update(_standing(second, second * 5), _tick(second, 49), None)
        screen.phase("after", 500)
        screen.update(_standing(1.0, 40), None, None)
    lines = console.export_text(styles=True).replace(NBSP, " ").splitlines()
    assert lines[0] == "Starting the PBX"
    assert sum(" of 500 decided" in line for line in lines) == 5
    assert "55 of 500 decided" in "".join(lines)
    assert not [line for line in lines if "\x1b" in line]


def test_the_live_view_shows_the_run() -> None:
    """A terminal shows states, checks, refusals with the limit, the campaign, the governor and the time."""
    console = Console(width=80, file=io.StringIO(), record=True, force_terminal=True, force_interactive=True)
    with DemoScreen(SETTINGS, console) as screen:
        screen.phase("after", 500)
        screen.update(_standing(0.5, 10), _tick(0.5, 20), None)
        assert "hidden limit" not in console.export_text(clear=False)
        screen.update(
            _standing(1.5, 60),
            _tick(1.5, 50, refused=6, calls_refused=1),
            GovernorTick(at=1.5, rate=49.0, mode="holding"),
        )
        screen.note("a note [bold]in between[/bold]")
    shown = console.export_text().replace(NBSP, " ")
    assert "After: Shiftline" in shown
    assert "1.5 s" in shown
    assert "60 of 500 decided" in shown
    assert "6 of 76 (7.9 %), hidden limit 50 a second" in shown
    assert "56 in this second, at most 56" in shown
    assert "^ some refused" in shown
    assert "3 calls, 1 refused" in shown
    assert "holding, 49 a second" in shown
    assert "[bold]in between[/bold]" in shown


def test_the_live_view_fits_80_columns_after_a_long_run() -> None:
    """Only the newest seconds are drawn, so that no line is wrapped."""
    view = PhaseView("after", 20_000, 2000)
    for second in range(600):
        view.take(_standing(second, second // 2), _tick(second, 1990, refused=10), None)
    lines = _shown(view).splitlines()
    assert len(lines) == 7
    assert all(len(line) <= 80 for line in lines)


def test_the_view_says_what_the_last_trades_wait_for() -> None:
    """Once checks are over; not while the trunk itself is what is waited for."""
    holding, listening = (GovernorTick(at=12.0, rate=49.0, mode=mode) for mode in ("holding", "listening"))
    view = PhaseView("after", 500, 50)
    view.take(_standing(12.0, 498), _tick(12.0, 49), holding)
    assert "waiting for" not in view.line()
    view.take(_standing(16.0, 498), _tick(16.0, 0), None)
    assert "waiting for an earlier trade and the WFM's 5 calls a minute" in view.line()
    assert "waiting for an earlier trade and the WFM's 5 calls a minute" in _shown(view)
    view.take(_standing(17.0, 498), None, listening)
    assert "waiting for" not in view.line()
    view.take(_standing(18.0, 500), None, holding)
    assert "waiting for" not in view.line()


def test_the_view_ends_when_the_demo_fails() -> None:
    """An error leaves the terminal as it was, and is not hidden."""
    console = Console(width=80, file=io.StringIO(), force_terminal=True, force_interactive=True)

    def fail() -> None:
        with DemoScreen(SETTINGS, console) as screen:
            screen.phase("before", 500)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert console.file.getvalue().endswith("\x1b[?25h")  # type: ignore[attr-defined] # the cursor is shown again
