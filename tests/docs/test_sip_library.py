"""The example of the SIP library's page runs as it stands."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "sip-library.md"


def test_the_example_runs(capsys: pytest.CaptureFixture[str]) -> None:
    """Without I/O and on a socket; it prints what the page says it prints."""
    text = PAGE.read_text(encoding="utf-8")
    (code,) = re.findall(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    (output,) = re.findall(r"^```text\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    exec(compile(code, str(PAGE), "exec"), {"__name__": "example"})  # noqa: S102
    assert capsys.readouterr().out == output
    assert len(code.splitlines()) <= 30
