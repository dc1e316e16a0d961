"""All trunks in a table: a few words about each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from rich import box
from rich.table import Table
from rich.text import Text

from shiftline.store.trunk_view import TrunkView, age_in_words


def trunk_table(views: Iterable[TrunkView]) -> Table:
    """One row a trunk, source address and account; readable at 80 columns."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, padding=(0, 1, 0, 0))
    for heading, width in (("trunk", 24), ("governor", 26), ("method", None)):
        table.add_column(heading, overflow="fold", width=width)
    table.add_column("saved", justify="right", width=11)
    for view in views:
        whose = Text(view.trunk, style="bold").append(
            f"\n{view.auth_user} from {view.source}", style="not bold dim"
        )
        governor = Text("\n").join(_standing(view))
        saved = f"{age_in_words(view.saved_seconds_ago)} ago"
        table.add_row(whose, governor, _method(view), saved)
    return table


def registration_in_words(known: Mapping[str, Any] | None) -> str:
    """Until when a trunk is registered, else where it stands and why."""
    if not known:
        return "-"
    if until := known.get("registered_until"):
        return f"until {str(until)[:19].replace('T', ' ')}"
    why = (known.get("last_failure") or {}).get("why", "")
    return f"{known.get('state')} {why}".rstrip()


def _standing(view: TrunkView) -> Iterator[Text]:
    """Mode, rate and class of refusals, and below them whatever is wrong."""
    rate = "rate unknown" if view.rate is None else f"{view.rate:.1f}/s"
    kind = f", {view.refusal}" if view.refusal not in (None, "none") else ""
    yield Text(f"{view.mode or 'mode unknown'}, {rate}{kind}")
    if view.disarmed_cause:
        yield Text(f"disarmed by {view.disarmed_cause}", style="bold red")
    elif view.worker_is_silent:
        yield Text("no worker", style="bold red")
    elif view.trouble:
        yield Text(view.trouble, style="bold red")
    if view.registration:
        words = registration_in_words(view.registration)
        yield Text(f"registered {words}" if words.startswith("until") else f"not registered: {words}")


def _method(view: TrunkView) -> Text:
    if view.method is None:
        return Text("-")
    text = Text(f"{view.method}: {view.qualification}")
    return text.append(", TRUSTED UNPROVEN", style="bold yellow") if view.trusts_unqualified else text
