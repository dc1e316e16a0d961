"""The demo, as a user runs it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.alone, pytest.mark.demo, pytest.mark.timeout(240)]


def test_the_burst_comes_out_as_the_truth_has_it(tmp_path: Path) -> None:
    """200 trades against a hidden limit of 50/s: decided as the truth has it, few refusals, no call lost."""
    out, report = tmp_path / "out.json", tmp_path / "report.html"
    command = [sys.executable, "-m", "shiftline", "demo", "--exit", "--trades", "200"]
    ran = subprocess.run(
        [*command, "--json", str(out), "--report", str(report)],
        check=False,
        capture_output=True,
        text=True,
        timeout=220,
    )
    assert ran.returncode == 0, ran.stderr + ran.stdout
    figures = json.loads(out.read_text(encoding="utf-8"))
    before, after = figures["before"], figures["after"]
    assert before["stuck"] > before["trades"] / 2
    assert {word: after[word] for word in after["truth"]} == after["truth"]
    assert (after["stuck"], after["wrong"], after["campaign"]["refused"]) == (0, 0, 0)
    # The bars for efficiency and refusals are measured by `make accept`, on a burst long enough for them.
    assert after["refused"] < 0.1 * after["checks_sent"]
    assert report.read_text(encoding="utf-8").startswith("<!doctype html>")
    assert "50" in ran.stdout
