"""Controllers against limiters, in virtual time: the matrix, on two banks, and what is asked of ours.

Every journey lasts ten minutes with more checks than could pass. The development bank is what controllers
were tuned on; the drawn one has other trunks for each seed, and nobody tuned anything on it.
``--only shiftline --cases 'bucket*' --seeds 5`` prints one line for each case instead, as quickly as it goes.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from random import Random

from benchmarks.governor_bars import bars_of, where_behind
from benchmarks.governor_ranking import exchanged, ranking, verdict
from benchmarks.governor_runs import Bank, cells, on_all_processors, run_all
from benchmarks.governor_tables import as_json, print_bank, print_fairness, print_lines, print_whether_alike

from shiftline.governor.controllers.registry import CONTROLLERS
from shiftline.governor.fairness import jain
from shiftline.governor.lanes import SHARES, Lane, Turns
from shiftline.governor.simulation.bank import case
from shiftline.governor.simulation.trial import Companions, attempt_together

SEEDS = 3
BASELINE_SEEDS = 2
SHARED_TRUNKS = ("window:50/1s", "bucket:50/s,burst=10", "sliding:50/1s")
TURNS = 10_000
QUICK = (  # one trunk of each kind, none fast
    "window:50/1s 40",
    "retry-after:",
    "sliding:50/1s",
    "bucket:20/1s",
    "pike:30/2s 40",
    "escalating:50/1s,ban=60s,growth=1 40",
    "concurrency:10",
    "oc-loss:",
    "shared:50/1s,others=5/s",
    "changing:50/1s,25/1s@200s",
)


def share(name: str, trunk: str, seed: int) -> Companions:
    """Two of one kind at one trunk; in a process of the pool."""
    return attempt_together(name, case(trunk), Random(seed).random)


def between_two(
    controllers: Sequence[str], trunks: Sequence[str], seeds: int
) -> dict[tuple[str, str], list[Companions]]:
    """Every controller with its like at each of the trunks."""
    pairs = [(name, trunk) for name in controllers for trunk in trunks]
    found = on_all_processors(
        "Pairs", share, [(name, trunk, seed) for name, trunk in pairs for seed in range(seeds)]
    )
    return {(name, trunk): [found[name, trunk, seed] for seed in range(seeds)] for name, trunk in pairs}


def between_lanes() -> float:
    """Jain's index of four lanes that are always full, each against its own share."""
    turns, sent = Turns(), dict.fromkeys(Lane, 0)
    for _ in range(TURNS):
        sent[turns.next(tuple(Lane))] += 1
    return jain([sent[lane] for lane in Lane], [SHARES[lane] for lane in Lane])


def print_matrix(options: argparse.Namespace) -> None:
    """Both banks, or a minute's worth."""
    banks = (Bank.DEVELOPMENT,) if options.quick else tuple(Bank)
    patterns = QUICK if options.quick else ("*",)
    wanted = [cell for bank in banks for cell in cells(bank, options.only, patterns, swept=not options.quick)]
    seeds = 1 if options.quick else options.seeds
    outcomes = run_all(wanted, seeds, 1 if options.quick else BASELINE_SEEDS)
    for bank in banks:
        print_bank(outcomes, bank)
    if len(banks) > 1 and len(options.only) > 1:
        print_whether_alike(outcomes)
    trunks = SHARED_TRUNKS[:1] if options.quick else SHARED_TRUNKS
    print_fairness(between_two(options.only, trunks, 1 if options.quick else 3), between_lanes())
    if options.json is not None:
        report = {
            "journeys": [
                as_json(cell, seed, outcome)
                for cell, runs in outcomes.items()
                for seed, outcome in enumerate(runs)
            ],
            "bars": {
                bank: [{"asked": bar.asked, "measured": bar.measured, "met": bar.met} for bar in bars]
                for bank in banks
                if (bars := bars_of(outcomes, bank))
            },
            "behind": {bank: len(where_behind(outcomes, bank)[1]) for bank in banks},
            "ranking": {bank: ranking(outcomes, bank) for bank in banks},
            "ranked_alike": verdict(exchanged(outcomes)) if len(banks) > 1 else None,
        }
        options.json.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")


def main(arguments: Sequence[str] = ()) -> None:
    """Print what was asked for; the whole matrix by default."""
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m benchmarks.governor")
    parser.add_argument("--only", nargs="+", choices=tuple(CONTROLLERS), default=tuple(CONTROLLERS))
    parser.add_argument("--cases", nargs="+", help="one line for each: parts of names, patterns, groups")
    parser.add_argument(
        "--bank", type=Bank, choices=tuple(Bank), default=Bank.DEVELOPMENT, help="with --cases"
    )
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--quick", action="store_true", help="a minute: one seed, some trunks")
    parser.add_argument("--json", type=Path, help="write all figures here")
    options = parser.parse_args(arguments)
    if options.cases:
        print_lines(run_all(cells(options.bank, options.only, options.cases), options.seeds, options.seeds))
    else:
        print_matrix(options)


if __name__ == "__main__":
    main(sys.argv[1:])
