"""How the baselines were tuned: a grid of settings on the development bank, and the best of it.

``python -m benchmarks.baselines aimd`` prints the grid, best first. A setting's score is the mean, over
all cold cases, of efficiency x min(1, 2 % / refused): what our own bars ask for.
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from itertools import product
from random import Random

from rich.console import Console
from rich.progress import track

from shiftline.governor.simulation.bank import DEVELOPMENT_BANK, Beginning, Group
from shiftline.governor.simulation.measure import Outcome
from shiftline.governor.simulation.trial import attempt

ALLOWED_REFUSED = 0.02
GRIDS: Mapping[str, Mapping[str, Sequence[float]]] = {
    "aimd": {
        "increase": (0.1, 0.25, 0.5),
        "decrease": (0.85, 0.95),
        "rest": (0.0, 1.0),
        "doubling": (1.0, 2.0),
    },
    "sre": {"k": (1.0, 1.01, 1.02, 1.05, 1.1, 1.5, 2.0), "wanted": (200.0, 500.0)},
    "gradient2": {"queue": (1.0, 4.0), "tolerance": (1.0, 1.5), "initial": (1.0, 20.0), "pause": (1.0, 4.0)},
    "vegas": {"scale": (0.05, 0.2, 1.0), "initial": (1.0, 20.0), "pause": (0.25, 1.0, 4.0)},
}


def score(outcome: Outcome) -> float:
    """How good one journey was; see the module's text."""
    return outcome.efficiency * min(1.0, ALLOWED_REFUSED / max(outcome.refused_share, 1e-9))


def mean_score(name: str, settings: Mapping[str, float], horizon: float) -> float:
    """The mean over all cold cases that ban nobody: no setting helps whoever knows no bans."""
    cases = [case for case in DEVELOPMENT_BANK if case.group is not Group.BAN]
    return statistics.fmean(
        score(attempt(name, case, Beginning.COLD, Random(seed).random, settings=settings, horizon=horizon))
        for seed, case in enumerate(cases)
    )


def main() -> None:
    """Print the grid of one baseline."""
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m benchmarks.baselines")
    parser.add_argument("name", choices=tuple(GRIDS))
    parser.add_argument("--horizon", type=float, default=600.0, help="seconds of each journey")
    options = parser.parse_args()
    grid = GRIDS[options.name]
    points = [dict(zip(grid, values, strict=True)) for values in product(*grid.values())]
    with ProcessPoolExecutor() as pool:
        futures = [pool.submit(mean_score, options.name, point, options.horizon) for point in points]
        scores = [one.result() for one in track(futures, options.name, console=Console(stderr=True))]
    console = Console()
    for value, point in sorted(zip(scores, points, strict=True), key=lambda pair: -pair[0]):
        words = "  ".join(f"{name} {setting:g}" for name, setting in point.items())
        console.print(f"{value:.4f}  {words}", highlight=False)


if __name__ == "__main__":
    main()
