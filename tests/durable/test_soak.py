"""Bursts and kills, again and again, for as long as ``SOAK_MINUTES`` says."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from tests.durable.burst import Ordeal, endure, random_moments

from shiftline.lab.demo.stage import WorkerSettings
from shiftline.lab.org.faults import Fault, FaultName

pytestmark = pytest.mark.soak


async def test_burst_after_burst(tmp_path: Path) -> None:
    """Whatever is killed in whatever order, each burst ends with every trade decided exactly once."""
    ends = time.monotonic() + 60 * float(os.environ.get("SOAK_MINUTES", "60"))
    seed = 0
    while time.monotonic() < ends:
        seed += 1
        directory = tmp_path / str(seed)
        directory.mkdir()
        moments = random_moments(6, seed=seed)
        left = await endure(
            Ordeal(
                trades=200,
                seed=seed,
                worker_kills=moments[::2],
                database_kills=moments[1::3],
                org_faults={FaultName.DROP_AFTER_COMMIT: Fault(probability=0.3, seed=seed)},
                worker=WorkerSettings(calls_per_minute=60),
            ),
            directory,
        )
        assert (left.lost, left.undecided, left.wrong) == ([], [], []), f"seed {seed}"
        assert (left.not_once, left.sent_again) == ([], []), f"seed {seed}"
