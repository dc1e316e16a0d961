"""Files that verbs write for their user."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import typer

from shiftline.errors import ConfigurationError, ShiftlineError
from shiftline.whole_files import write_whole


def require_writable(path: Path) -> None:
    """Raise ConfigurationError if ``path`` cannot be written; a file that was not there is not left.

    For a result that goes into files only: - is no name of one.
    """
    if path == Path("-"):
        raise ConfigurationError("This does not go to standard output.", remedy="Give a file, not -.")
    with explained(path, "Give another file."):
        is_new = not path.exists()
        path.open("a", encoding="utf-8").close()
        if is_new:
            path.unlink()


def require_apart(*paths: Path | None, read: Iterable[Path] = ()) -> None:
    """Raise ConfigurationError if two results would go to one place, where only the last would remain, or one
    over a file that is ``read``, or lies in a folder that is.

    What is no file to be kept, as /dev/null, takes any number.
    """
    given = [path for path in paths if path is not None]
    places = Counter(path if path == Path("-") else Path(os.path.realpath(path)) for path in given)
    read_places = {Path(os.path.realpath(path)) for path in read}
    for place in places:
        if place.is_file() and not read_places.isdisjoint((place, *place.parents)):
            raise ConfigurationError(
                f"{place} is read, and a result would replace it.", remedy="Give the result another file."
            )
    for place, count in places.items():
        if count > 1 and (place.is_file() or not place.exists()):
            name = "Standard output" if place == Path("-") else str(place)
            raise ConfigurationError(
                f"{name} is given for {count} results.", remedy="Give each a place of its own."
            )


def write_text(path: Path, text: str, *, private: bool = False) -> None:
    """Write ``text``, whole or not at all; raises ConfigurationError if that cannot be done.

    What is ``private`` can be read by its owner only.
    """
    with explained(path, "Give another file."):
        write_whole(path, text.encode(), private=private)


def put_json(path: Path | None, result: Mapping[str, Any]) -> None:
    """A verb's result, which may name users, into a private file; - is standard output, None nowhere."""
    if path is None:
        return
    text = json.dumps(result, indent=2) + "\n"
    if path == Path("-"):
        typer.echo(text, nl=False)
    else:
        write_text(path, text, private=True)


def do_all(*steps: Callable[[], None]) -> None:
    """Do each step though one before it failed, and raise then what failed: a full disk hides no verdict."""
    failed: list[ShiftlineError] = []
    for step in steps:
        try:
            step()
        except ShiftlineError as error:
            failed.append(error)
    if len(failed) == 1:
        raise failed[0]
    if failed:
        raise ExceptionGroup("several files", failed)


@contextmanager
def explained(path: Path, remedy: str) -> Iterator[None]:
    """Turn an OSError of the block, which writes ``path``, into a ConfigurationError with ``remedy``."""
    try:
        yield
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be written: {error.strerror}.", remedy=remedy) from error


def toml_table(table: str, **values: str | float) -> str:
    """A table of a configuration file, for the user to paste."""
    return "\n".join([f"[{table}]", *(f"{name} = {json.dumps(value)}" for name, value in values.items())])
