"""The demo's processes: none outlives the lab, and one that dies is told of."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from shiftline.errors import UnavailableError
from shiftline.lab.demo.result import DemoSettings
from shiftline.lab.demo.stage import Stage
from shiftline.lab.scenario import ScenarioSettings


async def test_an_org_that_died_is_told_in_a_sentence(tmp_path: Path) -> None:
    """With where its last words are; no traceback of a client library."""
    published_at = datetime(2026, 11, 23, 15, 0, tzinfo=UTC)
    stage = Stage(tmp_path, DemoSettings(), ScenarioSettings(published_at=published_at))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        stage.org_url = f"http://127.0.0.1:{probe.getsockname()[1]}"  # bound, but nobody listens
        with pytest.raises(UnavailableError, match="practice org has died") as caught:
            await stage.org_truth()
    assert "--keep" in caught.value.remedy


@pytest.mark.skipif(shutil.which("setpriv") is None, reason="setpriv is not installed")
def test_a_leashed_program_ends_with_the_lab() -> None:
    """Also when the lab is killed and can end nothing itself."""
    script = (
        "import subprocess, sys, time\n"
        "from shiftline.lab.process import leashed\n"
        "subprocess.Popen(leashed(['sh', '-c', 'echo up; exec sleep 30']))\n"
        "time.sleep(30)"
    )
    lab = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    assert lab.stdout is not None
    with lab.stdout:
        assert lab.stdout.readline() == "up\n"
        lab.kill()
        lab.wait()
        assert lab.stdout.read() == ""  # the end of the file comes when the last writer has ended
