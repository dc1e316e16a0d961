"""The journeys of the matrix: which there are, and all of them on all processors."""

from __future__ import annotations

import os
import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatch
from functools import cache
from multiprocessing import get_context
from random import Random
from typing import TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from shiftline.governor.controllers.registry import CONTROLLERS, OURS
from shiftline.governor.simulation.bank import DEVELOPMENT_BANK, Beginning, Case, Group
from shiftline.governor.simulation.drawn_bank import KINDS, drawn_bank
from shiftline.governor.simulation.measure import Outcome
from shiftline.governor.simulation.trial import attempt

Settings = tuple[tuple[str, float], ...]
T = TypeVar("T")

FIRST_DRAWN_SEED = 17_000  # used in no test and no tuning; 7,000 to 15,000 have been looked at


class Bank(StrEnum):
    """Which of the two."""

    DEVELOPMENT = "development"
    DRAWN = "drawn"


MILDER_AND_WILDER: Mapping[str, Sequence[Settings]] = {
    "aimd": ((("increase", 0.02),), (("increase", 0.1), ("decrease", 0.95)), (("increase", 1.0),)),
    "sre": ((("k", 1.02),), (("k", 1.1),), (("k", 2.0),)),
    "gradient2": ((("queue", 0.2), ("pause", 8.0)), (("queue", 1.0), ("pause", 0.0)), (("least", 20.0),)),
    "vegas": ((("scale", 0.01), ("pause", 8.0)), (("scale", 0.05), ("pause", 0.0)), (("scale", 1.0),)),
}
"""Baselines milder and wilder than they were tuned, so that some refuse as little as ours."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One controller, set like that, at one trunk with one beginning."""

    bank: Bank
    case: str
    """A name of the development bank, or a kind of the drawn one."""
    beginning: Beginning
    controller: str
    settings: Settings = ()


def case_of(bank: Bank, name: str, seed: int) -> Case:
    """The trunk; the drawn bank has another one for each seed."""
    return _development()[name] if bank is Bank.DEVELOPMENT else _drawn(seed)[name]


@cache
def _development() -> Mapping[str, Case]:
    return {case.name: case for case in DEVELOPMENT_BANK}


@cache
def _drawn(seed: int) -> Mapping[str, Case]:
    return drawn_bank(Random(FIRST_DRAWN_SEED + seed).random)


def group_of(cell: Cell) -> Group:
    """Which bars it is measured by."""
    return case_of(cell.bank, cell.case, 0).group


def run(cell: Cell, seed: int) -> Outcome:
    """One journey; in a process of the pool."""
    case = case_of(cell.bank, cell.case, seed)
    return attempt(cell.controller, case, cell.beginning, Random(seed).random, settings=dict(cell.settings))


def cells(
    bank: Bank,
    controllers: Iterable[str] = CONTROLLERS,
    patterns: Sequence[str] = ("*",),
    *,
    swept: bool = False,
) -> list[Cell]:
    """All cells of a bank for those controllers, at the trunks that match one of the patterns.

    ``swept``: baselines also milder and wilder than they were tuned.
    """
    names = _development() if bank is Bank.DEVELOPMENT else KINDS
    found: list[Cell] = []
    for name in names:
        case = case_of(bank, name, 0)
        if not any(fnmatch(name, one) or one in name or one == case.group for one in patterns):
            continue
        for beginning in case.beginnings:
            for controller in controllers:
                found.append(Cell(bank, name, beginning, controller))
                if swept and beginning is Beginning.COLD:
                    found += [
                        Cell(bank, name, beginning, controller, settings)
                        for settings in MILDER_AND_WILDER.get(controller, ())
                    ]
    return found


def run_all(wanted: Sequence[Cell], seeds: int, baseline_seeds: int) -> dict[Cell, list[Outcome]]:
    """Every cell with its seeds, on all processors, the longest first: ``seeds`` for ours.

    Baselines have ``baseline_seeds``, and one where they are milder or wilder than they were tuned.
    """
    jobs = [
        (cell, seed)
        for cell in wanted
        for seed in range(seeds if cell.controller == OURS else 1 if cell.settings else baseline_seeds)
    ]
    jobs.sort(key=lambda job: -case_of(job[0].bank, job[0].case, job[1]).ideal(0.0, 600.0))
    outcomes = on_all_processors("Journeys", run, jobs)
    found: dict[Cell, list[Outcome]] = {cell: [] for cell in wanted}
    for cell, seed in sorted(jobs, key=lambda job: job[1]):
        found[cell].append(outcomes[cell, seed])
    return found


def on_all_processors(
    title: str, work: Callable[..., T], jobs: Sequence[tuple[object, ...]]
) -> dict[tuple[object, ...], T]:
    """Do the work with each set of arguments, with a progress bar on the terminal."""
    columns = (TextColumn(title), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    results: dict[tuple[object, ...], T] = {}
    with (
        ProcessPoolExecutor(os.cpu_count(), mp_context=get_context("spawn")) as pool,
        Progress(*columns, console=Console(stderr=True), transient=True) as progress,
    ):
        bar = progress.add_task(title, total=len(jobs))
        futures = {pool.submit(work, *job): job for job in jobs}
        for future in as_completed(futures):
            results[futures[future]] = future.result()
            progress.advance(bar)
    return results


def median_efficiency(runs: Sequence[Outcome]) -> float:
    """The median over the seeds."""
    return statistics.median(one.efficiency for one in runs)


def median_refused(runs: Sequence[Outcome]) -> float:
    """The median over the seeds."""
    return statistics.median(one.refused_share for one in runs)
