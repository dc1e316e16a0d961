"""Which controller is the better one over a whole bank, and whether that is more than chance.

A bank is a handful of limiters, and others might have been taken. So two controllers are compared as if they
had been: limiters are drawn from the bank, with repetition, a thousand times, and what lies between two mean
scores is their spread (a bootstrap). A difference that may as well be none is called a tie.
"""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise
from random import Random

from benchmarks.baselines import score
from benchmarks.governor_runs import Bank, Cell

from shiftline.governor.simulation.bank import Beginning
from shiftline.governor.simulation.measure import Outcome

Outcomes = Mapping[Cell, Sequence[Outcome]]

DRAWS = 1_000
SURE = 0.95  # of the draws lie within the spread
SEED = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Lead:
    """By how much the mean score of one controller is above another's, and the spread of that."""

    bank: Bank
    first: str
    second: str
    difference: float
    least: float
    most: float

    @property
    def is_tie(self) -> bool:
        """True if it may as well be none."""
        return self.least <= 0.0 <= self.most

    def __str__(self) -> str:
        """In words for the terminal."""
        said = "a tie" if self.is_tie else "more than chance"
        return (
            f"{self.first} before {self.second} by {self.difference:.3f} "
            f"({self.least:+.3f} to {self.most:+.3f}): {said}"
        )


def ranking(outcomes: Outcomes, bank: Bank) -> list[tuple[str, float]]:
    """The controllers as tuned, by the mean over all cold trunks of efficiency x min(1, 2 % / refused).

    With the seeds that all of them had.
    """
    means = [
        (name, statistics.fmean(value for values in by_case.values() for value in values))
        for name, by_case in _scores(outcomes, bank).items()
    ]
    return sorted(means, key=lambda pair: -pair[1])


def leads(outcomes: Outcomes, bank: Bank) -> list[Lead]:
    """Each controller of the ranking against the next one."""
    names = [name for name, _ in ranking(outcomes, bank)]
    return [_lead(outcomes, bank, first, second) for first, second in pairwise(names)]


def exchanged(outcomes: Outcomes) -> list[tuple[Lead, Lead]]:
    """The pairs of controllers that the banks rank otherwise, with the lead on each of the two."""
    orders = [[name for name, _ in ranking(outcomes, bank)] for bank in Bank]
    return [
        (_lead(outcomes, Bank.DEVELOPMENT, first, second), _lead(outcomes, Bank.DRAWN, second, first))
        for first, second in combinations(orders[0], 2)
        if {first, second} <= set(orders[1]) and orders[1].index(first) > orders[1].index(second)
    ]


def verdict(pairs: Sequence[tuple[Lead, Lead]]) -> str:
    """Whether the banks rank alike: yes, no, or but for ties; a pair is one only if both banks call it so."""
    if not pairs:
        return "yes"
    return "yes, but for ties" if all(one.is_tie and other.is_tie for one, other in pairs) else "no"


def _lead(outcomes: Outcomes, bank: Bank, first: str, second: str) -> Lead:
    scores = _scores(outcomes, bank)
    ahead, behind = scores[first], scores[second]
    differences = [
        [one - other for one, other in zip(ahead[case], behind[case], strict=True)]
        for case in ahead
        if case in behind
    ]
    random = Random(SEED)
    means = sorted(_mean(random.choices(differences, k=len(differences))) for _ in range(DRAWS))
    outside = round(DRAWS * (1.0 - SURE) / 2.0)
    return Lead(
        bank=bank,
        first=first,
        second=second,
        difference=_mean(differences),
        least=means[outside],
        most=means[-1 - outside],
    )


def _mean(differences: Sequence[Sequence[float]]) -> float:
    return statistics.fmean(one for several in differences for one in several)


def _scores(outcomes: Outcomes, bank: Bank) -> dict[str, dict[str, list[float]]]:
    """The scores of each controller at each cold trunk, for the seeds that all of them had."""
    cold = {
        cell: runs
        for cell, runs in outcomes.items()
        if cell.bank is bank and cell.beginning is Beginning.COLD and not cell.settings
    }
    seeds = min((len(runs) for runs in cold.values()), default=0)
    found: dict[str, dict[str, list[float]]] = {}
    for cell, runs in cold.items():
        found.setdefault(cell.controller, {})[cell.case] = [score(one) for one in runs[:seeds]]
    return found
