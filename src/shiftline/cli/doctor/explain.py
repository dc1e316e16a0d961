"""``shiftline doctor explain``: the page one wants at three in the morning."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from shiftline.errors import ConfigurationError

if TYPE_CHECKING:
    from shiftline.diagnosis.catalogue.cause import Cause
    from shiftline.diagnosis.sights import Status

_WIDEST = 100
_BAR_CELLS = 10


def run(
    word: Annotated[
        str,
        typer.Argument(metavar="CAUSE|STATUS", help="A cause, such as throttle.source; 403, 401, silence…"),
    ],
) -> None:
    """Explain a cause, or what a status may mean: what it is, what tells it, what to do.

    Examples: [bold]shiftline doctor explain throttle.source[/], [bold]shiftline doctor explain 403[/]
    """
    from shiftline.diagnosis.catalogue import CATALOGUE
    from shiftline.diagnosis.sights import status_named

    wanted = word.strip().lower()
    console = Console(highlight=False)
    width = min(console.width, _WIDEST)
    if wanted in CATALOGUE:
        parts = _cause_page(CATALOGUE[wanted])
    elif (status := status_named(wanted)) is not None:
        parts = _status_page(wanted, status)
    else:
        raise ConfigurationError(f"The doctor knows no cause or status {word!r}.", remedy=_near(wanted))
    console.print(Group(*parts), width=width)


def _near(wanted: str) -> str:
    from shiftline.diagnosis.catalogue import CATALOGUE
    from shiftline.diagnosis.sights import words_known

    known = [*CATALOGUE, *words_known()]
    tails = {name.partition(".")[2]: name for name in CATALOGUE}
    close = difflib.get_close_matches(wanted, known, n=4, cutoff=0.5)
    close += [tails[tail] for tail in difflib.get_close_matches(wanted, tails, n=2, cutoff=0.6)]
    close += [name for name in known if wanted and wanted in name]
    if close:
        return f"Near it: {', '.join(dict.fromkeys(close))}."
    return "`shiftline doctor causes` lists the causes; statuses are numbers such as 403, or silence."


def _cause_page(cause: Cause) -> Iterator[RenderableType]:
    from shiftline.diagnosis.reference import FAMILY_NAMES, anchor, indistinguishable

    yield _title(cause.id, cause.meaning)
    yield _section("What users see", cause.seen)
    yield _section("What tells it", cause.tells)
    yield _section("What would refute it", cause.refuted_by)
    yield _heading("What to do")
    yield _steps(cause.remedy.steps)
    for family, steps in cause.remedy.by_family.items():
        yield Padding(Text(f"On {FAMILY_NAMES[family]}", "italic"), (0, 0, 0, 2))
        yield _steps(steps, numbered=False)
    alike = indistinguishable(cause)
    if alike:
        yield _heading("Not told from, without a log")
        yield _alike({FAMILY_NAMES[family]: others for family, others in alike.items()})
    yield _heading("Sources")
    yield Padding(Text("; ".join(cause.sources)), (0, 0, 0, 2))
    yield Padding(Text(f"docs/reference/causes.md#{anchor(cause.id)}", "dim"), (0, 0, 0, 2))


def _alike(by_family: dict[str, tuple[str, ...]]) -> RenderableType:
    table = Table.grid(padding=(0, 2, 0, 2))
    for family, others in by_family.items():
        table.add_row(Text(family, "dim"), ", ".join(others))
    return table


def _status_page(word: str, status: Status) -> Iterator[RenderableType]:
    from shiftline.diagnosis.catalogue import CATALOGUE
    from shiftline.diagnosis.sights import likely_causes

    yield _title(word, status.meaning)
    yield _heading("First")
    yield _steps(status.first_steps)
    for sight in status.sights:
        yield _heading(f"If {sight.words}")
        table = Table.grid(padding=(0, 2, 0, 2))
        table.add_column(no_wrap=True)
        table.add_column(justify="right", no_wrap=True)
        table.add_column(no_wrap=True)
        table.add_column()
        for cause, share in likely_causes(sight):
            bar = Text("━" * max(1, round(share * _BAR_CELLS)), "red" if share >= 0.3 else "yellow")
            table.add_row(bar, f"{share:.0%}", Text(cause, "bold"), Text(CATALOGUE[cause].meaning, "dim"))
        yield table
    yield Text("")
    yield Text("The shares hold before anything is known of the PBX; `shiftline doctor run` asks.", "dim")


def _title(name: str, meaning: str) -> RenderableType:
    return Group(Text(name, "bold cyan"), Text(meaning))


def _heading(words: str) -> RenderableType:
    return Padding(Text(words, "bold"), (1, 0, 0, 0))


def _section(words: str, text: str) -> RenderableType:
    return Group(_heading(words), Padding(Text(text), (0, 0, 0, 2)))


def _steps(steps: Iterable[str], *, numbered: bool = True) -> RenderableType:
    from rich.markdown import Markdown  # takes as long to import as all of this verb's own

    table = Table.grid(padding=(0, 1, 0, 0))
    for number, step in enumerate(steps, 1):
        table.add_row(f"  {number}." if numbered else "  -", Markdown(step))
    return table
