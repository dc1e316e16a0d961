"""How the matrix judges: what is asked of ours, and where a baseline is ahead of it."""

from __future__ import annotations

import pytest
from benchmarks.governor_bars import bars_of, where_behind
from benchmarks.governor_ranking import exchanged, leads, ranking, verdict
from benchmarks.governor_runs import Bank, Cell, cells

from shiftline.governor.controllers.registry import OURS
from shiftline.governor.simulation.bank import Beginning
from shiftline.governor.simulation.measure import Outcome

WINDOW = "window:50/1s 40/2ms"
BANNED = "escalating:50/1s,ban=60s,growth=1 40/2ms"


def outcome(efficiency: float, refused: float = 0.001, bans: int = 0, prolongations: int = 0) -> Outcome:
    return Outcome(
        efficiency=efficiency,
        refused_share=refused,
        learned_after=1.0,
        recovered_after=(),
        bans=bans,
        prolongations=prolongations,
        checks=100,
        arrivals=110,
    )


def cell(controller: str, case: str = WINDOW, beginning: Beginning = Beginning.COLD) -> Cell:
    return Cell(Bank.DEVELOPMENT, case, beginning, controller)


def behind(ours: list[Outcome], theirs: list[Outcome], name: str = "aimd") -> int:
    _, found = where_behind({cell(OURS): ours, cell(name): theirs}, Bank.DEVELOPMENT)
    return len(found)


class TestAhead:
    """Efficiency at equal refusals."""

    def test_a_baseline_that_gets_more_with_no_more_refusals_is_ahead(self) -> None:
        """By more than half a percent."""
        assert behind([outcome(0.90)], [outcome(0.91)]) == 1
        assert behind([outcome(0.90)], [outcome(0.904)]) == 0

    def test_a_baseline_that_is_refused_more_is_not(self) -> None:
        """More than a tenth of a percent of what it sends."""
        assert behind([outcome(0.90, 0.001)], [outcome(0.99, 0.0025)]) == 0
        assert behind([outcome(0.90, 0.001)], [outcome(0.99, 0.0015)]) == 1

    def test_the_reference_was_told_the_limit(self) -> None:
        """A declared rate proves nothing about learning one."""
        assert behind([outcome(0.90)], [outcome(0.99)], "static") == 0

    def test_without_a_baseline_nothing_was_compared(self) -> None:
        """Ours alone is not ahead of anybody."""
        assert where_behind({cell(OURS): [outcome(0.9)]}, Bank.DEVELOPMENT) == (0, [])

    def test_only_the_same_seeds_are_compared(self) -> None:
        """In the drawn bank another seed is another trunk."""
        assert behind([outcome(0.95), outcome(0.1), outcome(0.1)], [outcome(0.94)]) == 0


class TestBars:
    """What is asked of ours."""

    @pytest.mark.parametrize(
        ("runs", "met"),
        [
            ([outcome(0.95), outcome(0.86), outcome(0.92)], True),
            ([outcome(0.95), outcome(0.84), outcome(0.92)], False),
            ([outcome(0.89), outcome(0.86), outcome(0.92)], False),
            ([outcome(0.95), outcome(0.95, 0.021), outcome(0.92)], False),
        ],
        ids=["met", "worst", "median", "refused"],
    )
    def test_a_rate_limiter_asks_for_median_worst_and_refusals(self, runs: list[Outcome], met: bool) -> None:
        """At least 0.90 and 0.85, at most 2 %."""
        (bar,) = bars_of({cell(OURS): runs}, Bank.DEVELOPMENT)
        assert bar.met is met

    @pytest.mark.parametrize(
        ("beginning", "run", "met"),
        [
            (Beginning.COLD, outcome(0.1, 0.5, bans=1), True),
            (Beginning.COLD, outcome(0.9, bans=2), False),
            (Beginning.COLD, outcome(0.9, bans=1, prolongations=1), False),
            (Beginning.KNOWN, outcome(0.86), True),
            (Beginning.DECLARED, outcome(0.84), False),
        ],
    )
    def test_what_bans_asks_for_one_ban_cold_and_efficiency_warm(
        self, beginning: Beginning, run: Outcome, met: bool
    ) -> None:
        """Cold, efficiency is only reported."""
        (bar,) = bars_of({cell(OURS, BANNED, beginning): [run]}, Bank.DEVELOPMENT)
        assert bar.met is met

    def test_baselines_are_asked_for_nothing(self) -> None:
        """They are measured, not judged."""
        assert bars_of({cell("aimd"): [outcome(0.1)]}, Bank.DEVELOPMENT) == []


