"""The command that would settle it, as it can be typed: what was given stands, what is wanted is added."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence

from shiftline.diagnosis.separation import DOCTOR_RUN

_BESIDE = ("--source", "--domain", "--header")
"""Options that may be given again: the wanted one comes beside those that were given."""
_FLAGS = ("--subscribes",)


def typed(command: str, arguments: str) -> str:
    """The command with ``arguments``, which say whom the last run was about and with what it asked.

    An option that is wanted takes the place of the same that was given.
    """
    wanted = list(_options(shlex.split(command.removeprefix(DOCTOR_RUN))))
    given = list(_options(shlex.split(arguments)))
    if wanted.count(("--source", "IP")) and any(name == "--source" for name, _ in given):
        wanted.remove(("--source", "IP"))  # the first is known
    replaced = {name for name, _ in wanted if name not in _BESIDE}
    kept = [one for one in given if one[0] not in replaced]
    return " ".join(("shiftline doctor run", *(_told(one) for one in (*kept, *wanted))))


def _options(words: Sequence[str]) -> Iterator[tuple[str, str]]:
    rest = iter(words)
    for name in rest:
        yield name, "" if name in _FLAGS else next(rest, "")


def _told(option: tuple[str, str]) -> str:
    name, value = option
    return f"{name} {shlex.quote(value)}" if value else name
