"""The program ``shiftline``: its verbs, and the one place where an error becomes a sentence."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from functools import cache
from importlib import import_module
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from shiftline import __version__
from shiftline.errors import ShiftlineError

VERBS: Mapping[str, str] = {
    "demo": "demo", "serve": "serve", "worker": "worker", "trace": "trace", "check": "check.verb",
    "simulate": "simulate.verb", "storm": "storm.group", "config": "config", "db": "database",
    "trunk": "trunk.group", "trades": "trades", "roster": "roster", "doctor": "doctor.group",
    "lab": "lab.group",
}  # fmt: skip
"""Each verb's module in this package: with ``app`` for a verb that has others below it, else with ``run``."""

app: typer.Typer
"""The whole program; made when somebody asks for it."""


@cache
def program(*verbs: str) -> typer.Typer:
    """The program with these verbs; the modules of others, half a second's reading, are left alone."""
    made = typer.Typer(
        name="shiftline",
        no_args_is_help=True,
        rich_markup_mode="rich",
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
        help="Takes every shift trade to a decision over a SIP trunk that throttles.",
    )
    made.callback()(_root)
    for verb in verbs:
        module = import_module(f"shiftline.cli.{VERBS[verb]}")
        if hasattr(module, "app"):
            made.add_typer(module.app, name=verb)
        else:
            made.command(verb)(module.run)
    return made


def __getattr__(name: str) -> typer.Typer:
    if name == "app":
        return program(*VERBS)
    raise AttributeError(name)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"shiftline {__version__}")
        raise typer.Exit


def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Shift trades, checked over SIP, decided in time."""


def main() -> None:
    """Run the program; a user's mistake or a peer's fault is one sentence, never a traceback."""
    try:
        called = [word for word in sys.argv[1:2] if word in VERBS]
        program(*(called or VERBS))(
            prog_name="shiftline"
        )  # says itself what is wrong with the command line, and ends the process
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
