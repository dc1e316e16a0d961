"""What is asked of the governor in virtual time: the bars of both banks, and a provider's publish day."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.governor import BASELINE_SEEDS, QUICK, SEEDS
from benchmarks.governor_bars import bars_of, where_behind
from benchmarks.governor_ranking import exchanged, verdict
from benchmarks.governor_runs import Bank, Cell, cells, run_all

from shiftline.governor.simulation.measure import Outcome

ALLOWED_SECONDS = 600.0
LEAST_EFFICIENCY, MOST_REFUSED = 0.85, 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """One line."""

    name: str
    figures: str
    missed: tuple[str, ...]


def banks(*, quick: bool) -> Iterator[Judged]:
    """Every bar of the development bank and the drawn one, and whether both rank the controllers alike."""
    all_outcomes: dict[Cell, list[Outcome]] = {}
    for bank in Bank:
        wanted = cells(
            bank, patterns=QUICK if quick and bank is Bank.DEVELOPMENT else ("*",), swept=not quick
        )
        outcomes = run_all(wanted, 1 if quick else SEEDS, 1 if quick else BASELINE_SEEDS)
        for bar in bars_of(outcomes, bank):
            missed = ("the bar",) if bar.met is False else ()
            yield Judged(name=f"{bank} bank, {bar.asked}", figures=bar.measured, missed=missed)
        compared, behind = where_behind(outcomes, bank)
        yield Judged(
            name=f"{bank} bank, ahead of every baseline at equal refusals, or level",
            figures=f"at {compared - len(behind)} of {compared} trunks",
            missed=tuple(f"{one.ours.case} ({one.ours.beginning})" for one in behind),
        )
        all_outcomes |= outcomes
    pairs = exchanged(all_outcomes)
    said = "; ".join(f"{one.bank}: {one}, {other.bank}: {other}" for one, other in pairs)
    alike = verdict(pairs)
    yield Judged(
        name="both banks rank the controllers alike",
        figures=f"{alike}; {said}" if said else alike,
        missed=("the same order",) if alike == "no" else (),
    )


def thousand_trunks(*, quick: bool) -> Iterator[Judged]:
    """A million trades on a thousand trunks, as a user runs it; a hundredth of it in a hurry."""
    trunks, trades = (10, 10_000) if quick else (1000, 1_000_000)
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory) / "figures.json"
        arguments = ("--trunks", str(trunks), "--trades", str(trades), "--json", str(file))
        subprocess.run([sys.executable, "-m", "shiftline", "simulate", *arguments], check=True)
        figures = json.loads(file.read_text(encoding="utf-8"))
    seconds = time.monotonic() - began
    costs = ", ".join(
        f"{cost['trunks']}: {cost['cpu_seconds_per_thousand_trades']:.3f}" for cost in figures["costs"]
    )
    missed = {
        "every check answered": figures["answered"] != figures["checks"],
        "in ten minutes": seconds > ALLOWED_SECONDS,
        "efficiency": figures["efficiency"] < LEAST_EFFICIENCY,
        "refused": figures["refused_share"] > MOST_REFUSED,
    }
    yield Judged(
        name=f"simulate, {trades:,} trades on {trunks:,} trunks",
        figures=(
            f"{seconds:.0f} s, efficiency {figures['efficiency']:.3f}, refused "
            f"{figures['refused_share']:.2%}, CPU s per 1,000 trades by trunks: {costs}"
        ),
        missed=tuple(word for word, wrong in missed.items() if wrong),
    )
