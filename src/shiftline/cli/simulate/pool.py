"""Trunks of a simulation on all processors. The cores know no processes, so that this stands here."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from multiprocessing import get_context
from random import Random

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from shiftline.governor.simulation import Scenario, SimulationReport
from shiftline.governor.simulation.trunk_run import TrunkRun, run_trunk

CHUNK = 10  # trunks for a process at a time


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What the first trunks of a simulation cost."""

    trunks: int
    trades: int
    checks: int
    requests: int
    cpu_seconds: float
    """Of all processes."""

    @property
    def cpu_seconds_per_thousand_trades(self) -> float:
        """What a thousand trades cost."""
        return self.cpu_seconds / self.trades * 1000.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Simulated:
    """A report, and how its cost grew with the trunks."""

    report: SimulationReport
    costs: tuple[Cost, ...]
    """Of the first trunk, the first 10, 100, and so on, and of all."""
    wall_seconds: float


@dataclass(frozen=True, slots=True)
class _Piece:
    first: int
    runs: list[TrunkRun]
    cpu_seconds: float


def simulate_on_all_processors(scenarios: Sequence[Scenario], seed: int) -> list[Simulated]:
    """Simulate every scenario, with a progress bar on standard error.

    The course of each first trunk is kept. The seed alone tells the outcome: each trunk has random numbers
    of its own, the same for each scenario.
    """
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.completed} trunks"))
    console = Console(stderr=True)
    with Progress(*columns, TimeRemainingColumn(), console=console, transient=True) as progress:
        if all(one.trunks <= CHUNK for one in scenarios):
            return [_simulate(scenario, seed, None, progress) for scenario in scenarios]
        # The bar has a thread of its own, and a process that has threads must not be forked.
        pool = ProcessPoolExecutor(os.cpu_count(), get_context("spawn"), initializer=_leave_ctrl_c)
        try:
            return [_simulate(scenario, seed, pool, progress) for scenario in scenarios]
        finally:
            pool.shutdown(cancel_futures=True)


def _leave_ctrl_c() -> None:
    """Ctrl-C reaches all processes of a terminal; the first one ends the others."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _simulate(
    scenario: Scenario, seed: int, pool: ProcessPoolExecutor | None, progress: Progress
) -> Simulated:
    began = time.monotonic()
    bar = progress.add_task(scenario.controller, total=scenario.trunks)
    pieces: list[_Piece] = []
    for piece in _done(scenario, seed, pool):
        pieces.append(piece)
        progress.advance(bar, len(piece.runs))
    pieces.sort(key=lambda piece: piece.first)
    report = SimulationReport(scenario, [run for piece in pieces for run in piece.runs])
    return Simulated(report=report, costs=tuple(_costs(pieces)), wall_seconds=time.monotonic() - began)


def _done(scenario: Scenario, seed: int, pool: ProcessPoolExecutor | None) -> Iterator[_Piece]:
    """The pieces as they are done: a few trunks here, many in other processes."""
    if pool is None:
        yield from (_some(scenario, seed, *piece) for piece in _pieces(scenario.trunks))
        return
    futures = [pool.submit(_some, scenario, seed, *piece) for piece in _pieces(scenario.trunks)]
    for future in as_completed(futures):
        yield future.result()


def _some(scenario: Scenario, seed: int, first: int, end: int) -> _Piece:
    """Some trunks; in a process of the pool."""
    began = time.process_time()
    runs = [
        run_trunk(scenario, trunk, Random(f"{seed}/{trunk}").random, record=trunk == 0)
        for trunk in range(first, end)
    ]
    return _Piece(first, runs, time.process_time() - began)


def _pieces(trunks: int) -> Iterator[tuple[int, int]]:
    """Chunks that end at each power of ten."""
    first = 0
    while first < trunks:
        end = min(first + CHUNK - first % CHUNK, trunks) if first else 1
        yield first, end
        first = end


def _costs(pieces: Sequence[_Piece]) -> Iterator[Cost]:
    """The sums at 1, 10, 100, ... and at the end."""
    trunks = trades = checks = requests = 0
    cpu_seconds = 0.0
    step = 1
    for number, piece in enumerate(pieces, 1):
        trunks += len(piece.runs)
        trades += sum(run.trades for run in piece.runs)
        checks += sum(run.checks for run in piece.runs)
        requests += sum(run.requests for run in piece.runs)
        cpu_seconds += piece.cpu_seconds
        if trunks == step or number == len(pieces):
            yield Cost(
                trunks=trunks, trades=trades, checks=checks, requests=requests, cpu_seconds=cpu_seconds
            )
            step *= 10
