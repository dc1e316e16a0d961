"""What the project asks of its own controller, and whether the figures meet it."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from benchmarks.governor_runs import Bank, Cell, group_of, median_efficiency, median_refused

from shiftline.governor.controllers.registry import OURS
from shiftline.governor.simulation.bank import Beginning, Group
from shiftline.governor.simulation.measure import Outcome

Outcomes = Mapping[Cell, Sequence[Outcome]]

LEVEL = 0.005  # of efficiency: less is no difference
EQUAL_REFUSALS = 0.001  # more of what was sent may be refused and still count as equal
REFERENCE = "static"  # it was told the limit, or keeps to 5/s whatever comes: it learns nothing


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One line: what is asked, what was measured."""

    asked: str
    measured: str
    met: bool | None
    """None: nothing is asked."""


def bars_of(outcomes: Outcomes, bank: Bank) -> list[Bar]:
    """Every bar of one bank."""
    ours = {cell: runs for cell, runs in outcomes.items() if cell.bank is bank and cell.controller == OURS}
    found: list[Bar] = []
    for group in Group:
        for beginning in Beginning:
            runs = [
                one
                for cell, several in ours.items()
                if cell.beginning is beginning and group_of(cell) is group
                for one in several
            ]
            if runs:
                found.append(_bar(group, beginning, runs))
    return found


def _bar(group: Group, beginning: Beginning, runs: Sequence[Outcome]) -> Bar:
    efficiencies = [one.efficiency for one in runs]
    median, worst = statistics.median(efficiencies), min(efficiencies)
    refused = max(one.refused_share for one in runs)
    bans, longer = max(one.bans for one in runs), max(one.prolongations for one in runs)
    measured = f"median {median:.3f}, worst {worst:.3f}, refused at most {refused:.2%}"
    what = f"{group}, {beginning}"
    if group is Group.BAN and beginning is Beginning.COLD:
        return Bar(
            asked=f"{what}: at most one ban, none prolonged",
            measured=f"bans {bans}, prolonged {longer} times; {measured}",
            met=bans <= 1 and longer == 0,
        )
    if group is Group.BAN:
        return Bar(asked=f"{what}: >= 0.85", measured=f"bans {bans}; {measured}", met=worst >= 0.85)
    if group is Group.RATE:
        return Bar(
            asked=f"{what}: median >= 0.90, worst >= 0.85, refused <= 2 %",
            measured=measured,
            met=median >= 0.9 and worst >= 0.85 and refused <= 0.02,
        )
    return Bar(asked=f"{what}: no bar", measured=measured, met=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Behind:
    """A trunk at which a baseline, set like that, does better with no more refusals."""

    ours: Cell
    baseline: Cell
    efficiency: float
    their_efficiency: float
    refused_share: float
    their_refused_share: float


def where_behind(outcomes: Outcomes, bank: Bank) -> tuple[int, list[Behind]]:
    """Return at how many trunks ours was compared, and where a baseline is ahead of it.

    Ahead: a median efficiency that is higher by more than `LEVEL`, with a median share refused that is
    not higher by more than `EQUAL_REFUSALS`.
    """
    rivals = {
        (cell.case, cell.beginning)
        for cell in outcomes
        if cell.bank is bank and cell.controller not in {OURS, REFERENCE}
    }
    ours = [
        cell
        for cell in outcomes
        if cell.bank is bank and cell.controller == OURS and (cell.case, cell.beginning) in rivals
    ]
    behind = [worst for cell in ours if (worst := _best_rival(outcomes, cell)) is not None]
    return len(ours), behind


def _best_rival(outcomes: Outcomes, ours: Cell) -> Behind | None:
    rivals = [
        rival
        for cell, runs in outcomes.items()
        if (cell.bank, cell.case, cell.beginning) == (ours.bank, ours.case, ours.beginning)
        and cell.controller not in {OURS, REFERENCE}
        and (rival := _set_against(ours, outcomes[ours][: len(runs)], cell, runs)) is not None
    ]
    return max(rivals, key=lambda one: one.their_efficiency - one.efficiency, default=None)


def _set_against(
    ours: Cell, our_runs: Sequence[Outcome], baseline: Cell, runs: Sequence[Outcome]
) -> Behind | None:
    """Compare what had the same seeds, for the drawn bank has another trunk for each."""
    found = Behind(
        ours=ours,
        baseline=baseline,
        efficiency=median_efficiency(our_runs),
        their_efficiency=median_efficiency(runs),
        refused_share=median_refused(our_runs),
        their_refused_share=median_refused(runs),
    )
    is_level = found.their_efficiency <= found.efficiency + LEVEL
    refuses_more = found.their_refused_share > found.refused_share + EQUAL_REFUSALS
    return None if is_level or refuses_more else found
