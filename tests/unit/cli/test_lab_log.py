"""The log of Kamailio in the lab: written while it runs."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from tests.support import until

from shiftline.cli.lab import pbx_engines as lab_pbx_engines
from shiftline.cli.lab.pbx_engines import copy_log
from shiftline.lab.pbx_log import PbxLog, read_log

LINE = " 1(12) ALERT: <script>: request 1.5 127.0.0.2 5062 INVITE a - 407 challenge c%d\n"


async def test_what_kamailio_logs_is_copied_while_it_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each request once, without Kamailio's other words, and before it ends."""
    monkeypatch.setattr(lab_pbx_engines, "LOG_SECONDS", 0.01)
    its_own, ours = tmp_path / "kamailio.log", tmp_path / "pbx.log"
    its_own.write_text(" 0(11) INFO: it begins\n" + LINE % 1)
    told = asyncio.Event()

    def copied(count: int) -> bool:
        return len(read_log(ours)) == count

    with ours.open("w", encoding="utf-8") as log:
        async with asyncio.TaskGroup() as group:
            group.create_task(copy_log(PbxLog(its_own), log, told))
            await until(lambda: copied(1))
            with its_own.open("a") as more:
                more.write(LINE % 2)
            await until(lambda: copied(2))
            told.set()
    assert [record.call_id for record in read_log(ours)] == ["c1", "c2"]
