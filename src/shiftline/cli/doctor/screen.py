"""What ``shiftline doctor run`` shows while it asks: what, why, how much of the budget, and who leads."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console, Group
from rich.live import Live
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from shiftline.doctor.examination import Examination

_MOST_CAUSES = 5
_BAR = 24
_LEAST = 0.01


@contextmanager
def watched(name: str) -> Iterator[Callable[[Examination], None]]:
    """Give what shall be called after each change; shown on standard error, where that is a terminal."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield lambda _: None
        return
    with Live(console=console, transient=True, refresh_per_second=8) as live:
        yield lambda examination: live.update(screen(name, examination))


def screen(name: str, examination: Examination) -> Group:
    """The picture of one moment."""
    proposal = examination.proposal
    doing = "done" if proposal is None else proposal.experiment.title
    if proposal is not None and proposal.beside:
        doing += f", and {len(proposal.beside)} more questions beside the same load"
    why = "" if proposal is None else proposal.why
    head = Text.from_markup(
        f"[bold]{escape(name)}[/]  {examination.requests_sent} of {examination.budget} requests,"
        f" {len(examination.done)} questions"
    )
    table = Table(show_header=False, box=None, padding=(0, 1))
    table.add_column(justify="right")
    table.add_column()
    table.add_column()
    for explanation in examination.belief.explanations[:_MOST_CAUSES]:
        if explanation.probability >= _LEAST:
            bar = "█" * round(_BAR * explanation.probability)
            names = " with ".join(explanation.causes)
            table.add_row(f"{explanation.probability:.0%}", names, Text(bar, style="cyan"))
    return Group(head, Text(f"  {doing}", style="bold"), Text(f"  {why}", style="dim"), table)
