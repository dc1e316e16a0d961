"""A worker whose trunk wants to be registered, against the practice PBX's registrar."""

from __future__ import annotations

import asyncio
import json
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine
from tests.contract.floor import lay_floor, lines, until, working
from tests.support import started
from typer.testing import CliRunner

from shiftline.cli.app import app
from shiftline.lab.org.server import serve
from shiftline.lab.pbx.bindings import ExpiresLimits
from shiftline.lab.pbx.config import PracticePbxConfig
from shiftline.lab.pbx.process import PracticePbxProcess
from shiftline.secrets import Secret
from shiftline.store.read_model import ReadModel


async def test_a_worker_registers_its_trunk_and_leaves_no_binding(
    tmp_path: Path, database_url: str, engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Challenge, 423 and grant; shown by ``trunk show``; removed at the end, and the checks went on."""
    for name in ("SHIFTLINE_TRUNK_PASSWORD", "SHIFTLINE_WFM_SECRET"):
        monkeypatch.setenv(name, "secret")
    monkeypatch.setenv("SHIFTLINE_TRUNK__REGISTER", "true")
    monkeypatch.setenv("SHIFTLINE_TRUNK__REGISTER_EXPIRES_SECONDS", "120")
    books = ReadModel(engine)
    floor = lay_floor(tmp_path, database_url, books)
    pbx = PracticePbxProcess(
        PracticePbxConfig(
            log_path=tmp_path / "pbx.log",
            agents=floor.scenario.pbx,
            password=Secret("secret"),
            answer_seconds=(0.001, 0.002),
            expires=ExpiresLimits(shortest=600),
        )
    )

    async def registration() -> dict[str, str]:
        rows = await books.trunks("pbx")
        found: dict[str, str] = rows[0].governor.get("registration", {}) if rows else {}
        return found if found.get("registered_until") else {}

    async with started(pbx), serve(floor.practice) as org:
        config = floor.config(org=org, pbx=pbx.address)
        async with working(config, floor.clock) as log:
            shown = await until(registration)
            await floor.until_as_truth_has_it()
            asked = ["trunk", "show", "pbx", "--json", "--config", str(config)]
            told = await asyncio.to_thread(CliRunner().invoke, app, asked)
    granted = datetime.fromisoformat(shown["registered_until"]) - floor.clock()
    assert timedelta(seconds=560) < granted <= timedelta(seconds=600)
    assert json.loads(told.stdout)[0]["governor"]["registration"]["state"] == "registered"
    assert len(lines(log, "registered")) == 1
    registers = [record for record in pbx.log_records() if record.method == "REGISTER"]
    assert [record.reason for record in registers] == ["challenge", "too-brief", "ok", "ok"]
    assert {record.user for record in registers} == {"shiftline"}
    assert len({record.call_id for record in registers}) == 1
