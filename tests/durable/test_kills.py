"""A worker that dies on the way loses nothing and does nothing twice."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.durable.burst import Ordeal, endure

from shiftline.lab.demo.stage import WorkerSettings
from shiftline.lab.org.faults import Fault, FaultName

QUICK = WorkerSettings(calls_per_minute=60)  # the WFM's minute would only be waited for here

pytestmark = [pytest.mark.kills, pytest.mark.timeout(300)]


async def test_a_worker_killed_while_checking_goes_on_where_it_was(tmp_path: Path) -> None:
    """Killed in the middle of the checks and again after its restart: every trade is decided once."""
    left = await endure(Ordeal(trades=100, worker_kills=(4.5, 11.0), worker=QUICK), tmp_path)
    assert left.kills == 2
    assert (left.lost, left.undecided, left.wrong) == ([], [], [])
    assert (left.not_once, left.sent_again) == ([], [])
    assert left.as_truth == 100


async def test_a_lost_answer_and_a_dead_database_double_nothing(tmp_path: Path) -> None:
    """The org commits and drops the connection, and PostgreSQL dies meanwhile: one decision a trade."""
    dropping = {FaultName.DROP_AFTER_COMMIT: Fault(first=2)}
    left = await endure(
        Ordeal(trades=100, seed=2, org_faults=dropping, database_kills=(6.0,), worker=QUICK), tmp_path
    )
    assert left.kills == 1
    assert (left.lost, left.undecided, left.wrong) == ([], [], [])
    assert (left.not_once, left.sent_again) == ([], [])
    assert left.as_truth == 100
