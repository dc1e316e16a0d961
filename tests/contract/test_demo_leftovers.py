"""What a demo leaves that was killed, the next one removes: that, and nothing else."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

from shiftline.lab.demo.leftovers import MARK, SERVER, new_directory
from shiftline.store.embedded import EmbeddedPostgres

DEMO = """
import sys, time
from pathlib import Path
from shiftline.lab.demo.leftovers import SERVER, new_directory
from shiftline.store.embedded import EmbeddedPostgres
owner, temporary = new_directory(Path(sys.argv[1]))
EmbeddedPostgres(Path(temporary.name) / SERVER).start()
print(temporary.name, flush=True)
time.sleep(60)
"""


def killed_demo(home: Path) -> Path:
    """Start one with its database, kill it, and give the directory that it left."""
    with subprocess.Popen([sys.executable, "-c", DEMO, str(home)], stdout=subprocess.PIPE, text=True) as demo:
        assert demo.stdout is not None
        directory = Path(demo.stdout.readline().strip())
        demo.send_signal(signal.SIGKILL)
    return directory


def test_the_next_demo_sweeps_a_killed_ones_directory(tmp_path: Path, postgres: EmbeddedPostgres) -> None:
    """Its PostgreSQL is stopped and its directory gone; another's server runs on."""
    left = killed_demo(tmp_path)
    server = EmbeddedPostgres(left / SERVER)
    try:
        assert server.status().ready
        owner, temporary = new_directory(tmp_path)
        with owner, temporary as directory:
            assert list(tmp_path.iterdir()) == [Path(directory)]
        assert server.status().pid is None
    finally:
        server.stop()
    assert postgres.status().ready
    assert list(tmp_path.iterdir()) == []


def test_a_living_demos_directory_is_left_alone(tmp_path: Path) -> None:
    """Two may run side by side, and what bears no mark was not a demo's."""
    (tmp_path / "demo-of-my-own").mkdir()
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / MARK).touch()
    first, of_first = new_directory(tmp_path)
    second, of_second = new_directory(tmp_path)
    with first, second, of_first as one, of_second as other:
        assert Path(one).is_dir()
        assert one != other
    assert {path.name for path in tmp_path.iterdir()} == {"demo-of-my-own", "notes"}
