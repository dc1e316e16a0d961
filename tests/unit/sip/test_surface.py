"""The library's surface: what `from shiftline.sip import ...` gives."""

from __future__ import annotations

import ast
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import shiftline.sip

SOURCE = Path(shiftline.sip.__file__).read_text(encoding="utf-8")
REFERENCE = (Path(__file__).parents[3] / "docs" / "reference" / "sip-library.md").read_text(encoding="utf-8")


def typed_imports() -> dict[str, str]:
    """Name and module of each import that type checkers see."""
    return {
        alias.name: node.module or ""
        for node in ast.walk(ast.parse(SOURCE))
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("shiftline.sip.")
        for alias in node.names
    }


def test_what_is_exported_is_what_type_checkers_see() -> None:
    """One list for people, one for mypy, one for the loader: they agree, and each name leads home."""
    assert sorted(shiftline.sip.__all__) == sorted(typed_imports())
    for name, home in typed_imports().items():
        assert getattr(shiftline.sip, name) is getattr(import_module(home), name)


def test_an_unknown_name_is_an_attribute_error() -> None:
    """As in any module."""
    with pytest.raises(AttributeError, match="Sipp"):
        _ = shiftline.sip.Sipp


@pytest.mark.parametrize("name", shiftline.sip.__all__)
def test_every_name_is_documented(name: str) -> None:
    """In its own words and in the reference."""
    assert f"`{name}`" in REFERENCE
    if name != "PACKAGES":  # data
        assert getattr(shiftline.sip, name).__doc__


def test_importing_the_package_loads_no_part_of_it() -> None:
    """Whoever needs one part pays for one part."""
    code = "import sys, shiftline.sip; print([name for name in sys.modules if 'shiftline.sip.' in name])"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"
