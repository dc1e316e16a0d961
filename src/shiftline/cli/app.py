"""The program ``shiftline``: its verbs, and the one place where an error becomes a sentence."""

from __future__ import annotations

import sys
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from shiftline import __version__
from shiftline.cli import (
    check,
    config,
    database,
    demo,
    doctor,
    lab,
    roster,
    serve,
    simulate,
    storm,
    trace,
    trades,
    trunk,
    worker,
)
from shiftline.errors import ShiftlineError

app = typer.Typer(
    name="shiftline",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Takes every shift trade to a decision over a SIP trunk that throttles.",
)
app.command("demo")(demo.run)
app.command("serve")(serve.run)
app.command("worker")(worker.run)
app.command("trace")(trace.run)
app.command("check")(check.run)
app.command("simulate")(simulate.run)
app.command("storm")(storm.run)
app.add_typer(config.app, name="config")
app.add_typer(database.app, name="db")
app.add_typer(trunk.app, name="trunk")
app.add_typer(trades.app, name="trades")
app.add_typer(roster.app, name="roster")
app.add_typer(doctor.app, name="doctor")
app.add_typer(lab.app, name="lab")


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"shiftline {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Shift trades, checked over SIP, decided in time."""


def main() -> None:
    """Run the program; a user's mistake or a peer's fault is one sentence, never a traceback."""
    try:
        app(prog_name="shiftline")  # says itself what is wrong with the command line, and ends the process
    except ShiftlineError as error:
        sys.exit(_explain(error))
    except OSError as error:
        sys.exit(_explain(_of_system(error)))
    except ExceptionGroup as group:
        sys.exit(_explain(_first_to_tell(group)))


def _first_to_tell(group: ExceptionGroup[Exception]) -> ShiftlineError:
    told, others = group.split((ShiftlineError, OSError))
    if told is None or others is not None:
        raise group
    found: BaseException = told
    while isinstance(found, BaseExceptionGroup):
        found = found.exceptions[0]
    if isinstance(found, OSError):
        return _of_system(found)
    assert isinstance(found, ShiftlineError)  # noqa: S101 - split() promised it
    return found


def _of_system(error: OSError) -> ShiftlineError:
    """What the system said, for a file or folder that no verb had expected to be closed or full."""
    if error.strerror is None:
        raise error  # a TimeoutError of our own, for example: a defect, whose traceback is wanted
    place = f" at {error.filename}" if error.filename else ""
    return ShiftlineError(
        f"The system refused what Shiftline needed{place}: {error.strerror}.",
        remedy="Give this user access, or free what is used up, and try again.",
    )


def _explain(error: ShiftlineError) -> int:
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    console.print(f"[bold red]error:[/] {escape(error.message)}")
    if error.remedy:
        console.print(f"[bold]next:[/]  {escape(error.remedy)}")
    return error.exit_code
