"""The governor against the limiter models, in virtual time.

Efficiency against a sender that knows the limit, the share refused, and in how many episodes it was met.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable
from random import Random

from rich.console import Console
from rich.table import Table

from shiftline.governor.governor import Governor
from shiftline.governor.limiters.counters import FixedWindow, SlidingWindow, TokenBucket
from shiftline.governor.limiters.model import Counter
from shiftline.governor.policy import GovernorPolicy
from shiftline.governor.simulation.burst import Delays, simulate_burst

SEEDS = 60
BURSTS = ((20, 488), (50, 488), (200, 3900))  # the hidden limit per second, and the checks of the burst
REFUSALS = (0.002, 0.040)  # seconds until a refusal comes: a policer's, and one as slow as any answer
LIMITERS: dict[str, Callable[[int, Random], Counter]] = {
    "fixed window 1 s": lambda limit, rng: FixedWindow(limit, 1.0, rng.random()),
    "fixed window 2 s": lambda limit, rng: FixedWindow(2 * limit, 2.0, 2 * rng.random()),
    "sliding window 1 s": lambda limit, _: SlidingWindow(limit),
    "token bucket, 1 s deep": lambda limit, _: TokenBucket(limit, limit),
    "token bucket, shallow": lambda limit, _: TokenBucket(limit, max(5, limit / 5)),
}


def burst(limiter: Counter, checks: int, refused_seconds: float, rng: Random) -> tuple[float, float, int]:
    """Seconds until the last answer, share refused, and how often the limit was met."""
    governor = Governor(GovernorPolicy(learn=True, max_rate=0.0), 0.0)
    delays = Delays(handled=lambda: rng.uniform(0.02, 0.06), refused=refused_seconds)
    report = simulate_burst(governor, limiter, checks=checks, delays=delays)
    return report.finished_at, report.refused / report.requests, governor.overshoots


def main() -> None:
    """Print the matrix."""
    table = Table(title=f"The governor, cold, {SEEDS} seeds each", caption="efficiency: worst / median")
    for column in ("limiter", "limit/s", "refusal", "efficiency", "refused, worst", "limit met, most"):
        table.add_column(column, justify="left" if column == "limiter" else "right")
    for name, build in LIMITERS.items():
        for limit, checks in BURSTS:
            for refused_seconds in REFUSALS:
                runs = []
                for seed in range(SEEDS):
                    rng = Random(seed)
                    runs.append(burst(build(limit, rng), checks, refused_seconds, rng))
                efficiencies = [checks / limit / seconds for seconds, _, _ in runs]
                table.add_row(
                    name,
                    str(limit),
                    f"{refused_seconds * 1000:.0f} ms",
                    f"{min(efficiencies):.2f} / {statistics.median(efficiencies):.2f}",
                    f"{max(share for _, share, _ in runs):.2%}",
                    str(max(met for _, _, met in runs)),
                )
    Console().print(table)


if __name__ == "__main__":
    main()
