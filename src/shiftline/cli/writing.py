"""Files that verbs write for their user."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from shiftline.errors import ConfigurationError


def require_writable(path: Path) -> None:
    """Raise ConfigurationError if ``path`` cannot be written; a file that was not there is not left."""
    with explained(path, "Give another file."):
        is_new = not path.exists()
        path.open("a", encoding="utf-8").close()
        if is_new:
            path.unlink()


def write_text(path: Path, text: str) -> None:
    """Write ``text``; raises ConfigurationError if that cannot be done."""
    with explained(path, "Give another file."):
        path.write_text(text, encoding="utf-8")


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
