"""The matrix as tables for a terminal."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from math import inf

from benchmarks.governor_bars import Outcomes, bars_of, where_behind
from benchmarks.governor_ranking import exchanged, leads, ranking, verdict
from benchmarks.governor_runs import Bank, Cell, median_efficiency, median_refused
from rich.console import Console
from rich.table import Table

from shiftline.governor.controllers.registry import CONTROLLERS
from shiftline.governor.simulation.measure import (
    PIECE_SECONDS,
    SETTLED_REFUSED,
    SETTLED_SECONDS,
    SETTLED_SHARE,
    Outcome,
)
from shiftline.governor.simulation.trial import Companions

WIDTH = 164  # characters: a matrix on a narrow terminal would be unreadable, and in a file it is not narrow
CONSOLE = Console(width=max(WIDTH, Console().width), highlight=False)


def seconds(times: Iterable[float | None]) -> str:
    """The median and the most of some times, and how often it never came."""
    known = list(times)
    came = [time for time in known if time is not None]
    text = f"{statistics.median(came):.0f}..{max(came):.0f}" if came else ""
    return text + (f" never {len(known) - len(came)}/{len(known)}" if len(came) < len(known) else "")


def floods(runs: Sequence[Outcome]) -> str:
    """How many journeys failed, for they had sent many times what could pass; nothing if none did."""
    cut = [one.flooded_at for one in runs if one.flooded_at is not None]
    return f"; {len(cut)} of {len(runs)} flooded, cut off after {min(cut):.0f} s" if cut else ""


def print_lines(outcomes: Outcomes) -> None:
    """One line for each cell, as fast to read as to search."""
    head = (
        f"{'controller':10} {'case':58} {'start':8} {'efficiency':>13} {'refused':>15} "
        f"{'bans':>4} {'more':>4} learn s, recover s"
    )
    CONSOLE.print(head, soft_wrap=True, markup=False)
    for cell, runs in outcomes.items():
        efficiencies = [one.efficiency for one in runs]
        refused = [one.refused_share for one in runs]
        recovered = zip(*(one.recovered_after for one in runs), strict=False)
        times = [seconds(one.learned_after for one in runs), *(seconds(one) for one in recovered)]
        line = (
            f"{cell.controller:10} {cell.case:58} {cell.beginning:8} "
            f"{statistics.median(efficiencies):6.3f} {min(efficiencies):6.3f} "
            f"{statistics.median(refused):7.2%} {max(refused):7.2%} "
            f"{max(one.bans for one in runs):4} {max(one.prolongations for one in runs):4} "
            f"{', '.join(times)}{floods(runs)}"
        )
        CONSOLE.print(line, soft_wrap=True, markup=False)


def print_bank(outcomes: Outcomes, bank: Bank) -> None:
    """The matrix of one bank, what is asked of ours, and where it is behind."""
    _print_matrix(
        outcomes,
        bank,
        "Controllers at trunks",
        "median efficiency against an all-knowing sender, and median share refused",
        _figures,
    )
    _print_matrix(
        outcomes,
        bank,
        "Seconds until the limit was known, and until it was known again after a change",
        f"for {SETTLED_SECONDS:g} s, in any {PIECE_SECONDS:g} of them, {SETTLED_SHARE:g} of the ideal pass, "
        f"and at most {SETTLED_REFUSED:.0%} is refused; the median, and - for never",
        _times,
    )
    table = Table(title=f"What is asked of ours, {bank} bank", title_justify="left")
    for column in ("asked", "measured", ""):
        table.add_column(column)
    for bar in bars_of(outcomes, bank):
        said = "" if bar.met is None else "[green]met[/]" if bar.met else "[red]missed[/]"
        table.add_row(bar.asked, bar.measured, said)
    compared, behind = where_behind(outcomes, bank)
    said = "" if not compared else "[green]met[/]" if not behind else "[red]missed[/]"
    table.add_row(
        "ahead of every baseline at equal refusals, or level",
        f"at {compared - len(behind)} of {compared} trunks",
        said,
    )
    CONSOLE.print(table)
    for one in behind:
        settings = ", ".join(f"{name} {value:g}" for name, value in one.baseline.settings) or "as tuned"
        CONSOLE.print(
            f"behind at {one.ours.case} ({one.ours.beginning}): {one.efficiency:.3f} with "
            f"{one.refused_share:.2%} refused; {one.baseline.controller} ({settings}) has "
            f"{one.their_efficiency:.3f} with {one.their_refused_share:.2%}",
            markup=False,
        )
    places = ", ".join(f"{name} {value:.2f}" for name, value in ranking(outcomes, bank))
    CONSOLE.print(f"ranking, {bank} bank: {places}", markup=False)
    for lead in leads(outcomes, bank):
        CONSOLE.print(f"  {lead}", markup=False)
    CONSOLE.print()


def print_whether_alike(outcomes: Outcomes) -> None:
    """Whether both banks rank the controllers alike, and what is known of those that change places."""
    pairs = exchanged(outcomes)
    CONSOLE.print(f"both banks rank the controllers alike: {verdict(pairs)}")
    for one, other in pairs:
        CONSOLE.print(f"  {one.bank}: {one}; {other.bank}: {other}", markup=False)
    CONSOLE.print()


def _print_matrix(
    outcomes: Outcomes, bank: Bank, title: str, caption: str, tell: Callable[[Sequence[Outcome]], str]
) -> None:
    table = Table(title=f"{title}, {bank} bank", caption=caption, title_justify="left")
    table.add_column("trunk (answer / refusal)", no_wrap=True)
    table.add_column("start", no_wrap=True, min_width=8)
    names = [name for name in CONTROLLERS if any(cell.controller == name for cell in outcomes)]
    for name in names:
        table.add_column(name, justify="right", no_wrap=True)
    rows: dict[tuple[str, str], dict[str, Sequence[Outcome]]] = {}
    for cell, runs in outcomes.items():
        if cell.bank is bank and not cell.settings:
            rows.setdefault((cell.case, cell.beginning), {})[cell.controller] = runs
    for (case, beginning), by_name in rows.items():
        seeds = min(len(runs) for runs in by_name.values())  # in the drawn bank, each is another trunk
        told = (tell(by_name[name][:seeds]) if name in by_name else "" for name in names)
        table.add_row(case, beginning, *told)
    CONSOLE.print(table)


def _figures(runs: Sequence[Outcome]) -> str:
    return f"{median_efficiency(runs):.3f} {median_refused(runs):5.1%}"


def _times(runs: Sequence[Outcome]) -> str:
    """When the limit was known, and after each change known again."""
    kinds = [[one.learned_after for one in runs], *zip(*(one.recovered_after for one in runs), strict=False)]
    return ", ".join(_median_time(kind) for kind in kinds)


def _median_time(times: Sequence[float | None]) -> str:
    """The median; a time that never came is later than any other."""
    known = sorted(times, key=lambda time: inf if time is None else time)
    middle = known[len(known) // 2]
    return "-" if middle is None else f"{middle:.0f}"


def print_fairness(between: Mapping[tuple[str, str], Sequence[Companions]], lanes: float) -> None:
    """How evenly two connectors share one trunk, for each controller, and the lanes of one."""
    table = Table(title="Two connectors on one trunk, neither knows of the other", title_justify="left")
    for column in ("controller", "trunk", "fairness (Jain), median", "worst", "efficiency", "refused"):
        table.add_column(column, justify="left" if column in {"controller", "trunk"} else "right")
    for (name, case), runs in between.items():
        fairness = [one.fairness for one in runs]
        table.add_row(
            name,
            case,
            f"{statistics.median(fairness):.3f}",
            f"{min(fairness):.3f}",
            f"{statistics.median(one.efficiency for one in runs):.3f}",
            f"{statistics.median(one.refused_share for one in runs):.2%}",
        )
    CONSOLE.print(table)
    CONSOLE.print(f"fairness (Jain) between four full lanes, each against its own share: {lanes:.3f}\n")


def as_json(cell: Cell, seed: int, outcome: Outcome) -> dict[str, object]:
    """One journey."""
    return {
        "bank": cell.bank,
        "case": cell.case,
        "beginning": cell.beginning,
        "controller": cell.controller,
        "settings": dict(cell.settings),
        "seed": seed,
        "efficiency": outcome.efficiency,
        "refused_share": outcome.refused_share,
        "time_to_learn_seconds": outcome.learned_after,
        "time_to_recover_seconds": outcome.recovered_after,
        "bans": outcome.bans,
        "prolongations": outcome.prolongations,
        "checks": outcome.checks,
        "arrivals": outcome.arrivals,
        "flooded_after_seconds": outcome.flooded_at,
    }