def test_the_ranking_weighs_refusals() -> None:
    """Efficiency counts in full up to 2 % refused, and half at 4 %."""
    outcomes = {cell(OURS): [outcome(0.9, 0.01)], cell("vegas"): [outcome(1.0, 0.04)]}
    ranked = ranking(outcomes, Bank.DEVELOPMENT)
    assert [name for name, _ in ranked] == [OURS, "vegas"]
    assert [value for _, value in ranked] == pytest.approx([0.9, 0.5])


def many(name: str, bank: Bank, scores: list[float]) -> dict[Cell, list[Outcome]]:
    """The same controller at so many trunks of a bank."""
    return {
        Cell(bank, f"trunk {number}", Beginning.COLD, name): [outcome(value)]
        for number, value in enumerate(scores)
    }


class TestTies:
    """A difference that other limiters might have turned round is no difference."""

    def test_what_is_better_at_every_trunk_leads(self) -> None:
        """By little, but always."""
        outcomes = many(OURS, Bank.DEVELOPMENT, [0.9, 0.5, 0.7] * 4) | many(
            "vegas", Bank.DEVELOPMENT, [0.89, 0.49, 0.69] * 4
        )
        (lead,) = leads(outcomes, Bank.DEVELOPMENT)
        assert (lead.first, lead.second) == (OURS, "vegas")
        assert lead.difference == pytest.approx(0.01)
        assert not lead.is_tie

    def test_what_is_better_here_and_worse_there_ties(self) -> None:
        """Though the mean is higher."""
        outcomes = many(OURS, Bank.DEVELOPMENT, [0.9, 0.1] * 5) | many(
            "vegas", Bank.DEVELOPMENT, [0.1, 0.88] * 5
        )
        (lead,) = leads(outcomes, Bank.DEVELOPMENT)
        assert lead.least < 0.0 < lead.difference < lead.most
        assert lead.is_tie

    @pytest.mark.parametrize(
        ("drawn", "alike"),
        [
            ([0.91, 0.89] * 5, "yes"),
            ([0.1, 0.88] * 5, "yes, but for ties"),
            ([0.7] * 10, "no"),
        ],
    )
    def test_banks_are_alike_if_they_differ_by_ties_only(self, drawn: list[float], alike: str) -> None:
        """On both: what one bank tells for sure, the other's tie does not undo."""
        outcomes = many(OURS, Bank.DEVELOPMENT, [0.9, 0.1] * 5)
        outcomes |= many("vegas", Bank.DEVELOPMENT, [0.1, 0.88] * 5)
        outcomes |= many(OURS, Bank.DRAWN, drawn) | many("vegas", Bank.DRAWN, [0.9, 0.1, 0.89, 0.1, 0.9] * 2)
        if alike == "no":
            outcomes |= many("vegas", Bank.DRAWN, [0.8] * 10)
        assert verdict(exchanged(outcomes)) == alike


def test_cases_are_chosen_by_name_pattern_and_group() -> None:
    """As quickly as one types."""
    names = {one.case for one in cells(Bank.DEVELOPMENT, [OURS], ["bucket:20/"])}
    assert names == {"bucket:20/1s,burst=5 40/2ms"}
    groups = {one.case.split(":")[0] for one in cells(Bank.DEVELOPMENT, [OURS], ["capacity"])}
    assert groups == {"concurrency", "cpu"}
    assert len(cells(Bank.DRAWN, [OURS], ["ban, prolonged"])) == len(Beginning)
