"""What a whole scenario came to: all its trunks together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import fmean, median
from typing import Any

from shiftline.governor.simulation.bank import Draw
from shiftline.governor.simulation.measure import share_refused
from shiftline.governor.simulation.scenario import Scenario
from shiftline.governor.simulation.trunk_run import TrunkRun, run_trunk


@dataclass(frozen=True, slots=True)
class SimulationReport:
    """A scenario and its trunks, in order. Shares are from 0 to 1, times in seconds."""

    scenario: Scenario
    runs: Sequence[TrunkRun]

    @property
    def efficiency(self) -> float:
        """The median trunk's."""
        return median(run.efficiency for run in self.runs)

    @property
    def worst_efficiency(self) -> float:
        """The worst trunk's."""
        return min(run.efficiency for run in self.runs)

    @property
    def refused_share(self) -> float:
        """Of all requests at all trunks; what passed and does not count is left out."""
        return share_refused(
            sum(run.refused for run in self.runs),
            sum(run.requests for run in self.runs),
            sum(run.beyond for run in self.runs),
        )

    @property
    def learned_after(self) -> float | None:
        """The median trunk's; None if half of them or more never knew the limit."""
        learned = sorted(run.learned_after for run in self.runs if run.learned_after is not None)
        middle = len(self.runs) // 2
        return learned[middle] if middle < len(learned) else None

    @property
    def fairness(self) -> float:
        """Jain's index between the connectors of a trunk, on average."""
        return fmean(run.fairness for run in self.runs)

    def as_json(self) -> dict[str, Any]:
        """Plain values; docs/reference/json.md tells their meaning."""
        runs = self.runs
        return {
            "controller": self.scenario.controller,
            "throttle": str(self.scenario.throttle),
            "arrivals": str(self.scenario.arrivals),
            "trades": self.scenario.trades,
            "trunks": self.scenario.trunks,
            "connectors": self.scenario.connectors,
            "efficiency": round(self.efficiency, 4),
            "worst_efficiency": round(self.worst_efficiency, 4),
            "refused_share": round(self.refused_share, 5),
            "time_to_learn_seconds": self.learned_after,
            "fairness": round(self.fairness, 4),
            "checks": sum(run.checks for run in runs),
            "answered": sum(run.answered for run in runs),
            "requests": sum(run.requests for run in runs),
            "refused": sum(run.refused for run in runs),
            "bans": sum(run.bans for run in runs),
            "prolongations": sum(run.prolongations for run in runs),
            "stopped": [
                {"trunk": number, "after_seconds": round(stop.after, 3), "refusal": stop.refusal}
                for number, run in enumerate(runs, 1)
                for stop in run.stops
            ],
            "seconds": round(max(run.seconds for run in runs), 3),
            "ideal_seconds": round(max(run.ideal_seconds for run in runs), 3),
            "wait_seconds": {
                "median": round(median(run.median_wait for run in runs), 3),
                "longest": round(max(run.longest_wait for run in runs), 3),
            },
        }


def simulate(
    scenario: Scenario, draw_for: Callable[[int], Draw], *, record: bool = False
) -> SimulationReport:
    """Simulate every trunk of the scenario, one after the other, in virtual time.

    ``draw_for`` gives each trunk, counted from 0, its random numbers from 0 up to 1: the same numbers, the
    same report. ``record``: keep the course of the first trunk.

        scenario = Scenario(throttle=parse_limiter("window:50/1s"), trades=500)
        report = simulate(scenario, lambda trunk: Random(f"1/{trunk}").random)
    """
    runs = [
        run_trunk(scenario, trunk, draw_for(trunk), record=record and trunk == 0)
        for trunk in range(scenario.trunks)
    ]
    return SimulationReport(scenario, runs)
