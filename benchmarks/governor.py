"""Controllers against limiter models, in virtual time.

``python -m benchmarks.governor --only shiftline --cases 'fixed*' --seeds 5`` prints one line per case.
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from fnmatch import fnmatch
from random import Random

from rich.console import Console
from rich.progress import track

from shiftline.governor.controllers.registry import CONTROLLERS
from shiftline.governor.simulation.bank import DEVELOPMENT_BANK, Beginning, Case
from shiftline.governor.simulation.measure import Outcome
from shiftline.governor.simulation.trial import attempt

SEEDS = 3
WORKERS = 2


@dataclass(frozen=True, slots=True)
class Cell:
    """One controller at one trunk with one beginning."""

    controller: str
    case: str
    beginning: Beginning


def run(cell: Cell, seed: int) -> Outcome:
    """One journey; in a process of the pool."""
    case = next(one for one in DEVELOPMENT_BANK if one.name == cell.case)
    return attempt(cell.controller, case, cell.beginning, Random(seed).random)


def run_all(cells: Sequence[Cell], seeds: int) -> dict[Cell, list[Outcome]]:
    """Every cell with every seed, on all processors."""
    outcomes: dict[Cell, list[Outcome]] = {}
    with ProcessPoolExecutor(WORKERS) as pool:
        futures = {cell: [pool.submit(run, cell, seed) for seed in range(seeds)] for cell in cells}
        for cell in track(cells, "Simulating", console=Console(stderr=True), transient=True):
            outcomes[cell] = [future.result() for future in futures[cell]]
    return outcomes


def matching(patterns: Sequence[str]) -> list[Case]:
    """The cases of the development bank whose name or group matches one of the patterns."""
    return [
        case
        for case in DEVELOPMENT_BANK
        if any(fnmatch(case.name, one) or one in case.name or one == case.group for one in patterns)
    ]


def seconds(times: Iterable[float | None]) -> str:
    """The median and the most of some times, and how often it never came."""
    known = list(times)
    came = [time for time in known if time is not None]
    text = f"{statistics.median(came):.0f}..{max(came):.0f}" if came else ""
    return text + (f" never {len(known) - len(came)}/{len(known)}" if len(came) < len(known) else "")


def print_lines(outcomes: dict[Cell, list[Outcome]]) -> None:
    """One line for each cell."""
    console = Console()
    console.print(
        f"{'controller':10} {'case':58} {'start':8} {'efficiency':>13} {'refused':>15} "
        f"{'bans':>4} {'more':>4} learn s, recover s",
        soft_wrap=True,
        markup=False,
    )
    for cell, runs in outcomes.items():
        efficiencies = [one.efficiency for one in runs]
        refused = [one.refused_share for one in runs]
        recovered = zip(*(one.recovered_after for one in runs), strict=True)
        times = [seconds(one.learned_after for one in runs), *(seconds(one) for one in recovered)]
        line = (
            f"{cell.controller:10} {cell.case:58} {cell.beginning:8} "
            f"{statistics.median(efficiencies):6.3f} {min(efficiencies):6.3f} "
            f"{statistics.median(refused):7.2%} {max(refused):7.2%} "
            f"{max(one.bans for one in runs):4} {max(one.prolongations for one in runs):4} "
            f"{', '.join(times)}"
        )
        console.print(line, soft_wrap=True, markup=False, highlight=False)


def main(arguments: Sequence[str] = ()) -> None:
    """Print what was asked for; everything by default."""
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m benchmarks.governor")
    parser.add_argument("--only", nargs="+", choices=tuple(CONTROLLERS), default=tuple(CONTROLLERS))
    parser.add_argument("--cases", nargs="+", default=["*"], help="parts of names, patterns or groups")
    parser.add_argument("--seeds", type=int, default=SEEDS)
    options = parser.parse_args(arguments)
    cells = [
        Cell(controller, case.name, beginning)
        for case in matching(options.cases)
        for beginning in case.beginnings
        for controller in options.only
    ]
    print_lines(run_all(cells, options.seeds))


if __name__ == "__main__":
    import sys

    main(sys.argv[1:])
