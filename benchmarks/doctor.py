"""The doctor against the lab's fault bank, in virtual time: cause x personality x seed, and what it missed.

A diagnosis is right if the truth is in the reported set, and the set is no larger than that cause's class
on that PBX under the experiments allowed (`doctor_classes`). ``--cases 'acl.*' --personality sbc`` prints one
line for each case instead, and with one case all that was asked.
"""

from __future__ import annotations

import argparse
import json
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
    if options.passive:
        _passive(options)
        return
    causes = [name for name in BANK if _wanted(name, options.cases)]
    personalities = [name for name in known_personalities() if _wanted(name, options.personality)]
    if options.cases or options.personality:
        allow = Risk.of(options.allow)
        cases = [
            *bank(causes, personalities, options.seeds, allow),
            *two_faults(personalities, options.seeds),
        ]
        cases = [
            one for one in cases if not options.cases or any(_wanted(c, options.cases) for c in one.truth)
        ]
        judged = examine_all("Examining", cases, options.workers)
        if len(judged) == 1:
            print_case(judged[0], CONSOLE)
        else:
            print_lines(judged, CONSOLE)
            print_table({"these": scores(judged)}, CONSOLE)
        return
    tables = {}
    active = examine_all("Active", list(bank(causes, personalities, options.seeds)), options.workers)
    tables["active"] = scores(active)
    harmless = list(bank(causes, personalities, options.seeds, Risk.HARMLESS))
    tables["active, harmless"] = scores(examine_all("Harmless", harmless, options.workers))
    both = examine_all("Two faults", list(two_faults(personalities, options.seeds)), options.workers)
    passive = read_all(causes, personalities, range(1, options.seeds + 1), options.workers)
    tables["passive"] = scores(passive)
    print_lines([one for one in active if not one.is_right or one.is_confident_and_wrong], CONSOLE)
    print_lines([one for one in passive if not one.is_right or one.is_confident_and_wrong], CONSOLE)
    print_lines(both, CONSOLE)
    print_table(tables, CONSOLE)
    if options.json:
        _write(options.json, {name: one.as_json() for name, one in tables.items()})


def _passive(options: argparse.Namespace) -> None:
    """The passive bank alone, one line for each record that was not read right, or for each of few."""
    causes = [name for name in BANK if _wanted(name, options.cases)]
    personalities = [name for name in known_personalities() if _wanted(name, options.personality)]
    judged = read_all(causes, personalities, options.passive, options.workers)
    print_lines([one for one in judged if len(judged) < 30 or not one.is_right], CONSOLE)
    print_table({"passive": scores(judged)}, CONSOLE)
    if options.json:
        _write(options.json, {"passive": scores(judged).as_json()})


def run_all() -> None:
    """As one of `python -m benchmarks`."""
    main()


def _wanted(name: str, patterns: Sequence[str] | None) -> bool:
    return not patterns or any(fnmatch(name, pattern) for pattern in patterns)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m benchmarks.doctor")
    parser.add_argument("--cases", nargs="+", help="causes, with * for anything")
    parser.add_argument("--personality", nargs="+")
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--allow", default=Risk.MAY_TRIP.word)
    parser.add_argument("--workers", type=int, default=WORKERS)
    parser.add_argument("--passive", nargs="+", type=int, metavar="SEED", help="records of these seeds only")
    parser.add_argument("--json", type=Path)
    return parser


def _write(path: Path, result: object) -> None:
    path.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
