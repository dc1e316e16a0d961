"""The doctor against the lab's fault bank, in virtual time: cause x personality x seed, and what it missed.

A diagnosis is right if the truth is in the reported set, and the set is no larger than that cause's class
on that PBX under the experiments allowed (`doctor_classes`). ``--cases 'acl.*' --personality sbc`` prints one
line for each case instead, and with one case all that was asked.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from fnmatch import fnmatch
from pathlib import Path
from typing import TypeVar

from benchmarks.doctor_bank import BankCase, bank, known_personalities, run_case, two_faults
from benchmarks.doctor_lab_classes import classes_by_lab, vector
from benchmarks.doctor_passive import judge_all, passive_bank, passive_pairs, read_case
from benchmarks.doctor_scores import Judged, judge, print_case, print_lines, print_table, scores
from rich.console import Console
from rich.progress import track

from shiftline.diagnosis.experiment import Risk
from shiftline.lab.pbx.bank.build import BANK

Result = TypeVar("Result")
SEEDS = 5
WORKERS = 2
CONSOLE = Console(width=160, highlight=False)


def examine_all(title: str, cases: Sequence[BankCase], workers: int = WORKERS) -> list[Judged]:
    """Every case of a bank, in processes of their own, in the order of the bank."""
    vectors = list(_in_processes(f"{title}: what is alike", vector, cases, workers))
    alike = classes_by_lab(zip(cases, vectors, strict=True))
    return [judge(one, alike) for one in _in_processes(title, run_case, cases, workers)]


def read_all(
    causes: Sequence[str], personalities: Sequence[str], seeds: Iterable[int], workers: int = WORKERS
) -> list[Judged]:
    """Every record of the passive bank, those of two faults among them."""
    listed = list(seeds)
    cases = [*passive_bank(causes, personalities, listed), *passive_pairs(personalities, listed)]
    read = _in_processes("Reading", read_case, cases, workers)
    return judge_all([one for one in read if one is not None])


def _in_processes(
    title: str, run: Callable[[BankCase], Result], cases: Sequence[BankCase], workers: int
) -> Iterable[Result]:
    if workers == 1 or len(cases) < 4:
        yield from track(map(run, cases), title, len(cases), console=Console(stderr=True), transient=True)
        return
    with ProcessPoolExecutor(workers) as pool:
        found = pool.map(run, cases, chunksize=4)
        yield from track(found, title, len(cases), console=Console(stderr=True), transient=True)


def main(arguments: Sequence[str] = ()) -> None:
    """Print the tables."""
    options = _parser().parse_args(arguments)
    causes = [name for name in BANK if _wanted(name, options.cases)]
    personalities = [name for name in known_personalities() if _wanted(name, options.personality)]
    if options.passive:
        _passive(options, causes, personalities)
    elif options.cases or options.personality or options.plain:
        _some(options, causes, personalities)
    else:
        _all(options, causes, personalities)


def _all(options: argparse.Namespace, causes: Sequence[str], personalities: Sequence[str]) -> None:
    """The whole bank: four tables, and a line for each case that was not right."""
    seeds, workers = _seeds(options), options.workers
    active = _timed(lambda: examine_all("Active", list(bank(causes, personalities, seeds)), workers))
    harmless = _timed(
        lambda: examine_all("Harmless", list(bank(causes, personalities, seeds, Risk.HARMLESS)), workers)
    )
    both = _timed(lambda: examine_all("Two faults", list(two_faults(personalities, seeds)), workers))
    passive = _timed(lambda: read_all(causes, personalities, seeds, workers))
    found = {"active": active, "active, harmless": harmless, "two faults": both, "passive": passive}
    for judged, _ in found.values():
        print_lines([one for one in judged if not one.is_right or one.is_confident_and_wrong], CONSOLE)
    tables = {name: scores(*one) for name, one in found.items()}
    print_table(tables, CONSOLE)
    if options.json:
        _write(options.json, {name: one.as_json() for name, one in tables.items()})


def _some(options: argparse.Namespace, causes: Sequence[str], personalities: Sequence[str]) -> None:
    """A line for each case of some causes or personalities; all of it, if it is only one."""
    seeds = _seeds(options)
    cases = [
        *bank(causes, personalities, seeds, Risk.of(options.allow), is_plain=options.plain),
        *two_faults(personalities, seeds, is_plain=options.plain),
    ]
    cases = [one for one in cases if not options.cases or any(_wanted(c, options.cases) for c in one.truth)]
    judged, cpu_seconds = _timed(lambda: examine_all("Examining", cases, options.workers))
    if len(judged) == 1:
        print_case(judged[0], CONSOLE)
    else:
        print_lines(judged, CONSOLE)
        print_table({"these": scores(judged, cpu_seconds)}, CONSOLE)


def _passive(options: argparse.Namespace, causes: Sequence[str], personalities: Sequence[str]) -> None:
    """The passive bank alone, one line for each record that was not read right, or for each of few."""
    judged, cpu_seconds = _timed(lambda: read_all(causes, personalities, options.passive, options.workers))
    print_lines([one for one in judged if len(judged) < 30 or not one.is_right], CONSOLE)
    tables = {"passive": scores(judged, cpu_seconds)}
    print_table(tables, CONSOLE)
    if options.json:
        _write(options.json, {"passive": tables["passive"].as_json()})


def _seeds(options: argparse.Namespace) -> list[int]:
    return options.only_seeds or list(range(1, options.seeds + 1))


def _timed(run: Callable[[], Result]) -> tuple[Result, float]:
    """With the CPU seconds of this process and of those that ended."""
    before = sum(os.times()[:4])
    found = run()
    return found, sum(os.times()[:4]) - before


def run_all() -> None:
    """As one of `python -m benchmarks`."""
    main()


def _wanted(name: str, patterns: Sequence[str] | None) -> bool:
    return not patterns or any(fnmatch(name, pattern) for pattern in patterns)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m benchmarks.doctor")
    parser.add_argument("--cases", nargs="+", help="causes, with * for anything")
    parser.add_argument("--personality", nargs="+")
    parser.add_argument("--seeds", type=int, default=SEEDS, help="so many, from 1 on")
    parser.add_argument("--only-seeds", nargs="+", type=int, metavar="SEED", help="these instead")
    parser.add_argument("--allow", default=Risk.MAY_TRIP.word)
    parser.add_argument("--plain", action="store_true", help="the doctor is told an address and two accounts")
    parser.add_argument("--workers", type=int, default=WORKERS)
    parser.add_argument("--passive", nargs="+", type=int, metavar="SEED", help="records of these seeds only")
    parser.add_argument("--json", type=Path)
    return parser


def _write(path: Path, result: object) -> None:
    path.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
