"""How the demo says numbers and verdicts; the report and the terminal speak with one voice."""

from __future__ import annotations

import shlex

from shiftline.lab.demo.result import DemoResult, DemoSettings, Phase, Verdicts

NBSP = "\N{NO-BREAK SPACE}"
_MANY_SECONDS = 120.0


def count(number: int) -> str:
    """``4,000``."""
    return f"{number:,}"


def share(part: float) -> str:
    """``1 %``, ``0.4 %``, ``89 %``; never 0 % for a little, nor 100 % for nearly all."""
    percent = part * 100
    if 0 < percent < 0.05:
        return f"under 0.1{NBSP}%"
    if 99.95 < percent < 100:
        return f"over 99.9{NBSP}%"
    digits = 1 if percent < 10 or 99 <= percent < 100 else 0
    return f"{_plain(percent, digits)}{NBSP}%"


def seconds(value: float) -> str:
    """``0.8 s``, ``12.1 s``, ``3 min 5 s``."""
    if value < _MANY_SECONDS:
        return f"{_plain(value, 1)}{NBSP}s"
    minutes, rest = divmod(round(value), 60)
    return f"{minutes}{NBSP}min {rest}{NBSP}s"


def rate(value: float) -> str:
    """``49 a second``, ``37.5 a second``."""
    return f"{_plain(value, 0 if value >= 100 else 1)} a second"


def plural(number: int, one: str, many: str | None = None) -> str:
    """``1 trade``, ``500 trades``."""
    return f"{count(number)} {one if number == 1 else many or one + 's'}"


def all_decided(phase: Phase) -> str:
    """After what time no trade was waiting any more."""
    return "never" if phase.stuck else seconds(phase.seconds)


def headline(result: DemoResult) -> tuple[str, ...]:
    """Say the verdict in one or two short sentences, for somebody who reads nothing else."""
    if not result.settings.trades:
        return ("No trade was published, so there was nothing to decide.",)
    return f"Before: {_before(result.before)}.", f"After: {_after(result)}."


def verdict(result: DemoResult) -> str:
    """Say whether the main job was done, and if not, why."""
    if result.passed:
        return "Passed: every trade ended as the truth has it, none stuck, none wrong."
    faults = _faults(result.after)
    if result.after.verdicts != result.truth:
        faults.append(f"{_ends(result.after.verdicts)}, where the truth has {_ends(result.truth)}")
    return f"Not passed: {'; '.join(faults)}."


def command(settings: DemoSettings) -> tuple[str, str]:
    """Return the two commands that repeat the demo: the installed one, and the one of a checkout."""
    options = (
        f"--pbx {shlex.quote(settings.pbx)} --trades {settings.trades} --limit {settings.limit} "
        f"--limit-key {shlex.quote(settings.limit_key)} --seed {settings.seed}"
    )
    if settings.max_rate > 0:
        options += f" --max-rate {settings.max_rate:g}"
    options += " --exit --report report.html"
    return f"shiftline demo {options}", f'make demo ARGS="{options}"'


def _plain(value: float, digits: int) -> str:
    text = f"{value:,.{digits}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _before(phase: Phase) -> str:
    of_trades = f"of {plural(phase.trades, 'trade')}"
    if phase.stuck:
        return f"{count(phase.stuck)} {of_trades} stuck"
    if phase.wrong:
        return f"{count(phase.wrong)} {of_trades} decided wrongly"
    return f"none {of_trades} stuck"


def _after(result: DemoResult) -> str:
    after = result.after
    refused = f"{share(after.refused_share)} of checks refused"
    if faults := _faults(after):
        return f"{', '.join(faults)}, {refused}"
    decided = f"all {count(after.trades)} decided in {_about(after.seconds)}"
    return f"{decided}, {refused}" if result.passed else f"{decided}, but not all as the truth has it"


def _about(value: float) -> str:
    return seconds(round(value) if value >= 10 else value)


def _faults(phase: Phase) -> list[str]:
    faults = []
    if phase.stuck:
        faults.append(f"{count(phase.stuck)} of {plural(phase.trades, 'trade')} stuck")
    if phase.wrong:
        faults.append(f"{count(phase.wrong)} decided wrongly")
    return faults


def _ends(verdicts: Verdicts) -> str:
    return (
        f"{count(verdicts.approved)} approved, {count(verdicts.denied)} denied and "
        f"{count(verdicts.referred)} referred"
    )
