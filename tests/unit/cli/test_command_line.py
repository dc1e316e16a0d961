"""The command line itself: usage, exit codes, and how errors become sentences."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from shiftline import __version__
from shiftline.cli import app
from shiftline.errors import MisuseError, UnavailableError

Shiftline = Callable[..., Any]

VERBS = (
    "demo",
    "serve",
    "worker",
    "check",
    "config example",
    "config show",
    "config check",
    "db upgrade",
    "db status",
    "db stop",
    "trunk list",
    "trunk show",
    "trunk rearm",
    "trades list",
    "trades show",
    "roster import",
    "roster check",
    "lab pbx",
    "lab org",
    "lab faults",
)


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_explains_itself(shiftline: Shiftline, verb: str) -> None:
    """--help tells what the verb does, with an example, and is no fault."""
    ended = shiftline(*verb.split(), "--help")
    assert ended.code == 0
    assert f"Usage: shiftline {verb}" in ended.out
    assert f"Example: shiftline {verb}" in ended.out


def test_the_version_is_told(shiftline: Shiftline) -> None:
    """--version prints it and ends."""
    ended = shiftline("--version")
    assert (ended.code, ended.out) == (0, f"shiftline {__version__}\n")


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["bogus"], "No such command 'bogus'"),
        (["worker", "--bogus"], "No such option: --bogus"),
        (["trades", "show"], "Missing argument"),
        (["trades", "list", "--state", "lost"], "'lost' is not one of"),
        (["config", "example", "too", "much"], "unexpected extra argument"),
        (["serve", "--port", "70000"], "--port"),
        (["demo", "--trades", "many"], "--trades"),
    ],
)
def test_wrong_usage_is_told_in_a_box(shiftline: Shiftline, arguments: list[str], word: str) -> None:
    """Exit code 2, what is wrong, where help is, and no traceback."""
    ended = shiftline(*arguments)
    assert ended.code == 2
    assert word in ended.err
    assert "for help" in ended.err
    assert "Traceback" not in ended.err


def test_without_a_verb_the_help_is_shown(shiftline: Shiftline) -> None:
    """Nothing to do is a question, answered with exit code 2."""
    ended = shiftline()
    assert ended.code == 2
    assert "worker" in ended.out + ended.err


def _fail(error: Exception) -> Callable[..., None]:
    def fail(*, prog_name: str) -> None:
        raise error

    return fail


def test_an_error_of_ours_is_a_sentence_and_a_remedy(
    shiftline: Shiftline, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two lines, brackets and all: nothing in them is taken for markup."""
    error = UnavailableError("The desk [east] is away.", remedy="Wait.")
    monkeypatch.setattr(app, "program", lambda *_: _fail(error))
    ended = shiftline()
    assert (ended.code, ended.err) == (1, "error: The desk [east] is away.\nnext:  Wait.\n")


def test_an_error_of_ours_is_found_in_groups(shiftline: Shiftline, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tasks that ran side by side wrap it; the reader gets the sentence."""
    error = ExceptionGroup("tasks", [ExceptionGroup("more tasks", [UnavailableError("It is away.")])])
    monkeypatch.setattr(app, "program", lambda *_: _fail(error))
    ended = shiftline()
    assert (ended.code, ended.err) == (1, "error: It is away.\n")


@pytest.mark.parametrize("wrapped", [False, True])
def test_what_the_system_refuses_is_a_sentence_with_the_path(
    shiftline: Shiftline, monkeypatch: pytest.MonkeyPatch, *, wrapped: bool
) -> None:
    """The last resort, when no verb had expected a closed folder there, or a full disk."""
    error = PermissionError(13, "Permission denied", "/srv/shiftline/lock")
    monkeypatch.setattr(
        app, "program", lambda *_: _fail(ExceptionGroup("tasks", [error]) if wrapped else error)
    )
    ended = shiftline()
    assert ended.code == 1
    said, remedy = ended.err.splitlines()
    assert said.endswith("at /srv/shiftline/lock: Permission denied.")
    assert remedy.startswith("next:  ")
    monkeypatch.setattr(app, "program", lambda *_: _fail(OSError(28, "No space left on device")))
    assert "needed: No space left on device." in shiftline().err


def test_a_defect_is_not_dressed_up(shiftline: Shiftline, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is not ours to explain keeps its traceback, for the report."""
    monkeypatch.setattr(
        app, "program", lambda *_: _fail(ExceptionGroup("tasks", [UnavailableError("x"), KeyError("y")]))
    )
    with pytest.raises(ExceptionGroup):
        app.main()
    monkeypatch.setattr(
        app, "program", lambda *_: _fail(TimeoutError())
    )  # an OSError of which no system has spoken
    with pytest.raises(TimeoutError):
        app.main()
    monkeypatch.setattr(app, "program", lambda *_: _fail(MisuseError("A contract was broken.")))
    assert shiftline().code == 1


def test_a_verb_does_not_pay_for_the_others() -> None:
    """The program's start imports no database, no WFM client and no lab; with one verb, no other verb."""
    script = (
        "import sys\n"
        "from shiftline.cli.app import app, program\n"
        "slow = ('sqlalchemy', 'alembic', 'httpx', 'uvicorn', 'starlette', 'shiftline.bootstrap')\n"
        "print(*(name for name in slow if name in sys.modules))"
    )
    alone = (
        "import sys\n"
        "from shiftline.cli.app import program\n"
        "program('storm')\n"
        "print(*(name for name in ('shiftline.cli.check.verb', 'pydantic') if name in sys.modules))"
    )
    for code in (script, alone):
        ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
        assert (ended.stdout, ended.stderr) == ("\n", "")
